// SPDX-License-Identifier: Apache-2.0
/*
 * lsp/: a language server for the TOML files of guest folders.
 *
 * Takes the bytes of a client, gives the bytes for it: diagnostics of the whole guest folder with
 * unsaved texts in the place of the files, completion, hover, definition. Reads the disk, but
 * neither waits nor prints: cli/cmd_lsp.c moves the bytes. Follows the Language Server Protocol
 * 3.17 (https://microsoft.github.io/language-server-protocol).
 *
 * A client may send anything: what is no message is answered with an error, and the next header
 * is looked for.
 */
#pragma once

#include "base/base.h"

struct lsp;

enum {
    LSP_MESSAGE_BYTES_MAX = 24 * 1024 * 1024, /* larger ones are skipped, with an error */
    LSP_DOCUMENTS_MAX = 1000,                 /* open at once */
    LSP_GUESTS_MAX = 64,
    LSP_DIAGNOSTICS_MAX = 500, /* published for one file */
};

enum lsp_end {
    LSP_GOES_ON,
    LSP_ENDED,       /* 'exit' after 'shutdown' */
    LSP_ENDED_EARLY, /* 'exit' without it */
};

struct lsp *lsp_new(void);
void lsp_free(struct lsp *s); /* NULL is fine */

/* The next bytes of the client; answers are appended to `out`. Nothing is read after 'exit'. */
void lsp_take(struct lsp *s, str bytes, struct buf *out);

/* Something changed and lsp_publish() has work: for a moment in which no bytes wait. */
bool lsp_is_stale(const struct lsp *s);
/* Diagnostics of all guest folders that changed. */
void lsp_publish(struct lsp *s, struct buf *out);

enum lsp_end lsp_state(const struct lsp *s);
/* The input ended. NULL: well, after 'shutdown'; else what was missing, for a message. */
const char *lsp_cut_short(const struct lsp *s);

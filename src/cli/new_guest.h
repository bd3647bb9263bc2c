// SPDX-License-Identifier: Apache-2.0
/* new: a guest folder made of chosen parts of another. */
#pragma once

#include "cli/ask.h"
#include "cli/starter.h"
#include "config/config.h"

enum new_kind {
    NEW_ARCHITECTURES,
    NEW_PROVIDERS,
    NEW_PACKAGES,
    NEW_MCP_SERVERS,
    NEW_KINDS, /* how many */
};

/* Everything that was chosen. */
struct new_guest {
    struct cli *cli;
    const char *target;
    struct sources *sources; /* the texts of the other folder */
    struct guest_config from;
    str name;
    str version;
    str description;
    str base;                         /* for every architecture; empty: as they are */
    struct ask_menu menus[NEW_KINDS]; /* items in the order of `from` */
};

/* What all records of one kind start with, and their number. */
size_t new_guest_count(const struct guest_config *config, enum new_kind kind);
const struct config_head *new_guest_head(const struct guest_config *config, enum new_kind kind,
                                         size_t index);

/* Writes it beside its place, checks it as `validate` does, and puts it there. False: reported in
 * `err`, and diagnostics printed; then nothing is left behind. */
MUST_CHECK bool new_guest_make(const struct new_guest *g, struct err *err);

/* new_copy.c: the files of `from` that are taken as they are. */
MUST_CHECK bool new_copy_files(const struct new_guest *g, const struct starter *s, struct err *err);

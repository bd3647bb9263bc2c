// SPDX-License-Identifier: Apache-2.0
/*
 * The room's own: what messages ask (server.c), open texts
 * (documents.c), guest folders and their diagnostics (guests.c, publish.c), what stands at a
 * position (place.c) and what can be said about it (complete.c, answers.c).
 */
#pragma once

#include <jansson.h>

#include "config/config.h"
#include "diag/diag.h"
#include "lsp/lsp.h"
#include "rpc/rpc.h"
#include "toml/toml.h"

/* ---- position.c ---- */

/* As the protocol counts: from 0, `character` in UTF-16 code units, lines end with \n, \r\n or a
 * lone \r. A byte that is not UTF-8 counts as the one character that an editor shows for it. */
struct lsp_position {
    uint32_t line;
    uint32_t character;
};

/* Where the lines of a text start: for many positions of one text. */
struct lines {
    str text;
    uint32_t *starts;
    size_t count;
};

void lines_init(struct lines *l, struct arena *a, str text);
struct lsp_position lines_position(const struct lines *l, size_t offset);
/* The byte of a position; after the end of a line is its end, after the text its end. */
size_t position_offset(str text, struct lsp_position at);

/* ---- uri.c ---- */

/* The path of a file: URI, absolute and clean. False: it is none. */
bool uri_to_path(struct arena *a, str uri, const char **ret);
str uri_from_path(struct arena *a, str path);

/* ---- documents.c ---- */

/* A text that the client has open. */
struct document {
    struct buf uri;  /* as the client wrote it */
    struct buf path; /* absolute */
    struct buf text;
    int64_t version;
    bool lost;           /* the text grew too large: changes cannot be followed */
    struct guest *guest; /* NULL: it is in no guest folder */
    const char *below;   /* in `path`, below the config folder; NULL without guest */
};

/* ---- guests.c ---- */

/* One guest folder, and what its last check found. */
struct guest {
    struct buf dir;
    bool is_root;        /* the client's workspace: lives without open documents */
    bool is_stale;       /* changed since the check */
    bool is_shown;       /* the check was published */
    struct arena *arena; /* of the check; NULL: none yet */
    struct sources sources;
    struct diag_sink sink;
    struct buf shown; /* URIs that diagnostics were published for, a line each */
};

enum lsp_phase {
    PHASE_NEW,
    PHASE_RUNNING,
    PHASE_SHUT, /* 'shutdown' was asked */
    PHASE_ENDED,
    PHASE_ENDED_EARLY,
};

struct lsp {
    struct rpc_reader reader;
    enum lsp_phase phase;
    bool can_watch; /* the client tells of changed files when it is asked to */
    struct document **documents;
    size_t document_count;
    struct guest **guests;
    size_t guest_count;
};

struct document *document_find(const struct lsp *s, const char *path);
void documents_free(struct lsp *s);

/* Notifications. */
void did_open(struct lsp *s, const json_t *params, struct buf *out);
void did_change(struct lsp *s, const json_t *params, struct buf *out);
void did_save(struct lsp *s, const json_t *params, struct buf *out);
void did_close(struct lsp *s, const json_t *params, struct buf *out);

/* The guest of a path of a TOML file, made when it is new, and the path below its config folder;
 * NULL: there is none, or there are too many. */
struct guest *guest_of(struct lsp *s, const char *path, const char **ret_below);
/* Folders of the client in which a guest folder may be. */
void guests_add_root(struct lsp *s, const char *path);
/* Without an open document, and not a root: its diagnostics are taken back and it is gone. */
void guest_release(struct lsp *s, struct guest *g, struct buf *out);
/* Brings the check up to date. */
void guest_check(struct lsp *s, struct guest *g);
void guests_free(struct lsp *s);

/* ---- publish.c ---- */

void guest_publish(struct lsp *s, struct guest *g, struct buf *out);
/* Takes back all that was published for it. */
void guest_unpublish(struct guest *g, struct buf *out);

/* ---- send.c: what we send, and what we read of a request ---- */

enum message_type { MESSAGE_ERROR = 1, MESSAGE_WARNING = 2 };

extern const struct rpc_dialect lsp_dialect;

/* A message around a JSON text. */
void send_json(struct buf *out, str json);
void send_result(struct buf *out, const json_t *id, str json);
/* `id` NULL: not known. */
void send_error(struct buf *out, const json_t *id, enum rpc_error code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* window/logMessage */
void send_log(struct buf *out, enum message_type type, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "range":{...} without the quotes' key. */
void add_range(struct buf *out, const struct lines *lines, size_t start, size_t end);

bool json_position(const json_t *at, struct lsp_position *ret);

/* ---- place.c ---- */

enum place_kind {
    PLACE_NONE,   /* a comment, something broken */
    PLACE_KEY,    /* of a statement or an inline table */
    PLACE_HEADER, /* a part of [...] */
    PLACE_VALUE,
};

enum { PLACE_DEPTH_MAX = 64 };

/* What stands at an offset of a text that may be broken, as texts are that one types in. */
struct place {
    enum place_kind kind;
    str path[PLACE_DEPTH_MAX]; /* the keys that lead here; of a key or header those before it */
    size_t path_len;
    str word;     /* the key at the offset, without quotes; may be empty */
    size_t start; /* bytes of that key, or of the value; empty where nothing is written yet */
    size_t end;
    str seen[PLACE_DEPTH_MAX]; /* keys before it in inline tables; of its own from seen_from */
    size_t seen_from;
    size_t seen_len;
    bool in_list;         /* the value is an element */
    bool is_array_header; /* [[...]] */
};

void place_find(str text, size_t offset, struct place *ret);

/* ---- complete.c, answers.c: answers as JSON text ---- */

/* What a request about a position is about. */
struct question {
    struct arena *arena;
    const struct document *document;
    str text;
    size_t offset;
};

void answer_completion(struct lsp *s, const struct question *q, struct buf *out);
void answer_hover(struct lsp *s, const struct question *q, struct buf *out);
void answer_definition(struct lsp *s, const struct question *q, struct buf *out);

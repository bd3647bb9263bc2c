// SPDX-License-Identifier: Apache-2.0
/* The room's own: node pool (node.c), tokens (string.c, number.c, datetime.c), parser (parse.c). */
#pragma once

#include "toml/toml.h"

/* Text that is not a slice of the source. */
struct toml_text {
    size_t len;
    char bytes[];
};

/* The text of a key with escapes, found by where the key starts. */
struct toml_decoded_key {
    uint32_t start;
    str text;
};

struct parser {
    struct toml *doc;
    struct diag_sink *sink;
    const char *start;
    const char *at;
    const char *end;
    size_t errors;
    const char *last_error; /* where; NULL: none yet */
    size_t line_errors;     /* on its line */
    bool bad_utf8;          /* somewhere in the text: strings must look */
};

/* One part of a key. */
struct key {
    str text;
    uint32_t start; /* as in toml_node */
    uint32_t len;
    uint8_t flags; /* TOML_KEY_* */
};

/* ---- node.c ---- */

enum { NODE_CHUNK = 256, NODE_ROOT = 1 };

static inline struct toml_node *node_at(const struct toml *doc, uint32_t index) {
    return &doc->chunks[index / NODE_CHUNK][index % NODE_CHUNK];
}

/* A fresh zeroed node; returns its index. Nodes never move. */
uint32_t node_new(struct toml *doc);
/* Puts the node after the array's last. */
void node_append(struct toml *doc, struct toml_node *array, uint32_t child);
/* Puts the node, which has its key, into the table; the key must not be there. */
void node_insert(struct toml *doc, struct toml_node *table, uint32_t child);
/* NULL when it is not there. */
struct toml_node *node_find(const struct toml *doc, const struct toml_node *table, str key);
void node_set_key(struct toml *doc, struct toml_node *node, const struct key *key);

/* ---- report.c ---- */

static inline uint32_t offset_of(const struct parser *p, const char *at) {
    return (uint32_t)(at - p->start);
}
static inline struct span span_from(const struct parser *p, const char *from, const char *to) {
    return (struct span){ p->doc->source, offset_of(p, from), offset_of(p, to) };
}

/* Reports E002 over [from, to). NULL past TOML_ERRORS_MAX: the text has had its share. */
struct diag *report(struct parser *p, const char *from, const char *to, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), cold));
void report_help(struct parser *p, struct diag *d, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
void report_note(struct parser *p, struct diag *d, struct span span, const char *text);
/* How to name the character at p->at in a message: 'x', end of line, U+0007. */
str found_name(const struct parser *p, const char *at);
/* Looks at the whole text before it is parsed. False: no text at all, nothing can be parsed. */
bool check_encoding(struct parser *p);

/* "expected WHAT, found ..." at p->at. */
void expected(struct parser *p, const char *what);

/* ---- what every parser function does ---- */

static inline bool at_newline(const struct parser *p) {
    return p->at < p->end &&
           (*p->at == '\n' || (*p->at == '\r' && p->end - p->at >= 2 && p->at[1] == '\n'));
}

static inline bool at_char(const struct parser *p, char c) {
    return p->at < p->end && *p->at == c;
}

static inline void skip_blanks(struct parser *p) {
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t')) {
        p->at++;
    }
}

/* ---- tokens: false when reported; p->at is then after what was looked at ---- */

/* At a quote. */
bool parse_string(struct parser *p, struct toml_node *node);
bool parse_quoted_key(struct parser *p, struct key *ret);
/* Dates, numbers, booleans, and what users write in place of them. */
bool parse_scalar(struct parser *p, struct toml_node *node);
/* `token` from its first character; false when it is not of that kind and was reported. */
bool parse_number(struct parser *p, struct toml_node *node, str token);
bool parse_datetime(struct parser *p, struct toml_node *node, str token);
/* Is `token` meant as a date or a time? */
bool looks_like_datetime(str token);

/* First byte in [at, end) that may not stand in a comment or a string as it is (control
 * characters but tab), or is one of the two; `end` when there is none. */
const char *scan_text(const char *at, const char *end, char stop1, char stop2);

/* ---- key.c ---- */

bool is_bare_key_char(char c);
/* simple-key; false when reported. */
bool parse_simple_key(struct parser *p, struct key *ret);
/* Where the key stands in the text, with its quotes. */
const char *key_from(const struct parser *p, const struct key *key);
const char *key_to(const struct parser *p, const struct key *key);
/* "'x' WHAT" over the key, with a note at the first definition unless that one is broken. */
void report_conflict(struct parser *p, const struct key *key, const struct toml_node *first,
                     const char *what);
/* A new table, or array of tables, under `key`; its span is the key until a header says more. */
struct toml_node *add_container(struct parser *p, struct toml_node *parent, const struct key *key,
                                enum toml_kind kind, uint8_t flags);
/* True, after a report over [from, to), when `depth` is past TOML_DEPTH_MAX. */
bool too_deep(struct parser *p, const char *from, const char *to, uint32_t depth);
/* keyval, into `outer`; false when reported. */
bool parse_keyval(struct parser *p, struct toml_node *outer, uint32_t depth);

/* ---- value.c ---- */

/* Into a node that has its key; false when reported, and the node is then TOML_INVALID. */
bool parse_value(struct parser *p, struct toml_node *node, uint32_t depth);

/* ---- blanks.c ---- */

/* To the end of the line; p->at is at '#'. */
void skip_comment(struct parser *p);
/* Blanks, comments and line ends: what may stand between the elements of an array. */
void skip_trivia(struct parser *p);

/* ---- recover.c ---- */

/* Is p->at at the first thing of a line that seems to be a statement? */
bool at_statement(const struct parser *p);

/* Is the line that starts at `at` a header or "key ="? */
bool line_is_statement(const char *at, const char *end);
const char *line_end(const char *at, const char *end); /* at its '\n', or end */
/* `at` is at a line's end. Returns the line end before the next line that is a header, or end. */
const char *find_header_line(const char *at, const char *end);
/* The line end before the next line that is a statement, or end. */
const char *find_statement_line(const char *at, const char *end);

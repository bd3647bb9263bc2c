// SPDX-License-Identifier: Apache-2.0
/*
 * toml/: TOML 1.0 text to a tree in which every key and value has a span.
 *
 * Takes a source of a `struct sources`, gives a `struct toml` in an arena. What is wrong is
 * reported as E002 at its place, then the parser goes on with the next statement, so that one run
 * finds all mistakes of a file. Follows https://toml.io/en/v1.0.0.
 *
 * Nodes are compact (32 bytes, at most one for two bytes of text) and refer to the source instead
 * of copying it: the source's text must live as long as the tree. Order is that of the text; a
 * key keeps the place where it first occurred.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "diag/diag.h"

enum {
    TOML_BYTES_MAX = 256 * 1024 * 1024, /* of one text */
    TOML_DEPTH_MAX = 256,               /* tables and arrays inside each other, and key parts */
    TOML_ERRORS_MAX = 100,              /* reported for one text; the parser stops there */
};

enum toml_kind {
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOL,
    TOML_DATETIME,       /* with offset */
    TOML_LOCAL_DATETIME, /* without */
    TOML_LOCAL_DATE,
    TOML_LOCAL_TIME,
    TOML_ARRAY,
    TOML_TABLE,
    TOML_INVALID, /* the value is broken and was reported; its key and span are good */
};

/* How a table or array came to be, and what is known about a node. */
enum toml_flags {
    TOML_IMPLICIT = 1,    /* table: only as a part of a longer header */
    TOML_DOTTED = 2,      /* table: by dotted keys */
    TOML_INLINE = 4,      /* table: { }; array: [ ] as a value, not [[ ]] */
    TOML_INCOMPLETE = 8,  /* table: a statement in it was broken, so keys may be missing */
    TOML_DECODED = 16,    /* text is not a plain slice of the source */
    TOML_KEY_QUOTED = 32, /* the key stands in quotes */
    TOML_KEY_DECODED = 64,
    TOML_INDEXED = 128, /* table: found through a hash */
};

struct toml_node {
    uint32_t start; /* raw value, bytes [start, end); of a table its header or braces */
    uint32_t end;
    uint32_t key_start; /* text of the key without its quotes; 0 and 0 where there is no key */
    uint32_t key_len;
    uint32_t next;  /* sibling, 0: none */
    uint8_t kind;   /* enum toml_kind */
    uint8_t flags;  /* enum toml_flags */
    uint16_t count; /* children of a small table */
    union {
        int64_t integer;
        double number;
        bool boolean;
        struct {
            uint32_t first;
            uint32_t last;
        } list; /* children of arrays and small tables, 0: none */
        struct {
            uint32_t start;
            uint32_t len;
        } text;                     /* strings and dates that are slices of the source */
        struct toml_index *index;   /* TOML_INDEXED */
        const struct toml_text *in; /* TOML_DECODED */
    };
};

struct toml {
    struct arena *arena;
    str text;
    uint32_t source;
    bool ok;            /* nothing was reported */
    bool lost_sections; /* a header was broken: tables may be missing */
    /* Private from here. */
    struct toml_node **chunks;
    size_t chunk_count;
    size_t chunk_cap;
    uint32_t node_count;
    struct toml_decoded_key *decoded_keys;
    size_t decoded_len;
    size_t decoded_cap;
};

/* Parses; never NULL. What could be read is in the tree also when `ok` is false. */
struct toml *toml_parse(struct arena *a, struct diag_sink *sink, uint32_t source);

const struct toml_node *toml_root(const struct toml *doc);

/* Children of a table or array in order; NULL at the end, and for other kinds. */
const struct toml_node *toml_first(const struct toml *doc, const struct toml_node *parent);
const struct toml_node *toml_next(const struct toml *doc, const struct toml_node *node);
size_t toml_count(const struct toml *doc, const struct toml_node *parent);

/* NULL when the table has no such key. */
const struct toml_node *toml_find(const struct toml *doc, const struct toml_node *table, str key);

/* Decoded; slices of the source where it holds them literally. */
str toml_key(const struct toml *doc, const struct toml_node *node);
str toml_string(const struct toml *doc, const struct toml_node *node);

/* The four date kinds: as RFC 3339 writes them, 'T' and 'Z' in upper case. */
str toml_datetime(const struct toml *doc, const struct toml_node *node);

struct span toml_span(const struct toml *doc, const struct toml_node *node);
struct span toml_key_span(const struct toml *doc, const struct toml_node *node);

/*
 * Where in the source the byte `offset` of a string's decoded content comes from. `text` is the
 * source's text, `raw` the span of the string value; an offset at or past the content's end gives
 * the closing quote.
 */
uint32_t toml_string_offset(str text, struct span raw, size_t offset);

/* "a string", "an integer"...: for messages. */
const char *toml_kind_name(enum toml_kind kind);

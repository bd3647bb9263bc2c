// SPDX-License-Identifier: Apache-2.0
/* One text and what the parser made of it, for the room's tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "toml/toml.h"

struct parsed {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct toml *doc;
};

static inline void parsed_init(struct parsed *p, str text) {
    p->arena = arena_new();
    sources_init(&p->sources, p->arena);
    diag_sink_init(&p->sink, p->arena, &p->sources);
    p->doc = toml_parse(p->arena, &p->sink, sources_add(&p->sources, S("t"), text));
}

static inline void parsed_done(struct parsed *p) {
    arena_free(p->arena);
}

#define AUTO_PARSED __attribute__((cleanup(parsed_done))) struct parsed

/* "LINE:COLUMN message" of each diagnostic, one a line. */
static inline void parsed_messages(struct parsed *p, struct buf *out) {
    diag_sort(&p->sink);
    for (size_t i = 0; i < p->sink.len; i++) {
        const struct diag *d = &p->sink.items[i];
        struct position at = sources_position(&p->sources, d->span.source, d->span.start);
        buf_addf(out, "%u:%u %.*s\n", at.line, at.column, STR_FMT(d->message));
    }
}

/* The value at "a.b.c"; an index steps into arrays. */
static inline const struct toml_node *parsed_at(const struct parsed *p, str path) {
    const struct toml_node *node = toml_root(p->doc);
    while (path.len > 0 && node != NULL) {
        str part = str_cut(&path, '.');
        uint64_t index;
        if (node->kind == TOML_ARRAY && str_to_u64(part, &index)) {
            node = toml_first(p->doc, node);
            while (index-- > 0 && node != NULL) {
                node = toml_next(p->doc, node);
            }
        } else {
            node = toml_find(p->doc, node, part);
        }
    }
    return node;
}

/* The source text of a span. */
static inline str parsed_slice(const struct parsed *p, struct span span) {
    return str_slice(p->doc->text, span.start, span.end);
}

static inline void expect_str(str got, str want, const char *what) {
    if (!str_eq(got, want)) {
        fail_msg("%s: got '%.*s', wanted '%.*s'", what, STR_FMT(got), STR_FMT(want));
    }
}

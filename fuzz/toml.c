// SPDX-License-Identifier: Apache-2.0
/* Any bytes as TOML: the parser ends, its spans lie in the text, its strings are UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "toml/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_span(const struct toml *doc, struct span span) {
    ASSERT(span.start <= span.end && span.end <= doc->text.len);
}

static void check_string(const struct toml *doc, const struct toml_node *node) {
    str text = toml_string(doc, node);
    struct span raw = toml_span(doc, node);
    ASSERT(str_is_utf8(text, NULL));
    size_t step = text.len / 16 + 1;
    uint32_t before = raw.start;
    for (size_t offset = 0; offset <= text.len; offset += step) {
        uint32_t at = toml_string_offset(doc->text, raw, offset);
        ASSERT(at >= before && at <= raw.end);
        before = at;
    }
}

static void check_node(const struct toml *doc, const struct toml_node *node, size_t depth) {
    check_span(doc, toml_span(doc, node));
    ASSERT(depth <= TOML_DEPTH_MAX + 2);
    ASSERT(!doc->ok || node->kind != TOML_INVALID);
    if (node->kind == TOML_STRING) {
        check_string(doc, node);
    }
    for (const struct toml_node *n = toml_first(doc, node); n != NULL; n = toml_next(doc, n)) {
        if (node->kind == TOML_TABLE) {
            check_span(doc, toml_key_span(doc, n));
            ASSERT(toml_find(doc, node, toml_key(doc, n)) == n);
        }
        check_node(doc, n, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA a = arena_new();
    struct sources sources;
    struct diag_sink sink;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    /* A copy of exactly this size: reading past the end is seen. */
    char *text = malloc(size > 0 ? size : 1);
    ASSERT(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    const struct toml *doc =
        toml_parse(a, &sink, sources_add(&sources, S("x"), (str){ text, size }));
    ASSERT(doc->ok == (sink.len == 0));
    check_node(doc, toml_root(doc), 0);
    for (size_t i = 0; i < sink.len; i++) {
        check_span(doc, sink.items[i].span);
        ASSERT(str_is_utf8(sink.items[i].message, NULL));
    }
    AUTO_BUF out = BUF_INIT(1 << 20);
    diag_render(&sink, &(struct diag_style){ .format = DIAG_TEXT, .width = 80 }, &out);
    free(text);
    return 0;
}

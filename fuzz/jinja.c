// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a template: the first byte chooses the options, the rest is the text. It renders
 * to UTF-8 or gives exactly one error inside the text, within its limits, twice the same.
 */
#include <stdlib.h>
#include <string.h>

#include "jinja/jinja.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char context_json[] =
    "{\"a\": 1, \"b\": -2.5, \"s\": \"it's <x> \\u00e4\\n\", \"e\": \"\", \"n\": null, \"t\": true,"
    " \"l\": [3, 1, 2], \"w\": [\"b\", \"A\", \"c\"], \"d\": {\"k\": \"v\", \"x\": {\"y\": [1]}},"
    " \"u\": [{\"n\": \"p\", \"g\": 1}, {\"n\": \"q\", \"g\": 2}], \"big\": 9223372036854775807}";

enum { ORIGIN_TEXT = 5, ORIGIN_LIST = 6 };

/* "o" and "p" come from somewhere, and so may what is made of them; nothing else does. */
static void add_origins(struct arena *a, struct jinja_value context) {
    struct jinja_value text = jinja_string(S("o<"));
    struct jinja_value list = jinja_list_new(a);
    text.origin = ORIGIN_TEXT;
    list.origin = ORIGIN_LIST;
    jinja_list_add(list, text);
    jinja_list_add(list, jinja_string(S("p")));
    jinja_dict_put(context, S("o"), text);
    jinja_dict_put(context, S("p"), list);
}

static void check_runs(const struct jinja_output *out, size_t size) {
    for (size_t i = 0; i < out->run_count; i++) {
        ASSERT(i == 0 ? out->runs[i].start == 0 : out->runs[i].start > out->runs[i - 1].start);
        uint32_t origin = out->runs[i].origin;
        ASSERT(origin == 0 || origin == ORIGIN_TEXT || origin == ORIGIN_LIST);
        ASSERT(out->runs[i].span.start <= out->runs[i].span.end && out->runs[i].span.end <= size);
    }
    ASSERT(out->text.len == 0 || out->run_count > 0);
}

/* Output, or the error's message. */
static str render(struct arena *a, const struct jinja_options *options, str text) {
    struct sources sources;
    struct diag_sink sink;
    struct jinja_value context;
    struct jinja_output out;
    struct err err = ERR_INIT;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    ASSERT(jinja_value_from_json(a, str_from_c(context_json), "context", &context, &err));
    add_origins(a, context);
    uint32_t source = sources_add(&sources, S("x"), text);
    const struct jinja_template *t =
        jinja_parse(jinja_env_new(a, options), &sources, source, &sink);
    if (t != NULL && jinja_render(t, context, a, &sink, &out)) {
        ASSERT(sink.len == 0 && str_is_utf8(out.text, NULL));
        ASSERT(out.text.len <= options->limits.output_bytes);
        check_runs(&out, text.len);
        return out.text;
    }
    ASSERT(sink.len == 1);
    struct span at = sink.items[0].span;
    ASSERT(at.start <= at.end && at.end <= text.len);
    AUTO_BUF shown = BUF_INIT(1 << 20);
    diag_render(&sink, &(struct diag_style){ .format = DIAG_TEXT, .width = 80 }, &shown);
    return sink.items[0].message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA a = arena_new();
    if (size == 0) {
        return 0;
    }
    struct jinja_options options = { .trim_blocks = (data[0] & 1) != 0,
                                     .lstrip_blocks = (data[0] & 2) != 0,
                                     .keep_trailing_newline = (data[0] & 4) != 0,
                                     .strict = (data[0] & 8) != 0,
                                     .limits = { .depth = 100,
                                                 .steps = 20000,
                                                 .output_bytes = 256 * 1024,
                                                 .memory_bytes = 8 * 1024 * 1024 } };
    /* A copy of exactly this size: reading past the end is seen. */
    char *text = malloc(size);
    ASSERT(text != NULL);
    memcpy(text, data + 1, size - 1);
    str first = render(a, &options, (str){ text, size - 1 });
    str second = render(a, &options, (str){ text, size - 1 });
    ASSERT(str_eq(first, second));
    free(text);
    return 0;
}

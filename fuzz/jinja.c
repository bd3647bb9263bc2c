// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as templates: the first byte chooses the options, the rest is the text. Where it holds
 * lines of one 0x1e, what is after them are the templates a, b, c... that it can load; the names
 * of none but these are found. It renders to UTF-8 or gives exactly one error inside of a text,
 * within its limits, twice the same.
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

enum { TEMPLATES_MAX = 8 };

/* The first is the one that is rendered. */
struct templates {
    str texts[TEMPLATES_MAX];
    size_t len;
};

static enum jinja_load load(void *self, struct arena *a, str name, str *ret_path, str *ret_text,
                            struct err *err) {
    const struct templates *t = self;
    size_t index = name.len == 1 ? (size_t)(unsigned char)name.ptr[0] - 'a' + 1 : 0;
    (void)a;
    if (str_eq(name, S("broken"))) {
        err_set(err, "it cannot be read");
        return JINJA_LOAD_FAILED;
    }
    if (index == 0 || index >= t->len) {
        return JINJA_LOAD_MISSING;
    }
    *ret_path = name;
    *ret_text = t->texts[index];
    return JINJA_LOAD_FOUND;
}

static struct templates split(str text) {
    struct templates t = { .len = 0 };
    while (t.len < TEMPLATES_MAX) {
        size_t end = str_find(text, S("\n\x1e\n"), 0);
        t.texts[t.len++] = str_slice(text, 0, end);
        if (end == STR_NONE) {
            break;
        }
        text = str_slice(text, end + 3, text.len);
    }
    return t;
}

static void check_span(const struct sources *sources, struct span at) {
    ASSERT(at.source < sources->len);
    ASSERT(at.start <= at.end && at.end <= sources->items[at.source]->text.len);
}

static void check_runs(const struct jinja_output *out, const struct sources *sources) {
    for (size_t i = 0; i < out->run_count; i++) {
        ASSERT(i == 0 ? out->runs[i].start == 0 : out->runs[i].start > out->runs[i - 1].start);
        uint32_t origin = out->runs[i].origin;
        ASSERT(origin == 0 || origin == ORIGIN_TEXT || origin == ORIGIN_LIST);
        check_span(sources, out->runs[i].span);
    }
    ASSERT(out->text.len == 0 || out->run_count > 0);
}

/* Output, or the error's message. */
static str render(struct arena *a, const struct jinja_options *options,
                  struct templates *templates) {
    struct sources sources;
    struct diag_sink sink;
    struct jinja_value context;
    struct jinja_output out;
    struct err err = ERR_INIT;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    ASSERT(jinja_value_from_json(a, str_from_c(context_json), "context", &context, &err));
    add_origins(a, context);
    uint32_t source = sources_add(&sources, S("x"), templates->texts[0]);
    struct jinja_env *env = jinja_env_new(a, options);
    jinja_env_set_loader(env, &(struct jinja_loader){ load, templates });
    const struct jinja_template *t = jinja_parse(env, &sources, source, &sink);
    if (t != NULL && jinja_render(t, context, a, &sink, &out)) {
        ASSERT(sink.len == 0 && str_is_utf8(out.text, NULL));
        ASSERT(out.text.len <= options->limits.output_bytes);
        if (options->mapped) {
            check_runs(&out, &sources);
        }
        return out.text;
    }
    ASSERT(sink.len == 1);
    check_span(&sources, sink.items[0].span);
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
                                     .autoescape = (data[0] & 16) != 0,
                                     .mapped = (data[0] & 64) == 0,
                                     .limits = { .depth = 100,
                                                 .steps = 20000,
                                                 .output_bytes = 256 * 1024,
                                                 .memory_bytes = 8 * 1024 * 1024 } };
    if ((data[0] & 32) != 0) {
        options.line_statement_prefix = S("%");
        options.line_comment_prefix = S("##");
    }
    /* A copy of exactly this size: reading past the end is seen. */
    char *text = malloc(size);
    ASSERT(text != NULL);
    memcpy(text, data + 1, size - 1);
    struct templates templates = split((str){ text, size - 1 });
    str first = render(a, &options, &templates);
    str second = render(a, &options, &templates);
    ASSERT(str_eq(first, second));
    free(text);
    return 0;
}

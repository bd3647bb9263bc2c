// SPDX-License-Identifier: Apache-2.0
/*
 * Renders many templates in one process, for tests/spec/jinja_diff.py. Each line of stdin is a
 * JSON object {template, context, templates, trim_blocks, lstrip_blocks, keep_trailing_newline,
 * strict, autoescape, line_statement_prefix, line_comment_prefix}; `templates` are those that can
 * be included, by name. The answer is a line {"output": TEXT} or {"error": MESSAGE, "line": N,
 * "column": N}.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/jinja.h"

static bool flag(const json_t *request, const char *name) {
    return json_is_true(json_object_get(request, name));
}

static str text_of(const json_t *value) {
    return (str){ json_string_value(value), json_string_length(value) };
}

static enum jinja_load load(void *self, struct arena *a, str name, str *ret_path, str *ret_text,
                            struct err *err) {
    (void)a;
    (void)err;
    const json_t *text = json_object_getn(self, name.ptr, name.len);
    if (text == NULL) {
        return JINJA_LOAD_MISSING;
    }
    *ret_path = name;
    *ret_text = text_of(text);
    return JINJA_LOAD_FOUND;
}

static json_t *render(struct arena *a, const json_t *request) {
    struct sources sources;
    struct diag_sink sink;
    struct jinja_options options = jinja_options_default;
    struct jinja_value context = jinja_dict_new(a);
    struct err err = ERR_INIT;
    const json_t *template = json_object_get(request, "template");
    char *context_text = json_dumps(json_object_get(request, "context"), JSON_ENCODE_ANY);
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    options.trim_blocks = flag(request, "trim_blocks");
    options.lstrip_blocks = flag(request, "lstrip_blocks");
    options.keep_trailing_newline = flag(request, "keep_trailing_newline");
    options.strict = flag(request, "strict");
    options.autoescape = flag(request, "autoescape");
    options.line_statement_prefix = text_of(json_object_get(request, "line_statement_prefix"));
    options.line_comment_prefix = text_of(json_object_get(request, "line_comment_prefix"));
    struct jinja_loader loader = { load, json_object_get(request, "templates") };
    if (context_text != NULL &&
        !jinja_value_from_json(a, str_from_c(context_text), "context", &context, &err)) {
        free(context_text);
        return json_pack("{s:s}", "error", err.frames[0]);
    }
    free(context_text);
    str text = { json_string_value(template), json_string_length(template) };
    uint32_t source = sources_add(&sources, S("template"), text);
    struct jinja_env *env = jinja_env_new(a, &options);
    jinja_env_set_loader(env, &loader);
    struct jinja_template *t = jinja_parse(env, &sources, source, &sink);
    struct jinja_output out;
    if (t != NULL && jinja_render(t, context, a, &sink, &out)) {
        return json_pack("{s:s%}", "output", out.text.ptr, out.text.len);
    }
    if (sink.len != 1) {
        return json_pack("{s:s}", "error", "not exactly one diagnostic");
    }
    struct position at =
        sources_position(&sources, sink.items[0].span.source, sink.items[0].span.start);
    return json_pack("{s:s%, s:i, s:i}", "error", sink.items[0].message.ptr,
                     sink.items[0].message.len, "line", (int)at.line, "column", (int)at.column);
}

int main(void) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        AUTO_ARENA a = arena_new();
        json_t *request = json_loadb(line, (size_t)len, JSON_ALLOW_NUL, NULL);
        if (request == NULL) {
            fputs("bad request\n", stderr);
            return 1;
        }
        json_t *answer = render(a, request);
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        json_decref(request);
    }
    free(line);
    return 0;
}

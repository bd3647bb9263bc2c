// SPDX-License-Identifier: Apache-2.0
#include "check/internal.h"

enum {
    VALUES_SHOWN = 3,  /* of one diagnostic */
    VALUES_MAX = 1000, /* looked at */
};

/* What lines that tell why a step failed have in them, in lower case. */
static const str telling_words[] = {
    S_INIT("error"),     S_INIT("err!"), S_INIT("e: "),    S_INIT("unable"),
    S_INIT("not found"), S_INIT("no "),  S_INIT("failed"), S_INIT("cannot"),
};

static bool is_telling(struct arena *a, str line) {
    str lower = str_lower(a, line);
    for (size_t i = 0; i < ARRAY_LEN(telling_words); i++) {
        if (str_find(lower, telling_words[i], 0) != STR_NONE) {
            return true;
        }
    }
    return false;
}

/* A character that a longer name would have here: then it is another package. */
static bool is_in_name(char c, str others) {
    return char_is_alnum(c) || str_find_char(others, c, 0) != STR_NONE;
}

static bool holds_name(str line, str name) {
    for (size_t at = 0; (at = str_find(line, name, at)) != STR_NONE; at++) {
        size_t end = at + name.len;
        if ((at == 0 || !is_in_name(line.ptr[at - 1], S("-_+/@"))) &&
            (end == line.len || !is_in_name(line.ptr[end], S("-_+/")))) { /* NAME@VERSION */
            return true;
        }
    }
    return false;
}

/* The telling lines of an output. */
static str complaints(struct arena *a, str output) {
    AUTO_BUF out = BUF_INIT(output.len + 1);
    while (output.len > 0) {
        str line = str_cut(&output, '\n');
        if (is_telling(a, line)) {
            buf_add(&out, line);
            buf_add_char(&out, '\n');
        }
    }
    return str_dup(a, buf_str(&out));
}

/* Keeps the values that the output complains about. */
static size_t choose_values(struct arena *a, const struct recipe_origin **values, size_t count,
                            str output) {
    str lines = complaints(a, output);
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < VALUES_SHOWN; i++) {
        if (values[i]->text.len > 0 && holds_name(lines, values[i]->text)) {
            values[kept++] = values[i];
        }
    }
    return kept;
}

static void add_values(struct diag_sink *sink, struct diag *d, const struct recipe *recipe,
                       str output) {
    const struct recipe_origin **values =
        ARENA_ARRAY(sink->arena, const struct recipe_origin *, VALUES_MAX);
    size_t count =
        recipe_config_values(recipe, d->span.start, d->span.end, values, (size_t)VALUES_MAX);
    if (count > VALUES_SHOWN || output.len > 0) {
        size_t chosen = choose_values(sink->arena, values, count, output);
        count = chosen > 0 || count > VALUES_SHOWN ? chosen : count;
    }
    for (size_t i = 0; i < count; i++) {
        diag_note(sink, d, values[i]->span, RECIPE_VALUE_NOTE);
    }
}

void check_add_notes(struct diag_sink *sink, const struct recipe *recipe, str output) {
    for (size_t i = 0; i < sink->len; i++) {
        struct diag *d = &sink->items[i];
        if (d->span.source != recipe->source) {
            continue;
        }
        struct span template = recipe_template_span(recipe, sink->sources, d->span.start);
        if (span_is_set(template)) {
            diag_note(sink, d, template, CHECK_TEMPLATE_NOTE);
        }
        add_values(sink, d, recipe, output);
    }
}

// SPDX-License-Identifier: Apache-2.0
/* Variables that an instruction uses, and nobody has set. */
#include "dockerfile/lint.h"

/* More of a word or a stage are not looked at: time grows with their product. */
enum { LOOKUPS_MAX = 1000, NEAR_MAX = 256 };

bool lint_is_platform_arg(str name) {
    static const str known[] = {
        S_INIT("TARGETPLATFORM"), S_INIT("TARGETOS"),      S_INIT("TARGETARCH"),
        S_INIT("TARGETVARIANT"),  S_INIT("BUILDPLATFORM"), S_INIT("BUILDOS"),
        S_INIT("BUILDARCH"),      S_INIT("BUILDVARIANT"),  S_INIT("TARGETSTAGE"),
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq(known[i], name)) {
            return true;
        }
    }
    return false;
}

struct lookups {
    struct lint *lint;
    str text; /* of the word */
    str *items;
    size_t len;
    size_t cap;
};

/* "${name:-...}", "${name-...}", "${name:+...}", "${name:?...}": it may be missing. */
static bool may_be_unset(str text, str name) {
    for (size_t at = 0; (at = str_find(text, name, at)) != STR_NONE; at += name.len) {
        size_t end = at + name.len;
        end += end < text.len && text.ptr[end] == ':' ? 1 : 0;
        if (at >= 2 && text.ptr[at - 1] == '{' && text.ptr[at - 2] == '$' && end < text.len &&
            (text.ptr[end] == '-' || text.ptr[end] == '+' || text.ptr[end] == '?')) {
            return true;
        }
    }
    return false;
}

static bool on_lookup(void *self, str name, str *ret) {
    struct lookups *k = self;
    *ret = S("x");
    if (name.len > 0 && k->len < LOOKUPS_MAX && !may_be_unset(k->text, name)) {
        str copy = str_dup(k->lint->arena, name);
        ARENA_PUSH(k->lint->arena, k->items, k->len, k->cap, copy);
    }
    return true;
}

bool lint_expand(struct lint *l, struct dockerfile_word word, lint_find *find, void *self,
                 str *ret) {
    struct diag_sink ignored;
    diag_sink_init(&ignored, l->arena, l->sink->sources);
    struct dockerfile_expander e = {
        .arena = l->arena,
        .sink = &ignored,
        .escape = l->file->escape,
        .find = find,
        .self = self,
    };
    return dockerfile_expand(&e, word, ret);
}

void lint_lookups(struct lint *l, struct dockerfile_word word, str **ret, size_t *ret_count) {
    struct lookups k = { .lint = l, .text = word.text };
    *ret = NULL;
    *ret_count = 0;
    if (str_find_char(word.text, '$', 0) == STR_NONE) {
        return;
    }
    str value;
    if (lint_expand(l, word, on_lookup, &k, &value)) {
        *ret = k.items;
        *ret_count = k.len;
    }
}

static str nearest_known(const struct lint_stage *s, str name) {
    str known[NEAR_MAX];
    size_t count = min_size(s->names.len, NEAR_MAX);
    for (size_t i = 0; i < count; i++) {
        known[i] = s->names.entries[s->names.len - count + i].key;
    }
    return nearest_word(name, known, count);
}

/* What the base image sets is not in the file. Where it is not known, only a likely misspelling is
 * reported. */
static void check_name(struct lint *l, const struct lint_stage *s, str name, struct span span) {
    bool known = true;
    bool in_image = false;
    if (map_has(&s->names, name) || str_eq(name, S("PATH"))) {
        return;
    }
    if (!str_eq(s->image, S("scratch"))) {
        known = l->options->image_has != NULL &&
                l->options->image_has(l->options->self, s->image, name, &in_image);
    }
    str near = nearest_known(s, name);
    if (in_image || (!known && near.ptr == NULL)) {
        return;
    }
    struct diag *d =
        lint_report(l, LINT_UNDEFINED_VAR, span, "'%.*s' is not set here", TEXT_FMT(name));
    if (d != NULL && near.ptr != NULL) {
        diag_help(l->sink, d, "did you mean '%.*s'?", STR_FMT(near));
    }
}

static void check_word(struct lint *l, const struct lint_stage *s, struct dockerfile_word word) {
    str *names;
    size_t count;
    lint_lookups(l, word, &names, &count);
    for (size_t i = 0; i < count; i++) {
        check_name(l, s, names[i], word.span);
    }
}

static void check_copy(struct lint *l, const struct lint_stage *s,
                       const struct dockerfile_copy *copy) {
    for (size_t i = 0; i < copy->source_count; i++) {
        if (copy->sources[i].heredoc == NULL) {
            check_word(l, s, copy->sources[i].word);
        }
    }
    check_word(l, s, copy->destination);
    const struct dockerfile_word flags[] = { copy->chown, copy->chmod, copy->checksum };
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (dockerfile_word_is_set(flags[i])) {
            check_word(l, s, flags[i]);
        }
    }
}

static void check_pairs(struct lint *l, struct lint_stage *s,
                        const struct dockerfile_instruction *in) {
    for (size_t i = 0; i < in->pairs.len; i++) {
        if (dockerfile_word_is_set(in->pairs.items[i].value)) {
            check_word(l, s, in->pairs.items[i].value);
        }
    }
    for (size_t i = 0; i < in->pairs.len; i++) {
        str name = in->pairs.items[i].name.text;
        if (in->kind != DOCKERFILE_LABEL) {
            map_put(&s->names, name, s);
        }
        if (in->kind == DOCKERFILE_ENV) {
            map_put(&s->env, name, s);
        }
    }
}

void lint_variables(struct lint *l, size_t stage, const struct dockerfile_instruction *in) {
    struct lint_stage *s = &l->stages[stage];
    switch (in->kind) {
    case DOCKERFILE_ADD:
    case DOCKERFILE_COPY:
        check_copy(l, s, &in->copy);
        return;
    case DOCKERFILE_ARG:
    case DOCKERFILE_ENV:
    case DOCKERFILE_LABEL:
        check_pairs(l, s, in);
        return;
    case DOCKERFILE_STOPSIGNAL:
    case DOCKERFILE_USER:
    case DOCKERFILE_WORKDIR:
        check_word(l, s, in->word);
        return;
    case DOCKERFILE_EXPOSE:
    case DOCKERFILE_VOLUME:
        for (size_t i = 0; i < in->words.len; i++) {
            check_word(l, s, in->words.items[i]);
        }
        return;
    case DOCKERFILE_CMD:
    case DOCKERFILE_ENTRYPOINT:
    case DOCKERFILE_FROM:
    case DOCKERFILE_HEALTHCHECK:
    case DOCKERFILE_MAINTAINER:
    case DOCKERFILE_ONBUILD:
    case DOCKERFILE_RUN:
    case DOCKERFILE_SHELL:
        return; /* theirs are the shell's, or looked at elsewhere */
    }
}

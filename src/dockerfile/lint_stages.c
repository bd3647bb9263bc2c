// SPDX-License-Identifier: Apache-2.0
/* Checks of FROM. */
#include "dockerfile/lint.h"

/* ---- names ---- */

static void check_as(struct lint *l, const struct dockerfile_instruction *in) {
    const struct dockerfile_from *from = &in->from;
    struct span between = { from->base.span.source, from->base.span.end, from->name.span.start };
    str text = lint_raw(l, between);
    size_t at = 0;
    while (at < text.len && char_lower(text.ptr[at]) != 'a') {
        at++;
    }
    str keyword = lint_raw(l, in->keyword);
    if (at + 1 >= text.len || keyword.len < 1) {
        return;
    }
    bool upper = keyword.ptr[0] != char_lower(keyword.ptr[0]);
    if ((text.ptr[at] != 'a') != upper ||
        (char_lower(text.ptr[at + 1]) != text.ptr[at + 1]) != upper) {
        uint32_t start = between.start + (uint32_t)at;
        lint_report(l, LINT_FROM_AS_CASING, (struct span){ between.source, start, start + 2 },
                    "'%.*s' and '%.*s' are not in the same case", TEXT_FMT(keyword),
                    STR_FMT(str_slice(text, at, at + 2)));
    }
}

static void check_name(struct lint *l, size_t stage, const struct dockerfile_instruction *in) {
    struct dockerfile_word name = in->from.name;
    str raw = lint_raw(l, name.span);
    if (!str_eq(raw, name.text)) {
        lint_report(l, LINT_STAGE_NAME_CASING, name.span, "the stage name '%.*s' is not lower case",
                    TEXT_FMT(raw));
    }
    if (str_eq(name.text, S("scratch")) || str_eq(name.text, S("context"))) {
        lint_report(l, LINT_RESERVED_STAGE_NAME, name.span, "the stage name '%.*s' is reserved",
                    STR_FMT(name.text));
    }
    for (size_t i = 0; i < stage; i++) {
        struct dockerfile_word other = l->file->stages[i].from->from.name;
        if (dockerfile_word_is_set(other) && str_eq(other.text, name.text)) {
            struct diag *d = lint_report(l, LINT_DUPLICATE_STAGE_NAME, name.span,
                                         "two stages are named '%.*s'", TEXT_FMT(name.text));
            if (d != NULL) {
                diag_note(l->sink, d, other.span, "the first one");
            }
            return;
        }
    }
}

/* ---- platforms ---- */

static void check_platform(struct lint *l, const struct dockerfile_instruction *in) {
    struct dockerfile_word platform = in->from.platform;
    str text = platform.text;
    if (str_eq(text, S("$TARGETPLATFORM")) || str_eq(text, S("${TARGETPLATFORM}"))) {
        lint_report(l, LINT_REDUNDANT_TARGET_PLATFORM, platform.span,
                    "'%.*s' is already the default platform", STR_FMT(text));
        return;
    }
    if (str_find_char(text, '$', 0) != STR_NONE) {
        return;
    }
    /* FROM --platform=linux/arm64 x AS x-arm64: one of the stages that a variable selects */
    str architecture = text;
    str_cut(&architecture, '/');
    architecture = str_cut(&architecture, '/');
    if (architecture.len > 0 && dockerfile_word_is_set(in->from.name) &&
        str_find(in->from.name.text, architecture, 0) != STR_NONE) {
        return;
    }
    lint_report(l, LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED, platform.span,
                "the platform is always '%.*s'", TEXT_FMT(text));
}

/* ---- variables ---- */

static void check_undefined(struct lint *l, struct dockerfile_word word) {
    str *names;
    size_t count;
    lint_lookups(l, word, &names, &count);
    for (size_t i = 0; i < count; i++) {
        if (map_has(&l->global_args, names[i]) || lint_is_platform_arg(names[i])) {
            continue;
        }
        struct diag *d =
            lint_report(l, LINT_UNDEFINED_ARG_IN_FROM, word.span,
                        "'%.*s' is not an ARG before the first FROM", TEXT_FMT(names[i]));
        str known[64];
        size_t known_count = 0;
        for (size_t n = 0; n < l->global_args.len && known_count < ARRAY_LEN(known); n++) {
            known[known_count++] = l->global_args.entries[n].key;
        }
        str near = nearest_word(names[i], known, known_count);
        if (d != NULL && near.ptr != NULL) {
            diag_help(l->sink, d, "did you mean '%.*s'?", STR_FMT(near));
        }
    }
}

static bool find_default(void *self, str name, str *ret) {
    struct lint *l = self;
    const struct dockerfile_pair *pair = map_find(&l->global_args, name);
    *ret = S("");
    if (pair == NULL || !dockerfile_word_is_set(pair->value)) {
        return pair != NULL;
    }
    struct diag_sink ignored;
    diag_sink_init(&ignored, l->arena, l->sink->sources);
    struct dockerfile_expander e = { .arena = l->arena,
                                     .sink = &ignored,
                                     .escape = l->file->escape };
    /* Without the variables in it: the ones that matter are plain. */
    if (str_find_char(pair->value.text, '$', 0) != STR_NONE) {
        *ret = S("x");
        return true;
    }
    return dockerfile_expand(&e, pair->value, ret);
}

/* A name of which a part is missing: "image:", ":tag", "a//b". */
static bool is_image_name(str name) {
    bool after_mark = true;
    for (size_t i = 0; i < name.len; i++) {
        bool mark = name.ptr[i] == ':' || name.ptr[i] == '/' || name.ptr[i] == '@';
        if ((mark && after_mark) || char_is_space(name.ptr[i])) {
            return false;
        }
        after_mark = mark;
    }
    return !after_mark;
}

static void check_default(struct lint *l, struct dockerfile_word base) {
    str *names;
    size_t count;
    lint_lookups(l, base, &names, &count);
    for (size_t i = 0; i < count; i++) {
        if (!map_has(&l->global_args, names[i])) {
            return; /* another rule's business */
        }
    }
    str name;
    if (count > 0 && lint_expand(l, base, find_default, l, &name) && !is_image_name(name)) {
        lint_report(l, LINT_INVALID_DEFAULT_ARG_IN_FROM, base.span,
                    "the default of '%.*s' produces '%.*s', which is not an image name",
                    TEXT_FMT(names[0]), TEXT_FMT(name));
    }
}

/* ---- descriptions: the comment right above says what a stage or an argument is for ---- */

static bool is_directive(const struct lint *l, size_t at) {
    const struct dockerfile_word words[] = { l->file->syntax, l->file->escape_directive,
                                             l->file->check };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (dockerfile_word_is_set(words[i]) && at <= words[i].span.start) {
            return true;
        }
    }
    return false;
}

void lint_description(struct lint *l, const struct dockerfile_instruction *in, const str *names,
                      size_t count) {
    str text = l->sink->sources->items[in->keyword.source]->text;
    size_t start = in->keyword.start;
    while (start > 0 && text.ptr[start - 1] != '\n') {
        start--;
    }
    size_t at = start;
    str line = S("");
    do { /* what is switched off is not what the instruction is for */
        start = at;
        line = str_trim(at == 0 ? S("") : lint_line_above(text, &at));
    } while (lint_check_comment(line).ptr != NULL);
    if (line.len == 0 || line.ptr[0] != '#' || is_directive(l, at) || count == 0) {
        return;
    }
    str rest = str_trim(str_slice(line, 1, line.len));
    str first = str_cut(&rest, ' ');
    for (size_t i = 0; i < count; i++) {
        if (str_eq(first, names[i])) {
            return;
        }
    }
    lint_report(l, LINT_INVALID_DEFINITION_DESCRIPTION,
                (struct span){ in->keyword.source, (uint32_t)at, (uint32_t)start - 1 },
                "the comment does not begin with '%.*s', the name it describes",
                TEXT_FMT(names[0]));
}

/* ---- all of it ---- */

static void begin_stage(struct lint *l, size_t stage, const struct dockerfile_from *from) {
    struct lint_stage *s = &l->stages[stage];
    size_t base = dockerfile_resolve_stage(l->file, stage, from->base.text, false);
    if (base == DOCKERFILE_NO_STAGE) {
        s->image = from->base.text;
        return;
    }
    const struct lint_stage *below = &l->stages[base];
    s->image = below->image;
    s->has_shell = below->has_shell;
    s->has_workdir = below->has_workdir;
    for (size_t i = 0; i < below->env.len; i++) {
        map_put(&s->env, below->env.entries[i].key, s);
        map_put(&s->names, below->env.entries[i].key, s);
    }
}

void lint_from(struct lint *l, size_t stage) {
    const struct dockerfile_instruction *in = l->file->stages[stage].from;
    begin_stage(l, stage, &in->from);
    if (dockerfile_word_is_set(in->from.name)) {
        check_as(l, in);
        check_name(l, stage, in);
        lint_description(l, in, &in->from.name.text, 1);
    }
    if (dockerfile_word_is_set(in->from.platform)) {
        check_platform(l, in);
        check_undefined(l, in->from.platform);
    }
    check_undefined(l, in->from.base);
    check_default(l, in->from.base);
}

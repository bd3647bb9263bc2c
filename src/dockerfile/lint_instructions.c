// SPDX-License-Identifier: Apache-2.0
/* Checks of single instructions, and of those that a stage has twice. */
#include "dockerfile/lint.h"

/* ---- ARG, ENV, LABEL ---- */

/* Does a part of the name, between '_', tell that the value is one? A key that is public, a path or
 * a version is not. */
static bool names_secret(struct arena *a, str name) {
    static const str words[] = {
        S_INIT("apikey"), S_INIT("auth"),   S_INIT("credential"), S_INIT("credentials"),
        S_INIT("key"),    S_INIT("passwd"), S_INIT("password"),   S_INIT("pword"),
        S_INIT("secret"), S_INIT("token"),
    };
    static const str harmless[] = { S_INIT("public"), S_INIT("file"), S_INIT("version") };
    bool found = false;
    str rest = str_lower(a, name);
    while (rest.len > 0) {
        str part = str_cut(&rest, '_');
        for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
            if (str_eq(part, harmless[i])) {
                return false;
            }
        }
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            found = found || str_eq(part, words[i]);
        }
    }
    return found;
}

static void check_pairs(struct lint *l, const struct dockerfile_instruction *in) {
    const char *keyword = dockerfile_kind_name(in->kind);
    for (size_t i = 0; i < in->pairs.len; i++) {
        const struct dockerfile_pair *pair = &in->pairs.items[i];
        if (pair->legacy) {
            struct diag *d =
                lint_report(l, LINT_LEGACY_KEY_VALUE_FORMAT, pair->name.span,
                            "legacy syntax for %s '%.*s'", keyword, TEXT_FMT(pair->name.text));
            if (d != NULL) {
                diag_help(l->sink, d, "%s %.*s=...", keyword, TEXT_FMT(pair->name.text));
            }
        }
        if (in->kind != DOCKERFILE_LABEL && names_secret(l->arena, pair->name.text)) {
            struct diag *d =
                lint_report(l, LINT_SECRETS_USED_IN_ARG_OR_ENV, pair->name.span,
                            "%s '%.*s' looks like a secret and would be stored in the image",
                            keyword, TEXT_FMT(pair->name.text));
            if (d != NULL) {
                diag_help(l->sink, d, "RUN --mount=type=secret gives it to one step");
            }
        }
    }
    if (in->kind == DOCKERFILE_ARG) {
        str *names = ARENA_ARRAY(l->arena, str, in->pairs.len);
        for (size_t i = 0; i < in->pairs.len; i++) {
            names[i] = in->pairs.items[i].name.text;
        }
        lint_description(l, in, names, in->pairs.len);
    }
}

/* ---- COPY ---- */

static void check_ignored(struct lint *l, const struct dockerfile_instruction *in) {
    const struct dockerfile_copy *copy = &in->copy;
    if (l->options->ignore == NULL || dockerfile_word_is_set(copy->from)) {
        return;
    }
    for (size_t i = 0; i < copy->source_count; i++) {
        str text = copy->sources[i].word.text;
        if (copy->sources[i].heredoc != NULL || dockerfile_glob_has_wildcard(text) ||
            str_find_char(text, '$', 0) != STR_NONE || str_find(text, S("://"), 0) != STR_NONE) {
            continue;
        }
        str path = path_clean(l->arena, str_concat(l->arena, S("/"), text));
        path = str_slice(path, 1, path.len);
        if (path.len > 0 && dockerfile_ignore_match(l->options->ignore, path) &&
            !dockerfile_ignore_may_reinclude(l->options->ignore, path)) {
            lint_report(l, LINT_COPY_IGNORED_FILE, copy->sources[i].word.span,
                        "'%.*s' is excluded by .dockerignore", TEXT_FMT(text));
        }
    }
}

/* ---- EXPOSE ---- */

static void check_ports(struct lint *l, const struct dockerfile_instruction *in) {
    for (size_t i = 0; i < in->words.len; i++) {
        struct dockerfile_word word = in->words.items[i];
        if (str_find_char(word.text, '$', 0) != STR_NONE) {
            continue;
        }
        str protocol = word.text;
        str_cut(&protocol, '/');
        if (!str_eq(protocol, str_lower(l->arena, protocol))) {
            lint_report(l, LINT_EXPOSE_PROTO_CASING, word.span,
                        "the protocol of '%.*s' is not lower case", TEXT_FMT(word.text));
        }
        if (str_find_char(word.text, ':', 0) != STR_NONE) {
            lint_report(l, LINT_EXPOSE_INVALID_FORMAT, word.span,
                        "'%.*s' includes an address or port of the host", TEXT_FMT(word.text));
        }
    }
}

/* ---- WORKDIR, CMD ---- */

static void check_workdir(struct lint *l, struct lint_stage *s,
                          const struct dockerfile_instruction *in) {
    str path = in->word.text;
    bool known = path.len > 0 && path.ptr[0] != '$' && path.ptr[0] != '"' && path.ptr[0] != '\'';
    if (known && path.ptr[0] != '/' && !s->has_workdir) {
        lint_report(l, LINT_WORKDIR_RELATIVE_PATH, in->word.span,
                    "the location of '%.*s' depends on the base image", TEXT_FMT(path));
    }
    s->has_workdir = true;
}

static void check_shell_form(struct lint *l, const struct lint_stage *s,
                             const struct dockerfile_instruction *in) {
    if (in->command.exec || s->has_shell) {
        return;
    }
    struct diag *d = lint_report(l, LINT_JSON_ARGS_RECOMMENDED, in->command.span,
                                 "a shell runs this %s and does not forward signals",
                                 dockerfile_kind_name(in->kind));
    if (d != NULL) {
        diag_help(l->sink, d, "%s [\"program\", \"argument\"]", dockerfile_kind_name(in->kind));
    }
}

void lint_instruction(struct lint *l, size_t stage, const struct dockerfile_instruction *in) {
    struct lint_stage *s = stage == DOCKERFILE_NO_STAGE ? NULL : &l->stages[stage];
    switch (in->kind) {
    case DOCKERFILE_ARG:
    case DOCKERFILE_ENV:
    case DOCKERFILE_LABEL:
        check_pairs(l, in);
        return;
    case DOCKERFILE_ADD:
    case DOCKERFILE_COPY:
        check_ignored(l, in);
        return;
    case DOCKERFILE_EXPOSE:
        check_ports(l, in);
        return;
    case DOCKERFILE_WORKDIR:
        check_workdir(l, s, in);
        return;
    case DOCKERFILE_CMD:
    case DOCKERFILE_ENTRYPOINT:
        check_shell_form(l, s, in);
        return;
    case DOCKERFILE_SHELL:
        s->has_shell = true;
        return;
    case DOCKERFILE_MAINTAINER: {
        struct diag *d =
            lint_report(l, LINT_MAINTAINER_DEPRECATED, in->keyword, "MAINTAINER is deprecated");
        if (d != NULL) {
            diag_help(l->sink, d, "LABEL org.opencontainers.image.authors=...");
        }
        return;
    }
    case DOCKERFILE_FROM:
    case DOCKERFILE_HEALTHCHECK:
    case DOCKERFILE_ONBUILD:
    case DOCKERFILE_RUN:
    case DOCKERFILE_STOPSIGNAL:
    case DOCKERFILE_USER:
    case DOCKERFILE_VOLUME:
        return;
    }
}

void lint_repeated(struct lint *l, size_t stage) {
    static const enum dockerfile_kind kinds[] = { DOCKERFILE_CMD, DOCKERFILE_ENTRYPOINT,
                                                  DOCKERFILE_HEALTHCHECK };
    const struct dockerfile_stage *s = &l->file->stages[stage];
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const struct dockerfile_instruction *before = NULL;
        for (size_t i = 0; i < s->instruction_count; i++) {
            const struct dockerfile_instruction *in = s->instructions[i];
            if (in->kind != kinds[k]) {
                continue;
            }
            if (before != NULL) {
                lint_begin(l, before);
            }
            struct diag *d = before == NULL ? NULL
                                            : lint_report(l, LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED,
                                                          before->keyword, "this %s does nothing",
                                                          dockerfile_kind_name(in->kind));
            if (d != NULL) {
                diag_note(l->sink, d, in->keyword, "only the last one of a stage counts");
            }
            before = in;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
/* What a message adds so that the reader knows what to write instead. */
#include "config/internal.h"

static bool is_bare(enum toml_kind kind) {
    return kind != TOML_STRING && kind != TOML_ARRAY && kind != TOML_TABLE && kind != TOML_INVALID;
}

/* Quotes too few, or too many. */
static void suggest_quotes(struct loader *l, struct diag *d, const struct toml_node *node,
                           str wanted) {
    str raw = str_slice(l->doc->text, node->start, node->end);
    if (is_bare((enum toml_kind)node->kind) && str_eq(wanted, S("a string"))) {
        diag_help(l->sink, d, "write it in quotes: \"%.*s\"", STR_FMT(raw));
    }
    if (node->kind != TOML_STRING) {
        return;
    }
    int64_t number;
    str text = toml_string(l->doc, node);
    bool is_word = str_eq(text, S("true")) || str_eq(text, S("false"));
    if ((str_eq(wanted, S("an integer")) && str_to_i64(text, &number)) ||
        (str_eq(wanted, S("a boolean")) && is_word)) {
        diag_help(l->sink, d, "write it without quotes: %.*s", STR_FMT(text));
    } else if (str_eq(wanted, S("a list of strings"))) {
        diag_help(l->sink, d, "write a list in brackets: [%.*s]", STR_FMT(raw));
    }
}

bool wrong_type(struct loader *l, const struct toml_node *node, str name, const char *wanted) {
    if (node->kind != TOML_INVALID) {
        struct diag *d =
            diag_report(l->sink, "E003", toml_span(l->doc, node), "%.*s must be %s, not %s",
                        STR_FMT(name), wanted, toml_kind_name((enum toml_kind)node->kind));
        suggest_quotes(l, d, node, str_from_c(wanted));
    }
    return false;
}

void suggest_word(struct loader *l, struct diag *d, const str *words, size_t count, str wrong,
                  const char *what) {
    if (l->sink->len == DIAG_MAX) {
        return; /* nobody reads on, and to compare words takes time */
    }
    str nearest = nearest_word(wrong, words, count);
    if (nearest.len > 0) {
        diag_help(l->sink, d, "did you mean '%.*s'?", STR_FMT(nearest));
        return;
    }
    AUTO_BUF list = BUF_INIT(4096);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&list, "%s%.*s", i > 0 ? ", " : "", STR_FMT(words[i]));
    }
    diag_help(l->sink, d, "%s: %.*s", what, STR_FMT(buf_str(&list)));
}

void suggest_near(struct loader *l, struct diag *d, const str *words, size_t count, str wrong,
                  str before) {
    str nearest = l->sink->len < DIAG_MAX ? nearest_word(wrong, words, count) : (str){ 0 };
    if (nearest.len > 0) {
        diag_help(l->sink, d, "did you mean '%.*s%.*s'?", STR_FMT(before), STR_FMT(nearest));
    }
}

void suggest_file(struct loader *l, struct diag *d, const char *folder, str suffix, str wrong,
                  str before) {
    const char **names;
    size_t count;
    struct err err = ERR_INIT;
    if (!fs_list(l->arena, AT_FDCWD, folder, &names, &count, &err)) {
        return; /* what is not there has no names */
    }
    str *words = ARENA_ARRAY(l->arena, str, count + 1);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        str name = str_from_c(names[i]);
        if (str_ends(name, suffix)) {
            words[len++] = str_slice(name, 0, name.len - suffix.len);
        }
    }
    suggest_near(l, d, words, len, wrong, before);
}

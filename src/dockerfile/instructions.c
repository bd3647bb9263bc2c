// SPDX-License-Identifier: Apache-2.0
/* What is checked for all instructions alike, by their rows in table.c. */
#include "dockerfile/internal.h"

enum { FLAGS_MAX = 16 };

/* ---- flags ---- */

static const struct flag_row *flag_row_find(const struct instruction_row *row, str name) {
    for (const struct flag_row *f = row->flags; f->type != FLAG_NONE; f++) {
        if (str_eq(str_from_c(f->name), name)) {
            return f;
        }
    }
    return NULL;
}

static void report_unknown_flag(struct parser *p, const struct instruction_row *row,
                                const struct dockerfile_flag *flag) {
    struct diag *d =
        parser_error(p, flag->span, "%s has no flag '--%.*s'", row->name, TEXT_FMT(flag->name));
    str names[FLAGS_MAX];
    size_t count = 0;
    while (count < FLAGS_MAX && row->flags[count].type != FLAG_NONE) {
        names[count] = str_from_c(row->flags[count].name);
        count++;
    }
    str near = nearest_word(flag->name, names, count);
    if (near.ptr != NULL) {
        diag_help(p->sink, d, "did you mean '--%.*s'?", STR_FMT(near));
        return;
    }
    AUTO_BUF list = BUF_INIT(1024);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&list, "%s--%.*s", i == 0 ? "" : ", ", STR_FMT(names[i]));
    }
    if (count > 0) {
        diag_help(p->sink, d, "its flags are %.*s", STR_FMT(buf_str(&list)));
    }
}

static bool is_bool(str text) {
    return str_eq_nocase(text, S("true")) || str_eq_nocase(text, S("false"));
}

static bool check_flag(struct parser *p, const struct node *n, size_t index) {
    const struct dockerfile_flag *flag = &n->flags[index];
    const struct flag_row *row = flag_row_find(n->row, flag->name);
    if (row == NULL) {
        report_unknown_flag(p, n->row, flag);
        return false;
    }
    bool has_value = dockerfile_word_is_set(flag->value);
    if (row->type == FLAG_BOOL ? has_value && !is_bool(flag->value.text)
                               : !has_value || flag->value.text.len == 0) {
        parser_error(p, flag->span, "--%s needs %s", row->name,
                     row->type == FLAG_BOOL ? "true or false, or no value" : "a value");
        return false;
    }
    for (size_t i = 0; i < index && row->type != FLAG_TEXTS; i++) {
        if (str_eq(n->flags[i].name, flag->name)) {
            struct diag *d = parser_error(p, flag->span, "--%s is given twice", row->name);
            diag_note(p->sink, d, n->flags[i].span, "first given here");
            return false;
        }
    }
    return true;
}

static bool check_flags(struct parser *p, const struct node *n) {
    size_t bad = 0;
    for (size_t i = 0; i < n->flag_count && bad < MISTAKES_MAX; i++) {
        bad += check_flag(p, n, i) ? 0 : 1;
    }
    return bad == 0;
}

const struct dockerfile_flag *node_flag(const struct node *n, const char *name) {
    for (size_t i = n->flag_count; i > 0; i--) {
        if (str_eq(n->flags[i - 1].name, str_from_c(name))) {
            return &n->flags[i - 1];
        }
    }
    return NULL;
}

struct dockerfile_word node_flag_value(const struct node *n, const char *name) {
    const struct dockerfile_flag *flag = node_flag(n, name);
    return flag == NULL ? (struct dockerfile_word){ .span = SPAN_NONE } : flag->value;
}

bool node_flag_bool(const struct node *n, const char *name, bool *ret_set) {
    const struct dockerfile_flag *flag = node_flag(n, name);
    *ret_set = flag != NULL;
    return flag != NULL && !str_eq_nocase(flag->value.text, S("false"));
}

const struct dockerfile_word *node_flag_values(struct arena *a, const struct node *n,
                                               const char *name, size_t *ret_count) {
    struct dockerfile_word *words = NULL;
    size_t count = 0;
    size_t cap = 0;
    for (size_t i = 0; i < n->flag_count; i++) {
        if (str_eq(n->flags[i].name, str_from_c(name))) {
            ARENA_PUSH(a, words, count, cap, n->flags[i].value);
        }
    }
    *ret_count = count;
    return words;
}

/* ---- the whole instruction ---- */

static bool check_arg_count(struct parser *p, const struct node *n) {
    size_t count = n->row->form == FORM_PAIRS ? n->args.len / 3 : n->args.len;
    if (count >= n->row->args_min && count <= n->row->args_max) {
        return true;
    }
    struct span at = n->args.len == 0 ? node_arg_span(n, &n->keyword) : node_arg_span(n, &n->rest);
    struct diag *d;
    if (count == 0) {
        d = parser_error(p, at, "%s without arguments", n->row->name);
    } else if (n->row->form == FORM_JSON_OR_WORDS && count == 1) {
        d = parser_error(p, at, "%s has no destination", n->row->name);
    } else {
        d = parser_error(p, at, "%s with %zu arguments", n->row->name, count);
    }
    diag_help(p->sink, d, "it is written %s %s", n->row->name, n->row->usage);
    return false;
}

/* One line for people: "RUN --mount=... apt-get update". */
static str display_text(struct arena *a, const struct node *n) {
    str behind = str_slice(n->line->text, n->flags_start, n->rest.end);
    str name = str_from_c(n->row->name);
    return behind.len == 0 ? name : str_concat(a, str_concat(a, name, S(" ")), behind);
}

struct dockerfile_instruction *instruction_build(struct parser *p, const struct node *n) {
    struct builder b = { .parser = p, .arena = p->arena };
    bool ok = check_flags(p, n);
    if (!check_arg_count(p, n)) {
        return NULL;
    }
    struct dockerfile_instruction *in = ARENA_NEW(p->arena, struct dockerfile_instruction);
    in->kind = n->row->kind;
    in->keyword = node_arg_span(n, &n->keyword);
    in->span = in->keyword;
    in->span.end = n->end;
    in->text = display_text(p->arena, n);
    in->flags = n->flags;
    in->flag_count = n->flag_count;
    in->heredocs = n->heredocs;
    in->heredoc_count = n->heredoc_count;
    in->empty_continuation = n->line->empty_continuation;
    return n->row->build(&b, n, in) && ok ? in : NULL;
}

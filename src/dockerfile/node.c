// SPDX-License-Identifier: Apache-2.0
/* A logical line to keyword, flags and arguments, by the form its table row names. */
#include "dockerfile/internal.h"

struct dockerfile_word node_word(const struct node *n, const struct arg *arg) {
    return (struct dockerfile_word){ arg->text, node_arg_span(n, arg) };
}

struct span node_arg_span(const struct node *n, const struct arg *arg) {
    return line_span(n->line, arg->start, arg->end);
}

static void push_value(struct parser *p, struct node *n, str text, size_t start, size_t end) {
    struct arg arg = { text, start, end };
    ARENA_PUSH(p->arena, n->args.items, n->args.len, n->args.cap, arg);
}

/* False: it is an array of something else than strings, which is reported. */
static bool split_json(struct parser *p, struct node *n, size_t start, bool *ret_is_json) {
    struct arg bad;
    *ret_is_json = false;
    switch (json_list_parse(p->arena, n->line, start, n->rest.end, &n->args, &bad)) {
    case JSON_LIST:
        n->json = true;
        *ret_is_json = true;
        return true;
    case JSON_NOT:
        return true;
    case JSON_NOT_STRINGS:
        break;
    }
    struct diag *d = parser_error(p, node_arg_span(n, &bad),
                                  "the array of %s may hold only strings", n->row->name);
    diag_help(p->sink, d, "put double quotes around each element");
    return false;
}

static bool split_json_or_string(struct parser *p, struct node *n, size_t start) {
    bool is_json;
    if (!split_json(p, n, start, &is_json)) {
        return false;
    }
    if (!is_json && start < n->rest.end) {
        args_push(p->arena, &n->args, n->line, start, n->rest.end);
    }
    return true;
}

static bool split_json_or_words(struct parser *p, struct node *n) {
    bool is_json;
    if (!split_json(p, n, n->rest.start, &is_json)) {
        return false;
    }
    if (!is_json) {
        words_split(p->arena, n->line, n->rest.start, n->rest.end, n->row->heredocs, &n->args);
    }
    return true;
}

/* `name value`: all after the first white space is the value. */
static bool split_old_pair(struct parser *p, struct node *n) {
    str text = n->line->text;
    size_t at = n->rest.start;
    while (at < n->rest.end && !char_is_space(text.ptr[at])) {
        at++;
    }
    size_t value = at;
    while (value < n->rest.end && char_is_space(text.ptr[value])) {
        value++;
    }
    if (value == n->rest.end) {
        struct diag *d = parser_error(p, node_arg_span(n, &n->rest), "%s '%.*s' has no value",
                                      n->row->name, TEXT_FMT(n->rest.text));
        diag_help(p->sink, d, "write '%s %.*s='... for an empty one", n->row->name,
                  TEXT_FMT(n->rest.text));
        return false;
    }
    args_push(p->arena, &n->args, n->line, n->rest.start, at);
    args_push(p->arena, &n->args, n->line, value, n->rest.end);
    push_value(p, n, S(""), value, value);
    return true;
}

static bool split_pairs(struct parser *p, struct node *n) {
    struct args names = { 0 };
    names_split(p->arena, n->line, n->rest.start, n->rest.end, p->escape, &names);
    if (names.len == 0) {
        return true;
    }
    if (str_find_char(names.items[0].text, '=', 0) == STR_NONE) {
        return split_old_pair(p, n);
    }
    size_t bad = 0;
    for (size_t i = 0; i < names.len && bad < MISTAKES_MAX; i++) {
        const struct arg *name = &names.items[i];
        size_t equals = str_find_char(name->text, '=', 0);
        if (equals == STR_NONE) {
            struct diag *d =
                parser_error(p, node_arg_span(n, name), "no '=' in '%.*s'", TEXT_FMT(name->text));
            diag_help(p->sink, d, "%s takes name=value; a value with spaces needs quotes",
                      n->row->name);
            bad++;
            continue;
        }
        args_push(p->arena, &n->args, n->line, name->start, name->start + equals);
        args_push(p->arena, &n->args, n->line, name->start + equals + 1, name->end);
        push_value(p, n, S("="), name->start + equals, name->start + equals + 1);
    }
    return bad == 0;
}

static bool split_health(struct parser *p, struct node *n) {
    size_t at = n->rest.start;
    while (at < n->rest.end && !char_is_space(n->line->text.ptr[at])) {
        at++;
    }
    if (at == n->rest.start) {
        return true;
    }
    args_push(p->arena, &n->args, n->line, n->rest.start, at);
    while (at < n->rest.end && char_is_space(n->line->text.ptr[at])) {
        at++;
    }
    return split_json_or_string(p, n, at);
}

static bool split_head(struct parser *p, const struct line *line, size_t start, struct node *ret);

/* One level is all there may be: an instruction inside the inner one is not split. */
static bool split_inner(struct parser *p, struct node *n) {
    if (n->rest.start == n->rest.end || n->is_inner) {
        return true;
    }
    n->inner = ARENA_NEW(p->arena, struct node);
    n->inner->is_inner = true;
    return split_head(p, n->line, n->rest.start, n->inner);
}

static bool split_args(struct parser *p, struct node *n) {
    switch (n->row->form) {
    case FORM_STRING:
        if (n->rest.start < n->rest.end) {
            args_push(p->arena, &n->args, n->line, n->rest.start, n->rest.end);
        }
        return true;
    case FORM_WORDS:
        words_split(p->arena, n->line, n->rest.start, n->rest.end, false, &n->args);
        return true;
    case FORM_NAMES:
        names_split(p->arena, n->line, n->rest.start, n->rest.end, p->escape, &n->args);
        return true;
    case FORM_PAIRS:
        return split_pairs(p, n);
    case FORM_JSON_OR_STRING:
        return split_json_or_string(p, n, n->rest.start);
    case FORM_JSON_OR_WORDS:
        return split_json_or_words(p, n);
    case FORM_HEALTH:
        return split_health(p, n);
    case FORM_INNER:
        return split_inner(p, n);
    }
    return false;
}

static void report_unknown(struct parser *p, const struct node *n) {
    struct diag *d = parser_error(p, node_arg_span(n, &n->keyword), "unknown instruction '%.*s'",
                                  TEXT_FMT(n->keyword.text));
    str names[32];
    ASSERT(instruction_row_count <= ARRAY_LEN(names));
    for (size_t i = 0; i < instruction_row_count; i++) {
        names[i] = str_from_c(instruction_rows[i].name);
    }
    str near = nearest_word(n->keyword.text, names, instruction_row_count);
    if (near.ptr != NULL) {
        diag_help(p->sink, d, "did you mean '%.*s'?", STR_FMT(near));
    } else if (p->instruction_count > 0) {
        diag_help(p->sink, d, "is a '%c' missing at the end of the line before?", p->escape);
    }
}

/* Keyword, flags and arguments, without heredocs. */
static bool split_head(struct parser *p, const struct line *line, size_t start, struct node *ret) {
    str text = line->text;
    size_t end = text.len;
    while (end > start && char_is_space(text.ptr[end - 1])) {
        end--;
    }
    while (start < end && char_is_space(text.ptr[start])) {
        start++;
    }
    size_t at = start;
    while (at < end && !char_is_space(text.ptr[at])) {
        at++;
    }
    ret->line = line;
    ret->keyword = (struct arg){ str_slice(text, start, at), start, at };
    ret->row = instruction_row_find(ret->keyword.text);
    ret->end = line_span(line, start, end).end;
    while (at < end && char_is_space(text.ptr[at])) {
        at++;
    }
    ret->flags_start = at;
    if (ret->row == NULL) {
        report_unknown(p, ret);
        return false;
    }
    at = flags_split(p, line, at, end, &ret->flags, &ret->flag_count);
    while (at < end && char_is_space(text.ptr[at])) {
        at++;
    }
    ret->rest = (struct arg){ str_slice(text, at, end), at, end };
    bool ok = split_args(p, ret);
    if (ret->args.len > 3 * (size_t)DOCKERFILE_WORDS_MAX) {
        parser_error(p, node_arg_span(ret, &ret->keyword), "%s has more than %d arguments",
                     ret->row->name, DOCKERFILE_WORDS_MAX);
        ok = false;
    }
    return ok;
}

bool node_parse(struct parser *p, const struct line *line, struct node *ret) {
    *ret = (struct node){ 0 };
    bool ok = split_head(p, line, 0, ret);
    struct node *leaf = ret->inner != NULL ? ret->inner : ret;
    if (leaf->row != NULL && leaf->row->heredocs && !leaf->json) {
        ok = heredocs_read(p, leaf) && ok;
        ret->end = leaf->end;
    }
    return ok;
}

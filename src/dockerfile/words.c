// SPDX-License-Identifier: Apache-2.0
/* How the text of a line falls into words, names and flags. */
#include "dockerfile/internal.h"

void args_push(struct arena *a, struct args *args, const struct line *line, size_t start,
               size_t end) {
    struct arg arg = { str_slice(line->text, start, end), start, end };
    ARENA_PUSH(a, args->items, args->len, args->cap, arg);
}

void words_split(struct arena *a, const struct line *line, size_t start, size_t end, bool heredocs,
                 struct args *args) {
    size_t at = start;
    while (at < end) {
        while (at < end && char_is_space(line->text.ptr[at])) {
            at++;
        }
        size_t word = at;
        at = heredocs ? heredoc_mark_end(line->text, at, end) : at;
        while (at < end && !char_is_space(line->text.ptr[at])) {
            at++;
        }
        if (at > word) {
            args_push(a, args, line, word, at);
        }
    }
}

/*
 * One word of ENV, LABEL and ARG, as written: white space inside quotes or after an escape is
 * part of it. An escape at the very end of the text is dropped, as a line continuation is.
 */
static size_t name_end(str text, size_t at, size_t end, char escape, bool *ret_drop_last) {
    char quote = '\0';
    *ret_drop_last = false;
    while (at < end) {
        char c = text.ptr[at];
        if (c == escape && quote != '\'') {
            if (at + 1 == end) {
                *ret_drop_last = true;
                return end;
            }
            at += 2;
            continue;
        }
        if (quote == '\0' && char_is_space(c)) {
            break;
        }
        if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == quote) {
            quote = '\0';
        }
        at++;
    }
    return at;
}

void names_split(struct arena *a, const struct line *line, size_t start, size_t end, char escape,
                 struct args *args) {
    size_t at = start;
    while (at < end) {
        if (char_is_space(line->text.ptr[at])) {
            at++;
            continue;
        }
        bool drop_last;
        size_t stop = name_end(line->text, at, end, escape, &drop_last);
        size_t last = drop_last ? stop - 1 : stop;
        if (last > at) {
            args_push(a, args, line, at, last);
        }
        at = stop;
    }
}

/* Where a flag ends: white space inside quotes or after a backslash is part of it. */
static size_t flag_end(str text, size_t at, size_t end, bool *ret_plain) {
    char quote = '\0';
    *ret_plain = true;
    for (; at < end; at++) {
        char c = text.ptr[at];
        if (quote == '\0' && char_is_space(c)) {
            break;
        }
        if (c == '\\') {
            *ret_plain = false;
            at = min_size(at + 1, end - 1);
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            *ret_plain = false;
            quote = c;
        } else if (c == quote) {
            quote = '\0';
        }
    }
    return at;
}

/* A flag without its quotes and backslashes. */
static str flag_clean(struct arena *a, str raw) {
    char *text = arena_alloc(a, raw.len + 1);
    size_t len = 0;
    char quote = '\0';
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '\\') {
            if (++i < raw.len) {
                text[len++] = raw.ptr[i];
            }
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (quote != '\0' && c == quote) {
            quote = '\0';
        } else {
            text[len++] = c;
        }
    }
    return (str){ text, len };
}

static struct dockerfile_flag flag_from_text(const struct line *line, str text, size_t start,
                                             size_t end) {
    struct dockerfile_flag flag = { .span = line_span(line, start, end) };
    size_t equals = str_find_char(text, '=', 0);
    if (equals == STR_NONE) {
        flag.name = str_slice(text, 2, text.len);
        return flag;
    }
    flag.name = str_slice(text, 2, equals);
    flag.value.text = str_slice(text, equals + 1, text.len);
    size_t raw_equals = str_find_char(line->text, '=', start);
    flag.value.span = line_span(line, min_size(raw_equals + 1, end), end);
    return flag;
}

size_t flags_split(struct parser *p, const struct line *line, size_t start, size_t end,
                   struct dockerfile_flag **ret_flags, size_t *ret_count) {
    struct dockerfile_flag *flags = NULL;
    size_t count = 0;
    size_t cap = 0;
    size_t at = start;
    for (;;) {
        while (at < end && char_is_space(line->text.ptr[at])) {
            at++;
        }
        if (end - at < 2 || line->text.ptr[at] != '-' || line->text.ptr[at + 1] != '-') {
            break;
        }
        bool plain;
        size_t stop = flag_end(line->text, at, end, &plain);
        str raw = str_slice(line->text, at, stop);
        str text = plain ? raw : flag_clean(p->arena, raw);
        if (str_eq(text, S("--"))) { /* ends the flags */
            at = stop;
            break;
        }
        if (count == DOCKERFILE_WORDS_MAX) {
            parser_error(p, line_span(line, at, stop), "more than %d flags", DOCKERFILE_WORDS_MAX);
            at = end;
            break;
        }
        ARENA_PUSH(p->arena, flags, count, cap, flag_from_text(line, text, at, stop));
        at = stop;
    }
    *ret_flags = flags;
    *ret_count = count;
    return at;
}

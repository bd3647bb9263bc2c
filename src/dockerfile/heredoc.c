// SPDX-License-Identifier: Apache-2.0
/*
 * Dockerfile reference, "Here-documents". Words are found with backslash as the escape character,
 * whatever the escape directive says, as in a shell.
 */
#include <string.h>

#include "dockerfile/internal.h"

/* Where the quote that starts at `at` ends, after its last character; 0 when it is not closed. */
static size_t quote_end(str text, size_t at, size_t end) {
    char quote = text.ptr[at];
    for (at++; at < end; at++) {
        if (text.ptr[at] == quote) {
            return at + 1;
        }
        if (quote == '"' && text.ptr[at] == '\\') {
            at++;
        }
    }
    return 0;
}

size_t heredoc_mark_end(str text, size_t at, size_t end) {
    if (end - at < 2 || text.ptr[at] != '<' || text.ptr[at + 1] != '<') {
        return at;
    }
    at += 2;
    size_t name = at + (at < end && text.ptr[at] == '-' ? 1 : 0);
    while (name < end && char_is_space(text.ptr[name])) {
        name++;
    }
    /* "<<" at the very end, or before another one, begins nothing. */
    return name < end && text.ptr[name] != '<' ? name : at;
}

/* Where a shell's arithmetic, "$((1 << 20))", ends; `at` when none begins there. */
static size_t arithmetic_end(str text, size_t at, size_t end) {
    if (!str_starts(str_slice(text, at, end), S("$(("))) {
        return at;
    }
    size_t close = str_find(str_slice(text, 0, end), S("))"), at);
    return close == STR_NONE ? at : close + 2;
}

bool raw_words_split(struct arena *a, const struct line *line, size_t start, size_t end,
                     struct args *args) {
    size_t at = start;
    while (at < end) {
        if (char_is_space(line->text.ptr[at])) {
            at++;
            continue;
        }
        size_t word = at;
        while (at < end && !char_is_space(line->text.ptr[at])) {
            char c = line->text.ptr[at];
            size_t skipped = max_size(heredoc_mark_end(line->text, at, end),
                                      arithmetic_end(line->text, at, end));
            if (skipped > at) {
                at = skipped;
            } else if (c == '\'' || c == '"') {
                at = quote_end(line->text, at, end);
                if (at == 0) {
                    return false;
                }
            } else {
                at = min_size(at + (c == '\\' ? 2 : 1), end);
            }
        }
        args_push(a, args, line, word, at);
    }
    return true;
}

bool word_unquote(struct arena *a, str word, str *ret) {
    char *out = arena_alloc(a, word.len + 1);
    size_t len = 0;
    char quote = '\0';
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (quote != '\0' && c == quote) {
            quote = '\0';
        } else if (c == '\\' && quote != '\'' && i + 1 < word.len &&
                   (quote == '\0' || memchr("\"$\\", word.ptr[i + 1], 3) != NULL)) {
            out[len++] = word.ptr[++i];
        } else if (c != '\\' || quote != '\0') { /* a lone backslash at the end is dropped */
            out[len++] = c;
        }
    }
    *ret = (str){ out, len };
    return quote == '\0';
}

/* heredoc: digits? "<<" "-"? blanks? name, where the name has no "<" and may be quoted. */
bool heredoc_word_parse(struct arena *a, str word, struct dockerfile_heredoc *ret) {
    size_t digits = 0;
    while (digits < word.len && char_is_digit(word.ptr[digits])) {
        digits++;
    }
    str rest = str_slice(word, digits, word.len);
    if (!str_starts(rest, S("<<"))) {
        return false;
    }
    rest = str_slice(rest, 2, rest.len);
    struct dockerfile_heredoc h = { .word_span = SPAN_NONE, .body_span = SPAN_NONE };
    if (str_starts(rest, S("-"))) {
        h.chomp = true;
        rest = str_slice(rest, 1, rest.len);
    }
    rest = str_trim_left(rest);
    uint64_t fd = 0;
    if (digits > 0 && (!str_to_u64(str_slice(word, 0, digits), &fd) || fd > INT32_MAX)) {
        return false;
    }
    if (str_find_char(rest, '<', 0) != STR_NONE || !word_unquote(a, rest, &h.name) ||
        h.name.len == 0) {
        return false;
    }
    h.fd = (uint32_t)fd;
    h.expand = str_eq(h.name, rest);
    *ret = h;
    return true;
}

static str without_tabs(str line) {
    while (line.len > 0 && line.ptr[0] == '\t') {
        line = str_slice(line, 1, line.len);
    }
    return line;
}

/* Reads lines up to the terminator. */
static bool read_body(struct parser *p, struct dockerfile_heredoc *h, uint32_t *ret_end) {
    size_t start = p->at;
    str raw;
    uint32_t at;
    while (line_next_raw(p, &raw, &at)) {
        str text = raw;
        while (text.len > 0 && strchr("\r\n", text.ptr[text.len - 1]) != NULL) {
            text.len--;
        }
        *ret_end = at + (uint32_t)text.len;
        if (str_eq(h->chomp ? without_tabs(text) : text, h->name)) {
            h->body = str_slice(p->text, start, at);
            h->body_span = (struct span){ p->source, (uint32_t)start, at };
            return true;
        }
    }
    struct diag *d =
        parser_error(p, h->word_span, "heredoc '%.*s' is not ended", TEXT_FMT(h->name));
    diag_help(p->sink, d, "end it with a line that holds '%.*s' and nothing else",
              TEXT_FMT(h->name));
    return false;
}

bool heredocs_read(struct parser *p, struct node *n) {
    struct args words = { 0 };
    const struct line *line = n->line;
    if (str_find(line->text, S("<<"), n->keyword.end) == STR_NONE ||
        !raw_words_split(p->arena, line, n->keyword.end, line->text.len, &words)) {
        return true;
    }
    size_t cap = 0;
    for (size_t i = 0; i < words.len; i++) {
        const struct arg *word = &words.items[i];
        struct dockerfile_heredoc h;
        if (str_find(word->text, S("<<"), 0) == STR_NONE ||
            !heredoc_word_parse(p->arena, word->text, &h)) {
            continue;
        }
        h.word_span = line_span(line, word->start, word->end);
        if (n->heredoc_count == DOCKERFILE_WORDS_MAX) {
            parser_error(p, h.word_span, "more than %d heredocs", DOCKERFILE_WORDS_MAX);
            return false;
        }
        if (!read_body(p, &h, &n->end)) {
            return false;
        }
        ARENA_PUSH(p->arena, n->heredocs, n->heredoc_count, cap, h);
    }
    return true;
}

str dockerfile_heredoc_content(struct arena *a, const struct dockerfile_heredoc *h) {
    if (!h->chomp) {
        return h->body;
    }
    char *out = arena_alloc(a, h->body.len + 1);
    size_t len = 0;
    str rest = h->body;
    while (rest.len > 0) {
        size_t newline = str_find_char(rest, '\n', 0);
        size_t end = newline == STR_NONE ? rest.len : newline + 1;
        str line = without_tabs(str_slice(rest, 0, end));
        memcpy(out + len, line.ptr, line.len);
        len += line.len;
        rest = str_slice(rest, end, rest.len);
    }
    return (str){ out, len };
}

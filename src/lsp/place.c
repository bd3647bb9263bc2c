// SPDX-License-Identifier: Apache-2.0
/*
 * What stands at an offset. The parser of toml/ says what a text means; this one only says where
 * in a statement the offset is, and goes on through text that is not TOML yet. Follows the grammar
 * of TOML 1.0, loosely.
 */
#include <string.h>

#include "lsp/internal.h"

enum { VALUES_DEEP = 64 };

/* Each function that reads gives false when the offset was found, or nothing more can be. */
struct scan {
    str text;
    size_t at;
    size_t target;
    size_t path_len; /* of `place->path` as it is now */
    struct place *place;
    size_t depth; /* of values */
};

static char peek(const struct scan *s) {
    return s->at < s->text.len ? s->text.ptr[s->at] : '\n';
}

static bool at_end(const struct scan *s) {
    return s->at >= s->text.len;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_bare(char c) {
    return char_is_alnum(c) || c == '_' || c == '-';
}

static void skip_blanks(struct scan *s) {
    while (!at_end(s) && is_blank(peek(s))) {
        s->at++;
    }
}

static void skip_line(struct scan *s) {
    size_t end = str_find_char(s->text, '\n', s->at);
    s->at = end == STR_NONE ? s->text.len : end;
}

static bool is_between(const struct scan *s, size_t start, size_t end) {
    return start <= s->target && s->target <= end;
}

/* The offset is here. */
static bool found(struct scan *s, enum place_kind kind, size_t start, size_t end) {
    s->place->kind = kind;
    s->place->path_len = s->path_len;
    s->place->start = start;
    s->place->end = end;
    return false;
}

static bool push(struct scan *s, str key) {
    if (s->path_len == PLACE_DEPTH_MAX) {
        return false;
    }
    s->place->path[s->path_len++] = key;
    return true;
}

/* Blanks, line ends and comments. */
static bool skip_trivia(struct scan *s) {
    for (;;) {
        while (!at_end(s) && (is_blank(peek(s)) || peek(s) == '\n')) {
            s->at++;
        }
        if (at_end(s) || peek(s) != '#') {
            return true;
        }
        size_t start = s->at;
        skip_line(s);
        if (start < s->target && s->target <= s->at) {
            return false; /* in a comment is no place */
        }
    }
}

/* A string of any of the four forms; one that is not closed ends with its line, or the text. */
static void skip_string(struct scan *s) {
    char quote = peek(s);
    str triple = quote == '"' ? S("\"\"\"") : S("'''");
    if (str_starts(str_slice(s->text, s->at, s->text.len), triple)) {
        s->at += 3;
        while (!at_end(s) && !str_starts(str_slice(s->text, s->at, s->at + 3), triple)) {
            s->at += peek(s) == '\\' && quote == '"' ? 2 : 1;
        }
        s->at = min_size(s->at + 3, s->text.len);
        while (!at_end(s) && peek(s) == quote) { /* quotes right before the closing ones */
            s->at++;
        }
        return;
    }
    s->at++;
    while (!at_end(s) && peek(s) != quote && peek(s) != '\n') {
        bool escape = peek(s) == '\\' && quote == '"';
        s->at++;
        s->at += escape && peek(s) != '\n' ? 1 : 0;
    }
    s->at = min_size(s->at, s->text.len);
    s->at += !at_end(s) && peek(s) == quote ? 1 : 0;
}

/* The text of a key part; escapes are for toml/, which an editor's keys do without. */
static str key_text(const struct scan *s, size_t start, size_t end) {
    str raw = str_slice(s->text, start, end);
    char quote = raw.len > 0 ? raw.ptr[0] : '\0';
    if (quote != '"' && quote != '\'') {
        return raw;
    }
    bool closed = raw.len > 1 && raw.ptr[raw.len - 1] == quote;
    return str_slice(raw, 1, raw.len - (closed ? 1 : 0));
}

/* key = part { "." part }: pushed to the path. */
static bool scan_key(struct scan *s, enum place_kind kind) {
    for (;;) {
        size_t gap = s->at;
        skip_blanks(s);
        size_t start = s->at;
        if (peek(s) == '"' || peek(s) == '\'') {
            skip_string(s);
        } else {
            while (!at_end(s) && is_bare(peek(s))) {
                s->at++;
            }
        }
        if (is_between(s, start, s->at)) {
            s->place->word = key_text(s, start, s->at);
            return found(s, kind, start, s->at);
        }
        if (is_between(s, gap, start)) {
            return found(s, kind, s->target, s->target);
        }
        if (s->at == start) {
            return true;
        }
        if (!push(s, key_text(s, start, s->at))) {
            return false;
        }
        skip_blanks(s);
        if (peek(s) != '.') {
            return true;
        }
        s->at++;
    }
}

/* Does a statement begin on this line? Then the brackets before it were never closed. */
static bool at_statement(const struct scan *s) {
    size_t at = s->at;
    size_t line = at;
    while (line > 0 && is_blank(s->text.ptr[line - 1])) {
        line--;
    }
    if (line > 0 && s->text.ptr[line - 1] != '\n') {
        return false;
    }
    size_t brackets = 0;
    while (brackets < 2 && at < s->text.len && s->text.ptr[at] == '[') {
        at++;
        brackets++;
    }
    size_t start = at;
    while (at < s->text.len && (is_bare(s->text.ptr[at]) || s->text.ptr[at] == '.')) {
        at++;
    }
    if (at == start || (brackets > 0 && char_is_digit(s->text.ptr[start]))) {
        return false;
    }
    while (at < s->text.len && is_blank(s->text.ptr[at])) {
        at++;
    }
    return at < s->text.len && s->text.ptr[at] == (brackets > 0 ? ']' : '=');
}

static bool scan_value(struct scan *s);

/* array = "[" { value "," } "]", over several lines. */
static bool scan_array(struct scan *s) {
    s->at++;
    for (;;) {
        size_t gap = s->at;
        if (!skip_trivia(s)) {
            return false;
        }
        if (at_statement(s)) {
            return true;
        }
        if (s->target < s->at && is_between(s, gap, s->at)) {
            return found(s, PLACE_VALUE, s->target, s->target);
        }
        if (at_end(s) || peek(s) == ']') {
            bool here = s->target == s->at;
            s->at += at_end(s) ? 0 : 1;
            return here ? found(s, PLACE_VALUE, s->target, s->target) : true;
        }
        size_t from = s->at;
        if (peek(s) != ',' && !scan_value(s)) {
            return false;
        }
        s->at += s->at == from || peek(s) == ',' ? 1 : 0;
    }
}

/* inline-table = "{" { key "=" value "," } "}", on one line. */
static bool scan_inline_table(struct scan *s) {
    struct place *place = s->place;
    size_t outer = s->path_len;
    size_t outer_seen = place->seen_from;
    place->seen_from = place->seen_len;
    s->at++;
    while (!at_end(s) && peek(s) != '\n' && peek(s) != '}') {
        size_t from = s->at;
        if (!scan_key(s, PLACE_KEY)) {
            return false;
        }
        if (s->path_len > outer && place->seen_len < PLACE_DEPTH_MAX) {
            place->seen[place->seen_len++] = place->path[outer];
        }
        skip_blanks(s);
        if (peek(s) == '=') {
            s->at++;
            if (!scan_value(s)) {
                return false;
            }
            skip_blanks(s);
        }
        s->path_len = outer;
        bool separated = peek(s) == ',';
        s->at += separated || (s->at == from && peek(s) != '}' && peek(s) != '\n') ? 1 : 0;
    }
    if (is_between(s, s->at, s->at) && peek(s) == '}') {
        return found(s, PLACE_KEY, s->target, s->target);
    }
    s->at += peek(s) == '}' && !at_end(s) ? 1 : 0;
    place->seen_len = place->seen_from;
    place->seen_from = outer_seen;
    return true;
}

/* A number, a word, a date, or something half typed. */
static void skip_scalar(struct scan *s) {
    while (!at_end(s) && memchr(" \t\r\n,]}#", peek(s), 9) == NULL) {
        s->at++;
    }
}

static bool scan_value(struct scan *s) {
    size_t gap = s->at;
    skip_blanks(s);
    size_t start = s->at;
    if (s->target < start && is_between(s, gap, start)) {
        return found(s, PLACE_VALUE, s->target, s->target);
    }
    if (peek(s) == '[' || peek(s) == '{') {
        bool in_list = s->place->in_list;
        if (s->depth == VALUES_DEEP || s->target == start) {
            return s->target == start ? found(s, PLACE_VALUE, start, start) : false;
        }
        bool list = peek(s) == '[';
        s->depth++;
        s->place->in_list = list;
        if (list ? !scan_array(s) : !scan_inline_table(s)) {
            return false;
        }
        s->depth--;
        s->place->in_list = in_list;
        return true;
    }
    if (peek(s) == '"' || peek(s) == '\'') {
        skip_string(s);
    } else {
        skip_scalar(s);
    }
    return is_between(s, start, s->at) ? found(s, PLACE_VALUE, start, s->at) : true;
}

/* [key] or [[key]]: the path of what follows. */
static bool scan_header(struct scan *s, size_t *ret_table) {
    s->at++;
    s->path_len = 0;
    if (peek(s) == '[') {
        s->at++;
        s->place->is_array_header = true;
    }
    if (!scan_key(s, PLACE_HEADER)) {
        return false;
    }
    s->place->is_array_header = false;
    *ret_table = s->path_len;
    size_t end = s->at;
    skip_line(s);
    return !is_between(s, end, s->at);
}

static bool scan_statement(struct scan *s) {
    if (!scan_key(s, PLACE_KEY)) {
        return false;
    }
    size_t end = s->at;
    skip_blanks(s);
    if (peek(s) != '=' || at_end(s)) {
        skip_line(s);
        return !is_between(s, end, s->at);
    }
    if (is_between(s, end, s->at)) {
        return false;
    }
    s->at++;
    if (!scan_value(s)) {
        return false;
    }
    if (!at_statement(s)) { /* else brackets were not closed */
        skip_blanks(s);
        if (peek(s) != '#') {
            skip_line(s);
        }
    }
    return true;
}

/* Is there a line start between two statements, where another one can be typed? */
static bool has_line_start(str text, size_t gap, size_t offset) {
    return gap == 0 || (gap <= offset && text.ptr[gap - 1] == '\n') ||
           str_find_char(str_slice(text, gap, max_size(gap, offset)), '\n', 0) != STR_NONE;
}

void place_find(str text, size_t offset, struct place *ret) {
    size_t table = 0;
    *ret = (struct place){ .kind = PLACE_NONE };
    struct scan s = { .text = text, .target = offset, .place = ret };
    s.at = str_starts(text, S("\xEF\xBB\xBF")) ? 3 : 0;
    for (;;) {
        size_t gap = s.at;
        if (!skip_trivia(&s)) {
            return;
        }
        s.path_len = table;
        if (at_end(&s) || s.at > offset) {
            if (has_line_start(text, gap, offset)) {
                found(&s, PLACE_KEY, offset, offset);
            }
            return;
        }
        size_t from = s.at;
        bool more = peek(&s) == '[' && s.at != offset ? scan_header(&s, &table)
                    : peek(&s) == '['                 ? found(&s, PLACE_KEY, offset, offset)
                                                      : scan_statement(&s);
        if (!more) {
            return;
        }
        s.at += s.at == from ? 1 : 0; /* nothing that begins a statement */
    }
}

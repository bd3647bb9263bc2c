// SPDX-License-Identifier: Apache-2.0
/*
 * Where to go on after a mistake. Inside brackets the next line need not be a statement, so lines
 * are looked at for what they seem to be. Only ever used after an error: a wrong guess costs one
 * more message, never a wrong value.
 */
#include <string.h>

#include "toml/internal.h"

const char *line_end(const char *at, const char *end) {
    const char *hit = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    return hit == NULL ? end : hit;
}

static const char *line_skip_blanks(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    return at;
}

/* Behind a key part that starts at `at`; `at` itself when there is none. */
static const char *skip_key_part(const char *at, const char *end) {
    if (at < end && (*at == '"' || *at == '\'')) {
        const char *stop = line_end(at, end);
        const char *close = memchr(at + 1, *at, (size_t)(stop - at - 1));
        return close == NULL ? at : close + 1;
    }
    while (at < end && is_bare_key_char(*at)) {
        at++;
    }
    return at;
}

/* key = part { "." part }; returns what is after it and blanks, or NULL. */
static const char *skip_key(const char *at, const char *end) {
    for (;;) {
        const char *part = line_skip_blanks(at, end);
        at = skip_key_part(part, end);
        if (at == part) {
            return NULL;
        }
        at = line_skip_blanks(at, end);
        if (at == end || *at != '.') {
            return at;
        }
        at++;
    }
}

static bool line_is_header(const char *at, const char *end) {
    at = line_skip_blanks(at, end);
    if (at == end || *at != '[') {
        return false;
    }
    at++;
    size_t brackets = at < end && *at == '[' ? 2 : 1;
    at = skip_key(at + brackets - 1, end);
    for (size_t i = 0; at != NULL && i < brackets; i++) {
        at = at < end && *at == ']' ? at + 1 : NULL;
    }
    if (at == NULL) {
        return false;
    }
    at = line_skip_blanks(at, end);
    return at == end || *at == '\n' || *at == '\r' || *at == '#';
}

bool line_is_statement(const char *at, const char *end) {
    end = line_end(at, end);
    if (line_is_header(at, end)) {
        return true;
    }
    const char *behind = skip_key(at, end);
    return behind != NULL && behind < end && *behind == '=';
}

const char *find_header_line(const char *at, const char *end) {
    while (at < end && !line_is_header(at + 1, line_end(at + 1, end))) {
        at = line_end(at + 1, end);
    }
    return at;
}

const char *find_statement_line(const char *at, const char *end) {
    while (at < end && !line_is_statement(at + 1, end)) {
        at = line_end(at + 1, end);
    }
    return at;
}

bool at_statement(const struct parser *p) {
    const char *from = p->at;
    while (from > p->start && (from[-1] == ' ' || from[-1] == '\t')) {
        from--;
    }
    return (from == p->start || from[-1] == '\n') && line_is_statement(from, p->end);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Go's filepath.Match, and "**" of .dockerignore on top of it. All positions in the pattern that a
 * path may have reached are followed at once: the time is the product of both lengths at worst.
 *
 * A position is a byte offset in the pattern. Inside of "**" there are two: at its first star
 * nothing is taken yet, at its second one some characters are, and a '/' must come to end it.
 */
#include <string.h>

#include "dockerfile/internal.h"

enum { PATTERN_MAX = 4096 };

struct state_set {
    uint16_t items[PATTERN_MAX + 1];
    uint16_t len;
};

struct matcher {
    str pattern;
    struct state_set sets[2];
    uint32_t seen[PATTERN_MAX + 1];   /* the step in which a position was last added */
    bool doublestar[PATTERN_MAX + 1]; /* a "**" starts here */
    uint32_t step;
    bool all; /* "**" at the end is reached: any rest matches */
};

/* ---- classes: "[" "^"? (c | c "-" c)+ "]" ---- */

static bool class_char(str pattern, size_t *at, uint32_t *ret) {
    if (*at >= pattern.len || pattern.ptr[*at] == '-' || pattern.ptr[*at] == ']') {
        return false;
    }
    if (pattern.ptr[*at] == '\\' && ++*at >= pattern.len) {
        return false;
    }
    size_t len = str_utf8_next(str_slice(pattern, *at, pattern.len), ret);
    if (len == 0) {
        return false;
    }
    *at += len;
    return *at < pattern.len;
}

/* From the '[' at *at; after the ']' afterwards. False: malformed. */
static bool class_match(str pattern, size_t *at, uint32_t c, bool *ret_match) {
    size_t i = *at + 1;
    bool negated = i < pattern.len && pattern.ptr[i] == '^';
    i += negated ? 1 : 0;
    bool match = false;
    for (size_t ranges = 0; i >= pattern.len || pattern.ptr[i] != ']' || ranges == 0; ranges++) {
        uint32_t low;
        if (!class_char(pattern, &i, &low)) {
            return false;
        }
        uint32_t high = low;
        if (pattern.ptr[i] == '-') {
            i++;
            if (!class_char(pattern, &i, &high)) {
                return false;
            }
        }
        match = match || (low <= c && c <= high);
    }
    *at = i + 1;
    *ret_match = match != negated;
    return true;
}

bool dockerfile_glob_check(str pattern) {
    if (pattern.len > PATTERN_MAX) {
        return false;
    }
    for (size_t at = 0; at < pattern.len;) {
        bool ignored;
        if (pattern.ptr[at] == '[') {
            if (!class_match(pattern, &at, 0, &ignored)) {
                return false;
            }
            continue;
        }
        if (pattern.ptr[at] == '\\' && ++at == pattern.len) {
            return false;
        }
        at++;
    }
    return true;
}

bool dockerfile_glob_has_wildcard(str pattern) {
    for (size_t at = 0; at < pattern.len; at++) {
        char c = pattern.ptr[at];
        if (c == '*' || c == '?' || c == '[') {
            return true;
        }
        at += c == '\\' ? 1 : 0;
    }
    return false;
}

/* ---- the matcher ---- */

/* Behind "**" and the slash that belongs to it. */
static size_t behind_doublestar(const struct matcher *m, size_t at) {
    at += 2;
    return at < m->pattern.len && m->pattern.ptr[at] == '/' ? at + 1 : at;
}

static void add_one(struct matcher *m, struct state_set *set, size_t at) {
    if (m->seen[at] != m->step) {
        m->seen[at] = m->step;
        set->items[set->len++] = (uint16_t)at;
    }
}

/* Adds a position, and those that are reached from it without taking a character. */
static void add(struct matcher *m, struct state_set *set, size_t at) {
    for (;;) {
        bool is_new = m->seen[at] != m->step;
        add_one(m, set, at);
        if (!is_new || at >= m->pattern.len || m->pattern.ptr[at] != '*') {
            return;
        }
        if (!m->doublestar[at]) {
            at++;
            continue;
        }
        add_one(m, set, at + 1);
        at = behind_doublestar(m, at);
        if (at == m->pattern.len) {
            m->all = true;
            return;
        }
    }
}

/* One character `c`, written as `text`, from position `at`. */
static void advance(struct matcher *m, struct state_set *next, size_t at, uint32_t c, str text) {
    str pattern = m->pattern;
    char p = pattern.ptr[at];
    bool match = false;
    if (at > 0 && m->doublestar[at - 1]) {
        add_one(m, next, at);
        if (c == '/') {
            add(m, next, behind_doublestar(m, at - 1));
        }
    } else if (p == '*') {
        if (!m->doublestar[at] && c != '/') {
            add(m, next, at);
        }
    } else if (p == '?') {
        if (c != '/') {
            add(m, next, at + 1);
        }
    } else if (p == '[') {
        if (class_match(pattern, &at, c, &match) && match) {
            add(m, next, at);
        }
    } else {
        at += p == '\\' ? 1 : 0;
        if (at < pattern.len && str_starts(str_slice(pattern, at, pattern.len), text)) {
            add(m, next, at + text.len);
        }
    }
}

/* Only what the pattern's length needs: patterns are short, the arrays are not. */
static void matcher_init(struct matcher *m, str pattern, bool doublestar) {
    m->pattern = pattern;
    m->sets[0].len = m->sets[1].len = 0;
    m->step = 1;
    m->all = false;
    memset(m->seen, 0, (pattern.len + 1) * sizeof *m->seen);
    memset(m->doublestar, 0, pattern.len + 1);
    for (size_t at = 0; doublestar && at < pattern.len;) {
        bool ignored;
        if (pattern.ptr[at] == '[' && class_match(pattern, &at, 0, &ignored)) {
            continue;
        }
        if (str_starts(str_slice(pattern, at, pattern.len), S("**"))) {
            m->doublestar[at] = true;
            at = behind_doublestar(m, at);
        } else {
            at += pattern.ptr[at] == '\\' ? 2 : 1;
        }
    }
}

/* Most patterns begin with characters that are no wildcards: a quick no. */
static bool literal_start_differs(str pattern, str path) {
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (c == '*' || c == '?' || c == '[' || c == '\\') {
            return false;
        }
        if (i >= path.len || path.ptr[i] != c) {
            return true;
        }
    }
    return path.len != pattern.len;
}

/* The same after the last wildcard or slash: a slash may belong to two stars that are nothing. */
static bool literal_end_differs(str pattern, str path) {
    size_t len = 0;
    while (len < pattern.len && strchr("*?[]\\/", pattern.ptr[pattern.len - 1 - len]) == NULL) {
        len++;
    }
    return !str_ends(path, str_slice(pattern, pattern.len - len, pattern.len));
}

bool glob_match(str pattern, str path, bool doublestar) {
    if (pattern.len > PATTERN_MAX || literal_start_differs(pattern, path) ||
        literal_end_differs(pattern, path)) {
        return false;
    }
    struct matcher m;
    matcher_init(&m, pattern, doublestar);
    struct state_set *now = &m.sets[0];
    struct state_set *next = &m.sets[1];
    add(&m, now, 0);
    for (size_t at = 0; at < path.len && now->len > 0 && !m.all;) {
        uint32_t c;
        size_t len = str_utf8_next(str_slice(path, at, path.len), &c);
        if (len == 0) {
            c = 0xFFFD;
            len = 1;
        }
        str text = str_slice(path, at, at + len);
        m.step++;
        next->len = 0;
        for (size_t i = 0; i < now->len; i++) {
            if (now->items[i] < pattern.len) {
                advance(&m, next, now->items[i], c, text);
            }
        }
        struct state_set *spare = now;
        now = next;
        next = spare;
        at += len;
    }
    for (size_t i = 0; i < now->len && !m.all; i++) {
        if (now->items[i] == pattern.len) {
            return true;
        }
    }
    return m.all;
}

bool dockerfile_glob_match(str pattern, str path) {
    return dockerfile_glob_check(pattern) && glob_match(pattern, path, false);
}

bool dockerfile_glob_match_deep(str pattern, str path) {
    return dockerfile_glob_check(pattern) && glob_match(pattern, path, true);
}

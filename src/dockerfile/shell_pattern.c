// SPDX-License-Identifier: Apache-2.0
/*
 * Dockerfile reference, "Environment replacement": the patterns of ${v#p}, ${v%p} and ${v/p/r}.
 * `?` is one character, `*` any number of them, a backslash takes the meaning of the next one.
 * All states are followed at once, so that no pattern takes more than length times length steps.
 */
#include <string.h>

#include "dockerfile/internal.h"

enum { TOKEN_ANY = -1, TOKEN_STAR = -2 };

/* A text as code points; bytes that are not UTF-8 are above all of them. */
struct units {
    int32_t *items;
    size_t len;
};

static size_t next_unit(str text, size_t at, int32_t *ret) {
    uint32_t code;
    size_t len = str_utf8_next(str_slice(text, at, text.len), &code);
    if (len == 0) {
        *ret = 0x110000 + (unsigned char)text.ptr[at];
        return 1;
    }
    *ret = (int32_t)code;
    return len;
}

/* `ret_offsets`: byte offset of each unit, and of the end; may be NULL. */
static struct units to_units(struct arena *a, str text, size_t **ret_offsets) {
    struct units u = { ARENA_ARRAY(a, int32_t, text.len + 1), 0 };
    size_t *offsets = ret_offsets == NULL ? NULL : ARENA_ARRAY(a, size_t, text.len + 1);
    size_t at = 0;
    while (at < text.len) {
        if (offsets != NULL) {
            offsets[u.len] = at;
        }
        at += next_unit(text, at, &u.items[u.len++]);
    }
    if (offsets != NULL) {
        offsets[u.len] = at;
        *ret_offsets = offsets;
    }
    return u;
}

static bool to_tokens(struct arena *a, str pattern, struct units *ret) {
    struct units u = to_units(a, pattern, NULL);
    size_t len = 0;
    for (size_t i = 0; i < u.len; i++) {
        int32_t c = u.items[i];
        if (c == '\\') {
            if (++i == u.len) {
                return false;
            }
            c = u.items[i];
        } else if (c == '*') {
            c = TOKEN_STAR;
        } else if (c == '?') {
            c = TOKEN_ANY;
        }
        u.items[len++] = c;
    }
    *ret = (struct units){ u.items, len };
    return true;
}

static void reverse(struct units *u) {
    for (size_t i = 0; i < u->len / 2; i++) {
        int32_t other = u->items[u->len - 1 - i];
        u->items[u->len - 1 - i] = u->items[i];
        u->items[i] = other;
    }
}

struct machine {
    struct units tokens;
    bool *now; /* now[i]: tokens before i are matched */
    bool *next;
    size_t *budget;
};

static struct machine machine_new(struct arena *a, struct units tokens, size_t *budget) {
    return (struct machine){ tokens, ARENA_ARRAY(a, bool, tokens.len + 1),
                             ARENA_ARRAY(a, bool, tokens.len + 1), budget };
}

/* A state and, past stars, those after it; one that is set has brought them already. */
static void machine_enter(struct machine *m, bool *states, size_t at) {
    while (!states[at]) {
        states[at] = true;
        at += at < m->tokens.len && m->tokens.items[at] == TOKEN_STAR ? 1 : 0;
    }
}

static void machine_start(struct machine *m) {
    memset(m->now, 0, m->tokens.len + 1);
    machine_enter(m, m->now, 0);
}

/* One unit further; *ret_alive says whether any state is left. False: the budget is used up. */
static bool machine_step(struct machine *m, int32_t unit, bool *ret_alive) {
    if (*m->budget < m->tokens.len + 1) {
        return false;
    }
    *m->budget -= m->tokens.len + 1;
    memset(m->next, 0, m->tokens.len + 1);
    *ret_alive = false;
    for (size_t i = 0; i < m->tokens.len; i++) {
        int32_t token = m->tokens.items[i];
        if (!m->now[i] || (token >= 0 && token != unit)) {
            continue;
        }
        *ret_alive = true;
        machine_enter(m, m->next, token == TOKEN_STAR ? i : i + 1);
    }
    bool *spare = m->now;
    m->now = m->next;
    m->next = spare;
    return true;
}

static bool machine_accepts(const struct machine *m) {
    return m->now[m->tokens.len];
}

/* Where a match that starts at `start` ends: the first or the last place; SIZE_MAX: nowhere. */
static bool match_end(struct machine *m, const struct units *text, size_t start, bool longest,
                      size_t *ret_end) {
    size_t end = SIZE_MAX;
    bool alive = true;
    machine_start(m);
    for (size_t at = start;; at++) {
        if (machine_accepts(m)) {
            end = at;
        }
        if (!alive || at == text->len || (end != SIZE_MAX && !longest)) {
            break;
        }
        if (!machine_step(m, text->items[at], &alive)) {
            return false;
        }
    }
    *ret_end = end;
    return true;
}

/* What it costs to look at both texts once. */
static bool pay(size_t *budget, str pattern, str value) {
    size_t price = pattern.len + value.len + 1;
    if (*budget < price) {
        return false;
    }
    *budget -= price;
    return true;
}

bool shell_pattern_trim(str pattern, str value, enum affix which, bool longest, size_t *budget,
                        str *ret) {
    AUTO_ARENA scratch = arena_new();
    size_t *offsets;
    struct units tokens;
    if (!pay(budget, pattern, value) || !to_tokens(scratch, pattern, &tokens)) {
        return false;
    }
    struct units text = to_units(scratch, value, &offsets);
    if (which == AFFIX_SUFFIX) {
        reverse(&text);
        reverse(&tokens);
    }
    struct machine m = machine_new(scratch, tokens, budget);
    size_t end;
    if (!match_end(&m, &text, 0, longest, &end)) {
        return false;
    }
    if (end == SIZE_MAX) {
        *ret = value;
    } else if (which == AFFIX_SUFFIX) {
        *ret = str_slice(value, 0, offsets[text.len - end]);
    } else {
        *ret = str_slice(value, offsets[end], value.len);
    }
    return true;
}

/* starts[i]: some match starts at unit i. Found by reading both backwards. */
static bool find_starts(struct arena *a, struct units tokens, struct units text, size_t *budget,
                        bool **ret_starts) {
    bool *starts = ARENA_ARRAY(a, bool, text.len + 1);
    struct units backwards = { ARENA_ARRAY(a, int32_t, tokens.len + 1), tokens.len };
    if (tokens.len > 0) {
        memcpy(backwards.items, tokens.items, tokens.len * sizeof *tokens.items);
    }
    reverse(&backwards);
    struct machine m = machine_new(a, backwards, budget);
    machine_start(&m);
    for (size_t at = text.len;; at--) {
        machine_enter(&m, m.now, 0); /* a match may end anywhere */
        starts[at] = machine_accepts(&m);
        bool alive;
        if (at == 0) {
            break;
        }
        if (!machine_step(&m, text.items[at - 1], &alive)) {
            return false;
        }
    }
    *ret_starts = starts;
    return true;
}

bool shell_pattern_replace(str pattern, str replacement, str value, bool all, size_t *budget,
                           struct buf *out) {
    AUTO_ARENA scratch = arena_new();
    size_t *offsets;
    struct units tokens;
    bool *starts;
    if (!pay(budget, pattern, value) || !to_tokens(scratch, pattern, &tokens)) {
        return false;
    }
    struct units text = to_units(scratch, value, &offsets);
    if (!find_starts(scratch, tokens, text, budget, &starts)) {
        return false;
    }
    struct machine m = machine_new(scratch, tokens, budget);
    size_t copied = 0; /* units of the value that are in `out` */
    size_t at = tokens.len == 0 ? text.len + 1 : 0;
    while (at <= text.len) {
        size_t end;
        if (!starts[at]) {
            at++;
            continue;
        }
        if (!match_end(&m, &text, at, true, &end)) {
            return false;
        }
        /* An empty match right after another match does not count. */
        if (end > at || at == 0 || at > copied) {
            buf_add(out, str_slice(value, offsets[copied], offsets[at]));
            buf_add(out, replacement);
            copied = end;
        }
        at = max_size(end, at + 1);
        if (!all) {
            break;
        }
    }
    buf_add(out, str_slice(value, offsets[copied], value.len));
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * str: a view of text with its length. Passed by value, never owns memory, may hold NUL bytes.
 * The kernel's door (paths, argv) takes C strings: str_to_path() is the one crossing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;
struct err;

typedef struct {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
} str;

/* A view of a string literal. */
#define S(literal) ((str){ "" literal, sizeof(literal) - 1 })
/* For initialisers of static tables. */
#define S_INIT(literal)                                                                            \
    { "" literal, sizeof(literal) - 1 }
/* For printf's "%.*s". Lengths beyond INT_MAX do not occur: inputs are limited. */
#define STR_FMT(s) (int)(s).len, ((s).ptr != NULL ? (s).ptr : "")

str str_from_c(const char *c); /* NULL gives the empty str */

static inline bool str_same_8(const char *a, const char *b) {
    uint64_t x;
    uint64_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}
static inline bool str_same_4(const char *a, const char *b) {
    uint32_t x;
    uint32_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}
/* 1 to 16 bytes. Names are short, and a call of memcmp() takes longer than to compare them: pieces
 * of one size, which may overlap, cover all. */
static inline bool str_eq_short(const char *a, const char *b, size_t len) {
    if (len >= 8) {
        return str_same_8(a, b) && str_same_8(a + len - 8, b + len - 8);
    }
    if (len >= 4) {
        return str_same_4(a, b) && str_same_4(a + len - 4, b + len - 4);
    }
    return a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1];
}

static inline bool str_eq(str a, str b) {
    if (a.len != b.len) {
        return false;
    }
    if (a.len == 0 || a.ptr == b.ptr) {
        return true;
    }
    return a.len <= 16 ? str_eq_short(a.ptr, b.ptr, a.len) : memcmp(a.ptr, b.ptr, a.len) == 0;
}
int str_cmp(str a, str b);        /* by bytes, as memcmp; equals code point order for UTF-8 */
bool str_eq_nocase(str a, str b); /* ASCII only */
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);

/* Index of the first occurrence at or after `from`, or STR_NONE. */
#define STR_NONE SIZE_MAX
size_t str_find(str s, str needle, size_t from);
size_t str_find_char(str s, char c, size_t from);
size_t str_find_last_char(str s, char c);

/* Bytes [start, end); both are clamped to the length. */
str str_slice(str s, size_t start, size_t end);
/* The longest start of at most `max` bytes that does not end inside a UTF-8 character. */
str str_clip(str s, size_t max);
str str_trim(str s); /* ASCII white space at both ends */
str str_trim_left(str s);
str str_trim_right(str s);

/* Cuts `rest` at the first `sep`: returns what is before it and leaves in *rest what is after it
 * (empty with ptr NULL when there was no `sep`). */
str str_cut(str *rest, char sep);

/* Copies into the arena; the copy is NUL-terminated after its length. */
str str_dup(struct arena *a, str s);
const char *str_to_c(struct arena *a, str s); /* stops at an embedded NUL: for messages only */
str str_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
str str_concat(struct arena *a, str x, str y);
/* ASCII lower case copy. */
str str_lower(struct arena *a, str s);

/* The only way from text to a path: refuses an empty text, an embedded NUL, and over PATH_MAX. */
bool str_to_path(struct arena *a, str s, const char **ret, struct err *err)
    __attribute__((warn_unused_result));

/* Decimal, whole text, no sign (u64) or an optional '-' (i64); false when not so or too large. */
bool str_to_u64(str s, uint64_t *ret) __attribute__((warn_unused_result));
/* The first two numbers of a version: 20 and 10 of "20.10.24+dfsg1". */
bool str_to_version(str s, uint64_t *ret_major, uint64_t *ret_minor);
bool str_to_i64(str s, int64_t *ret) __attribute__((warn_unused_result));
/* A number of bytes with a unit of K, M, G or T (1024 each), in either case, or none: "8G". */
bool str_to_bytes(str s, uint64_t *ret) __attribute__((warn_unused_result));

/* Length of the valid UTF-8 sequence at the start of s (1..4), or 0 when it is not valid;
 * *ret_code_point may be NULL. */
size_t str_utf8_next(str s, uint32_t *ret_code_point);
bool str_is_utf8(str s, size_t *ret_bad_offset); /* ret may be NULL */
/* Encodes a code point; returns the number of bytes written to out[4], 0 for surrogates and
 * values over U+10FFFF. */
size_t utf8_encode(uint32_t code_point, char out[4]);

static inline bool char_is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool char_is_digit(char c) {
    return c >= '0' && c <= '9';
}
static inline bool char_is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool char_is_alnum(char c) {
    return char_is_alpha(c) || char_is_digit(c);
}
static inline char char_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}
/* 0..15, or -1. */
static inline int char_hex(char c) {
    if (char_is_digit(c)) {
        return c - '0';
    }
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

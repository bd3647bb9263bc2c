// SPDX-License-Identifier: Apache-2.0
#include "base/str.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/err.h"

str str_from_c(const char *c) {
    return c == NULL ? (str){ 0 } : (str){ c, strlen(c) };
}

int str_cmp(str a, str b) {
    size_t n = min_size(a.len, b.len);
    int order = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool str_eq_nocase(str a, str b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (char_lower(a.ptr[i]) != char_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool str_starts(str s, str prefix) {
    return s.len >= prefix.len && str_eq((str){ s.ptr, prefix.len }, prefix);
}

bool str_ends(str s, str suffix) {
    return s.len >= suffix.len && str_eq(str_slice(s, s.len - suffix.len, s.len), suffix);
}

size_t str_find(str s, str needle, size_t from) {
    if (from > s.len || needle.len > s.len - from) {
        return STR_NONE;
    }
    if (needle.len == 0) {
        return from;
    }
    const char *hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return hit == NULL ? STR_NONE : (size_t)(hit - s.ptr);
}

size_t str_find_char(str s, char c, size_t from) {
    if (from >= s.len) {
        return STR_NONE;
    }
    const char *hit = memchr(s.ptr + from, c, s.len - from);
    return hit == NULL ? STR_NONE : (size_t)(hit - s.ptr);
}

size_t str_find_last_char(str s, char c) {
    for (size_t i = s.len; i > 0; i--) {
        if (s.ptr[i - 1] == c) {
            return i - 1;
        }
    }
    return STR_NONE;
}

str str_slice(str s, size_t start, size_t end) {
    end = min_size(end, s.len);
    start = min_size(start, end);
    return s.ptr == NULL ? s : (str){ s.ptr + start, end - start };
}

str str_clip(str s, size_t max) {
    if (s.len <= max) {
        return s;
    }
    size_t len = max;
    while (len > 0 && max - len < 3 && ((unsigned char)s.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return (str){ s.ptr, len };
}

str str_trim_left(str s) {
    size_t i = 0;
    while (i < s.len && char_is_space(s.ptr[i])) {
        i++;
    }
    return str_slice(s, i, s.len);
}

str str_trim_right(str s) {
    while (s.len > 0 && char_is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

str str_trim(str s) {
    return str_trim_left(str_trim_right(s));
}

str str_cut(str *rest, char sep) {
    size_t at = str_find_char(*rest, sep, 0);
    str before = *rest;
    if (at == STR_NONE) {
        *rest = (str){ 0 };
        return before;
    }
    before.len = at;
    *rest = str_slice(*rest, at + 1, rest->len);
    return before;
}

str str_dup(struct arena *a, str s) {
    char *copy = arena_alloc_raw(a, s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    copy[s.len] = '\0';
    return (str){ copy, s.len };
}

const char *str_to_c(struct arena *a, str s) {
    return str_dup(a, s).ptr;
}

str str_fmt(struct arena *a, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    char small[256]; /* most texts fit, and then are made once */
    int len = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    if ((size_t)len < sizeof small) {
        va_end(again);
        return str_dup(a, (str){ small, (size_t)len });
    }
    char *text = arena_alloc_raw(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return (str){ text, (size_t)len };
}

str str_concat(struct arena *a, str x, str y) {
    char *text = arena_alloc_raw(a, x.len + y.len + 1);
    if (x.len > 0) {
        memcpy(text, x.ptr, x.len);
    }
    if (y.len > 0) {
        memcpy(text + x.len, y.ptr, y.len);
    }
    text[x.len + y.len] = '\0';
    return (str){ text, x.len + y.len };
}

str str_lower(struct arena *a, str s) {
    char *text = arena_alloc(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        text[i] = char_lower(s.ptr[i]);
    }
    return (str){ text, s.len };
}

bool str_to_path(struct arena *a, str s, const char **ret, struct err *err) {
    if (s.len == 0) {
        return err_set(err, "a path is empty");
    }
    if (str_find_char(s, '\0', 0) != STR_NONE) {
        return err_set(err, "path '%.*s' holds a NUL byte", STR_FMT(s));
    }
    if (s.len >= PATH_MAX) {
        return err_set(err, "a path is longer than %d bytes", PATH_MAX - 1);
    }
    *ret = str_to_c(a, s);
    return true;
}

bool str_to_u64(str s, uint64_t *ret) {
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!char_is_digit(s.ptr[i]) || !mul_u64(value, 10, &value) ||
            !add_u64(value, (uint64_t)(s.ptr[i] - '0'), &value)) {
            return false;
        }
    }
    if (s.len == 0) {
        return false;
    }
    *ret = value;
    return true;
}

bool str_to_version(str s, uint64_t *ret_major, uint64_t *ret_minor) {
    str rest = s;
    str major = str_cut(&rest, '.');
    size_t digits = 0;
    while (digits < rest.len && char_is_digit(rest.ptr[digits])) {
        digits++;
    }
    return str_to_u64(major, ret_major) && str_to_u64(str_slice(rest, 0, digits), ret_minor);
}

bool str_to_i64(str s, int64_t *ret) {
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t value;
    if (!str_to_u64(negative ? str_slice(s, 1, s.len) : s, &value)) {
        return false;
    }
    if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool str_to_bytes(str s, uint64_t *ret) {
    static const str units = S_INIT("kmgt");
    uint64_t number;
    uint64_t factor = 1;
    size_t unit = s.len > 0 ? str_find_char(units, char_lower(s.ptr[s.len - 1]), 0) : STR_NONE;
    if (unit != STR_NONE) {
        factor = (uint64_t)1 << (10 * (unit + 1));
        s.len--;
    }
    return str_to_u64(s, &number) && mul_u64(number, factor, ret);
}

size_t str_utf8_next(str s, uint32_t *ret_code_point) {
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (s.len == 0) {
        return 0;
    }
    uint32_t first = (unsigned char)s.ptr[0];
    size_t len = first < 0x80   ? 1
                 : first < 0xC2 ? 0
                 : first < 0xE0 ? 2
                 : first < 0xF0 ? 3
                 : first < 0xF5 ? 4
                                : 0;
    if (len == 0 || len > s.len) {
        return 0;
    }
    uint32_t code = len == 1 ? first : first & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        uint32_t next = (unsigned char)s.ptr[i];
        if ((next & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (next & 0x3F);
    }
    if (code < smallest[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    if (ret_code_point != NULL) {
        *ret_code_point = code;
    }
    return len;
}

bool str_is_utf8(str s, size_t *ret_bad_offset) {
    size_t i = 0;
    while (i < s.len) {
        /* Eight ASCII bytes at a time: nearly all that configs and templates hold. */
        if (s.len - i >= 8 && (load_le64(s.ptr + i) & 0x8080808080808080U) == 0) {
            i += 8;
            continue;
        }
        size_t len = str_utf8_next(str_slice(s, i, s.len), NULL);
        if (len == 0) {
            if (ret_bad_offset != NULL) {
                *ret_bad_offset = i;
            }
            return false;
        }
        i += len;
    }
    return true;
}

size_t utf8_encode(uint32_t code, char out[4]) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        if (code >= 0xD800 && code <= 0xDFFF) {
            return 0;
        }
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    if (code > 0x10FFFF) {
        return 0;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

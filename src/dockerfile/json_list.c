// SPDX-License-Identifier: Apache-2.0
/*
 * The exec form: a JSON array of strings (RFC 8259). What is no JSON array is the shell form, so
 * the grammar is exact; what is one but holds other things than strings is a mistake.
 */
#include <string.h>

#include "dockerfile/internal.h"

enum { DEPTH_MAX = 64 };

struct json {
    struct arena *arena;
    str text;
    size_t at;
    size_t end;
};

static void skip_space(struct json *j) {
    while (j->at < j->end && memchr(" \t\r\n", j->text.ptr[j->at], 4) != NULL) {
        j->at++;
    }
}

static bool take(struct json *j, char c) {
    if (j->at < j->end && j->text.ptr[j->at] == c) {
        j->at++;
        return true;
    }
    return false;
}

static bool take_word(struct json *j, str word) {
    if (!str_starts(str_slice(j->text, j->at, j->end), word)) {
        return false;
    }
    j->at += word.len;
    return true;
}

static bool take_digits(struct json *j) {
    size_t start = j->at;
    while (j->at < j->end && char_is_digit(j->text.ptr[j->at])) {
        j->at++;
    }
    return j->at > start;
}

/* number: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool take_number(struct json *j) {
    take(j, '-');
    if (!take(j, '0') && !take_digits(j)) {
        return false;
    }
    if (take(j, '.') && !take_digits(j)) {
        return false;
    }
    if (take(j, 'e') || take(j, 'E')) {
        if (!take(j, '+')) {
            take(j, '-');
        }
        return take_digits(j);
    }
    return true;
}

static bool take_hex4(struct json *j, uint32_t *ret) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = j->at < j->end ? char_hex(j->text.ptr[j->at]) : -1;
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
        j->at++;
    }
    *ret = value;
    return true;
}

/* Behind `\u`; half a surrogate pair becomes U+FFFD. */
static bool take_unicode(struct json *j, char *out, size_t *len) {
    uint32_t code;
    if (!take_hex4(j, &code)) {
        return false;
    }
    if (code >= 0xD800 && code <= 0xDBFF) {
        size_t before = j->at;
        uint32_t low;
        if (take(j, '\\') && take(j, 'u') && take_hex4(j, &low) && low >= 0xDC00 && low <= 0xDFFF) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else {
            j->at = before;
        }
    }
    char encoded[4];
    size_t count = utf8_encode(code, encoded);
    if (count == 0) {
        count = utf8_encode(0xFFFD, encoded);
    }
    memcpy(out + *len, encoded, count);
    *len += count;
    return true;
}

static bool take_escape(struct json *j, char *out, size_t *len) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (take(j, 'u')) {
        return take_unicode(j, out, len);
    }
    const char *hit = j->at < j->end ? memchr(names, j->text.ptr[j->at], sizeof names - 1) : NULL;
    if (hit == NULL) {
        return false;
    }
    j->at++;
    out[(*len)++] = values[hit - names];
    return true;
}

/* One character that is no escape; bytes that are not UTF-8 become U+FFFD. */
static bool take_char(struct json *j, char *out, size_t *len) {
    if ((unsigned char)j->text.ptr[j->at] < 0x20) {
        return false;
    }
    size_t count = str_utf8_next(str_slice(j->text, j->at, j->end), NULL);
    if (count == 0) {
        *len += utf8_encode(0xFFFD, out + *len);
        j->at++;
        return true;
    }
    memcpy(out + *len, j->text.ptr + j->at, count);
    *len += count;
    j->at += count;
    return true;
}

/* Where the string that starts here ends, roughly: its first quote without a backslash. */
static size_t string_extent(const struct json *j) {
    size_t at = j->at + 1;
    while (at < j->end && j->text.ptr[at] != '"') {
        at += j->text.ptr[at] == '\\' ? 2 : 1;
    }
    return min_size(at, j->end) - j->at;
}

static bool take_string(struct json *j, str *ret) {
    /* A bad byte grows to three, and nothing else grows. */
    char *out = arena_alloc(j->arena, string_extent(j) * 3 + 4);
    size_t len = 0;
    j->at++;
    while (!take(j, '"')) {
        bool ok =
            j->at < j->end && (take(j, '\\') ? take_escape(j, out, &len) : take_char(j, out, &len));
        if (!ok) {
            return false;
        }
    }
    *ret = (str){ out, len };
    return true;
}

static bool skip_value(struct json *j, int depth);

/* The inside of an object or array, after its opening bracket. */
static bool skip_members(struct json *j, char close, int depth) {
    skip_space(j);
    if (take(j, close)) {
        return true;
    }
    for (;;) {
        skip_space(j);
        if (close == '}') {
            str key;
            if (j->at >= j->end || j->text.ptr[j->at] != '"' || !take_string(j, &key)) {
                return false;
            }
            skip_space(j);
            if (!take(j, ':')) {
                return false;
            }
        }
        if (!skip_value(j, depth)) {
            return false;
        }
        skip_space(j);
        if (take(j, close)) {
            return true;
        }
        if (!take(j, ',')) {
            return false;
        }
    }
}

static bool skip_value(struct json *j, int depth) {
    skip_space(j);
    if (j->at >= j->end || depth > DEPTH_MAX) {
        return false;
    }
    str ignored;
    if (j->text.ptr[j->at] == '"') {
        return take_string(j, &ignored);
    }
    if (take(j, '[')) {
        return skip_members(j, ']', depth + 1);
    }
    if (take(j, '{')) {
        return skip_members(j, '}', depth + 1);
    }
    return take_word(j, S("true")) || take_word(j, S("false")) || take_word(j, S("null")) ||
           take_number(j);
}

/* One element: a string goes into `args`, the first other value into *bad. */
static bool take_element(struct json *j, struct args *args, struct arg *bad) {
    skip_space(j);
    struct arg arg = { .start = j->at };
    bool is_string = j->at < j->end && j->text.ptr[j->at] == '"';
    if (!(is_string ? take_string(j, &arg.text) : skip_value(j, 1))) {
        return false;
    }
    arg.end = j->at;
    if (is_string) {
        ARENA_PUSH(j->arena, args->items, args->len, args->cap, arg);
    } else if (bad->end == 0) {
        arg.text = str_slice(j->text, arg.start, arg.end);
        *bad = arg;
    }
    return true;
}

enum json_result json_list_parse(struct arena *a, const struct line *line, size_t start, size_t end,
                                 struct args *args, struct arg *ret_bad) {
    struct json j = { .arena = a, .text = line->text, .at = start, .end = end };
    struct arg bad = { 0 };
    size_t before = args->len;
    bool ok = take(&j, '[');
    skip_space(&j);
    if (ok && !take(&j, ']')) {
        do {
            ok = take_element(&j, args, &bad);
            skip_space(&j);
        } while (ok && take(&j, ','));
        ok = ok && take(&j, ']');
    }
    skip_space(&j);
    if (!ok || j.at != end) {
        args->len = before;
        return JSON_NOT;
    }
    if (bad.end != 0) {
        *ret_bad = bad;
        return JSON_NOT_STRINGS;
    }
    return JSON_LIST;
}

// SPDX-License-Identifier: Apache-2.0
/* String literals: the escapes are Python's, an unknown one keeps its backslash. */
#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

/* One-letter escapes. */
static char simple_escape(char c) {
    static const char letters[] = "abfnrtv\\'\"";
    static const char values[] = "\a\b\f\n\r\t\v\\'\"";
    for (size_t i = 0; letters[i] != '\0'; i++) {
        if (letters[i] == c) {
            return values[i];
        }
    }
    return '\0';
}

static bool add_code_point(struct lexer *lx, size_t start, size_t end, uint32_t code,
                           struct buf *out) {
    char utf8[4];
    size_t len = utf8_encode(code, utf8);
    if (len == 0) {
        return lex_fail(lx, start, end, "escape of a code point that does not exist");
    }
    buf_add_bytes(out, utf8, len);
    return true;
}

/* \xHH, \uHHHH, \UHHHHHHHH: the backslash is at `start`. */
static bool decode_hex(struct lexer *lx, size_t start, size_t limit, size_t digits, size_t *ret,
                       struct buf *out) {
    uint32_t code = 0;
    size_t end = start + 2 + digits;
    for (size_t i = start + 2; i < end; i++) {
        int value = i < limit ? char_hex(lx->src[i]) : -1;
        if (value < 0) {
            return lex_fail(lx, start, min_size(end, limit), "an escape needs %zu hex digits",
                            digits);
        }
        code = code << 4 | (uint32_t)value;
    }
    *ret = end;
    return add_code_point(lx, start, end, code, out);
}

static bool decode_octal(struct lexer *lx, size_t start, size_t limit, size_t *ret,
                         struct buf *out) {
    uint32_t code = 0;
    size_t i = start + 1;
    while (i < limit && i < start + 4 && lx->src[i] >= '0' && lx->src[i] <= '7') {
        code = code * 8 + (uint32_t)(lx->src[i] - '0');
        i++;
    }
    *ret = i;
    return add_code_point(lx, start, i, code, out);
}

/* One escape at `start`; *ret is the position after it. */
static bool decode_escape(struct lexer *lx, size_t start, size_t limit, size_t *ret,
                          struct buf *out) {
    char c = lx->src[start + 1];
    size_t newline = lex_newline(lx, start + 1);
    if (newline > 0) {
        *ret = start + 1 + newline;
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        return decode_hex(lx, start, limit, c == 'x' ? 2 : c == 'u' ? 4 : 8, ret, out);
    }
    if (c >= '0' && c <= '7') {
        return decode_octal(lx, start, limit, ret, out);
    }
    if (c == 'N') {
        return lex_fail(lx, start, start + 2, "escapes by character name are not supported");
    }
    char simple = simple_escape(c);
    if (simple == '\0') {
        buf_add_char(out, '\\');
        *ret = start + 1; /* the character itself is read as any other */
        return true;
    }
    buf_add_char(out, simple);
    *ret = start + 2;
    return true;
}

bool lex_decode_string(struct lexer *lx, size_t start, size_t end, str *ret) {
    str raw = { lx->src + start, end - start };
    if (str_find_char(raw, '\\', 0) == STR_NONE && str_find_char(raw, '\r', 0) == STR_NONE) {
        *ret = raw;
        return true;
    }
    AUTO_BUF out = BUF_INIT(JINJA_TEMPLATE_BYTES_MAX);
    for (size_t i = start; i < end;) {
        size_t newline = lex_newline(lx, i);
        if (newline > 0) {
            buf_add_char(&out, '\n');
            i += newline;
        } else if (lx->src[i] == '\\') {
            if (!decode_escape(lx, i, end, &i, &out)) {
                return false;
            }
        } else {
            buf_add_char(&out, lx->src[i++]);
        }
    }
    *ret = str_dup(lx->env->arena, buf_str(&out));
    return true;
}

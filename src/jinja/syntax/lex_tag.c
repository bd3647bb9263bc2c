// SPDX-License-Identifier: Apache-2.0
/* The inner lexer: names, numbers, strings and operators inside a tag. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

/* Longer operators first, so that the first match is the longest. */
static const struct operator_row {
    const char *text;
    enum token_kind kind;
} operators[] = {
    { "//", TOKEN_FLOORDIV }, { "**", TOKEN_POW },      { "==", TOKEN_EQ },
    { "!=", TOKEN_NE },       { ">=", TOKEN_GE },       { "<=", TOKEN_LE },
    { "+", TOKEN_ADD },       { "-", TOKEN_SUB },       { "*", TOKEN_MUL },
    { "/", TOKEN_DIV },       { "%", TOKEN_MOD },       { "~", TOKEN_TILDE },
    { "[", TOKEN_LBRACKET },  { "]", TOKEN_RBRACKET },  { "(", TOKEN_LPAREN },
    { ")", TOKEN_RPAREN },    { "{", TOKEN_LBRACE },    { "}", TOKEN_RBRACE },
    { ">", TOKEN_GT },        { "<", TOKEN_LT },        { "=", TOKEN_ASSIGN },
    { ".", TOKEN_DOT },       { ":", TOKEN_COLON },     { "|", TOKEN_PIPE },
    { ",", TOKEN_COMMA },     { ";", TOKEN_SEMICOLON },
};

const char *token_kind_text(enum token_kind kind) {
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (operators[i].kind == kind) {
            return operators[i].text;
        }
    }
    switch (kind) {
    case TOKEN_END:
        return "end of template";
    case TOKEN_TEXT:
        return "text";
    case TOKEN_VARIABLE_BEGIN:
        return "{{";
    case TOKEN_VARIABLE_END:
        return "}}";
    case TOKEN_BLOCK_BEGIN:
        return "{%";
    case TOKEN_BLOCK_END:
        return "%}";
    case TOKEN_NAME:
        return "name";
    case TOKEN_STRING:
        return "string";
    case TOKEN_INT:
        return "integer";
    case TOKEN_FLOAT:
        return "float";
    default: /* operators are found above */
        return "token";
    }
}

static bool at(const struct lexer *lx, size_t pos, char c) {
    return pos < lx->end && lx->src[pos] == c;
}

static bool digit_at(const struct lexer *lx, size_t pos, int base) {
    int value = pos < lx->end ? char_hex(lx->src[pos]) : -1;
    return value >= 0 && value < base;
}

/* Digits with single underscores between them; returns the position after. */
static size_t skip_digits(const struct lexer *lx, size_t pos, int base) {
    while (digit_at(lx, pos, base)) {
        pos++;
        if (at(lx, pos, '_') && digit_at(lx, pos + 1, base)) {
            pos++;
        }
    }
    return pos;
}

/* Behind `.5` and `e+5`, or `pos` when there is neither: then it is an integer. */
static size_t skip_fraction(const struct lexer *lx, size_t pos) {
    size_t end = pos;
    if (at(lx, pos, '.') && digit_at(lx, pos + 1, 10)) {
        end = skip_digits(lx, pos + 1, 10);
    }
    if (at(lx, end, 'e') || at(lx, end, 'E')) {
        size_t digits = end + 1;
        digits += at(lx, digits, '+') || at(lx, digits, '-') ? 1 : 0;
        if (digit_at(lx, digits, 10)) {
            end = skip_digits(lx, digits, 10);
        }
    }
    return end;
}

static bool lex_float(struct lexer *lx, size_t start, size_t end, struct token *ret) {
    AUTO_BUF text = BUF_INIT(4096);
    for (size_t i = start; i < end; i++) {
        if (lx->src[i] != '_') {
            buf_add_char(&text, lx->src[i]);
        }
    }
    if (text.full) {
        return lex_fail(lx, start, end, "a number is too long");
    }
    ret->kind = TOKEN_FLOAT;
    ret->real = strtod(text.ptr, NULL);
    lx->pos = end;
    return true;
}

static bool lex_integer(struct lexer *lx, size_t start, size_t end, int base, struct token *ret) {
    int64_t value = 0;
    for (size_t i = start; i < end; i++) {
        if (lx->src[i] == '_') {
            continue;
        }
        if (!mul_i64(value, base, &value) || !add_i64(value, char_hex(lx->src[i]), &value)) {
            return lex_fail(lx, start, end, "an integer does not fit 64 bits");
        }
    }
    ret->kind = TOKEN_INT;
    ret->integer = value;
    lx->pos = end;
    return true;
}

static bool lex_number(struct lexer *lx, struct token *ret) {
    size_t start = lx->pos;
    if (at(lx, start, '0') && start + 1 < lx->end) {
        char kind = char_lower(lx->src[start + 1]);
        int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
        size_t digits = start + 2 + (base != 0 && at(lx, start + 2, '_') ? 1 : 0);
        if (base != 0 && digit_at(lx, digits, base)) {
            return lex_integer(lx, digits, skip_digits(lx, digits, base), base, ret);
        }
    }
    size_t end = skip_digits(lx, start, 10);
    /* `x.0.1` is two item accesses, not one float: a dot in front rules a fraction out. */
    bool after_dot = start > 0 && lx->src[start - 1] == '.';
    size_t fraction = after_dot ? end : skip_fraction(lx, end);
    if (fraction > end) {
        return lex_float(lx, start, fraction, ret);
    }
    if (at(lx, start, '0')) {
        /* A leading zero stands alone, as in Python. */
        size_t zeros = start;
        while (at(lx, zeros, '0') || (at(lx, zeros, '_') && at(lx, zeros + 1, '0'))) {
            zeros++;
        }
        end = min_size(end, zeros);
    }
    return lex_integer(lx, start, end, 10, ret);
}

static size_t name_char_len(const struct lexer *lx, size_t pos, bool first) {
    if (pos >= lx->end) {
        return 0;
    }
    char c = lx->src[pos];
    if (char_is_alpha(c) || c == '_' || (!first && char_is_digit(c))) {
        return 1;
    }
    if ((unsigned char)c < 0x80) {
        return 0;
    }
    uint32_t code;
    size_t len = str_utf8_next((str){ lx->src + pos, lx->end - pos }, &code);
    return len > 0 && text_is_alpha(code) ? len : 0;
}

static bool lex_name(struct lexer *lx, struct token *ret) {
    size_t start = lx->pos;
    size_t len = name_char_len(lx, start, true);
    if (len == 0) {
        return false;
    }
    while (len > 0) {
        lx->pos += len;
        len = name_char_len(lx, lx->pos, false);
    }
    ret->kind = TOKEN_NAME;
    ret->text = (str){ lx->src + start, lx->pos - start };
    return true;
}

static bool lex_string(struct lexer *lx, struct token *ret) {
    size_t start = lx->pos;
    char quote = lx->src[start];
    size_t i = start + 1;
    while (i < lx->end && lx->src[i] != quote) {
        i += lx->src[i] == '\\' ? 2 : 1;
    }
    if (i >= lx->end) {
        return lex_fail(lx, start, start + 1, "a string is never closed by %c", quote);
    }
    ret->kind = TOKEN_STRING;
    lx->pos = i + 1;
    return lex_decode_string(lx, start + 1, i, &ret->text);
}

static bool open_bracket(struct lexer *lx, char close) {
    if (lx->depth == LEX_BALANCE_MAX) {
        return lex_fail(lx, lx->pos, lx->pos + 1, "brackets are nested too deeply");
    }
    lx->balance[lx->depth++] = close;
    return true;
}

static bool close_bracket(struct lexer *lx, char close) {
    if (lx->depth == 0) {
        return lex_fail(lx, lx->pos, lx->pos + 1, "unexpected '%c'", close);
    }
    char expected = lx->balance[--lx->depth];
    if (expected != close) {
        return lex_fail(lx, lx->pos, lx->pos + 1, "unexpected '%c', expected '%c'", close,
                        expected);
    }
    return true;
}

static bool track_bracket(struct lexer *lx, enum token_kind kind) {
    switch (kind) {
    case TOKEN_LPAREN:
        return open_bracket(lx, ')');
    case TOKEN_LBRACKET:
        return open_bracket(lx, ']');
    case TOKEN_LBRACE:
        return open_bracket(lx, '}');
    case TOKEN_RPAREN:
        return close_bracket(lx, ')');
    case TOKEN_RBRACKET:
        return close_bracket(lx, ']');
    case TOKEN_RBRACE:
        return close_bracket(lx, '}');
    default: /* no bracket */
        return true;
    }
}

static bool lex_operator(struct lexer *lx, struct token *ret) {
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        size_t len = strlen(operators[i].text);
        if (lx->end - lx->pos >= len && memcmp(lx->src + lx->pos, operators[i].text, len) == 0) {
            ret->kind = operators[i].kind;
            if (!track_bracket(lx, ret->kind)) {
                return false;
            }
            lx->pos += len;
            return true;
        }
    }
    uint32_t code = 0;
    size_t len = str_utf8_next((str){ lx->src + lx->pos, lx->end - lx->pos }, &code);
    if (code < 0x20 || code == 0x7F) {
        return lex_fail(lx, lx->pos, lx->pos + 1, "unexpected character U+%04X", code);
    }
    return lex_fail(lx, lx->pos, lx->pos + len, "unexpected character '%.*s'", (int)len,
                    lx->src + lx->pos);
}

bool lex_tag_token(struct lexer *lx, struct token *ret) {
    size_t start = lx->pos;
    if (start >= lx->end) {
        const char *end = lx->mode == LEX_VARIABLE ? "}}" : lx->mode == LEX_LINE ? ")" : "%}";
        return lex_fail(lx, lx->tag.start, lx->tag.end, "a tag is never closed by '%s'", end);
    }
    char c = lx->src[start];
    bool ok;
    if (char_is_digit(c)) {
        ok = lex_number(lx, ret);
    } else if (c == '"' || c == '\'') {
        ok = lex_string(lx, ret);
    } else {
        ok = lex_name(lx, ret) || lex_operator(lx, ret);
    }
    ret->span = (struct span){ lx->source, (uint32_t)start, (uint32_t)lx->pos };
    return ok;
}

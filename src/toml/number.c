// SPDX-License-Identifier: Apache-2.0
/* Integers, floats, booleans (TOML 1.0, "Integer", "Float", "Boolean"). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "toml/internal.h"

/* A run of digits with '_' between them: [from, to) of a token. */
struct digits {
    size_t from;
    size_t to;
    bool bad_underscore;
};

static int digit_value(char c, int base) {
    int value = char_hex(c);
    return value < base ? value : -1;
}

static struct digits scan_digits(str token, size_t from, int base) {
    struct digits d = { .from = from, .to = from };
    for (; d.to < token.len; d.to++) {
        char c = token.ptr[d.to];
        if (c == '_') {
            bool before = d.to > from && digit_value(token.ptr[d.to - 1], base) >= 0;
            bool behind = d.to + 1 < token.len && digit_value(token.ptr[d.to + 1], base) >= 0;
            d.bad_underscore |= !before || !behind;
        } else if (digit_value(c, base) < 0) {
            break;
        }
    }
    return d;
}

static bool bad_token(struct parser *p, str token, const char *what) {
    report(p, token.ptr, token.ptr + token.len, "%s", what);
    return false;
}

static bool bad_underscore(struct parser *p, str token) {
    return bad_token(p, token, "an underscore in a number must be between two digits");
}

static bool not_a_number(struct parser *p, str token) {
    str shown = str_clip(token, 60);
    struct diag *d =
        report(p, token.ptr, token.ptr + token.len, "'%.*s' is not a number", STR_FMT(shown));
    report_help(p, d, "write text in quotes: \"%.*s\"", STR_FMT(shown));
    return false;
}

/* Digits to a number of at most `max`; false when it is larger. */
static bool to_integer(str digits, int base, uint64_t max, uint64_t *ret) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] == '_') {
            continue;
        }
        uint64_t digit = (uint64_t)digit_value(digits.ptr[i], base);
        if (!mul_u64(value, (uint64_t)base, &value) || !add_u64(value, digit, &value) ||
            value > max) {
            return false;
        }
    }
    *ret = value;
    return true;
}

static bool too_large(struct parser *p, str token) {
    return bad_token(p, token, "the number does not fit in 64 bits");
}

/* hex-int, oct-int, bin-int: no sign, prefix in lower case. */
static bool parse_prefixed(struct parser *p, struct toml_node *node, str token, int base) {
    struct digits d = scan_digits(token, 2, base);
    if (d.to != token.len || d.to == d.from) {
        return not_a_number(p, token);
    }
    if (d.bad_underscore) {
        return bad_underscore(p, token);
    }
    uint64_t value;
    if (!to_integer(str_slice(token, d.from, d.to), base, INT64_MAX, &value)) {
        return too_large(p, token);
    }
    node->kind = TOML_INTEGER;
    node->integer = (int64_t)value;
    return true;
}

static bool parse_decimal(struct parser *p, struct toml_node *node, str token, struct digits d) {
    bool negative = token.ptr[0] == '-';
    uint64_t max = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t value;
    if (!to_integer(str_slice(token, d.from, d.to), 10, max, &value)) {
        return too_large(p, token);
    }
    node->kind = TOML_INTEGER;
    node->integer = (int64_t)(negative ? 0 - value : value);
    return true;
}

/* The parts of a float's token. */
struct float_parts {
    struct digits whole;
    struct digits fraction; /* empty: none */
    struct digits exponent; /* empty: none */
    bool exponent_negative;
};

/* At most 19 digits and a small power of ten: exact in one operation on doubles. */
static bool float_exactly(str token, const struct float_parts *f, double *ret) {
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    uint64_t mantissa = 0;
    int64_t power = 0;
    uint64_t exponent = 0;
    if (f->fraction.to - f->whole.from > 18 || f->exponent.to - f->exponent.from > 3) {
        return false;
    }
    for (size_t i = f->whole.from; i < max_size(f->whole.to, f->fraction.to); i++) {
        if (char_is_digit(token.ptr[i])) {
            mantissa = mantissa * 10 + (uint64_t)(token.ptr[i] - '0');
            power -= i >= f->whole.to;
        }
    }
    if (!to_integer(str_slice(token, f->exponent.from, f->exponent.to), 10, 999, &exponent)) {
        return false;
    }
    power += f->exponent_negative ? -(int64_t)exponent : (int64_t)exponent;
    if (mantissa > (uint64_t)1 << 53 || power < -22 || power > 22) {
        return false;
    }
    *ret = power < 0 ? (double)mantissa / powers[-power] : (double)mantissa * powers[power];
    return true;
}

static double float_slowly(struct arena *a, str token) {
    char local[128];
    char *clean = token.len < sizeof local ? local : arena_alloc(a, token.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] != '_') {
            clean[len++] = token.ptr[i];
        }
    }
    clean[len] = '\0';
    return strtod(clean, NULL);
}

/* float = float-int-part ( exp / frac [ exp ] ); `whole` is already there. */
static bool parse_float(struct parser *p, struct toml_node *node, str token, struct digits whole) {
    struct float_parts f = { .whole = whole };
    size_t at = whole.to;
    f.fraction = (struct digits){ at, at, false };
    if (at < token.len && token.ptr[at] == '.') {
        f.fraction = scan_digits(token, at + 1, 10);
        at = f.fraction.to;
        if (f.fraction.from == f.fraction.to) {
            return bad_token(p, token, "a float needs digits on both sides of its point");
        }
    }
    if (at < token.len && char_lower(token.ptr[at]) == 'e') {
        at++;
        f.exponent_negative = at < token.len && token.ptr[at] == '-';
        at += at < token.len && (token.ptr[at] == '-' || token.ptr[at] == '+');
        f.exponent = scan_digits(token, at, 10);
        at = f.exponent.to;
        if (f.exponent.from == f.exponent.to) {
            return bad_token(p, token, "the exponent has no digits");
        }
    }
    if (at != token.len) {
        return not_a_number(p, token);
    }
    if (f.whole.bad_underscore || f.fraction.bad_underscore || f.exponent.bad_underscore) {
        return bad_underscore(p, token);
    }
    double value;
    if (float_exactly(token, &f, &value)) {
        value = token.ptr[0] == '-' ? -value : value;
    } else {
        value = float_slowly(p->doc->arena, token);
    }
    node->kind = TOML_FLOAT;
    node->number = value;
    return true;
}

/* special-float = [ sign ] ( "inf" / "nan" ) */
static bool parse_special(struct toml_node *node, str token, size_t sign) {
    str word = str_slice(token, sign, token.len);
    bool is_nan = str_eq(word, S("nan"));
    if (!is_nan && !str_eq(word, S("inf"))) {
        return false;
    }
    double value = is_nan ? (double)NAN : (double)INFINITY;
    node->kind = TOML_FLOAT;
    node->number = token.ptr[0] == '-' ? -value : value;
    return true;
}

bool parse_number(struct parser *p, struct toml_node *node, str token) {
    size_t sign = token.ptr[0] == '+' || token.ptr[0] == '-' ? 1 : 0;
    if (parse_special(node, token, sign)) {
        return true;
    }
    if (sign == 0 && token.len > 2 && token.ptr[0] == '0') {
        int base = token.ptr[1] == 'x' ? 16 : token.ptr[1] == 'o' ? 8 : token.ptr[1] == 'b' ? 2 : 0;
        if (base != 0) {
            return parse_prefixed(p, node, token, base);
        }
    }
    struct digits whole = scan_digits(token, sign, 10);
    if (whole.from == whole.to) {
        bool point = whole.to < token.len && token.ptr[whole.to] == '.';
        return point ? bad_token(p, token, "a float needs digits on both sides of its point")
                     : not_a_number(p, token);
    }
    bool is_integer = whole.to == token.len;
    char next = is_integer ? '\0' : char_lower(token.ptr[whole.to]);
    if (!is_integer && next != '.' && next != 'e') {
        return not_a_number(p, token);
    }
    if (whole.to - whole.from > 1 && token.ptr[whole.from] == '0') {
        return bad_token(p, token, "a number cannot start with 0");
    }
    if (!is_integer) {
        return parse_float(p, node, token, whole);
    }
    return whole.bad_underscore ? bad_underscore(p, token) : parse_decimal(p, node, token, whole);
}

static bool is_token_char(char c) {
    return is_bare_key_char(c) || c == '+' || c == '.' || c == ':';
}

static str take_token(struct parser *p) {
    const char *from = p->at;
    while (p->at < p->end && is_token_char(*p->at)) {
        p->at++;
    }
    str token = { from, (size_t)(p->at - from) };
    /* RFC 3339 allows a space between date and time. */
    if (token.len == 10 && token.ptr[4] == '-' && p->end - p->at >= 4 && p->at[0] == ' ' &&
        char_is_digit(p->at[1]) && char_is_digit(p->at[2]) && p->at[3] == ':') {
        p->at++;
        while (p->at < p->end && is_token_char(*p->at)) {
            p->at++;
        }
        token.len = (size_t)(p->at - from);
    }
    return token;
}

static bool bare_word(struct parser *p, str word) {
    str shown = str_clip(word, 60);
    struct diag *d =
        report(p, word.ptr, word.ptr + word.len, "expected a value, found '%.*s'", STR_FMT(shown));
    if (str_eq_nocase(word, S("true")) || str_eq_nocase(word, S("false"))) {
        report_help(p, d, "write booleans as 'true' or 'false'");
    } else {
        report_help(p, d, "write text in quotes: \"%.*s\"", STR_FMT(shown));
    }
    return false;
}

bool parse_scalar(struct parser *p, struct toml_node *node) {
    const char *from = p->at;
    str token = take_token(p);
    if (token.len == 0) {
        str found = found_name(p, from);
        report(p, from, from + (from < p->end ? 1 : 0), "expected a value, found %.*s",
               STR_FMT(found));
        return false;
    }
    char first = token.ptr[0];
    if (str_eq(token, S("true")) || str_eq(token, S("false"))) {
        node->kind = TOML_BOOL;
        node->boolean = first == 't';
        return true;
    }
    if (looks_like_datetime(token)) {
        return parse_datetime(p, node, token);
    }
    if (char_is_digit(first) || first == '+' || first == '-' || first == '.' ||
        str_eq(token, S("inf")) || str_eq(token, S("nan"))) {
        return parse_number(p, node, token);
    }
    return bare_word(p, token);
}

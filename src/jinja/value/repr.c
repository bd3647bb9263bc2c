// SPDX-License-Identifier: Apache-2.0
/* Text of values: str() and repr() of Python. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/value/value.h"

/* 10 to the power of n, for 0 <= n <= 22: exact. */
static double power_of_ten(int n) {
    double power = 1;
    for (int i = 0; i < n; i++) {
        power *= 10;
    }
    return power;
}

/*
 * Most numbers that are printed have few digits, and then need no trial: when an integer of at
 * most 15 digits divided by an exact power of ten is the number, these are its digits, since no
 * two decimals of so few digits read back as the same number.
 */
static bool few_digits(double d, char digits[24], int *ret_exponent) {
    double whole = 0;
    int places = 0;
    if (!(d >= 1e-3 && d < 1e9)) {
        return false;
    }
    for (;; places++) {
        double scaled = d * power_of_ten(places);
        whole = rint(scaled);
        if (places > 6 || whole >= 1e15) {
            return false;
        }
        if (whole > 0 && whole / power_of_ten(places) == d) {
            break;
        }
    }
    uint64_t rest = (uint64_t)whole;
    int count = 1;
    for (uint64_t power = 10; power <= rest; power *= 10) {
        count++;
    }
    digits[count] = '\0';
    for (int i = count - 1; i >= 0; i--, rest /= 10) {
        digits[i] = (char)('0' + rest % 10);
        if (i > 0 && digits[i] == '0' && digits[i + 1] == '\0') {
            digits[i] = '\0'; /* zeros at the end say nothing */
        }
    }
    *ret_exponent = count - 1 - places;
    return true;
}

/* Shortest digits that read back as the same number: `digits` without a dot, and the exponent of
 * the first digit. */
static void shortest_digits(double d, char digits[24], int *ret_exponent) {
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, d);
        if (strtod(text, NULL) == d) {
            break;
        }
    }
    size_t len = 0;
    const char *c = text;
    for (; *c != '\0' && *c != 'e'; c++) {
        if (char_is_digit(*c) && len < 20) {
            digits[len++] = *c;
        }
    }
    while (len > 1 && digits[len - 1] == '0') {
        len--;
    }
    digits[len] = '\0';
    int exponent = 0;
    bool negative = *c == 'e' && c[1] == '-';
    for (c += *c == 'e' ? 2 : 0; char_is_digit(*c); c++) {
        exponent = exponent * 10 + (*c - '0');
    }
    *ret_exponent = negative ? -exponent : exponent;
}

/* Python writes exponents from 1e16 up and below 1e-4. */
void text_add_float(struct buf *out, double d) {
    if (isnan(d) || isinf(d)) {
        buf_add_c(out, isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
        return;
    }
    if (signbit(d)) {
        buf_add_char(out, '-');
        d = -d;
    }
    char digits[24];
    int exponent;
    if (!few_digits(d, digits, &exponent)) {
        shortest_digits(d, digits, &exponent);
    }
    int len = (int)strlen(digits);
    if (exponent < -4 || exponent >= 16) {
        buf_addf(out, "%c%s%s", digits[0], len > 1 ? "." : "", digits + 1);
        buf_addf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        buf_add(out, S("0."));
        buf_add_repeat(out, '0', (size_t)(-exponent - 1));
        buf_add_c(out, digits);
    } else if (exponent + 1 >= len) {
        buf_add_c(out, digits);
        buf_add_repeat(out, '0', (size_t)(exponent + 1 - len));
        buf_add(out, S(".0"));
    } else {
        buf_addf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    }
}

static void add_quoted_char(struct buf *out, uint32_t code, char quote) {
    if (code == (unsigned char)quote || code == '\\') {
        buf_addf(out, "\\%c", (char)code);
    } else if (code == '\n') {
        buf_add(out, S("\\n"));
    } else if (code == '\r') {
        buf_add(out, S("\\r"));
    } else if (code == '\t') {
        buf_add(out, S("\\t"));
    } else if (text_is_printable(code)) {
        text_add_code(out, code);
    } else {
        buf_addf(out, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
    }
}

/* Single quotes, unless the text has those and no double ones. */
void text_add_quoted(struct buf *out, str s) {
    bool single = str_find_char(s, '\'', 0) != STR_NONE;
    char quote = single && str_find_char(s, '"', 0) == STR_NONE ? '"' : '\'';
    buf_add_char(out, quote);
    for (size_t i = 0; i < s.len;) {
        size_t plain = i;
        while (i < s.len && s.ptr[i] >= ' ' && s.ptr[i] < 0x7F && s.ptr[i] != quote &&
               s.ptr[i] != '\\') {
            i++;
        }
        buf_add(out, str_slice(s, plain, i));
        if (i < s.len) {
            add_quoted_char(out, text_next(s, &i), quote);
        }
    }
    buf_add_char(out, quote);
}

static str entity_of(char c) {
    switch (c) {
    case '&':
        return S("&amp;");
    case '<':
        return S("&lt;");
    case '>':
        return S("&gt;");
    case '"':
        return S("&#34;");
    case '\'':
        return S("&#39;");
    default: /* as it is */
        return (str){ 0 };
    }
}

void text_add_escaped(struct buf *out, str s) {
    size_t plain = 0;
    buf_expect(out, s.len + s.len / 4);
    for (size_t i = 0; i < s.len; i++) {
        str entity = s.ptr[i] > '>' ? (str){ 0 } : entity_of(s.ptr[i]);
        if (entity.len > 0) {
            buf_add(out, str_slice(s, plain, i));
            buf_add(out, entity);
            plain = i + 1;
        }
    }
    buf_add(out, str_slice(s, plain, s.len));
}

static bool add_items(const struct jinja_list *list, struct buf *out, size_t depth) {
    for (size_t i = 0; i < list->len; i++) {
        if (i > 0) {
            buf_add(out, S(", "));
        }
        if (out->full || !value_add_repr(list->items[i], out, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool add_list(struct jinja_value v, struct buf *out, size_t depth) {
    static const char *const open[] = { "[", "dict_keys([", "dict_values([", "dict_items([" };
    buf_add_c(out, open[v.view]);
    bool ok = add_items(v.list, out, depth);
    buf_add_c(out, v.view == JINJA_VIEW_NONE ? "]" : "])");
    return ok;
}

static bool add_tuple(const struct jinja_list *list, struct buf *out, size_t depth) {
    buf_add_char(out, '(');
    bool ok = add_items(list, out, depth);
    buf_add_c(out, list->len == 1 ? ",)" : ")");
    return ok;
}

static bool add_dict(const struct jinja_dict *d, struct buf *out, size_t depth) {
    bool first = true;
    buf_add_char(out, '{');
    for (size_t i = 0; i < d->used; i++) {
        const struct dict_entry *e = &d->entries[i];
        if (e->removed) {
            continue;
        }
        if (!first) {
            buf_add(out, S(", "));
        }
        first = false;
        if (out->full || !value_add_repr(e->key, out, depth + 1)) {
            return false;
        }
        buf_add(out, S(": "));
        if (!value_add_repr(e->value, out, depth + 1)) {
            return false;
        }
    }
    buf_add_char(out, '}');
    return true;
}

static void add_range(const struct jinja_range *r, struct buf *out) {
    buf_addf(out, "range(%lld, %lld", (long long)r->start, (long long)r->stop);
    if (r->step != 1) {
        buf_addf(out, ", %lld", (long long)r->step);
    }
    buf_add_char(out, ')');
}

/* The most frequent value of loops: printf would be the larger part of their time. */
void text_add_integer(struct buf *out, int64_t value) {
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t len = value < 0 ? 2 : 1;
    for (uint64_t n = rest; n >= 10; n /= 10) {
        len++;
    }
    if (!buf_reserve(out, len)) {
        return;
    }
    char *first = out->ptr + out->len;
    out->len += len;
    out->ptr[out->len] = '\0';
    *first = '-';
    for (char *digit = out->ptr + out->len; rest > 0 || digit == out->ptr + out->len; rest /= 10) {
        *--digit = (char)('0' + rest % 10);
    }
}

bool value_add_repr(struct jinja_value v, struct buf *out, size_t depth) {
    if (depth > VALUE_DEPTH_MAX) {
        return false;
    }
    switch ((enum jinja_kind)v.kind) {
    case JINJA_UNDEFINED:
        buf_add(out, S("Undefined"));
        return true;
    case JINJA_NONE:
        buf_add(out, S("None"));
        return true;
    case JINJA_BOOL:
        buf_add_c(out, v.boolean ? "True" : "False");
        return true;
    case JINJA_INT:
        text_add_integer(out, v.integer);
        return true;
    case JINJA_FLOAT:
        text_add_float(out, v.real);
        return true;
    case JINJA_STRING:
        if (v.markup) {
            buf_add(out, S("Markup("));
        }
        text_add_quoted(out, v.string);
        buf_add_c(out, v.markup ? ")" : "");
        return true;
    case JINJA_LIST:
        return add_list(v, out, depth);
    case JINJA_TUPLE:
        return add_tuple(v.list, out, depth);
    case JINJA_DICT:
        return add_dict(v.dict, out, depth);
    case JINJA_RANGE:
        add_range(v.range, out);
        return true;
    case JINJA_ITERATOR:
        buf_add(out, S("<generator>"));
        return true;
    case JINJA_FUNCTION:
        buf_addf(out, "<function %.*s>", STR_FMT(v.function->callable->row->name));
        return true;
    case JINJA_OBJECT:
        if (v.object->ops->repr != NULL) {
            v.object->ops->repr(v.object, out);
            return true;
        }
        buf_addf(out, "<%s>", v.object->ops->type_name);
        return true;
    }
    return false;
}

bool value_add_text(struct jinja_value v, struct buf *out) {
    if (v.kind == JINJA_STRING) {
        buf_add(out, v.string);
        return true;
    }
    if (v.kind == JINJA_OBJECT && v.object->ops->html != NULL) {
        buf_add(out, v.object->ops->html(v.object));
        return true;
    }
    return v.kind == JINJA_UNDEFINED || value_add_repr(v, out, 0);
}

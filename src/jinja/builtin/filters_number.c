// SPDX-License-Identifier: Apache-2.0
/* Filters to and over numbers, and `default`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/builtin/builtin.h"

/* Digits as Python's int() takes them: white space around, a sign, single underscores. */
static bool parse_int(str s, int64_t base, int64_t *ret) {
    s = text_strip(s, NULL, true, true);
    bool negative = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s = str_slice(s, 1, s.len);
    }
    char prefix = s.len > 2 && s.ptr[0] == '0' ? char_lower(s.ptr[1]) : '\0';
    int64_t prefix_base = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 0;
    if (prefix_base != 0 && (base == prefix_base || base == 0)) {
        base = prefix_base;
        s = str_slice(s, 2, s.len);
    }
    base = base == 0 ? 10 : base;
    int64_t value = 0;
    bool digit = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = char_lower(s.ptr[i]);
        int64_t d = char_is_digit(c) ? c - '0' : char_is_alpha(c) ? c - 'a' + 10 : 99;
        if (c == '_' && digit) {
            digit = false;
            continue;
        }
        if (d >= base || !mul_i64(value, base, &value) ||
            !add_i64(value, negative ? -d : d, &value)) {
            return false;
        }
        digit = true;
    }
    *ret = value;
    return digit;
}

/* A float literal, or inf and nan in any case. */
static bool parse_float(str s, double *ret) {
    char text[512];
    size_t len = 0;
    s = text_strip(s, NULL, true, true);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_') {
            if (i == 0 || i + 1 == s.len || !char_is_digit(s.ptr[i - 1]) ||
                !char_is_digit(s.ptr[i + 1])) {
                return false;
            }
            continue;
        }
        if (len + 1 >= sizeof text || str_find_char(S("xXpP("), s.ptr[i], 0) != STR_NONE ||
            s.ptr[i] == '\0' || char_is_space(s.ptr[i])) {
            return false;
        }
        text[len++] = s.ptr[i];
    }
    text[len] = '\0';
    char *end;
    *ret = strtod(text, &end);
    return len > 0 && *end == '\0';
}

static bool float_to_int(double d, int64_t *ret) {
    if (!(d > -0x1p63 && d < 0x1p63)) {
        return false;
    }
    *ret = (int64_t)d;
    return true;
}

static bool filter_int(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, DEFAULT, BASE };
    struct jinja_value v = call->args[VALUE];
    int64_t base;
    int64_t i;
    double d;
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(call->runtime, call->span, v);
    }
    if (!call_int(call, BASE, 10, &base)) {
        return false;
    }
    if (base != 0 && (base < 2 || base > 36)) {
        return jinja_call_fail(call, "base must be 0 or from 2 to 36");
    }
    bool ok =
        v.kind == JINJA_STRING
            ? parse_int(v.string, base, &i) || (parse_float(v.string, &d) && float_to_int(d, &i))
            : value_is_integer(v, &i) || (v.kind == JINJA_FLOAT && float_to_int(v.real, &i));
    if (ok) {
        *ret = jinja_int(i);
    } else {
        *ret = jinja_call_has(call, DEFAULT) ? call->args[DEFAULT] : jinja_int(0);
    }
    return true;
}

static bool filter_float(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, DEFAULT };
    struct jinja_value v = call->args[VALUE];
    double d;
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(call->runtime, call->span, v);
    }
    if (v.kind == JINJA_STRING ? parse_float(v.string, &d) : value_is_number(v, &d)) {
        *ret = jinja_float(d);
    } else {
        *ret = jinja_call_has(call, DEFAULT) ? call->args[DEFAULT] : jinja_float(0);
    }
    return true;
}

bool call_float(struct jinja_call *call, unsigned param, double *ret) {
    struct jinja_value v = call->args[param];
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(call->runtime, call->span, v);
    }
    return value_is_number(v, ret) || (v.kind == JINJA_STRING && parse_float(v.string, ret)) ||
           jinja_call_fail(call, "needs a number, not '%s'", value_type_name(v));
}

static bool filter_abs(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    int64_t i;
    if (value_is_integer(v, &i)) {
        *ret = jinja_int(i);
        return i >= 0 || mul_i64(i, -1, &ret->integer) ||
               jinja_call_fail(call, "the result does not fit 64 bits");
    }
    if (v.kind == JINJA_FLOAT) {
        *ret = jinja_float(fabs(v.real));
        return true;
    }
    return v.kind == JINJA_UNDEFINED
               ? rt_undefined(call->runtime, call->span, v)
               : jinja_call_fail(call, "needs a number, not '%s'", value_type_name(v));
}

/*
 * Far enough from the middle of two decimals it is plain which one is nearer, however the product
 * was rounded; the quotient of two exact numbers is the number that the decimal reads as.
 */
static bool round_surely(double d, int64_t precision, double *ret) {
    double scale = precision <= 9 ? pow(10, (double)precision) : 0;
    double scaled = d * scale;
    double nearest = rint(scaled);
    if (scale == 0 || !(fabs(scaled) < 0x1p30) || fabs(fabs(scaled - nearest) - 0.5) < 0x1p-20) {
        return false;
    }
    *ret = nearest / scale;
    return true;
}

/* Half to even on the exact binary value, as Python's round() does. */
static double round_common(double d, int64_t precision) {
    char text[512];
    if (!isfinite(d) || precision > 300) {
        return d;
    }
    if (precision < 0) {
        double scale = pow(10, (double)-precision);
        return precision < -308 ? copysign(0, d) : rint(d / scale) * scale;
    }
    double rounded;
    if (round_surely(d, precision, &rounded)) {
        return rounded;
    }
    snprintf(text, sizeof text, "%.*f", (int)min_size((size_t)precision, 120), d);
    return strtod(text, NULL);
}

static int64_t round_int(int64_t i, int64_t precision) {
    int64_t scale = 1;
    for (; precision < 0; precision++) {
        if (!mul_i64(scale, 10, &scale)) {
            return 0;
        }
    }
    int64_t rest = i % scale;
    int64_t down = i - rest;
    int64_t size = rest < 0 ? -rest : rest;
    bool up = size > scale - size || (size == scale - size && (down / scale) % 2 != 0);
    return up && scale > 1 ? down + (rest < 0 ? -scale : scale) : down;
}

static bool filter_round(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, PRECISION, METHOD };
    int64_t precision;
    int64_t i;
    double d;
    str method;
    struct jinja_value v = call->args[VALUE];
    if (!call_int(call, PRECISION, 0, &precision) ||
        !call_str(call, METHOD, S("common"), &method)) {
        return false;
    }
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(call->runtime, call->span, v);
    }
    if (!value_is_number(v, &d)) {
        return jinja_call_fail(call, "needs a number, not '%s'", value_type_name(v));
    }
    if (str_eq(method, S("common"))) {
        *ret = value_is_integer(v, &i) ? jinja_int(precision >= 0 ? i : round_int(i, precision))
                                       : jinja_float(round_common(d, precision));
        return true;
    }
    bool ceiling = str_eq(method, S("ceil"));
    if (!ceiling && !str_eq(method, S("floor"))) {
        return jinja_call_fail(call, "method must be common, ceil or floor");
    }
    double scale = pow(10, (double)precision);
    *ret = jinja_float((ceiling ? ceil(d * scale) : floor(d * scale)) / scale);
    return true;
}

static bool add_item(struct jinja_call *call, const struct jinja_value *item,
                     struct jinja_value *sum) {
    int64_t total;
    if (sum->kind == JINJA_INT && item->kind == JINJA_INT &&
        add_i64(sum->integer, item->integer, &total)) {
        value_put_int(sum, total, 0);
        return true;
    }
    return rt_binary(call->runtime, call->span, TOKEN_ADD, *sum, *item, sum);
}

static bool filter_sum(struct jinja_call *call, struct jinja_value *ret) {
    enum { ITERABLE, ATTRIBUTE, START };
    struct iter it;
    struct jinja_value item;
    struct jinja_value sum = jinja_call_has(call, START) ? call->args[START] : jinja_int(0);
    bool attribute = jinja_call_has(call, ATTRIBUTE) && call->args[ATTRIBUTE].kind != JINJA_NONE;
    if (!iter_init(call->runtime, call->span, call->args[ITERABLE], &it)) {
        return false;
    }
    while (iter_next(&it, &item)) {
        if (!call_step(call, 1) ||
            (attribute && !call_attribute(call, item, call->args[ATTRIBUTE], &item)) ||
            !add_item(call, &item, &sum)) {
            return false;
        }
    }
    *ret = sum;
    return true;
}

/* The item whose key wins; the first of equals. */
static bool extreme(struct jinja_call *call, int wanted, struct jinja_value *ret) {
    enum { VALUE, CASE_SENSITIVE, ATTRIBUTE };
    struct iter it;
    bool sensitive;
    bool any = false;
    struct jinja_value item;
    struct jinja_value best = { 0 };
    struct jinja_value best_key = { 0 };
    bool attribute = jinja_call_has(call, ATTRIBUTE) && call->args[ATTRIBUTE].kind != JINJA_NONE;
    if (!call_bool(call, CASE_SENSITIVE, false, &sensitive) ||
        !iter_init(call->runtime, call->span, call->args[VALUE], &it)) {
        return false;
    }
    while (iter_next(&it, &item)) {
        struct jinja_value key = item;
        int order = wanted;
        if (!call_step(call, 1) ||
            (attribute && !call_attribute(call, item, call->args[ATTRIBUTE], &key)) ||
            !call_fold(call, &key, sensitive, &key) ||
            (any && !rt_compare(call->runtime, call->span, key, best_key, &order))) {
            return false;
        }
        if (!any || (order != 2 && (wanted < 0 ? order < 0 : order > 0))) {
            best = item;
            best_key = key;
            any = true;
        }
    }
    *ret =
        any ? best : value_undefined(S("No aggregated item, sequence was empty."), UNDEFINED_EMPTY);
    return true;
}

static bool filter_min(struct jinja_call *call, struct jinja_value *ret) {
    return extreme(call, -1, ret);
}

static bool filter_max(struct jinja_call *call, struct jinja_value *ret) {
    return extreme(call, 1, ret);
}

static bool filter_default(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, DEFAULT_VALUE, BOOLEAN };
    struct jinja_value v = call->args[VALUE];
    bool also_false;
    bool truth = true;
    if (!call_bool(call, BOOLEAN, false, &also_false)) {
        return false;
    }
    if (v.kind != JINJA_UNDEFINED && also_false && !call_truth(call, v, &truth)) {
        return false;
    }
    if (v.kind == JINJA_UNDEFINED || !truth) {
        v = jinja_call_has(call, DEFAULT_VALUE) ? call->args[DEFAULT_VALUE]
                                                : jinja_string((str){ 0 });
    }
    *ret = v;
    return true;
}

static const struct jinja_callable rows[] = {
    { S_INIT("int"), "value default base", 1, filter_int, "An integer, or the default." },
    { S_INIT("float"), "value default", 1, filter_float, "A float, or the default." },
    { S_INIT("abs"), "value", 1, filter_abs, "Without sign." },
    { S_INIT("round"), "value precision method", 1, filter_round, "common, ceil or floor." },
    { S_INIT("sum"), "iterable attribute start", 1, filter_sum, "All items added." },
    { S_INIT("min"), "value case_sensitive attribute", 1, filter_min, "The smallest item." },
    { S_INIT("max"), "value case_sensitive attribute", 1, filter_max, "The largest item." },
    { S_INIT("default"), "value default_value boolean", 1, filter_default,
      "A default for undefined (or false) values." },
    { S_INIT("d"), "value default_value boolean", 1, filter_default, "Same as default." },
};

const struct callable_table filters_number_table = { rows, ARRAY_LEN(rows) };

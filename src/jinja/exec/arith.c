// SPDX-License-Identifier: Apache-2.0
/* Arithmetic. Integers have 64 bits: a result that does not fit is an error. */
#include <math.h>
#include <string.h>

#include "jinja/exec/exec.h"

struct operation {
    struct jinja_runtime *rt;
    struct span span;
    enum token_kind op;
};

static bool fail_types(const struct operation *o, struct jinja_value a, struct jinja_value b) {
    if (a.kind == JINJA_UNDEFINED || b.kind == JINJA_UNDEFINED) {
        return rt_undefined(o->rt, o->span, a.kind == JINJA_UNDEFINED ? a : b);
    }
    return rt_fail(o->rt, o->span, "'%s' does not work between '%s' and '%s' values",
                   token_kind_text(o->op), value_type_name(a), value_type_name(b));
}

static bool fail_overflow(const struct operation *o) {
    return rt_fail(o->rt, o->span, "the result of '%s' does not fit 64 bits",
                   token_kind_text(o->op));
}

static bool fail_zero(const struct operation *o) {
    return rt_fail(o->rt, o->span, "division by zero");
}

/* Squaring, for exponents that are not negative. */
static bool power_int(int64_t base, int64_t exponent, int64_t *ret) {
    int64_t result = 1;
    while (exponent > 0) {
        if ((exponent & 1) != 0 && !mul_i64(result, base, &result)) {
            return false;
        }
        exponent >>= 1;
        if (exponent > 0 && !mul_i64(base, base, &base)) {
            return false;
        }
    }
    *ret = result;
    return true;
}

/* Towards minus infinity, as Python divides; b is not 0. */
static bool floor_divide(int64_t a, int64_t b, int64_t *ret_quotient, int64_t *ret_rest) {
    if (b == -1) {
        *ret_rest = 0;
        return mul_i64(a, -1, ret_quotient);
    }
    int64_t quotient = a / b;
    int64_t rest = a % b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
        quotient--;
        rest += b;
    }
    *ret_quotient = quotient;
    *ret_rest = rest;
    return true;
}

static double float_rest(double a, double b) {
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest == 0 ? copysign(0, b) : rest;
}

static bool float_operation(const struct operation *o, double a, double b,
                            struct jinja_value *ret) {
    double result = 0;
    switch (o->op) {
    case TOKEN_ADD:
        result = a + b;
        break;
    case TOKEN_SUB:
        result = a - b;
        break;
    case TOKEN_MUL:
        result = a * b;
        break;
    case TOKEN_DIV:
        if (b == 0) {
            return fail_zero(o);
        }
        result = a / b;
        break;
    case TOKEN_FLOORDIV:
        if (b == 0) {
            return fail_zero(o);
        }
        result = floor((a - float_rest(a, b)) / b + 0.5);
        result = result == 0 ? copysign(0, a / b) : result;
        break;
    case TOKEN_MOD:
        if (b == 0) {
            return fail_zero(o);
        }
        result = float_rest(a, b);
        break;
    default: /* TOKEN_POW */
        if (a == 0 && b < 0) {
            return rt_fail(o->rt, o->span, "zero cannot be raised to a negative power");
        }
        result = pow(a, b);
        if (isnan(result) && !isnan(a) && !isnan(b)) {
            return rt_fail(o->rt, o->span, "the result of '**' is a complex number");
        }
        if (isinf(result) && !isinf(a) && !isinf(b)) {
            return rt_fail(o->rt, o->span, "the result of '**' is too large");
        }
    }
    *ret = jinja_float(result);
    return true;
}

static bool int_operation(const struct operation *o, int64_t a, int64_t b,
                          struct jinja_value *ret) {
    int64_t result = 0;
    int64_t other = 0;
    bool fits = true;
    switch (o->op) {
    case TOKEN_ADD:
        fits = add_i64(a, b, &result);
        break;
    case TOKEN_SUB:
        fits = !__builtin_sub_overflow(a, b, &result);
        break;
    case TOKEN_MUL:
        fits = mul_i64(a, b, &result);
        break;
    case TOKEN_FLOORDIV:
    case TOKEN_MOD:
        if (b == 0) {
            return fail_zero(o);
        }
        fits = o->op == TOKEN_MOD ? (floor_divide(a, b, &other, &result) || b == -1)
                                  : floor_divide(a, b, &result, &other);
        break;
    case TOKEN_POW:
        if (b >= 0) {
            fits = power_int(a, b, &result);
            break;
        }
        return float_operation(o, (double)a, (double)b, ret);
    default: /* TOKEN_DIV */
        return float_operation(o, (double)a, (double)b, ret);
    }
    *ret = jinja_int(result);
    return fits || fail_overflow(o);
}

/* Text that joins escaped text is escaped itself. */
static str escaped(struct arena *a, struct jinja_value v, bool markup) {
    if (!markup || v.markup) {
        return v.string;
    }
    AUTO_BUF text = BUF_INIT(SIZE_MAX / 2);
    text_add_escaped(&text, v.string);
    return str_dup(a, buf_str(&text));
}

static bool add_strings(const struct operation *o, struct jinja_value a, struct jinja_value b,
                        struct jinja_value *ret) {
    bool markup = a.markup || b.markup;
    if (!rt_reserve(o->rt, o->span, (a.string.len + b.string.len) * (markup ? 6 : 1))) {
        return false;
    }
    struct arena *arena = o->rt->arena;
    *ret = jinja_string(str_concat(arena, escaped(arena, a, markup), escaped(arena, b, markup)));
    ret->markup = markup;
    return true;
}

static bool add_lists(const struct operation *o, struct jinja_value a, struct jinja_value b,
                      struct jinja_value *ret) {
    size_t len = a.list->len + b.list->len;
    if (!rt_reserve(o->rt, o->span, len * 2 * sizeof a) || !rt_step(o->rt, o->span, len)) {
        return false;
    }
    *ret = jinja_list_new(o->rt->arena);
    ret->kind = a.kind;
    for (size_t i = 0; i < len; i++) {
        jinja_list_add(*ret, i < a.list->len ? a.list->items[i] : b.list->items[i - a.list->len]);
    }
    return true;
}

/* A string, list or tuple, repeated. */
static bool repeat(const struct operation *o, struct jinja_value v, int64_t count,
                   struct jinja_value *ret) {
    size_t times = count < 0 ? 0 : (size_t)count;
    bool text = v.kind == JINJA_STRING;
    size_t len = text ? v.string.len : v.list->len;
    size_t total = 0;
    size_t bytes;
    if (!mul_size(len, times, &total) || !mul_size(total, text ? 1 : 2 * sizeof v, &bytes)) {
        bytes = SIZE_MAX;
    }
    if (!rt_reserve(o->rt, o->span, bytes) || !rt_step(o->rt, o->span, bytes / 64)) {
        return false;
    }
    if (text) {
        char *out = arena_alloc(o->rt->arena, total + 1);
        for (size_t i = 0; len > 0 && i < times; i++) {
            memcpy(out + i * len, v.string.ptr, len);
        }
        v.string = (str){ out, total };
        *ret = v;
        return true;
    }
    *ret = jinja_list_new(o->rt->arena);
    ret->kind = v.kind;
    for (size_t i = 0; i < total; i++) {
        jinja_list_add(*ret, v.list->items[i % len]);
    }
    return true;
}

static bool is_sequence(struct jinja_value v) {
    return v.kind == JINJA_STRING || v.kind == JINJA_TUPLE ||
           (v.kind == JINJA_LIST && v.view == JINJA_VIEW_NONE);
}

bool rt_binary(struct jinja_runtime *rt, struct span span, enum token_kind op, struct jinja_value a,
               struct jinja_value b, struct jinja_value *ret) {
    struct operation o = { rt, span, op };
    int64_t i = 0;
    int64_t j = 0;
    double x = 0;
    double y = 0;
    bool a_int = value_is_integer(a, &i);
    bool b_int = value_is_integer(b, &j);
    if (a_int && b_int) {
        return int_operation(&o, i, j, ret);
    }
    if (value_is_number(a, &x) && value_is_number(b, &y)) {
        return float_operation(&o, x, y, ret);
    }
    if (op == TOKEN_MOD && a.kind == JINJA_STRING) {
        return text_format(rt, span, a, b, ret);
    }
    if (op == TOKEN_ADD && a.kind == JINJA_STRING && b.kind == JINJA_STRING) {
        return add_strings(&o, a, b, ret);
    }
    if (op == TOKEN_ADD && a.kind == b.kind && is_sequence(a) && is_sequence(b)) {
        return add_lists(&o, a, b, ret);
    }
    if (op == TOKEN_MUL && is_sequence(a) && b_int) {
        return repeat(&o, a, j, ret);
    }
    if (op == TOKEN_MUL && is_sequence(b) && a_int) {
        return repeat(&o, b, i, ret);
    }
    return fail_types(&o, a, b);
}

// SPDX-License-Identifier: Apache-2.0
/* Tests: what stands after `is`. */
#include <math.h>

#include "jinja/builtin/builtin.h"

static bool give(struct jinja_value *ret, bool truth) {
    value_put_bool(ret, truth);
    return true;
}

static bool test_defined(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind != JINJA_UNDEFINED);
}

static bool test_undefined(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_UNDEFINED);
}

static bool test_none(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_NONE);
}

static bool test_boolean(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_BOOL);
}

static bool test_true(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_BOOL && call->args[0].boolean);
}

static bool test_false(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_BOOL && !call->args[0].boolean);
}

static bool test_integer(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_INT);
}

static bool test_float(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_FLOAT);
}

static bool test_number(struct jinja_call *call, struct jinja_value *ret) {
    double ignored;
    return give(ret, value_is_number(call->args[0], &ignored));
}

static bool test_string(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_STRING);
}

static bool test_mapping(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_DICT);
}

static bool test_iterable(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    if (v.kind == JINJA_UNDEFINED && !rt_use(call->runtime, call->span, v)) {
        return false;
    }
    return give(ret, value_is_sized(v) || v.kind == JINJA_ITERATOR || v.kind == JINJA_UNDEFINED);
}

/* Has a length and items: what is undefined has both, when it is lenient. */
static bool test_sequence(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    bool view = v.kind == JINJA_LIST && v.view != JINJA_VIEW_NONE;
    bool lenient = v.kind == JINJA_UNDEFINED && !call->runtime->env->options.strict;
    return give(ret, (value_is_sized(v) && !view) || lenient);
}

static bool test_callable(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    return give(ret, v.kind == JINJA_FUNCTION ||
                         (v.kind == JINJA_OBJECT && v.object->ops->call != NULL) ||
                         v.kind == JINJA_UNDEFINED);
}

static bool test_escaped(struct jinja_call *call, struct jinja_value *ret) {
    return give(ret, call->args[0].kind == JINJA_STRING && call->args[0].markup);
}

static bool test_sameas(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, OTHER };
    return give(ret, value_same(call->args[VALUE], call->args[OTHER]));
}

static bool test_in(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, SEQ };
    bool truth;
    return rt_contains(call->runtime, call->span, call->args[SEQ], call->args[VALUE], &truth) &&
           give(ret, truth);
}

/* value % number == rest */
static bool has_rest(struct jinja_call *call, struct jinja_value number, int64_t rest,
                     struct jinja_value *ret) {
    struct jinja_value v;
    return rt_binary(call->runtime, call->span, TOKEN_MOD, call->args[0], number, &v) &&
           give(ret, value_equal(v, jinja_int(rest)));
}

static bool test_odd(struct jinja_call *call, struct jinja_value *ret) {
    if (call->args[0].kind == JINJA_INT) {
        return give(ret, (call->args[0].integer & 1) != 0);
    }
    return has_rest(call, jinja_int(2), 1, ret);
}

static bool test_even(struct jinja_call *call, struct jinja_value *ret) {
    if (call->args[0].kind == JINJA_INT) {
        return give(ret, (call->args[0].integer & 1) == 0);
    }
    return has_rest(call, jinja_int(2), 0, ret);
}

static bool test_divisibleby(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, NUM };
    return has_rest(call, call->args[NUM], 0, ret);
}

static bool compare(struct jinja_call *call, int *ret) {
    enum { A, B };
    return rt_compare(call->runtime, call->span, call->args[A], call->args[B], ret);
}

static bool test_eq(struct jinja_call *call, struct jinja_value *ret) {
    enum { A, B };
    bool same;
    return rt_use(call->runtime, call->span, call->args[A]) &&
           rt_use(call->runtime, call->span, call->args[B]) &&
           rt_equal(call->runtime, call->span, call->args[A], call->args[B], &same) &&
           give(ret, same);
}

static bool test_ne(struct jinja_call *call, struct jinja_value *ret) {
    return test_eq(call, ret) && give(ret, !ret->boolean);
}

static bool test_lt(struct jinja_call *call, struct jinja_value *ret) {
    int order;
    return compare(call, &order) && give(ret, order < 0);
}

static bool test_le(struct jinja_call *call, struct jinja_value *ret) {
    int order;
    return compare(call, &order) && give(ret, order <= 0);
}

static bool test_gt(struct jinja_call *call, struct jinja_value *ret) {
    int order;
    return compare(call, &order) && give(ret, order == 1);
}

static bool test_ge(struct jinja_call *call, struct jinja_value *ret) {
    int order;
    return compare(call, &order) && give(ret, order == 0 || order == 1);
}

/* Has letters, and all of them are upper (or lower) case. */
static bool all_case(struct jinja_call *call, bool upper, struct jinja_value *ret) {
    str s;
    bool cased = false;
    if (!jinja_call_text(call, call->args[0], &s)) {
        return false;
    }
    for (size_t i = 0; i < s.len;) {
        uint32_t code = text_next(s, &i);
        if (text_is_title(code) || (upper ? text_is_lower(code) : text_is_upper(code))) {
            return give(ret, false);
        }
        cased = cased || (upper ? text_is_upper(code) : text_is_lower(code));
    }
    return give(ret, cased);
}

static bool test_upper(struct jinja_call *call, struct jinja_value *ret) {
    return all_case(call, true, ret);
}

static bool test_lower(struct jinja_call *call, struct jinja_value *ret) {
    return all_case(call, false, ret);
}

static bool exists(struct jinja_call *call, bool test, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    bool values = v.kind == JINJA_LIST && v.view == JINJA_VIEW_VALUES; /* Python can hash it */
    if (!values && !rt_dict_key(call->runtime, call->span, &v)) {      /* as a key of a dict is */
        return false;
    }
    return give(ret,
                v.kind == JINJA_STRING && env_callable(call->runtime->env, v.string, test) != NULL);
}

static bool test_filter(struct jinja_call *call, struct jinja_value *ret) {
    return exists(call, false, ret);
}

static bool test_test(struct jinja_call *call, struct jinja_value *ret) {
    return exists(call, true, ret);
}

static const struct jinja_callable rows[] = {
    { S_INIT("defined"), "value", 1, test_defined, "Is there." },
    { S_INIT("undefined"), "value", 1, test_undefined, "Is not there." },
    { S_INIT("none"), "value", 1, test_none, "Is none." },
    { S_INIT("boolean"), "value", 1, test_boolean, "Is true or false." },
    { S_INIT("true"), "value", 1, test_true, "Is true itself." },
    { S_INIT("false"), "value", 1, test_false, "Is false itself." },
    { S_INIT("integer"), "value", 1, test_integer, "Is an integer, not a boolean." },
    { S_INIT("float"), "value", 1, test_float, "Is a float." },
    { S_INIT("number"), "value", 1, test_number, "Is a number." },
    { S_INIT("string"), "value", 1, test_string, "Is text." },
    { S_INIT("mapping"), "value", 1, test_mapping, "Is a dict." },
    { S_INIT("iterable"), "value", 1, test_iterable, "Can be looped over." },
    { S_INIT("sequence"), "value", 1, test_sequence, "Has a length and items." },
    { S_INIT("callable"), "value", 1, test_callable, "Can be called." },
    { S_INIT("escaped"), "value", 1, test_escaped, "Is escaped text." },
    { S_INIT("sameas"), "value other", 2, test_sameas, "Is the same object." },
    { S_INIT("in"), "value seq", 2, test_in, "Is in the other." },
    { S_INIT("odd"), "value", 1, test_odd, "Is odd." },
    { S_INIT("even"), "value", 1, test_even, "Is even." },
    { S_INIT("divisibleby"), "value num", 2, test_divisibleby, "Is divisible by a number." },
    { S_INIT("eq"), "a b", 2, test_eq, "a == b" },
    { S_INIT("=="), "a b", 2, test_eq, "a == b" },
    { S_INIT("equalto"), "a b", 2, test_eq, "a == b" },
    { S_INIT("ne"), "a b", 2, test_ne, "a != b" },
    { S_INIT("!="), "a b", 2, test_ne, "a != b" },
    { S_INIT("lt"), "a b", 2, test_lt, "a < b" },
    { S_INIT("<"), "a b", 2, test_lt, "a < b" },
    { S_INIT("lessthan"), "a b", 2, test_lt, "a < b" },
    { S_INIT("le"), "a b", 2, test_le, "a <= b" },
    { S_INIT("<="), "a b", 2, test_le, "a <= b" },
    { S_INIT("gt"), "a b", 2, test_gt, "a > b" },
    { S_INIT(">"), "a b", 2, test_gt, "a > b" },
    { S_INIT("greaterthan"), "a b", 2, test_gt, "a > b" },
    { S_INIT("ge"), "a b", 2, test_ge, "a >= b" },
    { S_INIT(">="), "a b", 2, test_ge, "a >= b" },
    { S_INIT("upper"), "value", 1, test_upper, "All letters are upper case." },
    { S_INIT("lower"), "value", 1, test_lower, "All letters are lower case." },
    { S_INIT("filter"), "value", 1, test_filter, "There is a filter of this name." },
    { S_INIT("test"), "value", 1, test_test, "There is a test of this name." },
};

const struct callable_table tests_table = { rows, ARRAY_LEN(rows) };

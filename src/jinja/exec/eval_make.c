// SPDX-License-Identifier: Apache-2.0
/*
 * Expressions to values of their own: lists, dicts, joined text, slices. They are apart from
 * eval(), whose frame is on the stack once for each level of nesting.
 */
#include "jinja/exec/exec.h"

bool eval_list(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value list = jinja_list_new(rt->arena);
    list.kind = e->kind == EXPR_TUPLE ? JINJA_TUPLE : JINJA_LIST;
    for (size_t i = 0; i < e->items.len; i++) {
        struct jinja_value item;
        if (!eval(rt, e->items.items[i], &item)) {
            return false;
        }
        jinja_list_add(list, item);
        value_take_origin(&list, item);
    }
    *ret = list;
    return true;
}

bool eval_dict(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value dict = jinja_dict_new(rt->arena);
    for (size_t i = 0; i + 1 < e->items.len; i += 2) {
        struct jinja_value key;
        struct jinja_value value;
        if (!eval(rt, e->items.items[i], &key) || !eval(rt, e->items.items[i + 1], &value) ||
            !rt_dict_key(rt, e->items.items[i]->span, &key)) {
            return false;
        }
        dict_put(dict.dict, key, value);
    }
    *ret = dict;
    return true;
}

bool eval_sign(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value v;
    int64_t i;
    bool negative = e->kind == EXPR_NEG;
    if (!eval(rt, e->left, &v)) {
        return false;
    }
    if (value_is_integer(v, &i)) {
        *ret = jinja_int(i);
        return !negative || mul_i64(i, -1, &ret->integer) ||
               rt_fail(rt, e->span, "the result of '-' does not fit 64 bits");
    }
    if (v.kind == JINJA_FLOAT) {
        *ret = jinja_float(negative ? -v.real : v.real);
        return true;
    }
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(rt, e->left->span, v);
    }
    return rt_fail(rt, e->span, "a '%s' value has no sign", value_type_name(v));
}

/* Jinja computes constants beforehand, and what it joins then is plain text. */
static bool is_constant(const struct expr *e) {
    switch (e->kind) {
    case EXPR_LITERAL:
        return true;
    case EXPR_NEG:
    case EXPR_POS:
    case EXPR_NOT:
        return is_constant(e->left);
    case EXPR_BINARY:
        return is_constant(e->left) && is_constant(e->right);
    case EXPR_FILTER:
        return e->left != NULL && is_constant(e->left) && e->args == NULL;
    case EXPR_CONCAT:
        for (size_t i = 0; i < e->items.len; i++) {
            if (!is_constant(e->items.items[i])) {
                return false;
            }
        }
        return true;
    default: /* rarely joined, so not worth knowing */
        return false;
    }
}

bool eval_concat(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    AUTO_BUF out = rt_buf(rt);
    struct jinja_value *values = ARENA_ARRAY(rt->arena, struct jinja_value, e->items.len);
    bool markup = false;
    for (size_t i = 0; i < e->items.len; i++) {
        if (!eval(rt, e->items.items[i], &values[i])) {
            return false;
        }
        markup = markup ||
                 (rt->escaping == ESCAPE_ON && values[i].kind == JINJA_STRING && values[i].markup);
    }
    markup = markup && !is_constant(e);
    for (size_t i = 0; i < e->items.len; i++) {
        struct span span = e->items.items[i]->span;
        str text;
        if (!(markup ? rt_escape : rt_text)(rt, span, values[i], &text)) {
            return false;
        }
        buf_add(&out, text);
    }
    *ret = jinja_string((str){ 0 });
    ret->markup = markup;
    for (size_t i = 0; i < e->items.len; i++) {
        value_take_origin(ret, values[i]);
    }
    return rt_take_text(rt, e->span, &out, &ret->string);
}

bool eval_slice(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value left;
    struct jinja_value bounds[3] = { JINJA_NONE_VALUE, JINJA_NONE_VALUE, JINJA_NONE_VALUE };
    if (!eval(rt, e->left, &left)) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (e->slice[i] != NULL && !eval(rt, e->slice[i], &bounds[i])) {
            return false;
        }
    }
    if (!rt_slice(rt, e->span, left, bounds, ret)) {
        return false;
    }
    value_take_origin(ret, left);
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/* Expressions to values. */
#include "jinja/internal.h"

static bool eval_list(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
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

static bool eval_dict(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value dict = jinja_dict_new(rt->arena);
    for (size_t i = 0; i + 1 < e->items.len; i += 2) {
        struct jinja_value key;
        struct jinja_value value;
        if (!eval(rt, e->items.items[i], &key) || !eval(rt, e->items.items[i + 1], &value) ||
            !rt_dict_key(rt, e->items.items[i]->span, key)) {
            return false;
        }
        dict_put(dict.dict, key, value);
    }
    *ret = dict;
    return true;
}

static bool eval_sign(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
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

/* `and` and `or` give the operand that decided. */
static bool eval_logic(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    bool truth;
    if (!eval(rt, e->left, ret) || !rt_truth(rt, e->left->span, *ret, &truth)) {
        return false;
    }
    return truth == (e->kind == EXPR_OR) || eval(rt, e->right, ret);
}

static bool eval_not(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    bool truth;
    if (!eval(rt, e->left, ret) || !rt_truth(rt, e->left->span, *ret, &truth)) {
        return false;
    }
    *ret = jinja_bool(!truth);
    return true;
}

static bool eval_cond(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    bool truth;
    if (!eval(rt, e->cond, ret) || !rt_truth(rt, e->cond->span, *ret, &truth)) {
        return false;
    }
    if (truth) {
        return eval(rt, e->left, ret);
    }
    if (e->right != NULL) {
        return eval(rt, e->right, ret);
    }
    *ret = value_undefined(S("the condition is false and there is no 'else'"), UNDEFINED_COND);
    return true;
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

static bool eval_concat(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
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

static bool compare_once(struct jinja_runtime *rt, struct span span, enum compare_op op,
                         struct jinja_value a, struct jinja_value b, bool *ret) {
    int order;
    switch (op) {
    case COMPARE_EQ:
    case COMPARE_NE:
        if (!rt_use(rt, span, a) || !rt_use(rt, span, b) || !rt_equal(rt, span, a, b, ret)) {
            return false;
        }
        *ret = *ret == (op == COMPARE_EQ);
        return true;
    case COMPARE_IN:
    case COMPARE_NOT_IN:
        if (!rt_contains(rt, span, b, a, ret)) {
            return false;
        }
        *ret = *ret == (op == COMPARE_IN);
        return true;
    case COMPARE_LT:
    case COMPARE_LE:
    case COMPARE_GT:
    case COMPARE_GE:
        break;
    }
    if (!rt_compare(rt, span, a, b, &order)) {
        return false;
    }
    bool less = op == COMPARE_LT || op == COMPARE_LE;
    bool or_equal = op == COMPARE_LE || op == COMPARE_GE;
    *ret = order != 2 && ((order == 0 && or_equal) || (less ? order < 0 : order > 0));
    return true;
}

/* a < b < c: stops at the first that is false. */
bool eval_compare(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value left;
    bool truth = true;
    if (!eval(rt, e->left, &left)) {
        return false;
    }
    for (const struct comparison *c = e->comparisons; c != NULL && truth; c = c->next) {
        struct jinja_value right;
        if (!eval(rt, c->right, &right) || !compare_once(rt, e->span, c->op, left, right, &truth)) {
            return false;
        }
        left = right;
    }
    *ret = jinja_bool(truth);
    return true;
}

static bool eval_binary(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value a;
    struct jinja_value b;
    if (!eval(rt, e->left, &a) || !eval(rt, e->right, &b) ||
        !rt_binary(rt, e->span, e->op, a, b, ret)) {
        return false;
    }
    value_take_origin(ret, a);
    value_take_origin(ret, b);
    return true;
}

static bool eval_item(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value left;
    struct jinja_value key;
    if (!eval(rt, e->left, &left) || !eval(rt, e->right, &key) ||
        !rt_item(rt, e->span, left, key, ret)) {
        return false;
    }
    value_take_origin(ret, left);
    return true;
}

static bool eval_slice(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
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

static bool add_star(struct jinja_runtime *rt, const struct expr *e, struct call_values *ret) {
    struct jinja_value v;
    struct jinja_value item;
    struct iter it;
    if (!eval(rt, e, &v) || !iter_init(rt, e->span, v, &it)) {
        return false;
    }
    while (iter_next(&it, &item)) {
        if (!rt_step(rt, e->span, 1)) {
            return false;
        }
        ARENA_PUSH(rt->arena, ret->positional, ret->count, ret->cap, item);
    }
    return true;
}

static bool add_star_star(struct jinja_runtime *rt, const struct expr *e, struct call_values *ret) {
    struct jinja_value v;
    if (!eval(rt, e, &v)) {
        return false;
    }
    if (v.kind != JINJA_DICT) {
        return rt_fail(rt, e->span, "what stands behind '**' is a dict, not '%s'",
                       value_type_name(v));
    }
    for (size_t i = 0; i < v.dict->used; i++) {
        const struct dict_entry *entry = &v.dict->entries[i];
        if (entry->removed) {
            continue;
        }
        if (entry->key.kind != JINJA_STRING) {
            return rt_fail(rt, e->span, "keywords are strings");
        }
        struct jinja_keyword k = { entry->key.string, entry->value };
        ARENA_PUSH(rt->arena, ret->keywords, ret->keyword_count, ret->keyword_cap, k);
    }
    return true;
}

bool eval_args(struct jinja_runtime *rt, const struct call_args *args, struct call_values *ret) {
    *ret = (struct call_values){ 0 };
    if (args == NULL) {
        return true;
    }
    ret->cap = args->positional.len;
    if (ret->cap > 0) {
        ret->positional = ARENA_ARRAY(rt->arena, struct jinja_value, ret->cap);
    }
    for (; ret->count < ret->cap; ret->count++) {
        if (!eval(rt, args->positional.items[ret->count], &ret->positional[ret->count])) {
            return false;
        }
    }
    if (args->star != NULL && !add_star(rt, args->star, ret)) {
        return false;
    }
    for (size_t i = 0; i < args->keyword_count; i++) {
        struct jinja_keyword k = { .name = args->keywords[i].name };
        if (!eval(rt, args->keywords[i].value, &k.value)) {
            return false;
        }
        ARENA_PUSH(rt->arena, ret->keywords, ret->keyword_count, ret->keyword_cap, k);
    }
    return args->star_star == NULL || add_star_star(rt, args->star_star, ret);
}

static bool eval_call(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value callee;
    struct call_values args;
    if (!eval(rt, e->left, &callee) || !eval_args(rt, e->args, &args) ||
        !rt_call(rt, e->span, callee, &args, ret)) {
        return false;
    }
    if (callee.kind == JINJA_FUNCTION) {
        value_take_origin(ret, callee.function->self);
    }
    return true;
}

/* A filter or test on a value that is there. */
static bool run_filter(struct jinja_runtime *rt, const struct expr *e, struct jinja_value input,
                       struct jinja_value *ret) {
    struct call_values args;
    if (e->callable == NULL) {
        AUTO_BUF message = BUF_INIT(512);
        env_unknown_callable(rt->env, e->text, e->kind == EXPR_TEST, &message);
        return rt_fail(rt, e->span, "%.*s", STR_FMT(buf_str(&message)));
    }
    if (!eval_args(rt, e->args, &args) ||
        !rt_run_callable(rt, e->callable, e->span, &input, &args, ret)) {
        return false;
    }
    value_take_origin(ret, input);
    return true;
}

bool eval_filter_chain(struct jinja_runtime *rt, const struct expr *e, struct jinja_value input,
                       struct jinja_value *ret) {
    if (e->left != NULL && !eval_filter_chain(rt, e->left, input, &input)) {
        return false;
    }
    return run_filter(rt, e, input, ret);
}

static bool eval_filter(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value input;
    return eval(rt, e->left, &input) && run_filter(rt, e, input, ret);
}

static bool eval_test(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    if (!eval_filter(rt, e, ret)) {
        return false;
    }
    bool truth;
    if (!rt_truth(rt, e->span, *ret, &truth)) {
        return false;
    }
    *ret = jinja_bool(truth != e->is_not);
    return true;
}

/* Most are keys of a dict, which needs no look at the methods. */
static bool eval_attr(struct jinja_runtime *rt, const struct expr *e, struct jinja_value left,
                      struct jinja_value *ret) {
    if (left.kind == JINJA_DICT && e->is_key) {
        const struct dict_entry *entry = dict_find(left.dict, jinja_string(e->text));
        if (entry != NULL) {
            *ret = entry->value;
            return true;
        }
    }
    return rt_attr(rt, e->span, left, e->text, ret);
}

static bool eval_kind(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value left;
    switch (e->kind) {
    case EXPR_LITERAL:
        *ret = e->literal;
        return true;
    case EXPR_NAME:
        *ret = scope_get(rt, e->name, e->text);
        return true;
    case EXPR_LIST:
    case EXPR_TUPLE:
        return eval_list(rt, e, ret);
    case EXPR_DICT:
        return eval_dict(rt, e, ret);
    case EXPR_NEG:
    case EXPR_POS:
        return eval_sign(rt, e, ret);
    case EXPR_NOT:
        return eval_not(rt, e, ret);
    case EXPR_AND:
    case EXPR_OR:
        return eval_logic(rt, e, ret);
    case EXPR_BINARY:
        return eval_binary(rt, e, ret);
    case EXPR_COMPARE:
        return eval_compare(rt, e, ret);
    case EXPR_CONCAT:
        return eval_concat(rt, e, ret);
    case EXPR_COND:
        return eval_cond(rt, e, ret);
    case EXPR_ATTR:
        return eval(rt, e->left, &left) && eval_attr(rt, e, left, ret);
    case EXPR_ITEM:
        return eval_item(rt, e, ret);
    case EXPR_SLICE:
        return eval_slice(rt, e, ret);
    case EXPR_CALL:
        return eval_call(rt, e, ret);
    case EXPR_FILTER:
        return eval_filter(rt, e, ret);
    case EXPR_TEST:
        return eval_test(rt, e, ret);
    }
    return false;
}

bool eval(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    if (!rt_enter(rt, e->span)) {
        return false;
    }
    bool ok = rt_step(rt, e->span, 1) && eval_kind(rt, e, ret);
    rt_leave(rt);
    return ok;
}

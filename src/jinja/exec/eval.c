// SPDX-License-Identifier: Apache-2.0
/* Expressions to values. */
#include "jinja/exec/exec.h"

bool eval_truth(struct jinja_runtime *rt, const struct expr *e, bool *ret) {
    struct jinja_value room;
    if (e->kind == EXPR_NOT) { /* as deep as its operand: the template's depth has a limit */
        if (!rt_tick(rt, &e->span) || !eval_truth(rt, e->left, ret)) {
            return false;
        }
        *ret = !*ret;
        return true;
    }
    const struct jinja_value *v = eval_ref(rt, e, &room);
    if (v == NULL) {
        return false;
    }
    if (v->kind == JINJA_BOOL) {
        *ret = v->boolean;
        return true;
    }
    return rt_truth(rt, e->span, *v, ret);
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
    if (!eval_truth(rt, e->left, &truth)) {
        return false;
    }
    value_put_bool(ret, !truth);
    return true;
}

static bool eval_cond(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    bool truth;
    if (!eval_truth(rt, e->cond, &truth)) {
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

/* Two integers, without a call. */
static bool compare_integers(enum compare_op op, int64_t a, int64_t b, bool *ret) {
    switch (op) {
    case COMPARE_EQ:
        *ret = a == b;
        return true;
    case COMPARE_NE:
        *ret = a != b;
        return true;
    case COMPARE_LT:
        *ret = a < b;
        return true;
    case COMPARE_LE:
        *ret = a <= b;
        return true;
    case COMPARE_GT:
        *ret = a > b;
        return true;
    case COMPARE_GE:
        *ret = a >= b;
        return true;
    case COMPARE_IN:
    case COMPARE_NOT_IN:
        break;
    }
    return false;
}

/* a < b < c: stops at the first that is false. */
bool eval_compare(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value rooms[2];
    size_t room = 0;
    bool truth = true;
    const struct jinja_value *left = eval_ref(rt, e->left, &rooms[room]);
    if (left == NULL) {
        return false;
    }
    for (const struct comparison *c = e->comparisons; c != NULL && truth; c = c->next) {
        room = 1 - room;
        const struct jinja_value *right = eval_ref(rt, c->right, &rooms[room]);
        if (right == NULL || !rt_tick(rt, &e->span)) { /* a chain may be long */
            return false;
        }
        bool both = left->kind == JINJA_INT && right->kind == JINJA_INT;
        if (!(both && compare_integers(c->op, left->integer, right->integer, &truth)) &&
            !rt_compare_by(rt, e->span, c->op, *left, *right, &truth)) {
            return false;
        }
        left = right;
    }
    value_put_bool(ret, truth);
    return true;
}

/* What most loops compute; false: not one of these, or it does not fit. */
static bool compute_integers(enum token_kind op, int64_t a, int64_t b, int64_t *ret) {
    switch (op) {
    case TOKEN_ADD:
        return add_i64(a, b, ret);
    case TOKEN_SUB:
        return !__builtin_sub_overflow(a, b, ret);
    case TOKEN_MUL:
        return mul_i64(a, b, ret);
    case TOKEN_MOD:
        if (a < 0 || b <= 0) {
            return false;
        }
        *ret = a % b;
        return true;
    default: /* rt_binary() has the others */
        return false;
    }
}

static bool eval_binary(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value rooms[2];
    int64_t integer;
    const struct jinja_value *a = eval_ref(rt, e->left, &rooms[0]);
    const struct jinja_value *b = a == NULL ? NULL : eval_ref(rt, e->right, &rooms[1]);
    if (b == NULL) {
        return false;
    }
    if (a->kind == JINJA_INT && b->kind == JINJA_INT &&
        compute_integers(e->op, a->integer, b->integer, &integer)) {
        value_put_int(ret, integer, a->origin != 0 ? a->origin : b->origin);
        return true;
    }
    if (!rt_binary(rt, e->span, e->op, *a, *b, ret)) {
        return false;
    }
    value_take_origin(ret, *a);
    value_take_origin(ret, *b);
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

/* Most are keys of a dict, which needs no look at the methods. */
bool eval_attr_of(struct jinja_runtime *rt, const struct expr *e, const struct jinja_value *left,
                  struct jinja_value *ret) {
    if (left->kind == JINJA_DICT && e->methods[JINJA_DICT - JINJA_STRING] == NULL) {
        const struct dict_entry *entry = dict_find_text(left->dict, e->text, e->hash, e->hint);
        if (entry != NULL) {
            *ret = entry->value;
            return true;
        }
    }
    if (left->kind == JINJA_OBJECT && left->object->ops == &loop_ops) {
        loop_get(rt, left->object, e, ret);
        return true;
    }
    return rt_attr(rt, e->span, *left, e->text, ret);
}

static bool eval_attr(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value room;
    const struct jinja_value *left = eval_ref(rt, e->left, &room);
    return left != NULL && eval_attr_of(rt, e, left, ret);
}

static bool eval_kind(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    switch (e->kind) {
    case EXPR_LITERAL:
        *ret = e->literal;
        return true;
    case EXPR_NAME:
        *ret = *scope_get(rt, e->name, e->text);
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
        return eval_attr(rt, e, ret);
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
    bool ok = rt_tick(rt, &e->span) && eval_kind(rt, e, ret);
    rt_leave(rt);
    return ok;
}

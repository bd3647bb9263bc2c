// SPDX-License-Identifier: Apache-2.0
/* Expressions that call: functions, methods, filters and tests. */
#include "jinja/exec/exec.h"

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
        return rt_fail(rt, e->span, "the value after '**' must be a dict, not '%s'",
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

bool eval_args(struct jinja_runtime *rt, const struct call_args *args, struct arg_room *room,
               struct call_values *ret) {
    *ret = (struct call_values){ .positional = room->positional,
                                 .cap = ARRAY_LEN(room->positional),
                                 .keywords = room->keywords,
                                 .keyword_cap = ARRAY_LEN(room->keywords) };
    if (args == NULL) {
        return true;
    }
    if (args->positional.len > ret->cap) {
        ret->cap = args->positional.len;
        ret->positional = ARENA_ARRAY(rt->arena, struct jinja_value, ret->cap);
    }
    for (; ret->count < args->positional.len; ret->count++) {
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

static bool call_value(struct jinja_runtime *rt, const struct expr *e, struct jinja_value callee,
                       struct jinja_value *ret) {
    struct call_values args;
    struct arg_room room;
    if (!eval_args(rt, e->args, &room, &args) || !rt_call(rt, e->span, callee, &args, ret)) {
        return false;
    }
    if (callee.kind == JINJA_FUNCTION) {
        value_take_origin(ret, callee.function->self);
    }
    return true;
}

/* A method of the value's kind; NULL: none, or one that is not found by its name alone. */
static const struct callable *find_method(const struct expr *attr, const struct jinja_value *self) {
    bool plain =
        self->kind >= JINJA_STRING && self->kind <= JINJA_DICT &&
        (self->kind == JINJA_STRING || self->kind == JINJA_DICT || self->view == JINJA_VIEW_NONE);
    return plain && !(self->kind == JINJA_STRING && self->markup)
               ? attr->methods[self->kind - JINJA_STRING]
               : NULL;
}

/* `value.name(...)`: a method is called without becoming a value first. */
static bool call_attr(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value self_room;
    struct jinja_value callee;
    struct call_values args;
    struct arg_room room;
    if (!rt_step(rt, e->left->span, 1)) {
        return false;
    }
    const struct jinja_value *self = eval_ref(rt, e->left->left, &self_room);
    if (self == NULL) {
        return false;
    }
    const struct callable *method = find_method(e->left, self);
    if (method == NULL) {
        return eval_attr_of(rt, e->left, self, &callee) && call_value(rt, e, callee, ret);
    }
    if (!eval_args(rt, e->args, &room, &args) ||
        !rt_run_callable(rt, method, e->span, self, &args, ret)) {
        return false;
    }
    value_take_origin(ret, *self);
    return true;
}

bool eval_call(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value callee;
    if (e->left->kind == EXPR_ATTR) {
        return call_attr(rt, e, ret);
    }
    return eval(rt, e->left, &callee) && call_value(rt, e, callee, ret);
}

/* A filter or test on a value that is there. */
static bool run_filter(struct jinja_runtime *rt, const struct expr *e,
                       const struct jinja_value *input, struct jinja_value *ret) {
    struct call_values args;
    struct arg_room room;
    if (e->callable == NULL) {
        AUTO_BUF message = BUF_INIT(512);
        env_unknown_callable(rt->env, e->text, e->kind == EXPR_TEST, &message);
        return rt_fail(rt, e->span, "%.*s", STR_FMT(buf_str(&message)));
    }
    if (!eval_args(rt, e->args, &room, &args) ||
        !rt_run_callable(rt, e->callable, e->span, input, &args, ret)) {
        return false;
    }
    value_take_origin(ret, *input);
    return true;
}

bool eval_filter_chain(struct jinja_runtime *rt, const struct expr *e, struct jinja_value input,
                       struct jinja_value *ret) {
    if (e->left != NULL && !eval_filter_chain(rt, e->left, input, &input)) {
        return false;
    }
    struct jinja_value made; /* `ret` may be where the input is */
    if (!run_filter(rt, e, &input, &made)) {
        return false;
    }
    *ret = made;
    return true;
}

bool eval_filter(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
    struct jinja_value room;
    const struct jinja_value *input = eval_ref(rt, e->left, &room);
    return input != NULL && run_filter(rt, e, input, ret);
}

bool eval_test(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret) {
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

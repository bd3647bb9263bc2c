// SPDX-License-Identifier: Apache-2.0
/* Global functions, and the objects they make: namespace, cycler, joiner. */
#include "jinja/builtin/builtin.h"

/* ---- range ---- */

static size_t range_len(int64_t start, int64_t stop, int64_t step) {
    if (step > 0 ? start >= stop : start <= stop) {
        return 0;
    }
    uint64_t distance =
        step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
    uint64_t size = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    return (size_t)((distance - 1) / size + 1);
}

static bool global_range(struct jinja_call *call, struct jinja_value *ret) {
    enum { START, STOP, STEP };
    int64_t start;
    int64_t stop = 0;
    int64_t step;
    if (!call_int(call, START, 0, &start) || !call_int(call, STOP, 0, &stop) ||
        !call_int(call, STEP, 1, &step)) {
        return false;
    }
    if (!jinja_call_has(call, STOP)) {
        stop = start;
        start = 0;
    }
    if (step == 0) {
        return jinja_call_fail(call, "the step cannot be zero");
    }
    struct jinja_range *r = ARENA_NEW(call->arena, struct jinja_range);
    *r = (struct jinja_range){ start, stop, step, range_len(start, stop, step) };
    *ret = (struct jinja_value){ .kind = JINJA_RANGE, .range = r };
    return true;
}

/* ---- dict and namespace: from pairs or another dict, then keywords ---- */

static bool add_pairs(struct jinja_call *call, struct jinja_dict *d) {
    struct jinja_value pairs;
    if (call->rest_count == 0) {
        return true;
    }
    struct jinja_value v = call->rest[0];
    if (call->rest_count > 1) {
        return jinja_call_fail(call, "takes at most 1 argument, not %zu", call->rest_count);
    }
    pairs = v;
    if (v.kind == JINJA_DICT) {
        pairs = dict_pairs(call->arena, v.dict);
    }
    struct iter it;
    struct jinja_value pair;
    if (!iter_init(call->runtime, call->span, pairs, &it)) {
        return false;
    }
    while (iter_next(&it, &pair)) {
        struct jinja_value items;
        if (!rt_list(call->runtime, call->span, pair, &items)) {
            return false;
        }
        if (items.list->len != 2) {
            return jinja_call_fail(call, "needs pairs of key and value");
        }
        if (!rt_dict_key(call->runtime, call->span, &items.list->items[0])) {
            return false;
        }
        dict_put(d, items.list->items[0], items.list->items[1]);
    }
    return true;
}

static bool global_dict(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value d = jinja_dict_new(call->arena);
    if (!add_pairs(call, d.dict)) {
        return false;
    }
    for (size_t i = 0; i < call->keyword_count; i++) {
        jinja_dict_put(d, call->keywords[i].name, call->keywords[i].value);
    }
    *ret = d;
    return true;
}

struct namespace {
    struct jinja_object object;
    struct jinja_dict *attrs;
};

static bool namespace_attr(struct jinja_runtime *rt, struct jinja_object *o, str name,
                           struct jinja_value *ret) {
    const struct namespace *n = (const struct namespace *)o;
    const struct dict_entry *e = dict_find(n->attrs, jinja_string(name));
    (void)rt;
    if (e != NULL) {
        *ret = e->value;
    }
    return true;
}

static bool namespace_set(struct jinja_runtime *rt, struct jinja_object *o, struct span span,
                          str name, struct jinja_value value) {
    const struct namespace *n = (const struct namespace *)o;
    (void)rt;
    (void)span;
    dict_put(n->attrs, jinja_string(name), value);
    return true;
}

static const struct object_ops namespace_ops = { .type_name = "namespace",
                                                 .attr = namespace_attr,
                                                 .set = namespace_set };

static bool global_namespace(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value attrs;
    if (!global_dict(call, &attrs)) {
        return false;
    }
    struct namespace *n = ARENA_NEW(call->arena, struct namespace);
    *n = (struct namespace){ .object = { &namespace_ops }, .attrs = attrs.dict };
    *ret = (struct jinja_value){ .kind = JINJA_OBJECT, .object = &n->object };
    return true;
}

/* ---- cycler ---- */

struct cycler {
    struct jinja_object object;
    struct jinja_list *items;
    size_t pos;
};

static bool cycler_next(struct jinja_call *call, struct jinja_value *ret) {
    struct cycler *c = (struct cycler *)call->args[0].object;
    *ret = c->items->items[c->pos];
    c->pos = (c->pos + 1) % c->items->len;
    return true;
}

static bool cycler_reset(struct jinja_call *call, struct jinja_value *ret) {
    ((struct cycler *)call->args[0].object)->pos = 0;
    *ret = JINJA_NONE_VALUE;
    return true;
}

static const struct callable cycler_methods[] = {
    { .row = &(const struct jinja_callable){ S_INIT("next"), "self", 1, cycler_next,
                                             "The current item; goes on to the next." },
      .params = { S_INIT("self") },
      .count = 1 },
    { .row = &(const struct jinja_callable){ S_INIT("reset"), "self", 1, cycler_reset,
                                             "Back to the first item." },
      .params = { S_INIT("self") },
      .count = 1 },
};

static bool cycler_attr(struct jinja_runtime *rt, struct jinja_object *o, str name,
                        struct jinja_value *ret) {
    const struct cycler *c = (const struct cycler *)o;
    if (str_eq(name, S("current"))) {
        *ret = c->items->items[c->pos];
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(cycler_methods); i++) {
        if (str_eq(cycler_methods[i].row->name, name)) {
            struct jinja_function *f = ARENA_NEW(rt->arena, struct jinja_function);
            f->callable = &cycler_methods[i];
            f->self = (struct jinja_value){ .kind = JINJA_OBJECT, .object = o };
            *ret = (struct jinja_value){ .kind = JINJA_FUNCTION, .function = f };
        }
    }
    return true;
}

static const struct object_ops cycler_ops = { .type_name = "cycler", .attr = cycler_attr };

static bool global_cycler(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value items = jinja_list_new(call->arena);
    if (call->rest_count == 0) {
        return jinja_call_fail(call, "needs at least one item");
    }
    for (size_t i = 0; i < call->rest_count; i++) {
        jinja_list_add(items, call->rest[i]);
    }
    struct cycler *c = ARENA_NEW(call->arena, struct cycler);
    *c = (struct cycler){ .object = { &cycler_ops }, .items = items.list };
    *ret = (struct jinja_value){ .kind = JINJA_OBJECT, .object = &c->object };
    return true;
}

/* ---- joiner: nothing the first time, then the separator ---- */

struct joiner {
    struct jinja_object object;
    str separator;
    bool used;
};

static bool joiner_call(struct jinja_runtime *rt, struct jinja_object *o, struct span span,
                        const struct call_values *args, struct jinja_value *ret) {
    struct joiner *j = (struct joiner *)o;
    if (args->count + args->keyword_count > 0) {
        return rt_fail(rt, span, "a joiner is called without arguments");
    }
    *ret = jinja_string(j->used ? j->separator : (str){ 0 });
    j->used = true;
    return true;
}

static const struct object_ops joiner_ops = { .type_name = "joiner", .call = joiner_call };

static bool global_joiner(struct jinja_call *call, struct jinja_value *ret) {
    struct joiner *j = ARENA_NEW(call->arena, struct joiner);
    *j = (struct joiner){ .object = { &joiner_ops } };
    *ret = (struct jinja_value){ .kind = JINJA_OBJECT, .object = &j->object };
    return call_str(call, 0, S(", "), &j->separator);
}

static const struct jinja_callable rows[] = {
    { S_INIT("range"), "start stop step", 1, global_range, "Integers from start up to stop." },
    { S_INIT("dict"), "* **", 0, global_dict, "A dict of the keywords." },
    { S_INIT("namespace"), "* **", 0, global_namespace, "An object whose attributes can be set." },
    { S_INIT("cycler"), "*", 0, global_cycler, "Gives its items in turn." },
    { S_INIT("joiner"), "sep", 0, global_joiner, "Gives a separator from the second call on." },
};

const struct callable_table globals_table = { rows, ARRAY_LEN(rows) };

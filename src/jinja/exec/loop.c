// SPDX-License-Identifier: Apache-2.0
/* `for`, and the `loop` object of its body. */
#include "jinja/exec/exec.h"

struct loop {
    struct jinja_object object;
    const struct stmt *stmt;
    struct jinja_list *items; /* all of them: the loop knows its length and neighbours */
    size_t index;             /* 0-based */
    size_t depth;             /* 0-based, of recursion */
    enum escaping escaping;
    struct scope *scope;     /* around the loop: where a recursive call goes on */
    struct jinja_value self; /* as a value */
    bool has_changed;
    struct jinja_value changed;
};

static bool run_loop(struct jinja_runtime *rt, const struct stmt *s, struct jinja_value iterable,
                     struct span span, size_t depth);

static void put_neighbour(const struct loop *l, size_t index, struct jinja_value *ret) {
    *ret = index < l->items->len
               ? l->items->items[index]
               : value_undefined(index == SIZE_MAX ? S("there is no previous item")
                                                   : S("there is no next item"),
                                 UNDEFINED_EMPTY);
}

static bool loop_cycle(struct jinja_call *call, struct jinja_value *ret) {
    const struct loop *l = (const struct loop *)call->args[0].object;
    if (call->rest_count == 0) {
        return jinja_call_fail(call, "no items for cycling given");
    }
    *ret = call->rest[l->index % call->rest_count];
    return true;
}

static bool loop_changed(struct jinja_call *call, struct jinja_value *ret) {
    struct loop *l = (struct loop *)call->args[0].object;
    struct jinja_value now = value_tuple(call->arena);
    bool same = l->has_changed && l->changed.list->len == call->rest_count;
    for (size_t i = 0; i < call->rest_count; i++) {
        jinja_list_add(now, call->rest[i]);
        if (same && (!rt_use(call->runtime, call->span, call->rest[i]) ||
                     !rt_use(call->runtime, call->span, l->changed.list->items[i]) ||
                     !rt_equal(call->runtime, call->span, l->changed.list->items[i], call->rest[i],
                               &same))) {
            return false;
        }
    }
    l->has_changed = true;
    l->changed = now;
    *ret = jinja_bool(!same);
    return true;
}

static const struct callable loop_methods[] = {
    { .row = &(const struct jinja_callable){ S_INIT("loop.cycle"), "self *", 1, loop_cycle,
                                             "One of the arguments in turn." },
      .params = { S_INIT("self") },
      .count = 1,
      .rest = true },
    { .row = &(const struct jinja_callable){ S_INIT("loop.changed"), "self *", 1, loop_changed,
                                             "Whether the arguments differ from last time." },
      .params = { S_INIT("self") },
      .count = 1,
      .rest = true },
};

static struct jinja_value loop_method(struct jinja_runtime *rt, struct loop *l, size_t which) {
    struct jinja_function *f = ARENA_NEW(rt->arena, struct jinja_function);
    f->callable = &loop_methods[which];
    f->self = l->self;
    return (struct jinja_value){ .kind = JINJA_FUNCTION, .function = f };
}

enum loop_attr {
    LOOP_INDEX,
    LOOP_INDEX0,
    LOOP_REVINDEX,
    LOOP_REVINDEX0,
    LOOP_FIRST,
    LOOP_LAST,
    LOOP_LENGTH,
    LOOP_DEPTH,
    LOOP_DEPTH0,
    LOOP_PREVITEM,
    LOOP_NEXTITEM,
    LOOP_CYCLE,
    LOOP_CHANGED,
};

static const str loop_attrs[] = {
    S_INIT("index"),   S_INIT("index0"),   S_INIT("revindex"), S_INIT("revindex0"),
    S_INIT("first"),   S_INIT("last"),     S_INIT("length"),   S_INIT("depth"),
    S_INIT("depth0"),  S_INIT("previtem"), S_INIT("nextitem"), S_INIT("cycle"),
    S_INIT("changed"),
};

static void put_attr(struct jinja_runtime *rt, struct loop *l, enum loop_attr which,
                     struct jinja_value *ret) {
    size_t len = l->items->len;
    switch (which) {
    case LOOP_INDEX:
        value_put_int(ret, (int64_t)l->index + 1, 0);
        break;
    case LOOP_INDEX0:
        value_put_int(ret, (int64_t)l->index, 0);
        break;
    case LOOP_REVINDEX:
        value_put_int(ret, (int64_t)(len - l->index), 0);
        break;
    case LOOP_REVINDEX0:
        value_put_int(ret, (int64_t)(len - l->index) - 1, 0);
        break;
    case LOOP_FIRST:
        value_put_bool(ret, l->index == 0);
        break;
    case LOOP_LAST:
        value_put_bool(ret, l->index + 1 == len);
        break;
    case LOOP_LENGTH:
        value_put_int(ret, (int64_t)len, 0);
        break;
    case LOOP_DEPTH:
        value_put_int(ret, (int64_t)l->depth + 1, 0);
        break;
    case LOOP_DEPTH0:
        value_put_int(ret, (int64_t)l->depth, 0);
        break;
    case LOOP_PREVITEM:
        put_neighbour(l, l->index - 1, ret);
        break;
    case LOOP_NEXTITEM:
        put_neighbour(l, l->index + 1, ret);
        break;
    case LOOP_CYCLE:
        *ret = loop_method(rt, l, 0);
        break;
    case LOOP_CHANGED:
        *ret = loop_method(rt, l, 1);
        break;
    }
}

uint32_t loop_attr_number(str name) {
    uint32_t i = 0;
    while (i < ARRAY_LEN(loop_attrs) && !str_eq(loop_attrs[i], name)) {
        i++;
    }
    return i;
}

static bool loop_attr(struct jinja_runtime *rt, struct jinja_object *o, str name,
                      struct jinja_value *ret) {
    uint32_t number = loop_attr_number(name);
    if (number < ARRAY_LEN(loop_attrs)) {
        put_attr(rt, (struct loop *)o, (enum loop_attr)number, ret);
    }
    return true;
}

void loop_get(struct jinja_runtime *rt, struct jinja_object *o, const struct expr *e,
              struct jinja_value *ret) {
    if (e->name < ARRAY_LEN(loop_attrs)) {
        put_attr(rt, (struct loop *)o, (enum loop_attr)e->name, ret);
    } else {
        *ret = value_undefined(e->text, UNDEFINED_OF_FIRST + JINJA_OBJECT);
    }
}

/* loop(items): the same body again, one level deeper; its output is the result. */
static bool loop_call(struct jinja_runtime *rt, struct jinja_object *o, struct span span,
                      const struct call_values *args, struct jinja_value *ret) {
    const struct loop *l = (const struct loop *)o;
    if (!l->stmt->loop.recursive) {
        return rt_fail(rt, span, "the loop must have the 'recursive' marker to be called");
    }
    if (args->count != 1 || args->keyword_count > 0) {
        return rt_fail(rt, span, "a loop is called with what to loop over");
    }
    struct capture c;
    struct scope *outer_scope = rt->scope;
    enum escaping outer_escaping = rt->escaping;
    capture_begin(rt, &c);
    rt->scope = l->scope;
    rt->escaping = l->escaping;
    bool ok = run_loop(rt, l->stmt, args->positional[0], span, l->depth + 1);
    ok = capture_end(rt, span, &c, ok, ret);
    rt->scope = outer_scope;
    ret->markup = rt_escapes(rt);
    rt->escaping = outer_escaping;
    return ok;
}

const struct object_ops loop_ops = { .type_name = "loop", .attr = loop_attr, .call = loop_call };

/* The items that pass `if`. The target is bound in a scope of its own. */
static bool filter_items(struct jinja_runtime *rt, const struct stmt *s, struct iter *it,
                         struct jinja_value *ret) {
    struct jinja_value kept = jinja_list_new(rt->arena);
    struct jinja_value item;
    bool ok = true;
    struct scope *scope = scope_push(rt);
    while (ok && iter_next(it, &item)) {
        bool truth = false;
        scope->len = 0;
        ok = rt_step(rt, s->span, 1) && rt_assign(rt, s->loop.target, item) &&
             eval_truth(rt, s->loop.filter, &truth);
        if (ok && truth) {
            jinja_list_add(kept, item);
        }
    }
    scope_pop(rt);
    *ret = kept;
    return ok;
}

/* A name that the scope does not have yet. */
static void bind_new(struct jinja_runtime *rt, uint32_t name, const struct jinja_value *value) {
    struct scope *s = rt->scope;
    if (s->len == s->cap) {
        s->items = arena_grow(rt->arena, s->items, s->len, &s->cap, sizeof *s->items);
    }
    struct binding *b = &s->items[s->len++];
    b->name = name;
    b->value = *value;
}

/* One pass, in a scope that holds nothing yet. */
static bool run_pass(struct jinja_runtime *rt, const struct stmt *s, const struct loop *loop,
                     const struct jinja_value *item) {
    const struct target *target = s->loop.target;
    if (loop != NULL) {
        bind_new(rt, rt->loop_name, &loop->self);
    }
    if (!rt_tick(rt, &s->span)) {
        return false;
    }
    if (target->kind == TARGET_NAME) {
        bind_new(rt, target->name, item); /* not `loop`: the parser sees to that */
    } else if (!rt_assign(rt, target, *item)) {
        return false;
    }
    return exec_body(rt, &s->loop.body);
}

/* The next item with its origin, where it is or in `room`; NULL at the end. */
static const struct jinja_value *next_item(struct iter *it, struct jinja_value *room) {
    bool in_place = (it->source.kind == JINJA_LIST || it->source.kind == JINJA_TUPLE) &&
                    it->source.origin == 0 && it->pos < it->source.list->len;
    if (in_place) {
        return &it->source.list->items[it->pos++];
    }
    if (!iter_next(it, room)) {
        return NULL;
    }
    value_take_origin(room, it->source);
    return room;
}

/* `else` runs unless a pass came to its end: one that ends by break or continue does not count,
 * as in Jinja.
 *
 * The scope of a pass is used again for the next, unless a macro of the body keeps it. */
static bool run_passes(struct jinja_runtime *rt, const struct stmt *s, struct loop *loop,
                       struct iter *it, bool *ret_any) {
    struct jinja_value room;
    const struct jinja_value *item;
    bool ok = true;
    scope_push(rt);
    while (ok && rt->flow != FLOW_BREAK && (item = next_item(it, &room)) != NULL) {
        uint64_t captures = rt->captures;
        rt->flow = FLOW_NEXT;
        if (loop != NULL) {
            loop->index = it->pos - 1;
        }
        ok = run_pass(rt, s, loop, item);
        *ret_any |= rt->flow == FLOW_NEXT;
        if (rt->captures != captures) {
            scope_pop(rt);
            scope_push(rt);
        }
        rt->scope->len = 0;
    }
    scope_pop(rt);
    rt->flow = FLOW_NEXT;
    return ok;
}

/* Loops that read `loop` need all items at hand. */
static bool loop_new(struct jinja_runtime *rt, const struct stmt *s, struct span span, size_t depth,
                     struct iter *it, struct loop **ret) {
    struct jinja_value items = it->source;
    if (items.kind != JINJA_LIST && items.kind != JINJA_TUPLE) {
        if (!rt_list(rt, span, items, &items)) {
            return false;
        }
        *it = (struct iter){ .source = items };
    }
    struct loop *loop = ARENA_NEW(rt->arena, struct loop);
    *loop = (struct loop){ .object = { &loop_ops },
                           .stmt = s,
                           .items = items.list,
                           .depth = depth,
                           .scope = rt->scope,
                           .escaping = rt->escaping };
    loop->self = (struct jinja_value){ .kind = JINJA_OBJECT, .object = &loop->object };
    *ret = loop;
    return true;
}

static bool run_loop(struct jinja_runtime *rt, const struct stmt *s, struct jinja_value iterable,
                     struct span span, size_t depth) {
    struct iter it;
    struct loop *loop = NULL;
    bool any = false;
    if (!iter_init(rt, span, iterable, &it)) {
        return false;
    }
    if (s->loop.filter != NULL &&
        (!filter_items(rt, s, &it, &iterable) || !iter_init(rt, span, iterable, &it))) {
        return false;
    }
    if (s->loop.uses_loop && !loop_new(rt, s, span, depth, &it, &loop)) {
        return false;
    }
    if (!run_passes(rt, s, loop, &it, &any)) {
        return false;
    }
    if (any || s->loop.orelse.len == 0) {
        return true;
    }
    scope_push(rt);
    bool ok = exec_body(rt, &s->loop.orelse);
    scope_pop(rt);
    return ok;
}

bool exec_for(struct jinja_runtime *rt, const struct stmt *s) {
    struct jinja_value iterable;
    return eval(rt, s->loop.iterable, &iterable) &&
           run_loop(rt, s, iterable, s->loop.iterable->span, 0);
}

// SPDX-License-Identifier: Apache-2.0
/* Templates that extend others: blocks, `super` and `self`. */
#include "jinja/exec/exec.h"

/* A block that can be called: super(), self.name(). */
struct block_object {
    struct jinja_object object;
    struct module *module;
    const struct block_stack *stack;
    size_t depth; /* in the stack */
};

static const struct object_ops block_ops;

static struct jinja_value block_value(struct jinja_runtime *rt, struct module *m,
                                      const struct block_stack *stack, size_t depth) {
    if (depth >= stack->len) {
        str message = str_fmt(rt->arena, "there is no parent block called '%.*s'",
                              STR_FMT(stack->items[0]->name));
        return value_undefined(message, UNDEFINED_EMPTY);
    }
    struct block_object *o = ARENA_NEW(rt->arena, struct block_object);
    *o = (struct block_object){ { &block_ops }, m, stack, depth };
    return (struct jinja_value){ .kind = JINJA_OBJECT, .object = &o->object };
}

/* ---- self: the blocks as attributes ---- */

struct self_object {
    struct jinja_object object;
    struct module *module;
};

static bool self_attr(struct jinja_runtime *rt, struct jinja_object *o, str name,
                      struct jinja_value *ret) {
    const struct self_object *self = (const struct self_object *)o;
    const struct block_stack *stack = map_find(self->module->blocks, name);
    if (stack != NULL) {
        *ret = block_value(rt, self->module, stack, 0);
    }
    return true;
}

static const struct object_ops self_ops = { .type_name = "self", .attr = self_attr };

static struct jinja_value self_value(struct jinja_runtime *rt) {
    struct self_object *o = ARENA_NEW(rt->arena, struct self_object);
    *o = (struct self_object){ { &self_ops }, rt->module };
    return (struct jinja_value){ .kind = JINJA_OBJECT, .object = &o->object };
}

/* ---- running ---- */

/* A block sees the top-level names of its module, and what was around it when it is scoped: that
 * is in the module then. */
static bool run_block(struct jinja_runtime *rt, struct module *m, const struct block_stack *stack,
                      size_t depth) {
    const struct block *b = stack->items[depth];
    struct module *module = rt->module;
    struct scope *scope = rt->scope;
    struct root *root = rt->root;
    enum escaping escaping = rt->escaping;
    rt->module = m;
    rt->scope = NULL;
    rt->root = NULL;
    rt->escaping = rt->env->options.autoescape ? ESCAPE_ON : ESCAPE_OFF;
    scope_push(rt);
    if (b->uses_self) {
        scope_set(rt, rt->self_name, self_value(rt));
    }
    if (b->uses_super) {
        scope_set(rt, env_intern(rt->env, S("super")), block_value(rt, m, stack, depth + 1));
    }
    bool ok = rt_enter(rt, b->span) && rt_step(rt, b->span, 1);
    if (ok) {
        ok = exec_body(rt, &b->body);
        rt_leave(rt);
    }
    rt->module = module;
    rt->scope = scope;
    rt->root = root;
    rt->escaping = escaping;
    return ok;
}

static bool block_call(struct jinja_runtime *rt, struct jinja_object *o, struct span span,
                       const struct call_values *args, struct jinja_value *ret) {
    const struct block_object *b = (const struct block_object *)o;
    if (args->count + args->keyword_count > 0) {
        return rt_fail(rt, span, "a block is called without arguments");
    }
    struct capture c;
    capture_begin(rt, &c);
    bool ok = run_block(rt, b->module, b->stack, b->depth);
    ok = capture_end(rt, span, &c, ok, ret);
    ret->markup = *b->module->autoescape;
    return ok;
}

static bool block_attr(struct jinja_runtime *rt, struct jinja_object *o, str name,
                       struct jinja_value *ret) {
    const struct block_object *b = (const struct block_object *)o;
    if (str_eq(name, S("super"))) {
        *ret = block_value(rt, b->module, b->stack, b->depth + 1);
    }
    return true;
}

static const struct object_ops block_ops = { .type_name = "block",
                                             .attr = block_attr,
                                             .call = block_call };

bool exec_block(struct jinja_runtime *rt, const struct stmt *s) {
    if (rt->root != NULL && rt->root->parent != NULL && rt->scope == NULL) {
        return true; /* the parent prints it */
    }
    const struct block_stack *stack = map_find(rt->module->blocks, s->block->name);
    if (s->block->required && stack->len <= 1) {
        return rt_fail(rt, s->span, "required block '%.*s' is not filled", STR_FMT(s->block->name));
    }
    struct module *m = rt->module;
    if (s->block->scoped && rt->scope != NULL) {
        m = module_new(rt, rt->module, rt->scope);
        m->blocks = rt->module->blocks;
        m->autoescape = rt->module->autoescape;
    }
    return run_block(rt, m, stack, 0);
}

/* ---- extends ---- */

static void add_blocks(struct jinja_runtime *rt, const struct jinja_template *t) {
    for (size_t i = 0; i < t->block_count; i++) {
        struct block_stack *stack = map_find(rt->module->blocks, t->blocks[i]->name);
        if (stack == NULL) {
            stack = ARENA_NEW(rt->arena, struct block_stack);
            map_put(rt->module->blocks, t->blocks[i]->name, stack);
        }
        ARENA_PUSH(rt->arena, stack->items, stack->len, stack->cap, t->blocks[i]);
    }
}

bool exec_extends(struct jinja_runtime *rt, const struct stmt *s) {
    const struct jinja_template *t;
    struct jinja_value name;
    if (rt->root->parent != NULL) {
        return rt_fail(rt, s->span, "a template extends one other template only");
    }
    if (!eval(rt, s->load.template, &name) ||
        !template_find(rt, s->load.template->span, name, &t)) {
        return false;
    }
    if (t == NULL) {
        return template_fail_missing(rt, s->load.template->span, name);
    }
    add_blocks(rt, t);
    rt->root->parent = t;
    return true;
}

/* The template's statements, then those of the template that it extends, and so on: a loop of
 * templates has no end but the limit. */
static bool run_chain(struct jinja_runtime *rt, const struct jinja_template *t) {
    size_t limit = rt->env->options.limits.depth;
    for (size_t depth = 0; t != NULL; depth++) {
        struct root root = { .template = t };
        if (depth > limit) {
            return rt_fail(rt, (struct span){ t->source, 0, 0 },
                           "templates extend each other more than %zu levels deep", limit);
        }
        rt->root = &root;
        rt->escaping = rt->env->options.autoescape ? ESCAPE_ON : ESCAPE_OFF;
        if (t->uses_self) {
            module_set_private(rt, rt->self_name, self_value(rt));
        }
        if (!exec_body(rt, &t->body)) {
            return false;
        }
        t = root.parent;
    }
    return true;
}

bool exec_template(struct jinja_runtime *rt, struct span span, struct module *m,
                   const struct jinja_template *t) {
    struct module *module = rt->module;
    struct scope *scope = rt->scope;
    struct root *root = rt->root;
    enum escaping escaping = rt->escaping;
    const struct load_site *outer = rt->site;
    struct load_site site = { span, outer };
    rt->module = m;
    rt->scope = NULL;
    rt->site = span.source == SOURCE_NONE ? outer : &site;
    add_blocks(rt, t);
    bool ok = run_chain(rt, t);
    rt->module = module;
    rt->scope = scope;
    rt->root = root;
    rt->escaping = escaping;
    rt->site = outer;
    return ok;
}

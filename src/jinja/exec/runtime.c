// SPDX-License-Identifier: Apache-2.0
/* The state of a render: limits, scopes, assignment, and rendering itself. */
#include <stdarg.h>
#include <string.h>

#include "jinja/exec/exec.h"

/* Templates that led to the one with the mistake, of which a message names so many. */
enum { NOTES_MAX = 4 };

/* A template may be loaded twice. */
static bool same_place(const struct sources *s, struct span a, struct span b) {
    return span_is_set(a) && span_is_set(b) && a.start == b.start &&
           str_eq(s->items[a.source]->path, s->items[b.source]->path);
}

bool rt_fail(struct jinja_runtime *rt, struct span span, const char *fmt, ...) {
    if (!rt->failed) {
        rt->failed = true;
        va_list args;
        va_start(args, fmt);
        AUTO_BUF text = BUF_INIT(4096);
        buf_vaddf(&text, fmt, args);
        va_end(args);
        struct diag *d = diag_report(rt->sink, "E400", span, "%.*s", STR_FMT(buf_str(&text)));
        size_t notes = 0;
        struct span last = SPAN_NONE;
        for (const struct load_site *s = rt->site; s != NULL && notes < NOTES_MAX; s = s->outer) {
            if (same_place(rt->sources, s->span, last)) {
                continue; /* it asks for itself */
            }
            diag_note(rt->sink, d, s->span, "asked for here");
            last = s->span;
            notes++;
        }
    }
    return false;
}

bool rt_reserve(struct jinja_runtime *rt, struct span span, size_t bytes) {
    size_t limit = rt->env->options.limits.memory_bytes;
    size_t used = arena_used(rt->arena) - rt->arena_start;
    if (bytes > limit || used > limit - bytes) {
        return rt_fail(rt, span, "rendering needs more than %zu bytes of memory", limit);
    }
    return true;
}

bool rt_step_text(struct jinja_runtime *rt, struct span span, struct jinja_value v) {
    return v.kind != JINJA_STRING || v.string.len < 64 || rt_step(rt, span, v.string.len / 64);
}

bool rt_step_check(struct jinja_runtime *rt, struct span span, uint64_t steps) {
    uint64_t limit = rt->env->options.limits.steps;
    if (steps > limit || rt->steps > limit - steps) {
        return rt_fail(rt, span, "rendering takes more than %llu steps", (unsigned long long)limit);
    }
    rt->steps += steps;
    /* A step makes little: what is large asks ahead. So memory is looked at now and then. */
    uint64_t next = (rt->steps | 63) + 1;
    rt->steps_free = next == 0 || next > limit ? limit : next;
    return rt_reserve(rt, span, 0);
}

bool rt_fail_depth(struct jinja_runtime *rt, struct span span) {
    return rt_fail(rt, span, "evaluation is nested more than %zu levels deep", rt->depth_max);
}

struct buf rt_buf(const struct jinja_runtime *rt) {
    return BUF_INIT(rt->env->options.limits.output_bytes);
}

bool rt_take_text(struct jinja_runtime *rt, struct span span, const struct buf *b, str *ret) {
    if (b->full) {
        return rt_fail(rt, span, "a text is longer than %zu bytes", b->max);
    }
    if (!rt_reserve(rt, span, b->len)) {
        return false;
    }
    *ret = str_dup(rt->arena, buf_str(b));
    return true;
}

struct scope *scope_push(struct jinja_runtime *rt) {
    struct scope *s = arena_alloc_raw(rt->arena, sizeof *s);
    s->parent = rt->scope;
    s->items = s->first;
    s->len = 0;
    s->cap = ARRAY_LEN(s->first);
    rt->scope = s;
    return s;
}

void scope_pop(struct jinja_runtime *rt) {
    rt->scope = rt->scope->parent;
}

struct module *module_new(struct jinja_runtime *rt, struct module *base, struct scope *base_scope) {
    struct module *m = ARENA_NEW(rt->arena, struct module);
    m->context = rt->module->context;
    m->base = base;
    m->base_scope = base_scope;
    m->blocks = ARENA_NEW(rt->arena, struct map);
    map_init(m->blocks, rt->arena);
    m->autoescape = ARENA_NEW(rt->arena, bool);
    *m->autoescape = rt->env->options.autoescape;
    return m;
}

/* A name of another template that was parsed later than this module began has no place yet. */
static struct module_name *module_name(struct jinja_runtime *rt, uint32_t name) {
    struct module *m = rt->module;
    if (name >= m->name_count) {
        size_t count = rt->env->name_count;
        struct module_name *names = ARENA_ARRAY(rt->arena, struct module_name, count);
        if (m->name_count > 0) {
            memcpy(names, m->names, m->name_count * sizeof *names);
        }
        m->names = names;
        m->name_count = count;
    }
    return &m->names[name];
}

void scope_set(struct jinja_runtime *rt, uint32_t name, struct jinja_value value) {
    struct scope *s = rt->scope;
    if (s == NULL) {
        struct module_name *n = module_name(rt, name);
        n->state = NAME_OWN;
        n->exported = rt->env->name_texts[name].ptr[0] != '_';
        n->value = value;
        return;
    }
    for (size_t i = 0; i < s->len; i++) {
        if (s->items[i].name == name) {
            s->items[i].value = value;
            return;
        }
    }
    if (s->len == s->cap) {
        s->items = arena_grow(rt->arena, s->items, s->len, &s->cap, sizeof *s->items);
    }
    struct binding *b = &s->items[s->len++];
    b->name = name;
    b->value = value;
}

/* What the including templates have under this name, the nearest first. */
static const struct jinja_value *find_in_bases(const struct module *m, uint32_t name) {
    for (; m->base != NULL; m = m->base) {
        const struct jinja_value *v = scope_find(m->base_scope, name);
        if (v != NULL) {
            return v;
        }
        if (name < m->base->name_count && m->base->names[name].state == NAME_OWN) {
            return &m->base->names[name].value;
        }
    }
    return NULL;
}

/* From the bases, the context, else a global function. */
static void look_up_outside(struct jinja_runtime *rt, uint32_t name, str text,
                            struct module_name *n) {
    const struct jinja_value *v = find_in_bases(rt->module, name);
    const struct dict_entry *e = dict_find(rt->module->context.dict, jinja_string(text));
    n->state = NAME_OUTSIDE;
    if (v != NULL) {
        n->value = *v;
        return;
    }
    if (e != NULL) {
        n->value = e->value;
        return;
    }
    const struct callable *c = map_find(&rt->env->globals, text);
    if (c == NULL) {
        n->state = NAME_ABSENT;
        return;
    }
    struct jinja_function *f = ARENA_NEW(rt->arena, struct jinja_function);
    f->callable = c;
    n->value = (struct jinja_value){ .kind = JINJA_FUNCTION, .function = f };
}

const struct jinja_value *module_get(struct jinja_runtime *rt, uint32_t name, str text) {
    struct module_name *n = module_name(rt, name);
    if (n->state == NAME_NOT_LOOKED) {
        look_up_outside(rt, name, text, n);
    }
    if (n->state == NAME_ABSENT) {
        n->value = value_undefined(text, UNDEFINED_NAME);
    }
    return &n->value;
}

void module_set_private(struct jinja_runtime *rt, uint32_t name, struct jinja_value value) {
    struct module_name *n = module_name(rt, name);
    n->state = NAME_OWN;
    n->exported = false;
    n->value = value;
}

static void copy_scope(struct jinja_runtime *rt, const struct scope *s) {
    if (s == NULL) {
        return;
    }
    copy_scope(rt, s->parent);
    for (size_t i = 0; i < s->len; i++) {
        struct module_name *n = module_name(rt, s->items[i].name);
        *n = (struct module_name){ .state = NAME_OUTSIDE, .value = s->items[i].value };
    }
}

void module_copy_names(struct jinja_runtime *rt, struct module *to, struct module *from,
                       const struct scope *scope) {
    struct module *outer = rt->module;
    if (from->base != NULL) {
        module_copy_names(rt, to, from->base, from->base_scope);
    }
    rt->module = to;
    for (uint32_t i = 0; i < from->name_count; i++) {
        if (from->names[i].state == NAME_OWN) {
            struct module_name *n = module_name(rt, i);
            *n = (struct module_name){ .state = NAME_OUTSIDE, .value = from->names[i].value };
        }
    }
    copy_scope(rt, scope);
    rt->module = outer;
}

static bool assign_tuple(struct jinja_runtime *rt, const struct target *t,
                         struct jinja_value value) {
    struct jinja_value items = value;
    bool is_list = value.kind == JINJA_TUPLE || value.kind == JINJA_LIST;
    if (is_list ? !rt_step(rt, t->span, t->len) : !rt_list(rt, t->span, value, &items)) {
        return false;
    }
    if (items.list->len < t->len) {
        return rt_fail(rt, t->span, "not enough values to unpack (expected %zu, got %zu)", t->len,
                       items.list->len);
    }
    if (items.list->len > t->len) {
        return rt_fail(rt, t->span, "too many values to unpack (expected %zu)", t->len);
    }
    for (size_t i = 0; i < t->len; i++) {
        if (!rt_assign(rt, t->items[i], items.list->items[i])) {
            return false;
        }
    }
    return true;
}

bool rt_assign(struct jinja_runtime *rt, const struct target *t, struct jinja_value value) {
    switch (t->kind) {
    case TARGET_NAME:
        scope_set(rt, t->name, value);
        return true;
    case TARGET_ATTR: {
        struct jinja_value owner = *scope_get(rt, t->name, t->text);
        if (owner.kind != JINJA_OBJECT || owner.object->ops->set == NULL) {
            return rt_fail(rt, t->span, "cannot assign attribute on non-namespace object");
        }
        return owner.object->ops->set(rt, owner.object, t->span, t->attr, value);
    }
    case TARGET_TUPLE:
        return assign_tuple(rt, t, value);
    }
    return false;
}

bool jinja_render(const struct jinja_template *t, struct jinja_value context, struct arena *a,
                  struct diag_sink *sink, struct jinja_output *ret) {
    struct jinja_env *env = t->env;
    AUTO_BUF out = BUF_INIT(env->options.limits.output_bytes);
    struct module context_only = { .context = context };
    struct jinja_runtime rt = { .env = env,
                                .sources = t->sources,
                                .arena = a,
                                .sink = sink,
                                .module = &context_only,
                                .self_name = env_intern(env, S("self")),
                                .loop_name = env_intern(env, S("loop")),
                                /* A call costs several levels of evaluation: this many fit a
                                 * thread's stack. */
                                .depth_max = env->options.limits.depth * 8,
                                .out = &out,
                                .arena_start = arena_used(a) };
    map_init(&rt.modules, a);
    if (!exec_template(&rt, SPAN_NONE, module_new(&rt, NULL, NULL), t)) {
        *ret = (struct jinja_output){ .failed_origin = rt.failed_origin };
        return false;
    }
    *ret = (struct jinja_output){ .text = str_dup(a, buf_str(&out)),
                                  .runs = rt.runs.items,
                                  .run_count = rt.runs.len };
    return true;
}

struct span jinja_output_span(const struct jinja_output *output, size_t offset) {
    size_t low = 0;
    size_t high = output->run_count;
    if (high == 0) {
        return SPAN_NONE;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (output->runs[middle].start <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return output->runs[low].span;
}

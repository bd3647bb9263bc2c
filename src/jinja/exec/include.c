// SPDX-License-Identifier: Apache-2.0
/* include, import and from: other templates in modules of their own. */
#include "jinja/exec/exec.h"

/* An imported template: its exported names, and what it printed. */
struct module_object {
    struct jinja_object object;
    struct module *module;
    str body;
};

static bool module_attr(struct jinja_runtime *rt, struct jinja_object *o, str name,
                        struct jinja_value *ret) {
    const struct module *m = ((const struct module_object *)o)->module;
    uintptr_t id = (uintptr_t)map_find(&rt->env->names, name); /* as env_intern() keeps it */
    if (id > 0 && id <= m->name_count && m->names[id - 1].state == NAME_OWN &&
        m->names[id - 1].exported) {
        *ret = m->names[id - 1].value;
    }
    return true;
}

static str module_html(const struct jinja_object *o) {
    return ((const struct module_object *)o)->body;
}

static const struct object_ops module_ops = { .type_name = "module",
                                              .attr = module_attr,
                                              .html = module_html };

/* Runs the template for its names. */
static bool make_module(struct jinja_runtime *rt, struct span span, struct module *m,
                        const struct jinja_template *t, struct module_object **ret) {
    struct capture c;
    struct jinja_value body;
    capture_begin(rt, &c);
    bool ok = exec_template(rt, span, m, t);
    ok = capture_end(rt, span, &c, ok, &body);
    struct module_object *o = ARENA_NEW(rt->arena, struct module_object);
    *o = (struct module_object){ .object = { &module_ops }, .module = m, .body = body.string };
    *ret = o;
    return ok;
}

/* Without the context a template runs once only: it is the same each time, and what its macros
 * share is shared by all. */
static bool shared_module(struct jinja_runtime *rt, struct span span,
                          const struct jinja_template *t, struct module_object **ret) {
    *ret = map_find(&rt->modules, t->name);
    if (*ret != NULL) {
        return true;
    }
    struct module *m = module_new(rt, NULL, NULL);
    m->context = jinja_dict_new(rt->arena);
    if (!make_module(rt, span, m, t, ret)) {
        return false;
    }
    map_put(&rt->modules, t->name, *ret);
    return true;
}

/* The first template there is, of a list of names. */
static bool select_template(struct jinja_runtime *rt, struct span span, struct jinja_value names,
                            const struct jinja_template **ret) {
    struct iter it;
    struct jinja_value name;
    *ret = NULL;
    if (!iter_init(rt, span, names, &it)) {
        return false;
    }
    while (*ret == NULL && iter_next(&it, &name)) {
        if (name.kind != JINJA_UNDEFINED && !template_find(rt, span, name, ret)) {
            return false;
        }
    }
    return true;
}

bool exec_include(struct jinja_runtime *rt, const struct stmt *s) {
    struct span span = s->load.template->span;
    const struct jinja_template *t;
    struct module_object *shared;
    struct jinja_value name;
    if (!eval(rt, s->load.template, &name)) {
        return false;
    }
    bool single = name.kind == JINJA_STRING || name.kind == JINJA_UNDEFINED;
    if (!(single ? template_find : select_template)(rt, span, name, &t)) {
        return false;
    }
    if (t == NULL) {
        return s->load.ignore_missing || template_fail_missing(rt, span, name);
    }
    if (s->load.with_context) {
        return exec_template(rt, span, module_new(rt, rt->module, rt->scope), t);
    }
    return shared_module(rt, span, t, &shared) && exec_print(rt, &s->span, shared->body);
}

static bool load_module(struct jinja_runtime *rt, const struct stmt *s,
                        struct module_object **ret) {
    struct span span = s->load.template->span;
    const struct jinja_template *t;
    struct jinja_value name;
    if (!eval(rt, s->load.template, &name) || !template_find(rt, span, name, &t)) {
        return false;
    }
    if (t == NULL) {
        return template_fail_missing(rt, span, name);
    }
    if (!s->load.with_context) {
        return shared_module(rt, span, t, ret);
    }
    struct module *m = module_new(rt, NULL, NULL);
    module_copy_names(rt, m, rt->module, rt->scope);
    return make_module(rt, span, m, t, ret);
}

/* What is imported is not exported. */
static void bind(struct jinja_runtime *rt, uint32_t name, struct jinja_value v) {
    rt->scope == NULL ? module_set_private(rt, name, v) : scope_set(rt, name, v);
}

bool exec_import(struct jinja_runtime *rt, const struct stmt *s) {
    struct module_object *o;
    if (!load_module(rt, s, &o)) {
        return false;
    }
    bind(rt, s->load.names[0].alias,
         (struct jinja_value){ .kind = JINJA_OBJECT, .object = &o->object });
    return true;
}

bool exec_from(struct jinja_runtime *rt, const struct stmt *s) {
    struct module_object *o;
    if (!load_module(rt, s, &o)) {
        return false;
    }
    for (size_t i = 0; i < s->load.name_count; i++) {
        const struct import_name *n = &s->load.names[i];
        struct jinja_value v = value_undefined(
            str_fmt(rt->arena, "the template does not export '%.*s'", STR_FMT(n->name)),
            UNDEFINED_EMPTY);
        if (!module_attr(rt, &o->object, n->name, &v)) {
            return false;
        }
        bind(rt, n->alias, v);
    }
    return true;
}

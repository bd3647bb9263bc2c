// SPDX-License-Identifier: Apache-2.0
/* Macros and call blocks. */
#include "jinja/exec/exec.h"

struct macro_object {
    struct jinja_object object;
    const struct macro *macro;
    struct scope *scope; /* where it was defined */
    struct module *module;
    enum escaping escaping; /* where it was defined */
};

static const struct object_ops macro_ops;

struct jinja_value macro_new(struct jinja_runtime *rt, const struct macro *m) {
    struct macro_object *o = ARENA_NEW(rt->arena, struct macro_object);
    rt->captures++;
    *o = (struct macro_object){
        .object = { &macro_ops },
        .macro = m,
        .scope = rt->scope,
        .module = rt->module,
        .escaping = rt->escaping,
    };
    return (struct jinja_value){ .kind = JINJA_OBJECT, .object = &o->object };
}

static bool macro_attr(struct jinja_runtime *rt, struct jinja_object *o, str name,
                       struct jinja_value *ret) {
    const struct macro *m = ((const struct macro_object *)o)->macro;
    if (str_eq(name, S("name"))) {
        *ret = jinja_string(m->text);
    } else if (str_eq(name, S("catch_varargs"))) {
        *ret = jinja_bool(m->uses_varargs);
    } else if (str_eq(name, S("catch_kwargs"))) {
        *ret = jinja_bool(m->uses_kwargs);
    } else if (str_eq(name, S("caller"))) {
        *ret = jinja_bool(m->uses_caller);
    } else if (str_eq(name, S("arguments"))) {
        *ret = value_tuple(rt->arena);
        for (size_t i = 0; i < m->param_count; i++) {
            jinja_list_add(*ret, jinja_string(m->params[i].text));
        }
    }
    return true;
}

static const struct jinja_keyword *find_keyword(const struct call_values *args, str name) {
    for (size_t i = 0; i < args->keyword_count; i++) {
        if (str_eq(args->keywords[i].name, name)) {
            return &args->keywords[i];
        }
    }
    return NULL;
}

static void bind(struct jinja_runtime *rt, str name, struct jinja_value v) {
    scope_set(rt, env_intern(rt->env, name), v);
}

static bool is_param(const struct macro *m, str name) {
    for (size_t i = 0; i < m->param_count; i++) {
        if (str_eq(m->params[i].text, name)) {
            return true;
        }
    }
    return false;
}

/* Parameters in order: a default may read the ones before it. */
static bool bind_params(struct jinja_runtime *rt, const struct macro *m, struct span span,
                        const struct call_values *args) {
    for (size_t i = 0; i < m->param_count; i++) {
        const struct macro_param *param = &m->params[i];
        const struct jinja_keyword *k = find_keyword(args, param->text);
        struct jinja_value v = value_undefined(param->text, UNDEFINED_PARAM);
        if (i < args->count && k != NULL) {
            return rt_fail(rt, span, "macro '%.*s' got '%.*s' twice", STR_FMT(m->text),
                           STR_FMT(param->text));
        }
        if (i < args->count) {
            v = args->positional[i];
        } else if (k != NULL) {
            v = k->value;
        } else if (param->value != NULL && !eval(rt, param->value, &v)) {
            return false;
        }
        scope_set(rt, param->name, v);
    }
    return true;
}

/* What the parameters did not take: varargs, kwargs and caller, or errors. */
static bool bind_rest(struct jinja_runtime *rt, const struct macro *m, struct span span,
                      const struct call_values *args) {
    struct jinja_value kwargs = m->uses_kwargs ? jinja_dict_new(rt->arena) : JINJA_NONE_VALUE;
    bool has_caller = false;
    for (size_t i = 0; i < args->keyword_count; i++) {
        const struct jinja_keyword *k = &args->keywords[i];
        if (is_param(m, k->name)) {
            continue;
        }
        if (str_eq(k->name, S("caller")) && m->uses_caller) {
            has_caller = true;
            bind(rt, k->name, k->value);
        } else if (m->uses_kwargs) {
            jinja_dict_put(kwargs, k->name, k->value);
        } else {
            return rt_fail(rt, span, "macro '%.*s' takes no keyword argument '%.*s'",
                           STR_FMT(m->text), STR_FMT(k->name));
        }
    }
    if (m->uses_caller && !has_caller && !is_param(m, S("caller"))) {
        bind(rt, S("caller"), value_undefined(S("no caller defined"), UNDEFINED_EMPTY));
    }
    if (m->uses_kwargs) {
        bind(rt, S("kwargs"), kwargs);
    }
    if (m->uses_varargs) {
        struct jinja_value varargs = value_tuple(rt->arena);
        for (size_t i = m->param_count; i < args->count; i++) {
            jinja_list_add(varargs, args->positional[i]);
        }
        bind(rt, S("varargs"), varargs);
    } else if (args->count > m->param_count) {
        return rt_fail(rt, span, "macro '%.*s' takes at most %zu arguments", STR_FMT(m->text),
                       m->param_count);
    }
    return true;
}

static bool macro_call(struct jinja_runtime *rt, struct jinja_object *o, struct span span,
                       const struct call_values *args, struct jinja_value *ret) {
    const struct macro_object *mo = (const struct macro_object *)o;
    struct scope *outer = rt->scope;
    struct module *outer_module = rt->module;
    struct root *outer_root = rt->root;
    enum escaping outer_escaping = rt->escaping;
    rt->scope = mo->scope;
    rt->module = mo->module;
    rt->root = NULL;
    rt->escaping = mo->escaping;
    scope_push(rt);
    bool ok = rt_enter(rt, span);
    if (ok) {
        ok = bind_params(rt, mo->macro, span, args) && bind_rest(rt, mo->macro, span, args) &&
             exec_capture(rt, span, &mo->macro->body, ret);
        rt_leave(rt);
    }
    rt->scope = outer;
    rt->module = outer_module;
    rt->root = outer_root;
    rt->escaping = outer_escaping;
    ret->markup = ok && *rt->module->autoescape;
    return ok;
}

static void macro_repr(const struct jinja_object *o, struct buf *out) {
    const struct macro *m = ((const struct macro_object *)o)->macro;
    buf_add(out, S("<Macro "));
    if (m->anonymous) {
        buf_add(out, S("anonymous"));
    } else {
        text_add_quoted(out, m->text);
    }
    buf_add_char(out, '>');
}

static const struct object_ops macro_ops = {
    .type_name = "macro", .repr = macro_repr, .attr = macro_attr, .call = macro_call
};

/* The call gets one more keyword, `caller`: a macro made of the block's body. */
bool exec_call_block(struct jinja_runtime *rt, const struct stmt *s) {
    const struct expr *call = s->wrap.call;
    struct jinja_value callee;
    struct jinja_value v;
    struct call_values args;
    struct arg_room room;
    if (!eval(rt, call->left, &callee) || !eval_args(rt, call->args, &room, &args)) {
        return false;
    }
    struct jinja_keyword caller = { S("caller"), macro_new(rt, s->wrap.caller) };
    ARENA_PUSH(rt->arena, args.keywords, args.keyword_count, args.keyword_cap, caller);
    return rt_call(rt, call->span, callee, &args, &v) && exec_print_value(rt, s->span, v);
}

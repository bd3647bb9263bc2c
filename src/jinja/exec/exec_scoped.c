// SPDX-License-Identifier: Apache-2.0
/* Statements whose body has names of its own: apart from exec_body(), whose frame is on the stack
 * once for each level of nesting. */
#include "jinja/exec/exec.h"

bool exec_capture(struct jinja_runtime *rt, struct span span, const struct stmt_list *body,
                  struct jinja_value *ret) {
    struct capture c;
    capture_begin(rt, &c);
    bool ok = exec_body(rt, body);
    return capture_end(rt, span, &c, ok, ret);
}

/* A body with names of its own, as text. */
static bool capture_scoped(struct jinja_runtime *rt, struct span span, const struct stmt_list *body,
                           struct jinja_value *ret) {
    scope_push(rt);
    bool ok = exec_capture(rt, span, body, ret);
    scope_pop(rt);
    return ok;
}

bool exec_set_block(struct jinja_runtime *rt, const struct stmt *s) {
    struct jinja_value v;
    struct root *outer = rt->root;
    rt->root = NULL;
    bool ok = capture_scoped(rt, s->span, &s->set.body, &v);
    rt->root = outer;
    if (!ok || rt->flow != FLOW_NEXT) { /* a break inside leaves the name as it was */
        return ok;
    }
    if (s->set.filter != NULL) {
        v.markup = rt_escapes(rt);
        if (!eval_filter_chain(rt, s->set.filter, v, &v)) {
            return false;
        }
    }
    if (*rt->module->autoescape && !value_is_markup(v)) {
        str text; /* Markup(x): what x prints */
        if (!rt_text(rt, s->span, v, &text)) {
            return false;
        }
        v = jinja_string(text);
        v.markup = true;
    }
    return rt_assign(rt, s->set.target, v);
}

bool exec_filter_block(struct jinja_runtime *rt, const struct stmt *s) {
    struct jinja_value v;
    if (!capture_scoped(rt, s->span, &s->wrap.body, &v)) {
        return false;
    }
    if (rt->flow != FLOW_NEXT) { /* what a break leaves is not printed */
        return true;
    }
    v.markup = rt_escapes(rt);
    return eval_filter_chain(rt, s->wrap.call, v, &v) && exec_print_value(rt, s->span, v);
}

/* The values are read outside of the new scope. */
bool exec_with(struct jinja_runtime *rt, const struct stmt *s) {
    struct jinja_value *values = ARENA_ARRAY(rt->arena, struct jinja_value, s->with.len);
    for (size_t i = 0; i < s->with.len; i++) {
        if (!eval(rt, s->with.values[i], &values[i])) {
            return false;
        }
    }
    scope_push(rt);
    bool ok = true;
    for (size_t i = 0; ok && i < s->with.len; i++) {
        ok = rt_assign(rt, s->with.targets[i], values[i]);
    }
    ok = ok && exec_body(rt, &s->with.body);
    scope_pop(rt);
    return ok;
}

/* What is written inside goes by a constant at once; filters, and text that goes by a variable,
 * by the module. */
bool exec_autoescape(struct jinja_runtime *rt, const struct stmt *s) {
    const struct expr *e = s->escape.value;
    struct jinja_value v;
    bool truth;
    if (!eval(rt, e, &v) || !rt_truth(rt, e->span, v, &truth)) {
        return false;
    }
    bool *autoescape = rt->module->autoescape;
    bool outer = *autoescape;
    enum escaping outer_escaping = rt->escaping;
    *autoescape = truth;
    if (e->kind != EXPR_LITERAL) {
        rt->escaping = ESCAPE_ASK;
    } else if (rt->escaping != ESCAPE_ASK) {
        rt->escaping = truth ? ESCAPE_ON : ESCAPE_OFF;
    }
    scope_push(rt);
    bool ok = exec_body(rt, &s->escape.body);
    scope_pop(rt);
    *autoescape = outer;
    rt->escaping = outer_escaping;
    return ok;
}

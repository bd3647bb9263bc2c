// SPDX-License-Identifier: Apache-2.0
/* Statements. */
#include "jinja/exec/exec.h"

/* A template that extends another prints nothing itself. */
static bool is_silent(const struct jinja_runtime *rt) {
    return rt->root != NULL && rt->root->parent != NULL;
}

/* HTML characters escaped, when that is wanted here. */
static bool exec_escaped(struct jinja_runtime *rt, const struct stmt *s, struct jinja_value v) {
    str text;
    if (!value_is_markup(v)) {
        uint32_t origin = v.origin;
        if (!rt_escape(rt, s->expr->span, v, &text)) {
            return false;
        }
        v = jinja_string(text);
        v.origin = origin;
    }
    return exec_print_any(rt, s->span, s->expr->span, &v);
}

static bool exec_output(struct jinja_runtime *rt, const struct stmt *s) {
    struct jinja_value room;
    if (is_silent(rt)) {
        return true;
    }
    const struct jinja_value *v = eval_ref(rt, s->expr, &room);
    if (v == NULL || (v->kind == JINJA_UNDEFINED && !rt_use(rt, s->expr->span, *v))) {
        return false;
    }
    return rt_escapes(rt) && v->kind != JINJA_INT ? exec_escaped(rt, s, *v)
                                                  : exec_print_any(rt, s->span, s->expr->span, v);
}

static bool exec_if(struct jinja_runtime *rt, const struct stmt *s) {
    for (size_t i = 0; i < s->branch_count; i++) {
        const struct branch *b = &s->branches[i];
        bool truth = true;
        if (b->test != NULL) {
            if (!eval_truth(rt, b->test, &truth)) {
                return false;
            }
        }
        if (truth) {
            return exec_body(rt, &b->body);
        }
    }
    return true;
}

static bool exec_set(struct jinja_runtime *rt, const struct stmt *s) {
    struct jinja_value v;
    return eval(rt, s->set.value, &v) && rt_assign(rt, s->set.target, v);
}

static bool exec_stmt(struct jinja_runtime *rt, const struct stmt *s) {
    struct jinja_value ignored;
    switch (s->kind) {
    case STMT_TEXT:
        return is_silent(rt) || exec_print(rt, &s->span, s->text);
    case STMT_OUTPUT:
        return exec_output(rt, s);
    case STMT_IF:
        return exec_if(rt, s);
    case STMT_FOR:
        return exec_for(rt, s);
    case STMT_SET:
        return exec_set(rt, s);
    case STMT_SET_BLOCK:
        return exec_set_block(rt, s);
    case STMT_MACRO:
        scope_set(rt, s->macro->name, macro_new(rt, s->macro));
        return true;
    case STMT_CALL_BLOCK:
        return exec_call_block(rt, s);
    case STMT_FILTER_BLOCK:
        return exec_filter_block(rt, s);
    case STMT_WITH:
        return exec_with(rt, s);
    case STMT_BLOCK:
        return exec_block(rt, s);
    case STMT_EXTENDS:
        return exec_extends(rt, s);
    case STMT_INCLUDE:
        return exec_include(rt, s);
    case STMT_IMPORT:
        return exec_import(rt, s);
    case STMT_FROM:
        return exec_from(rt, s);
    case STMT_AUTOESCAPE:
        return exec_autoescape(rt, s);
    case STMT_DO:
        return eval(rt, s->expr, &ignored);
    case STMT_BREAK:
        rt->flow = FLOW_BREAK;
        return true;
    case STMT_CONTINUE:
        rt->flow = FLOW_CONTINUE;
        return true;
    }
    return false;
}

bool exec_body(struct jinja_runtime *rt, const struct stmt_list *body) {
    if (body->len == 0 || rt->flow != FLOW_NEXT) {
        return true;
    }
    if (!rt_enter(rt, body->items[0]->span)) {
        return false;
    }
    bool ok = rt_step(rt, body->items[0]->span, body->len);
    for (size_t i = 0; i < body->len && ok && rt->flow == FLOW_NEXT; i++) {
        ok = exec_stmt(rt, body->items[i]);
    }
    rt_leave(rt);
    return ok;
}

// SPDX-License-Identifier: Apache-2.0
/* Statements: one function a tag, and the table that finds it by its word. */
#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

static bool take_block_end(struct parser *p) {
    return parse_expect(p, TOKEN_BLOCK_END, NULL);
}

/* if ::= "if" test "%}" body ("elif" test body)* ("else" body)? "endif" */
static bool parse_if(struct parser *p, struct stmt *s) {
    static const char *const ends[] = { "elif", "else", "endif", NULL };
    static const char *const last[] = { "endif", NULL };
    s->kind = STMT_IF;
    p->conditional++;
    for (;;) {
        struct branch b = { .test = parse_tuple(p, false, NULL, false) };
        if (b.test == NULL || !parse_body_begin(p) || !parse_body(p, ends, &b.body)) {
            return false;
        }
        ARENA_PUSH(p->arena, s->branches, s->branch_count, s->branch_cap, b);
        if (!parse_take_name(p, "elif")) {
            break;
        }
    }
    if (parse_take_name(p, "else")) {
        struct branch b = { .test = NULL };
        if (!parse_body_begin(p) || !parse_body(p, last, &b.body)) {
            return false;
        }
        ARENA_PUSH(p->arena, s->branches, s->branch_count, s->branch_cap, b);
    }
    p->conditional--;
    return parse_end_tag(p, "endif");
}

/* for ::= "for" targets "in" tuple ("if" expression)? "recursive"? body ("else" body)? "endfor" */
static bool parse_for(struct parser *p, struct stmt *s) {
    static const char *const ends[] = { "endfor", "else", NULL };
    static const char *const last[] = { "endfor", NULL };
    s->kind = STMT_FOR;
    p->fors++;
    s->loop.target = parse_target(p, true, false, "in");
    if (s->loop.target == NULL || !parse_check_loop(p, s->loop.target)) {
        return false;
    }
    if (!parse_take_name(p, "in")) {
        parse_fail(p, p->cur.span, "expected 'in'");
        return false;
    }
    s->loop.iterable = parse_tuple(p, false, "recursive", false);
    if (s->loop.iterable == NULL) {
        return false;
    }
    if (parse_take_name(p, "if")) {
        s->loop.filter = parse_expression(p, true);
        if (s->loop.filter == NULL) {
            return false;
        }
    }
    s->loop.recursive = parse_take_name(p, "recursive");
    bool outer_saw_loop = p->saw_loop;
    p->saw_loop = false;
    p->loops++;
    if (!parse_body_begin(p) || !parse_body(p, ends, &s->loop.body)) {
        return false;
    }
    p->loops--;
    s->loop.uses_loop = p->saw_loop || s->loop.recursive;
    p->saw_loop |= outer_saw_loop;
    if (parse_take_name(p, "else") &&
        (!parse_body_begin(p) || !parse_body(p, last, &s->loop.orelse))) {
        return false;
    }
    p->fors--;
    return parse_end_tag(p, "endfor");
}

/* set ::= "set" targets "=" tuple | "set" target ("|" filters)? "%}" body "endset" */
static bool parse_set(struct parser *p, struct stmt *s) {
    static const char *const ends[] = { "endset", NULL };
    s->kind = STMT_SET;
    s->set.target = parse_target(p, true, true, NULL);
    if (s->set.target == NULL || !parse_check_loop(p, s->set.target)) {
        return false;
    }
    if (parse_take(p, TOKEN_ASSIGN)) {
        s->set.value = parse_tuple(p, true, NULL, false);
        return s->set.value != NULL && take_block_end(p);
    }
    s->kind = STMT_SET_BLOCK;
    if (parse_take(p, TOKEN_PIPE)) {
        s->set.filter = parse_filter_chain(p);
        if (s->set.filter == NULL) {
            return false;
        }
    }
    return parse_body_begin(p) && parse_body(p, ends, &s->set.body) && parse_end_tag(p, "endset");
}

/* signature ::= "(" (name ("=" expression)? ("," ...)*)? ")" */
static bool parse_signature(struct parser *p, struct macro *m) {
    if (!parse_expect(p, TOKEN_LPAREN, NULL)) {
        return false;
    }
    bool optional = false;
    while (!parse_is(p, TOKEN_RPAREN)) {
        if (!parse_is(p, TOKEN_NAME)) {
            return parse_expect(p, TOKEN_NAME, NULL);
        }
        struct target *name = parse_target(p, false, false, NULL);
        if (name == NULL) {
            return false;
        }
        struct macro_param param = { .name = name->name, .text = name->text };
        if (parse_take(p, TOKEN_ASSIGN)) {
            optional = true;
            param.value = parse_expression(p, true);
            if (param.value == NULL) {
                return false;
            }
        } else if (optional) {
            parse_fail(p, name->span, "a parameter without a default after one with a default");
            return false;
        }
        ARENA_PUSH(p->arena, m->params, m->param_count, m->param_cap, param);
        if (!parse_is(p, TOKEN_RPAREN) && !parse_expect(p, TOKEN_COMMA, NULL)) {
            return false;
        }
    }
    parse_advance(p);
    return true;
}

/* The body of a macro or a call block: loops around it are not its own. */
static bool parse_macro_body(struct parser *p, struct macro *m, const char *end) {
    const char *const ends[] = { end, NULL };
    struct macro *outer = p->macro;
    size_t loops = p->loops;
    p->macro = m;
    p->loops = 0;
    if (!parse_body_begin(p) || !parse_body(p, ends, &m->body)) {
        return false;
    }
    p->macro = outer;
    if (outer != NULL) { /* what is inside of it counts as read by it */
        outer->uses_varargs |= m->uses_varargs;
        outer->uses_kwargs |= m->uses_kwargs;
        outer->uses_caller |= m->uses_caller;
    }
    p->loops = loops;
    return parse_end_tag(p, end);
}

/* macro ::= "macro" name signature "%}" body "endmacro" */
static bool parse_macro(struct parser *p, struct stmt *s) {
    if (!parse_is(p, TOKEN_NAME)) {
        return parse_expect(p, TOKEN_NAME, NULL);
    }
    struct target *name = parse_target(p, false, false, NULL);
    if (name == NULL) {
        return false;
    }
    s->kind = STMT_MACRO;
    s->macro = ARENA_NEW(p->arena, struct macro);
    s->macro->text = name->text;
    s->macro->name = name->name;
    return parse_signature(p, s->macro) && parse_macro_body(p, s->macro, "endmacro");
}

/* call ::= "call" signature? expression "%}" body "endcall" ; the expression is a call */
static bool parse_call_block(struct parser *p, struct stmt *s) {
    s->kind = STMT_CALL_BLOCK;
    s->wrap.caller = ARENA_NEW(p->arena, struct macro);
    s->wrap.caller->text = S("caller");
    s->wrap.caller->anonymous = true;
    if (parse_is(p, TOKEN_LPAREN) && !parse_signature(p, s->wrap.caller)) {
        return false;
    }
    s->wrap.call = parse_expression(p, true);
    if (s->wrap.call == NULL) {
        return false;
    }
    if (s->wrap.call->kind != EXPR_CALL) {
        parse_fail(p, s->wrap.call->span, "expected a call");
        return false;
    }
    return parse_macro_body(p, s->wrap.caller, "endcall");
}

/* filter ::= "filter" filters "%}" body "endfilter" */
static bool parse_filter_block(struct parser *p, struct stmt *s) {
    static const char *const ends[] = { "endfilter", NULL };
    s->kind = STMT_FILTER_BLOCK;
    s->wrap.call = parse_filter_chain(p);
    return s->wrap.call != NULL && parse_body_begin(p) && parse_body(p, ends, &s->wrap.body) &&
           parse_end_tag(p, "endfilter");
}

/* with ::= "with" (target "=" expression ("," ...)*)? "%}" body "endwith" */
static bool parse_with(struct parser *p, struct stmt *s) {
    static const char *const ends[] = { "endwith", NULL };
    s->kind = STMT_WITH;
    while (!parse_is(p, TOKEN_BLOCK_END)) {
        if (s->with.len > 0 && !parse_expect(p, TOKEN_COMMA, NULL)) {
            return false;
        }
        struct target *target = parse_target(p, true, false, NULL);
        if (target == NULL || !parse_expect(p, TOKEN_ASSIGN, NULL)) {
            return false;
        }
        struct expr *value = parse_expression(p, true);
        if (value == NULL) {
            return false;
        }
        size_t count = s->with.len;
        ARENA_PUSH(p->arena, s->with.targets, s->with.len, s->with.cap, target);
        ARENA_PUSH(p->arena, s->with.values, count, s->with.value_cap, value);
    }
    return parse_body_begin(p) && parse_body(p, ends, &s->with.body) && parse_end_tag(p, "endwith");
}

/* do ::= "do" tuple */
/* autoescape ::= "autoescape" expression "%}" body "endautoescape" */
static bool parse_autoescape(struct parser *p, struct stmt *s) {
    static const char *const ends[] = { "endautoescape", NULL };
    s->kind = STMT_AUTOESCAPE;
    s->escape.value = parse_expression(p, true);
    return s->escape.value != NULL && parse_body_begin(p) && parse_body(p, ends, &s->escape.body) &&
           parse_end_tag(p, "endautoescape");
}

static bool parse_do(struct parser *p, struct stmt *s) {
    s->kind = STMT_DO;
    s->expr = parse_tuple(p, true, NULL, false);
    return s->expr != NULL && take_block_end(p);
}

static bool parse_loop_control(struct parser *p, struct stmt *s, enum stmt_kind kind) {
    s->kind = kind;
    if (p->loops == 0) {
        parse_fail(p, s->span, "'%s' outside of a loop", kind == STMT_BREAK ? "break" : "continue");
        return false;
    }
    return take_block_end(p);
}

static bool parse_break(struct parser *p, struct stmt *s) {
    return parse_loop_control(p, s, STMT_BREAK);
}

static bool parse_continue(struct parser *p, struct stmt *s) {
    return parse_loop_control(p, s, STMT_CONTINUE);
}

/* print ::= "print" expression ("," expression)* */
static bool parse_print(struct parser *p, struct stmt *s) {
    s->kind = STMT_OUTPUT;
    s->expr = expr_new(p, EXPR_CONCAT, s->span);
    struct expr_list *items = &s->expr->items;
    while (!parse_is(p, TOKEN_BLOCK_END)) {
        if (items->len > 0 && !parse_expect(p, TOKEN_COMMA, NULL)) {
            return false;
        }
        struct expr *item = parse_expression(p, true);
        if (item == NULL) {
            return false;
        }
        ARENA_PUSH(p->arena, items->items, items->len, items->cap, item);
    }
    return take_block_end(p);
}

static const struct statement_row {
    str word;
    bool (*parse)(struct parser *p, struct stmt *s);
} statements[] = {
    { S_INIT("if"), parse_if },
    { S_INIT("for"), parse_for },
    { S_INIT("set"), parse_set },
    { S_INIT("macro"), parse_macro },
    { S_INIT("call"), parse_call_block },
    { S_INIT("filter"), parse_filter_block },
    { S_INIT("with"), parse_with },
    { S_INIT("block"), parse_block },
    { S_INIT("extends"), parse_extends },
    { S_INIT("include"), parse_include },
    { S_INIT("import"), parse_import },
    { S_INIT("from"), parse_from },
    { S_INIT("autoescape"), parse_autoescape },
    { S_INIT("do"), parse_do },
    { S_INIT("print"), parse_print },
    { S_INIT("break"), parse_break },
    { S_INIT("continue"), parse_continue },
};

bool parse_statement(struct parser *p, struct stmt **ret) {
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        if (parse_is(p, TOKEN_NAME) && str_eq(p->cur.text, statements[i].word)) {
            struct stmt *s = stmt_new(p, STMT_TEXT, p->cur.span);
            struct token outer = p->opener;
            p->opener = p->cur;
            parse_advance(p);
            size_t inner = statements[i].parse == parse_if ? 0 : 1;
            p->inner += inner;
            if (!parse_enter(p) || !statements[i].parse(p, s)) {
                return false;
            }
            parse_leave(p);
            p->inner -= inner;
            p->opener = outer;
            *ret = s;
            return true;
        }
    }
    *ret = NULL;
    return true;
}

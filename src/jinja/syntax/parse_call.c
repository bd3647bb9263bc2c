// SPDX-License-Identifier: Apache-2.0
/* Calls, filters and tests: everything that takes arguments. */
#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

static bool parse_keyword_arg(struct parser *p, struct call_args *args) {
    struct keyword_arg keyword = { .name = p->cur.text };
    for (size_t i = 0; i < args->keyword_count; i++) {
        if (str_eq(args->keywords[i].name, keyword.name)) {
            parse_fail(p, p->cur.span, "the keyword '%.*s' is passed twice", STR_FMT(keyword.name));
            return false;
        }
    }
    parse_advance(p);
    parse_advance(p);
    keyword.value = parse_expression(p, true);
    ARENA_PUSH(p->arena, args->keywords, args->keyword_count, args->keyword_cap, keyword);
    return keyword.value != NULL;
}

/* argument ::= name "=" expression | "*" expression | "**" expression | expression */
static bool parse_arg(struct parser *p, struct call_args *args) {
    struct span at = p->cur.span;
    if (parse_is(p, TOKEN_MUL) || parse_is(p, TOKEN_POW)) {
        struct expr **place = parse_is(p, TOKEN_MUL) ? &args->star : &args->star_star;
        if (*place != NULL || (place == &args->star && args->star_star != NULL)) {
            parse_fail(p, at, "invalid syntax for a call");
            return false;
        }
        parse_advance(p);
        *place = parse_expression(p, true);
        return *place != NULL;
    }
    if (args->star_star != NULL) {
        parse_fail(p, at, "nothing can follow a '**' argument");
        return false;
    }
    if (parse_is(p, TOKEN_NAME) && parse_look(p).kind == TOKEN_ASSIGN) {
        return parse_keyword_arg(p, args);
    }
    if (args->keyword_count > 0 || args->star != NULL) {
        parse_fail(p, at, "a positional argument after a keyword argument");
        return false;
    }
    struct expr *e = parse_expression(p, true);
    ARENA_PUSH(p->arena, args->positional.items, args->positional.len, args->positional.cap, e);
    return e != NULL;
}

/* arguments ::= "(" (argument ("," argument)* ","?)? ")" */
static struct call_args *parse_args(struct parser *p, struct span *ret_end) {
    struct call_args *args = ARENA_NEW(p->arena, struct call_args);
    parse_advance(p);
    while (!parse_is(p, TOKEN_RPAREN)) {
        if (!parse_arg(p, args)) {
            return NULL;
        }
        if (!parse_is(p, TOKEN_RPAREN) && !parse_expect(p, TOKEN_COMMA, NULL)) {
            return NULL;
        }
    }
    *ret_end = p->cur.span;
    parse_advance(p);
    return args;
}

struct expr *parse_call(struct parser *p, struct expr *callee) {
    struct expr *e = expr_new(p, EXPR_CALL, callee->span);
    struct span end;
    e->left = callee;
    e->args = parse_args(p, &end);
    if (e->args == NULL) {
        return NULL;
    }
    e->span.end = end.end;
    return e;
}

/* name ("." name)* , as filters and tests may be called */
static bool parse_dotted(struct parser *p, struct span *ret_span, str *ret) {
    struct token t;
    if (!parse_expect(p, TOKEN_NAME, &t)) {
        return false;
    }
    *ret_span = t.span;
    *ret = t.text;
    while (parse_take(p, TOKEN_DOT)) {
        if (!parse_expect(p, TOKEN_NAME, &t)) {
            return false;
        }
        *ret = str_fmt(p->arena, "%.*s.%.*s", STR_FMT(*ret), STR_FMT(t.text));
        ret_span->end = t.span.end;
    }
    return true;
}

/* Finds the callable; inside an `if` an unknown one is left for the time it runs. */
static bool resolve_callable(struct parser *p, struct expr *e, bool test, struct span at) {
    e->callable = env_callable(p->env, e->text, test);
    if (e->callable != NULL || p->conditional > 0) {
        return true;
    }
    AUTO_BUF message = BUF_INIT(512);
    env_unknown_callable(p->env, e->text, test, &message);
    parse_fail(p, at, "%.*s", STR_FMT(buf_str(&message)));
    return false;
}

/* filter ::= name arguments? */
static struct expr *parse_filter(struct parser *p, struct expr *left) {
    struct span at;
    str name;
    if (!parse_dotted(p, &at, &name)) {
        return NULL;
    }
    struct expr *e = expr_new(p, EXPR_FILTER, left == NULL ? at : span_join(left->span, at));
    e->left = left;
    e->text = name;
    if (!resolve_callable(p, e, false, at)) {
        return NULL;
    }
    if (parse_is(p, TOKEN_LPAREN)) {
        struct span end;
        e->args = parse_args(p, &end);
        e->span.end = end.end;
        return e->args == NULL ? NULL : e;
    }
    return e;
}

struct expr *parse_filter_chain(struct parser *p) {
    struct expr *e = parse_filter(p, NULL);
    while (e != NULL && parse_take(p, TOKEN_PIPE)) {
        e = parse_filter(p, e);
    }
    return e;
}

static bool test_argument_follows(const struct parser *p) {
    switch (p->cur.kind) {
    case TOKEN_NAME:
        return !parse_is_name(p, "else") && !parse_is_name(p, "or") && !parse_is_name(p, "and") &&
               !parse_is_name(p, "is");
    case TOKEN_STRING:
    case TOKEN_INT:
    case TOKEN_FLOAT:
    case TOKEN_LBRACKET:
    case TOKEN_LBRACE:
        return true;
    default: /* anything else ends the test */
        return false;
    }
}

/* test ::= "is" "not"? name (arguments | primary postfix)? */
static struct expr *parse_test(struct parser *p, struct expr *left) {
    struct expr *e = expr_new(p, EXPR_TEST, left->span);
    struct span at;
    e->left = left;
    parse_advance(p);
    e->is_not = parse_take_name(p, "not");
    if (!parse_dotted(p, &at, &e->text) || !resolve_callable(p, e, true, at)) {
        return NULL;
    }
    e->span.end = at.end;
    if (parse_is(p, TOKEN_LPAREN)) {
        e->args = parse_args(p, &at);
        e->span.end = at.end;
        return e->args == NULL ? NULL : e;
    }
    if (parse_is_name(p, "is")) {
        return parse_fail(p, p->cur.span, "tests cannot be chained with 'is'");
    }
    if (test_argument_follows(p)) {
        struct expr *argument = parse_primary(p);
        argument = argument == NULL ? NULL : parse_postfix(p, argument);
        if (argument == NULL) {
            return NULL;
        }
        e->args = ARENA_NEW(p->arena, struct call_args);
        struct expr_list *list = &e->args->positional;
        ARENA_PUSH(p->arena, list->items, list->len, list->cap, argument);
        e->span.end = argument->span.end;
    }
    return e;
}

/* filters ::= ("|" filter | "is" test | arguments)* */
struct expr *parse_filters(struct parser *p, struct expr *e) {
    while (e != NULL) {
        if (parse_take(p, TOKEN_PIPE)) {
            e = parse_filter(p, e);
        } else if (parse_is_name(p, "is")) {
            e = parse_test(p, e);
        } else if (parse_is(p, TOKEN_LPAREN)) {
            e = parse_call(p, e);
        } else {
            break;
        }
    }
    return e;
}

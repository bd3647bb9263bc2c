// SPDX-License-Identifier: Apache-2.0
/* Primaries (names, literals, brackets), and what can stand after them. */
#include <string.h>

#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

static struct expr *literal(struct parser *p, struct span span, struct jinja_value value) {
    struct expr *e = expr_new(p, EXPR_LITERAL, span);
    e->literal = value;
    return e;
}

/* Names that mean values; both spellings are allowed. */
static bool constant_value(str name, struct jinja_value *ret) {
    static const struct {
        str name;
        struct jinja_value value;
    } rows[] = {
        { S_INIT("true"), { .kind = JINJA_BOOL, .boolean = true } },
        { S_INIT("True"), { .kind = JINJA_BOOL, .boolean = true } },
        { S_INIT("false"), { .kind = JINJA_BOOL, .boolean = false } },
        { S_INIT("False"), { .kind = JINJA_BOOL, .boolean = false } },
        { S_INIT("none"), { .kind = JINJA_NONE } },
        { S_INIT("None"), { .kind = JINJA_NONE } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq(rows[i].name, name)) {
            *ret = rows[i].value;
            return true;
        }
    }
    return false;
}

/* The names a macro's body reads decide what the macro accepts. */
static void note_special_name(struct parser *p, str name) {
    if (str_eq(name, S("loop"))) {
        p->saw_loop = true;
    } else if (str_eq(name, S("self"))) {
        *(p->block != NULL ? &p->block->uses_self : &p->template->uses_self) = true;
    } else if (str_eq(name, S("super")) && p->block != NULL) {
        p->block->uses_super = true;
    } else if (p->macro != NULL) {
        p->macro->uses_varargs |= str_eq(name, S("varargs"));
        p->macro->uses_kwargs |= str_eq(name, S("kwargs"));
        p->macro->uses_caller |= str_eq(name, S("caller"));
    }
}

static struct expr *parse_name(struct parser *p) {
    struct token name = p->cur;
    struct jinja_value value;
    parse_advance(p);
    if (constant_value(name.text, &value)) {
        return literal(p, name.span, value);
    }
    note_special_name(p, name.text);
    struct expr *e = expr_new(p, EXPR_NAME, name.span);
    e->text = name.text;
    e->name = env_intern(p->env, name.text);
    return e;
}

/* string ::= STRING+ ; neighbours are joined */
static struct expr *parse_string(struct parser *p) {
    struct token first = p->cur;
    parse_advance(p);
    if (!parse_is(p, TOKEN_STRING)) {
        return literal(p, first.span, jinja_string(first.text));
    }
    AUTO_BUF text = BUF_INIT(JINJA_TEMPLATE_BYTES_MAX);
    buf_add(&text, first.text);
    while (parse_is(p, TOKEN_STRING)) {
        buf_add(&text, p->cur.text);
        first.span.end = p->cur.span.end;
        parse_advance(p);
    }
    return literal(p, first.span, jinja_string(str_dup(p->arena, buf_str(&text))));
}

/* list ::= "[" (expression ("," expression)* ","?)? "]" */
static struct expr *parse_list(struct parser *p) {
    struct expr *e = expr_new(p, EXPR_LIST, p->cur.span);
    parse_advance(p);
    while (!parse_is(p, TOKEN_RBRACKET)) {
        struct expr *item = parse_expression(p, true);
        if (item == NULL) {
            return NULL;
        }
        ARENA_PUSH(p->arena, e->items.items, e->items.len, e->items.cap, item);
        if (!parse_is(p, TOKEN_RBRACKET) && !parse_expect(p, TOKEN_COMMA, NULL)) {
            return NULL;
        }
    }
    e->span.end = p->cur.span.end;
    parse_advance(p);
    return e;
}

/* dict ::= "{" (expression ":" expression ("," ...)* ","?)? "}" */
static struct expr *parse_dict(struct parser *p) {
    struct expr *e = expr_new(p, EXPR_DICT, p->cur.span);
    parse_advance(p);
    while (!parse_is(p, TOKEN_RBRACE)) {
        struct expr *key = parse_expression(p, true);
        if (key == NULL || !parse_expect(p, TOKEN_COLON, NULL)) {
            return NULL;
        }
        struct expr *value = parse_expression(p, true);
        if (value == NULL) {
            return NULL;
        }
        ARENA_PUSH(p->arena, e->items.items, e->items.len, e->items.cap, key);
        ARENA_PUSH(p->arena, e->items.items, e->items.len, e->items.cap, value);
        if (!parse_is(p, TOKEN_RBRACE) && !parse_expect(p, TOKEN_COMMA, NULL)) {
            return NULL;
        }
    }
    e->span.end = p->cur.span.end;
    parse_advance(p);
    return e;
}

static struct expr *parse_paren(struct parser *p) {
    struct span begin = p->cur.span;
    parse_advance(p);
    struct expr *e = parse_tuple(p, true, NULL, true);
    struct token end;
    if (e == NULL || !parse_expect(p, TOKEN_RPAREN, &end)) {
        return NULL;
    }
    e->span = span_join(begin, end.span);
    return e;
}

/* primary ::= name | string | number | "(" tuple ")" | list | dict */
struct expr *parse_primary(struct parser *p) {
    struct token t = p->cur;
    switch (t.kind) {
    case TOKEN_NAME:
        return parse_name(p);
    case TOKEN_STRING:
        return parse_string(p);
    case TOKEN_INT:
        parse_advance(p);
        return literal(p, t.span, jinja_int(t.integer));
    case TOKEN_FLOAT:
        parse_advance(p);
        return literal(p, t.span, jinja_float(t.real));
    case TOKEN_LPAREN:
        return parse_paren(p);
    case TOKEN_LBRACKET:
        return parse_list(p);
    case TOKEN_LBRACE:
        return parse_dict(p);
    default: /* everything else is an operator or an end */
        return parse_fail(p, t.span, "expected an expression, got '%s'", token_kind_text(t.kind));
    }
}

/* slice ::= expression? (":" expression? (":" expression?)?)? */
static struct expr *parse_subscript(struct parser *p, struct expr *left) {
    struct expr *parts[3] = { NULL };
    size_t count = 0;
    bool is_slice = false;
    if (!parse_is(p, TOKEN_COLON)) {
        parts[0] = parse_expression(p, true);
        if (parts[0] == NULL) {
            return NULL;
        }
    }
    while (count < 2 && parse_take(p, TOKEN_COLON)) {
        is_slice = true;
        count++;
        if (!parse_is(p, TOKEN_COLON) && !parse_is(p, TOKEN_RBRACKET) &&
            !parse_is(p, TOKEN_COMMA)) {
            parts[count] = parse_expression(p, true);
            if (parts[count] == NULL) {
                return NULL;
            }
        }
    }
    struct expr *e = expr_new(p, is_slice ? EXPR_SLICE : EXPR_ITEM, left->span);
    e->left = left;
    if (is_slice) {
        memcpy(e->slice, parts, sizeof parts);
    } else {
        e->right = parts[0];
    }
    return e;
}

/* subscript ::= "[" slice "]" ; several items make a tuple key */
static struct expr *parse_brackets(struct parser *p, struct expr *left) {
    parse_advance(p);
    struct expr *e = parse_subscript(p, left);
    if (e == NULL) {
        return NULL;
    }
    if (parse_is(p, TOKEN_COMMA)) {
        if (e->kind == EXPR_SLICE) {
            return parse_fail(p, p->cur.span, "a slice cannot be part of a tuple");
        }
        struct expr *tuple = expr_new(p, EXPR_TUPLE, e->right->span);
        ARENA_PUSH(p->arena, tuple->items.items, tuple->items.len, tuple->items.cap, e->right);
        while (parse_take(p, TOKEN_COMMA)) {
            struct expr *item = parse_expression(p, true);
            if (item == NULL) {
                return NULL;
            }
            ARENA_PUSH(p->arena, tuple->items.items, tuple->items.len, tuple->items.cap, item);
        }
        e->right = tuple;
    }
    struct token end;
    if (!parse_expect(p, TOKEN_RBRACKET, &end)) {
        return NULL;
    }
    e->span.end = end.span.end;
    return e;
}

/* attribute ::= "." (name | integer) */
static struct expr *parse_attribute(struct parser *p, struct expr *left) {
    parse_advance(p);
    struct token t = p->cur;
    if (t.kind == TOKEN_INT) {
        parse_advance(p);
        struct expr *e = expr_new(p, EXPR_ITEM, span_join(left->span, t.span));
        e->left = left;
        e->right = literal(p, t.span, jinja_int(t.integer));
        return e;
    }
    if (!parse_expect(p, TOKEN_NAME, &t)) {
        return NULL;
    }
    struct expr *e = expr_new(p, EXPR_ATTR, span_join(left->span, t.span));
    e->left = left;
    e->text = t.text;
    e->hash = str_hash(t.text);
    e->hint = ARENA_NEW(p->arena, uint32_t);
    e->name = loop_attr_number(t.text);
    for (size_t i = 0; i < ARRAY_LEN(e->methods); i++) {
        e->methods[i] = map_find(&p->env->methods[JINJA_STRING + i], t.text);
    }
    return e;
}

/* postfix ::= (attribute | subscript | arguments)* */
struct expr *parse_postfix(struct parser *p, struct expr *e) {
    while (e != NULL) {
        if (parse_is(p, TOKEN_DOT)) {
            e = parse_attribute(p, e);
        } else if (parse_is(p, TOKEN_LBRACKET)) {
            e = parse_brackets(p, e);
        } else if (parse_is(p, TOKEN_LPAREN)) {
            e = parse_call(p, e);
        } else {
            break;
        }
    }
    return e;
}

// SPDX-License-Identifier: Apache-2.0
/* Expressions from the loosest operator to the tightest; primaries are in parse_primary.c. */
#include <string.h>

#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

struct expr *expr_new(struct parser *p, enum expr_kind kind, struct span span) {
    struct expr *e = ARENA_NEW(p->arena, struct expr);
    e->kind = kind;
    e->span = span;
    return e;
}

static struct expr *expr_two(struct parser *p, enum expr_kind kind, struct expr *left,
                             struct expr *right) {
    struct expr *e = expr_new(p, kind, span_join(left->span, right->span));
    e->left = left;
    e->right = right;
    return e;
}

/* unary ::= ("-" | "+") unary | primary ; then postfix and (outermost) filters and tests */
static struct expr *parse_unary(struct parser *p, bool with_filters) {
    struct expr *e;
    if (parse_is(p, TOKEN_SUB) || parse_is(p, TOKEN_ADD)) {
        struct token sign = p->cur;
        if (!parse_enter(p)) {
            return NULL;
        }
        parse_advance(p);
        struct expr *operand = parse_unary(p, false);
        parse_leave(p);
        if (operand == NULL) {
            return NULL;
        }
        e = expr_new(p, sign.kind == TOKEN_SUB ? EXPR_NEG : EXPR_POS,
                     span_join(sign.span, operand->span));
        e->left = operand;
    } else {
        e = parse_primary(p);
    }
    e = e == NULL ? NULL : parse_postfix(p, e);
    return e != NULL && with_filters ? parse_filters(p, e) : e;
}

typedef struct expr *parse_fn(struct parser *p);

/* operand (op operand)*, from left to right */
static struct expr *parse_binary(struct parser *p, const enum token_kind *ops, size_t count,
                                 parse_fn *operand) {
    struct expr *left = operand(p);
    while (left != NULL) {
        size_t i = 0;
        while (i < count && !parse_is(p, ops[i])) {
            i++;
        }
        if (i == count) {
            break;
        }
        parse_advance(p);
        struct expr *right = operand(p);
        if (right == NULL) {
            return NULL;
        }
        left = expr_two(p, EXPR_BINARY, left, right);
        left->op = ops[i];
    }
    return left;
}

static struct expr *parse_unary_full(struct parser *p) {
    return parse_unary(p, true);
}

/* pow ::= unary ("**" unary)* ; from the left, unlike Python */
static struct expr *parse_pow(struct parser *p) {
    static const enum token_kind ops[] = { TOKEN_POW };
    return parse_binary(p, ops, ARRAY_LEN(ops), parse_unary_full);
}

/* product ::= pow (("*" | "/" | "//" | "%") pow)* */
static struct expr *parse_product(struct parser *p) {
    static const enum token_kind ops[] = { TOKEN_MUL, TOKEN_DIV, TOKEN_FLOORDIV, TOKEN_MOD };
    return parse_binary(p, ops, ARRAY_LEN(ops), parse_pow);
}

/* concat ::= product ("~" product)* */
static struct expr *parse_concat(struct parser *p) {
    struct expr *first = parse_product(p);
    if (first == NULL || !parse_is(p, TOKEN_TILDE)) {
        return first;
    }
    struct expr *e = expr_new(p, EXPR_CONCAT, first->span);
    ARENA_PUSH(p->arena, e->items.items, e->items.len, e->items.cap, first);
    while (parse_take(p, TOKEN_TILDE)) {
        struct expr *next = parse_product(p);
        if (next == NULL) {
            return NULL;
        }
        ARENA_PUSH(p->arena, e->items.items, e->items.len, e->items.cap, next);
        e->span.end = next->span.end;
    }
    return e;
}

/* sum ::= concat (("+" | "-") concat)* */
static struct expr *parse_sum(struct parser *p) {
    static const enum token_kind ops[] = { TOKEN_ADD, TOKEN_SUB };
    return parse_binary(p, ops, ARRAY_LEN(ops), parse_concat);
}

/* Takes a comparison operator. */
static bool take_compare_op(struct parser *p, enum compare_op *ret) {
    static const struct {
        enum token_kind kind;
        enum compare_op op;
    } ops[] = {
        { TOKEN_EQ, COMPARE_EQ }, { TOKEN_NE, COMPARE_NE }, { TOKEN_LT, COMPARE_LT },
        { TOKEN_LE, COMPARE_LE }, { TOKEN_GT, COMPARE_GT }, { TOKEN_GE, COMPARE_GE },
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (parse_take(p, ops[i].kind)) {
            *ret = ops[i].op;
            return true;
        }
    }
    if (parse_take_name(p, "in")) {
        *ret = COMPARE_IN;
        return true;
    }
    if (parse_is_name(p, "not")) {
        struct token ahead = parse_look(p);
        if (ahead.kind == TOKEN_NAME && str_eq(ahead.text, S("in"))) {
            parse_advance(p);
            parse_advance(p);
            *ret = COMPARE_NOT_IN;
            return true;
        }
    }
    return false;
}

/* compare ::= sum (op sum)* ; chained as in Python */
static struct expr *parse_compare(struct parser *p) {
    struct expr *left = parse_sum(p);
    enum compare_op op;
    if (left == NULL || !take_compare_op(p, &op)) {
        return left;
    }
    struct expr *e = expr_new(p, EXPR_COMPARE, left->span);
    e->left = left;
    struct comparison **tail = &e->comparisons;
    do {
        struct comparison *c = ARENA_NEW(p->arena, struct comparison);
        c->op = op;
        c->right = parse_sum(p);
        if (c->right == NULL) {
            return NULL;
        }
        *tail = c;
        tail = &c->next;
        e->span.end = c->right->span.end;
    } while (take_compare_op(p, &op));
    return e;
}

/* not ::= "not" not | compare */
static struct expr *parse_not(struct parser *p) {
    if (!parse_is_name(p, "not")) {
        return parse_compare(p);
    }
    struct span begin = p->cur.span;
    if (!parse_enter(p)) {
        return NULL;
    }
    parse_advance(p);
    struct expr *operand = parse_not(p);
    parse_leave(p);
    if (operand == NULL) {
        return NULL;
    }
    struct expr *e = expr_new(p, EXPR_NOT, span_join(begin, operand->span));
    e->left = operand;
    return e;
}

/* and ::= not ("and" not)* */
static struct expr *parse_and(struct parser *p) {
    struct expr *left = parse_not(p);
    while (left != NULL && parse_take_name(p, "and")) {
        struct expr *right = parse_not(p);
        left = right == NULL ? NULL : expr_two(p, EXPR_AND, left, right);
    }
    return left;
}

/* or ::= and ("or" and)* */
static struct expr *parse_or(struct parser *p) {
    struct expr *left = parse_and(p);
    while (left != NULL && parse_take_name(p, "or")) {
        struct expr *right = parse_and(p);
        left = right == NULL ? NULL : expr_two(p, EXPR_OR, left, right);
    }
    return left;
}

/* expression ::= or ("if" or ("else" expression)?)* */
static struct expr *parse_cond(struct parser *p) {
    struct expr *e = parse_or(p);
    while (e != NULL && parse_take_name(p, "if")) {
        struct expr *cond = parse_or(p);
        if (cond == NULL) {
            return NULL;
        }
        struct expr *orelse = NULL;
        struct span end = cond->span;
        if (parse_take_name(p, "else")) {
            orelse = parse_expression(p, true);
            if (orelse == NULL) {
                return NULL;
            }
            end = orelse->span;
        }
        struct expr *whole = expr_new(p, EXPR_COND, span_join(e->span, end));
        whole->left = e;
        whole->cond = cond;
        whole->right = orelse;
        e = whole;
    }
    return e;
}

struct expr *parse_expression(struct parser *p, bool with_cond) {
    if (!parse_enter(p)) {
        return NULL;
    }
    struct expr *e = with_cond ? parse_cond(p) : parse_or(p);
    parse_leave(p);
    return e;
}

bool parse_tuple_ends(const struct parser *p, const char *end_word) {
    return parse_is(p, TOKEN_VARIABLE_END) || parse_is(p, TOKEN_BLOCK_END) ||
           parse_is(p, TOKEN_RPAREN) || parse_is(p, TOKEN_END) ||
           (end_word != NULL && parse_is_name(p, end_word));
}

/* tuple ::= expression ("," expression)* ","? ; one expression without a comma is itself */
struct expr *parse_tuple(struct parser *p, bool with_cond, const char *end_word, bool explicit) {
    struct span begin = p->cur.span;
    struct expr_list items = { 0 };
    bool is_tuple = false;
    while (!parse_tuple_ends(p, end_word)) {
        struct expr *item = parse_expression(p, with_cond);
        if (item == NULL) {
            return NULL;
        }
        ARENA_PUSH(p->arena, items.items, items.len, items.cap, item);
        if (!parse_take(p, TOKEN_COMMA)) {
            break;
        }
        is_tuple = true;
    }
    if (!is_tuple && items.len == 1) {
        return items.items[0];
    }
    if (items.len == 0 && !explicit) {
        return parse_fail(p, p->cur.span, "expected an expression, got '%s'",
                          token_kind_text(p->cur.kind));
    }
    struct expr *e = expr_new(p, EXPR_TUPLE, begin);
    if (items.len > 0) {
        e->span.end = items.items[items.len - 1]->span.end;
    }
    e->items = items;
    return e;
}

// SPDX-License-Identifier: Apache-2.0
/* What can be assigned to. */
#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

static bool is_constant_name(str name) {
    static const str names[] = { S_INIT("true"),  S_INIT("True"), S_INIT("false"),
                                 S_INIT("False"), S_INIT("none"), S_INIT("None") };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

/* name ("." name)? | "(" targets ")" */
static struct target *parse_single(struct parser *p, bool with_attr) {
    struct token t;
    if (parse_is(p, TOKEN_LPAREN)) {
        if (!parse_enter(p)) {
            return NULL;
        }
        parse_advance(p);
        struct target *inner = parse_target(p, true, false, NULL);
        parse_leave(p);
        return inner != NULL && parse_expect(p, TOKEN_RPAREN, NULL) ? inner : NULL;
    }
    if (!parse_expect(p, TOKEN_NAME, &t)) {
        return NULL;
    }
    if (is_constant_name(t.text)) {
        return parse_fail(p, t.span, "'%.*s' cannot be assigned to", STR_FMT(t.text));
    }
    struct target *target = ARENA_NEW(p->arena, struct target);
    *target = (struct target){
        .kind = TARGET_NAME, .span = t.span, .text = t.text, .name = env_intern(p->env, t.text)
    };
    if (with_attr && parse_take(p, TOKEN_DOT)) {
        if (!parse_expect(p, TOKEN_NAME, &t)) {
            return NULL;
        }
        target->kind = TARGET_ATTR;
        target->attr = t.text;
        target->span.end = t.span.end;
    }
    return target;
}

bool parse_check_loop(struct parser *p, const struct target *target) {
    for (size_t i = 0; target->kind == TARGET_TUPLE && i < target->len; i++) {
        if (!parse_check_loop(p, target->items[i])) {
            return false;
        }
    }
    if (target->kind == TARGET_NAME && p->fors > 0 && str_eq(target->text, S("loop"))) {
        parse_fail(p, target->span, "'loop' cannot be assigned to inside of a for loop");
        return false;
    }
    return true;
}

/* targets ::= single ("," single)* ","? */
struct target *parse_target(struct parser *p, bool with_tuple, bool with_attr,
                            const char *end_word) {
    struct target *first = parse_single(p, with_attr);
    if (first == NULL || !with_tuple || !parse_is(p, TOKEN_COMMA)) {
        return first;
    }
    struct target *tuple = ARENA_NEW(p->arena, struct target);
    *tuple = (struct target){ .kind = TARGET_TUPLE, .span = first->span };
    ARENA_PUSH(p->arena, tuple->items, tuple->len, tuple->cap, first);
    while (parse_take(p, TOKEN_COMMA)) {
        if (parse_tuple_ends(p, end_word) || parse_is(p, TOKEN_ASSIGN)) {
            break;
        }
        struct target *next = parse_single(p, false);
        if (next == NULL) {
            return NULL;
        }
        ARENA_PUSH(p->arena, tuple->items, tuple->len, tuple->cap, next);
        tuple->span.end = next->span.end;
    }
    return tuple;
}

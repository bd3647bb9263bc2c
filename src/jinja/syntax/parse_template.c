// SPDX-License-Identifier: Apache-2.0
/* Statements about other templates: block, extends, include, import, from. */
#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

/* A required block holds nothing but white space: its children fill it. */
static bool check_required(struct parser *p, const struct block *b) {
    for (size_t i = 0; i < b->body.len; i++) {
        const struct stmt *s = b->body.items[i];
        if (s->kind != STMT_TEXT || text_trim_left(s->text).len > 0) {
            parse_fail(p, s->span, "a required block may contain only comments and whitespace");
            return false;
        }
    }
    return true;
}

static bool add_block(struct parser *p, struct block *b) {
    struct jinja_template *t = p->template;
    for (size_t i = 0; i < t->block_count; i++) {
        if (str_eq(t->blocks[i]->name, b->name)) {
            parse_fail(p, b->span, "block '%.*s' is defined twice", STR_FMT(b->name));
            return false;
        }
    }
    ARENA_PUSH(p->arena, t->blocks, t->block_count, t->block_cap, b);
    return true;
}

/* Loops and macros around a block are not its own. */
static bool parse_block_body(struct parser *p, struct block *b) {
    static const char *const ends[] = { "endblock", NULL };
    struct block *outer = p->block;
    struct macro *macro = p->macro;
    size_t loops = p->loops;
    bool saw_loop = p->saw_loop;
    p->block = b;
    p->macro = NULL;
    p->loops = 0;
    if (!parse_body_begin(p) || !parse_body(p, ends, &b->body)) {
        return false;
    }
    p->block = outer;
    p->macro = macro;
    p->loops = loops;
    p->saw_loop = saw_loop || b->scoped;
    return true;
}

/* block ::= "block" name "scoped"? "required"? "%}" body "endblock" name? */
bool parse_block(struct parser *p, struct stmt *s) {
    struct token name;
    s->kind = STMT_BLOCK;
    s->block = ARENA_NEW(p->arena, struct block);
    if (!parse_expect(p, TOKEN_NAME, &name)) {
        return false;
    }
    s->block->name = name.text;
    s->block->span = name.span;
    s->block->scoped = parse_take_name(p, "scoped");
    s->block->required = parse_take_name(p, "required");
    if (parse_is(p, TOKEN_SUB)) {
        parse_fail(p, p->cur.span, "the name of a block has no '-', use '_'");
        return false;
    }
    if (!parse_block_body(p, s->block) || !add_block(p, s->block)) {
        return false;
    }
    parse_advance(p);
    if (parse_is(p, TOKEN_NAME) && str_eq(p->cur.text, name.text)) {
        parse_advance(p);
    }
    return parse_expect(p, TOKEN_BLOCK_END, NULL) &&
           (!s->block->required || check_required(p, s->block));
}

/* extends ::= "extends" expression */
bool parse_extends(struct parser *p, struct stmt *s) {
    s->kind = STMT_EXTENDS;
    if (p->inner > 1) { /* itself counts */
        parse_fail(p, s->span, "'extends' is allowed only at the top level of a template");
        return false;
    }
    s->load.template = parse_expression(p, true);
    return s->load.template != NULL && parse_expect(p, TOKEN_BLOCK_END, NULL);
}

static bool next_is(struct parser *p, const char *word) {
    struct token next = parse_look(p);
    return next.kind == TOKEN_NAME && str_eq(next.text, str_from_c(word));
}

/* context ::= ("with" | "without") "context" */
static bool take_context(struct parser *p, bool *ret) {
    bool with = parse_is_name(p, "with");
    if ((!with && !parse_is_name(p, "without")) || !next_is(p, "context")) {
        return false;
    }
    *ret = with;
    parse_advance(p);
    parse_advance(p);
    return true;
}

/* include ::= "include" expression ("ignore" "missing")? context? */
bool parse_include(struct parser *p, struct stmt *s) {
    s->kind = STMT_INCLUDE;
    s->load.with_context = true;
    s->load.template = parse_expression(p, true);
    if (s->load.template == NULL) {
        return false;
    }
    if (parse_is_name(p, "ignore") && next_is(p, "missing")) {
        s->load.ignore_missing = true;
        parse_advance(p);
        parse_advance(p);
    }
    take_context(p, &s->load.with_context);
    return parse_expect(p, TOKEN_BLOCK_END, NULL);
}

static bool take_alias(struct parser *p, struct import_name *name) {
    struct target *target = parse_target(p, false, false, NULL);
    if (target == NULL) {
        return false;
    }
    name->alias = target->name;
    name->alias_text = target->text;
    return true;
}

/* import ::= "import" expression "as" name context? */
bool parse_import(struct parser *p, struct stmt *s) {
    struct import_name name = { 0 };
    s->kind = STMT_IMPORT;
    s->load.template = parse_expression(p, true);
    if (s->load.template == NULL) {
        return false;
    }
    if (!parse_take_name(p, "as")) {
        parse_fail(p, p->cur.span, "expected 'as'");
        return false;
    }
    if (!parse_is(p, TOKEN_NAME)) {
        return parse_expect(p, TOKEN_NAME, NULL);
    }
    if (!take_alias(p, &name)) {
        return false;
    }
    ARENA_PUSH(p->arena, s->load.names, s->load.name_count, s->load.name_cap, name);
    take_context(p, &s->load.with_context);
    return parse_expect(p, TOKEN_BLOCK_END, NULL);
}

/* name ("as" name)? */
static bool parse_import_name(struct parser *p, struct stmt *s) {
    struct import_name name = { .name = p->cur.text };
    struct span span = p->cur.span;
    if (!take_alias(p, &name)) {
        return false;
    }
    if (str_starts(name.name, S("_"))) {
        parse_fail(p, span, "a name that begins with '_' cannot be imported");
        return false;
    }
    if (parse_take_name(p, "as")) {
        if (!parse_is(p, TOKEN_NAME)) {
            return parse_expect(p, TOKEN_NAME, NULL);
        }
        if (!take_alias(p, &name)) {
            return false;
        }
    }
    ARENA_PUSH(p->arena, s->load.names, s->load.name_count, s->load.name_cap, name);
    return true;
}

/* from ::= "from" expression "import" name ("as" name)? ("," ...)* context? */
bool parse_from(struct parser *p, struct stmt *s) {
    s->kind = STMT_FROM;
    s->load.template = parse_expression(p, true);
    if (s->load.template == NULL) {
        return false;
    }
    if (!parse_take_name(p, "import")) {
        parse_fail(p, p->cur.span, "expected 'import'");
        return false;
    }
    do {
        if (!parse_is(p, TOKEN_NAME)) {
            return parse_expect(p, TOKEN_NAME, NULL);
        }
        if (take_context(p, &s->load.with_context)) {
            break;
        }
        if (!parse_import_name(p, s)) {
            return false;
        }
        if (take_context(p, &s->load.with_context)) {
            break;
        }
    } while (parse_take(p, TOKEN_COMMA));
    return parse_expect(p, TOKEN_BLOCK_END, NULL);
}

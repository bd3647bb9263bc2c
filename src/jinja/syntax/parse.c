// SPDX-License-Identifier: Apache-2.0
/* The parser's base: tokens, errors, and the template as a list of text, output and statements. */
#include <stdarg.h>
#include <string.h>

#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

bool parse_failed(const struct parser *p) {
    return p->lexer.failed;
}

void *parse_fail(struct parser *p, struct span span, const char *fmt, ...) {
    if (!p->lexer.failed) {
        p->lexer.failed = true;
        va_list args;
        va_start(args, fmt);
        AUTO_BUF text = BUF_INIT(1024);
        buf_vaddf(&text, fmt, args);
        va_end(args);
        diag_report(p->lexer.sink, "E400", span, "%.*s", STR_FMT(buf_str(&text)));
    }
    return NULL;
}

/* A lexer's error has been reported by it; the parser sees the end of the template. */
void parse_advance(struct parser *p) {
    if (p->has_ahead) {
        p->cur = p->ahead;
        p->has_ahead = false;
        return;
    }
    if (!lexer_next(&p->lexer, &p->cur)) {
        p->cur.kind = TOKEN_END;
    }
}

struct token parse_look(struct parser *p) {
    if (!p->has_ahead) {
        p->has_ahead = true;
        if (!lexer_next(&p->lexer, &p->ahead)) {
            p->ahead.kind = TOKEN_END;
        }
    }
    return p->ahead;
}

bool parse_is(const struct parser *p, enum token_kind kind) {
    return p->cur.kind == kind;
}

bool parse_is_name(const struct parser *p, const char *word) {
    return p->cur.kind == TOKEN_NAME && str_eq(p->cur.text, str_from_c(word));
}

bool parse_take(struct parser *p, enum token_kind kind) {
    if (p->cur.kind != kind) {
        return false;
    }
    parse_advance(p);
    return true;
}

bool parse_take_name(struct parser *p, const char *word) {
    if (!parse_is_name(p, word)) {
        return false;
    }
    parse_advance(p);
    return true;
}

static void fail_expected(struct parser *p, const char *expected) {
    if (p->cur.kind == TOKEN_NAME) {
        parse_fail(p, p->cur.span, "expected %s, got '%.*s'", expected, STR_FMT(p->cur.text));
    } else {
        parse_fail(p, p->cur.span, "expected %s, got '%s'", expected, token_kind_text(p->cur.kind));
    }
}

bool parse_expect(struct parser *p, enum token_kind kind, struct token *ret) {
    if (p->cur.kind != kind) {
        AUTO_BUF expected = BUF_INIT(64);
        bool word = kind == TOKEN_NAME || kind == TOKEN_STRING;
        buf_addf(&expected, word ? "a %s" : "'%s'", token_kind_text(kind));
        fail_expected(p, expected.ptr);
        return false;
    }
    if (ret != NULL) {
        *ret = p->cur;
    }
    parse_advance(p);
    return true;
}

bool parse_enter(struct parser *p) {
    if (p->depth >= p->env->options.limits.depth) {
        parse_fail(p, p->cur.span, "the template is nested more than %zu levels deep",
                   p->env->options.limits.depth);
        return false;
    }
    p->depth++;
    return true;
}

void parse_leave(struct parser *p) {
    p->depth--;
}

struct stmt *stmt_new(struct parser *p, enum stmt_kind kind, struct span span) {
    struct stmt *s = ARENA_NEW(p->arena, struct stmt);
    s->kind = kind;
    s->span = span;
    return s;
}

bool parse_end_tag(struct parser *p, const char *word) {
    if (!parse_take_name(p, word)) {
        AUTO_BUF expected = BUF_INIT(64);
        buf_addf(&expected, "'%s'", word);
        fail_expected(p, expected.ptr);
        return false;
    }
    return parse_expect(p, TOKEN_BLOCK_END, NULL);
}

bool parse_body_begin(struct parser *p) {
    parse_take(p, TOKEN_COLON);
    return parse_expect(p, TOKEN_BLOCK_END, NULL);
}

static bool at_end_word(const struct parser *p, const char *const *end_words) {
    for (; *end_words != NULL; end_words++) {
        if (parse_is_name(p, *end_words)) {
            return true;
        }
    }
    return false;
}

static struct stmt *parse_output(struct parser *p) {
    struct span begin = p->cur.span;
    parse_advance(p);
    struct expr *e = parse_tuple(p, true, NULL, false);
    struct token end;
    if (e == NULL || !parse_expect(p, TOKEN_VARIABLE_END, &end)) {
        return NULL;
    }
    struct stmt *s = stmt_new(p, STMT_OUTPUT, span_join(begin, end.span));
    s->expr = e;
    return s;
}

/* An end word that nothing opened, or a tag that does not exist. */
static bool fail_unknown_tag(struct parser *p, const char *const *end_words) {
    if (p->cur.kind != TOKEN_NAME) {
        parse_fail(p, p->cur.span, "a tag needs a name");
        return false;
    }
    AUTO_BUF hint = BUF_INIT(256);
    for (size_t i = 0; end_words[i] != NULL; i++) {
        buf_addf(&hint, "%s'%s'", i == 0 ? "; the innermost open tag waits for " : " or ",
                 end_words[i]);
    }
    parse_fail(p, p->cur.span, "unknown tag '%.*s'%.*s", STR_FMT(p->cur.text),
               STR_FMT(buf_str(&hint)));
    return false;
}

static bool parse_tag(struct parser *p, const char *const *end_words, struct stmt_list *ret) {
    struct stmt *s = NULL;
    if (!parse_statement(p, &s)) {
        return false;
    }
    if (s == NULL) {
        return fail_unknown_tag(p, end_words);
    }
    ARENA_PUSH(p->arena, ret->items, ret->len, ret->cap, s);
    return true;
}

/* body ::= (text | "{{" tuple "}}" | "{%" statement)* ; ends before an end word or at the end */
bool parse_body(struct parser *p, const char *const *end_words, struct stmt_list *ret) {
    if (!parse_enter(p)) {
        return false;
    }
    for (;;) {
        struct stmt *s = NULL;
        if (parse_is(p, TOKEN_TEXT)) {
            s = stmt_new(p, STMT_TEXT, p->cur.span);
            s->text = p->cur.text;
            parse_advance(p);
        } else if (parse_is(p, TOKEN_VARIABLE_BEGIN)) {
            s = parse_output(p);
            if (s == NULL) {
                return false;
            }
        } else if (parse_take(p, TOKEN_BLOCK_BEGIN)) {
            if (at_end_word(p, end_words)) {
                break;
            }
            if (!parse_tag(p, end_words, ret)) {
                return false;
            }
            continue;
        } else {
            break;
        }
        ARENA_PUSH(p->arena, ret->items, ret->len, ret->cap, s);
    }
    parse_leave(p);
    if (parse_is(p, TOKEN_END) && end_words[0] != NULL && !parse_failed(p)) {
        parse_fail(p, p->opener.span, "'%.*s' is never closed by 'end%.*s'",
                   STR_FMT(p->opener.text), STR_FMT(p->opener.text));
    }
    return !parse_failed(p);
}

struct jinja_template *jinja_parse(struct jinja_env *env, struct sources *sources, uint32_t source,
                                   struct diag_sink *sink) {
    str text = sources->items[source]->text;
    size_t bad;
    if (text.len > JINJA_TEMPLATE_BYTES_MAX) {
        diag_report(sink, "E400", (struct span){ source, 0, 0 },
                    "the template is larger than %d bytes", JINJA_TEMPLATE_BYTES_MAX);
        return NULL;
    }
    if (!str_is_utf8(text, &bad)) {
        diag_report(sink, "E400", (struct span){ source, (uint32_t)bad, (uint32_t)bad + 1 },
                    "the template is not UTF-8");
        return NULL;
    }
    struct jinja_template *t = ARENA_NEW(env->arena, struct jinja_template);
    *t = (struct jinja_template){ .env = env, .sources = sources, .source = source };
    struct parser p = { .env = env, .arena = env->arena, .template = t };
    lexer_init(&p.lexer, env, sources, source, sink);
    parse_advance(&p);
    static const char *const none[] = { NULL };
    return parse_body(&p, none, &t->body) ? t : NULL;
}

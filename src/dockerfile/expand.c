// SPDX-License-Identifier: Apache-2.0
/*
 * Dockerfile reference, "Environment replacement": quotes, escapes and variables of one word, as a
 * shell's lexer does it. Names are letters, digits and '_'; positional and special parameters of
 * a shell ($1, $@) are names that nobody sets.
 */
#include <string.h>

#include "dockerfile/internal.h"

enum { PATTERN_STEPS_MAX = 64 * 1024 * 1024 }; /* about a second, for one word */

struct words {
    struct buf current;
    str *items;
    size_t len;
    size_t cap;
};

struct lexer {
    const struct dockerfile_expander *expander;
    struct dockerfile_word word; /* for messages */
    str text;
    size_t at;
    char escape;
    bool plain_quotes; /* quotes are ordinary characters */
    bool keep_escapes; /* for patterns: the escape stays in front of what it escapes */
    int depth;
    size_t budget; /* steps that patterns may still take */
};

#define END '\0' /* no stop character: to the end of the text */

static bool at_end(const struct lexer *l) {
    return l->at >= l->text.len;
}

static char peek(const struct lexer *l) {
    return at_end(l) ? '\0' : l->text.ptr[l->at];
}

static bool take(struct lexer *l, char c) {
    if (at_end(l) || l->text.ptr[l->at] != c) {
        return false;
    }
    l->at++;
    return true;
}

/* Points at bytes [start, end) of the word where it is written in one piece, else at all of it. */
static struct span place(const struct lexer *l, size_t start, size_t end) {
    struct span whole = l->word.span;
    if (!span_is_set(whole) || whole.end - whole.start != l->text.len) {
        return whole;
    }
    return (struct span){ whole.source, whole.start + (uint32_t)start,
                          whole.start + (uint32_t)end };
}

static bool fail(struct lexer *l, size_t start, const char *what, str more) {
    const char *code = l->expander->code != NULL ? l->expander->code : "E401";
    diag_report(l->expander->sink, code, place(l, start, max_size(l->at, start + 1)), "%s%.*s",
                what, TEXT_FMT(more));
    return false;
}

/* ---- lists of words ---- */

static void words_end(struct arena *a, struct words *w) {
    if (w->current.len > 0) {
        ARENA_PUSH(a, w->items, w->len, w->cap, str_dup(a, buf_str(&w->current)));
        buf_reset(&w->current);
    }
}

/* Text that was not quoted: white space ends a word. */
static void words_add_open(struct arena *a, struct words *w, str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (char_is_space(text.ptr[i])) {
            words_end(a, w);
        } else {
            buf_add_char(&w->current, text.ptr[i]);
        }
    }
}

/* ---- the lexer ---- */

static bool expand_until(struct lexer *l, char stop, bool keep_escapes, struct buf *out,
                         struct words *words);

/* 'single': everything as it is */
static bool expand_single_quote(struct lexer *l, struct buf *out) {
    size_t start = l->at++;
    size_t close = str_find_char(l->text, '\'', l->at);
    if (close == STR_NONE) {
        l->at = start + 1;
        return fail(l, start, "the single quote is not closed", S(""));
    }
    buf_add(out, str_slice(l->text, l->at, close));
    l->at = close + 1;
    return true;
}

/* name: digits | [@*#?-$!0] | [A-Za-z_] [A-Za-z0-9_]*; may be empty */
static str take_name(struct lexer *l) {
    size_t start = l->at;
    if (char_is_digit(peek(l))) {
        while (char_is_digit(peek(l))) {
            l->at++;
        }
    } else if (!at_end(l) && memchr("@*#?-$!", peek(l), 7) != NULL) {
        l->at++;
    } else {
        while (char_is_alnum(peek(l)) || peek(l) == '_') {
            l->at++;
        }
    }
    return str_slice(l->text, start, l->at);
}

static bool find_value(struct lexer *l, str name, str *ret) {
    *ret = S("");
    return l->expander->find != NULL && l->expander->find(l->expander->self, name, ret);
}

/* The word after a modifier, up to the brace. */
static bool take_operand(struct lexer *l, size_t start, char stop, bool keep_escapes,
                         struct buf *out) {
    size_t errors = l->expander->sink->errors;
    if (expand_until(l, stop, keep_escapes, out, NULL)) {
        return !out->full || fail(l, start, "the word is too long", S(""));
    }
    if (l->expander->sink->errors == errors) {
        fail(l, start,
             stop == '/' ? "the second '/' is missing in the substitution" : "the '}' is missing",
             S(""));
    }
    return false;
}

/* ${name?word}, ${name:?word} */
static bool expand_required(struct lexer *l, size_t start, str name, bool is_set, str message) {
    AUTO_BUF text = BUF_INIT(1024);
    buf_addf(&text, "%.*s", TEXT_FMT(name));
    if (message.len > 0) {
        buf_addf(&text, ": %.*s", TEXT_FMT(message));
    } else {
        buf_add_c(&text, is_set ? " must not be empty" : " is not set");
    }
    return fail(l, start, "", buf_str(&text));
}

static bool expand_pattern(struct lexer *l, size_t start, char modifier, str pattern, str value,
                           struct buf *out) {
    bool longest = pattern.len > 0 && pattern.ptr[0] == modifier;
    str trimmed;
    if (!shell_pattern_trim(str_slice(pattern, longest, pattern.len), value,
                            modifier == '#' ? AFFIX_PREFIX : AFFIX_SUFFIX, longest, &l->budget,
                            &trimmed)) {
        return fail(l, start, "not a usable pattern: ", pattern);
    }
    buf_add(out, trimmed);
    return true;
}

/* ${name/pattern/replacement}, ${name//pattern/replacement}; after the first slash */
static bool expand_replace(struct lexer *l, size_t start, str name, struct buf *out) {
    bool all = take(l, '/');
    AUTO_BUF pattern = BUF_INIT(DOCKERFILE_EXPANDED_MAX);
    AUTO_BUF replacement = BUF_INIT(DOCKERFILE_EXPANDED_MAX);
    if (!take_operand(l, start, '/', true, &pattern) ||
        !take_operand(l, start, '}', false, &replacement)) {
        return false;
    }
    str value;
    find_value(l, name, &value);
    return shell_pattern_replace(buf_str(&pattern), buf_str(&replacement), value, all, &l->budget,
                                 out) ||
           fail(l, start, "not a usable pattern: ", buf_str(&pattern));
}

static bool expand_modified(struct lexer *l, size_t start, str name, struct buf *out) {
    bool colon = take(l, ':');
    char modifier = peek(l);
    bool pattern = modifier == '#' || modifier == '%';
    if (modifier == '\0' || strchr("-+?#%", modifier) == NULL || (colon && pattern)) {
        l->at += at_end(l) ? 0 : 1;
        return fail(l, start, at_end(l) ? "the '}' is missing" : "unknown modifier in ",
                    at_end(l) ? S("") : str_slice(l->text, start, l->at));
    }
    l->at++;
    AUTO_BUF word = BUF_INIT(DOCKERFILE_EXPANDED_MAX);
    if (!take_operand(l, start, '}', pattern, &word)) {
        return false;
    }
    str value;
    bool is_set = find_value(l, name, &value);
    if (pattern) {
        return expand_pattern(l, start, modifier, buf_str(&word), value, out);
    }
    bool usable = is_set && !(colon && value.len == 0);
    if (modifier == '?' && !usable) {
        return expand_required(l, start, name, is_set, buf_str(&word));
    }
    if (modifier == '+') {
        buf_add(out, usable ? buf_str(&word) : S(""));
    } else {
        buf_add(out, usable || modifier == '?' ? value : buf_str(&word));
    }
    return true;
}

/* Behind "${". */
static bool expand_braces(struct lexer *l, size_t start, struct buf *out) {
    if (at_end(l)) {
        return fail(l, start, "the '}' is missing", S(""));
    }
    str name = take_name(l);
    if (name.len == 0) {
        l->at++;
        return fail(l, start, "no variable name in ", str_slice(l->text, start, l->at));
    }
    if (take(l, '}')) {
        str value;
        find_value(l, name, &value);
        buf_add(out, value);
        return true;
    }
    if (++l->depth > DOCKERFILE_NESTING_MAX) {
        return fail(l, start, "variables are nested too deeply", S(""));
    }
    bool ok =
        take(l, '/') ? expand_replace(l, start, name, out) : expand_modified(l, start, name, out);
    l->depth--;
    return ok;
}

static bool expand_dollar(struct lexer *l, struct buf *out) {
    size_t start = l->at++;
    if (take(l, '{')) {
        return expand_braces(l, start, out);
    }
    str name = take_name(l);
    str value = S("$"); /* a dollar before nothing is a dollar */
    if (name.len > 0) {
        find_value(l, name, &value);
    }
    buf_add(out, value);
    return true;
}

/* "double": variables, and escapes of the quote, the dollar and the escape itself */
static bool expand_double_quote(struct lexer *l, struct buf *out) {
    size_t start = l->at++;
    while (!at_end(l)) {
        char c = peek(l);
        if (c == '"') {
            l->at++;
            return true;
        }
        if (c == '$') {
            if (!expand_dollar(l, out)) {
                return false;
            }
            continue;
        }
        l->at++;
        if (c == l->escape) {
            char next = peek(l);
            if (at_end(l)) {
                break;
            }
            if (l->keep_escapes) {
                buf_add_char(out, c);
            }
            if (next == '"' || next == '$' || next == l->escape) {
                l->at++;
                c = next;
            }
        }
        buf_add_char(out, c);
    }
    l->at = start + 1;
    return fail(l, start, "the double quote is not closed", S(""));
}

/* One piece that is quoted or a variable. */
static bool expand_special(struct lexer *l, char c, struct buf *out, struct words *words) {
    size_t before = out->len;
    bool ok = c == '$'    ? expand_dollar(l, out)
              : c == '\'' ? expand_single_quote(l, out)
                          : expand_double_quote(l, out);
    str piece = str_slice(buf_str(out), before, out->len);
    if (ok && words != NULL && c == '$') {
        words_add_open(l->expander->arena, words, piece);
    } else if (ok && words != NULL) {
        buf_add(&words->current, piece);
    }
    return ok;
}

static void expand_escape(struct lexer *l, struct buf *out, struct words *words) {
    char escape = l->text.ptr[l->at++];
    if (l->keep_escapes) {
        buf_add_char(out, escape);
    }
    if (!at_end(l)) { /* at the very end it is dropped */
        char c = l->text.ptr[l->at++];
        buf_add_char(out, c);
        if (words != NULL) {
            buf_add_char(&words->current, c);
        }
    }
}

/* False with nothing reported: the text ended before `stop`. */
static bool expand_pieces(struct lexer *l, char stop, struct buf *out, struct words *words) {
    while (!at_end(l)) {
        char c = peek(l);
        if (stop != END && c == stop) {
            l->at++;
            return true;
        }
        if (c == '$' || (!l->plain_quotes && (c == '\'' || c == '"'))) {
            if (!expand_special(l, c, out, words)) {
                return false;
            }
        } else if (c == l->escape) {
            expand_escape(l, out, words);
        } else {
            l->at++;
            buf_add_char(out, c);
            if (words != NULL) {
                words_add_open(l->expander->arena, words, (str){ &c, 1 });
            }
        }
    }
    return stop == END;
}

static bool expand_until(struct lexer *l, char stop, bool keep_escapes, struct buf *out,
                         struct words *words) {
    bool before = l->keep_escapes;
    l->keep_escapes = keep_escapes;
    bool ok = expand_pieces(l, stop, out, words);
    l->keep_escapes = before;
    return ok;
}

static bool expand_text(struct lexer *l, str *ret, struct words *words) {
    AUTO_BUF out = BUF_INIT(DOCKERFILE_EXPANDED_MAX);
    if (!expand_until(l, END, false, &out, words)) {
        return false;
    }
    if (out.full) {
        l->at = l->text.len;
        return fail(l, 0, "the word is too long after variable substitution", S(""));
    }
    *ret = str_dup(l->expander->arena, buf_str(&out));
    return true;
}

static struct lexer lexer_init(const struct dockerfile_expander *e, struct dockerfile_word word) {
    return (struct lexer){ .expander = e,
                           .word = word,
                           .text = word.text,
                           .escape = e->escape,
                           .budget = PATTERN_STEPS_MAX };
}

bool dockerfile_expand(const struct dockerfile_expander *e, struct dockerfile_word word, str *ret) {
    struct lexer l = lexer_init(e, word);
    return expand_text(&l, ret, NULL);
}

bool dockerfile_expand_words(const struct dockerfile_expander *e, struct dockerfile_word word,
                             str **ret, size_t *ret_count) {
    struct lexer l = lexer_init(e, word);
    struct words words = { .current = BUF_INIT(DOCKERFILE_EXPANDED_MAX) };
    str ignored;
    bool ok = expand_text(&l, &ignored, &words);
    if (ok) {
        words_end(e->arena, &words);
        *ret = words.items;
        *ret_count = words.len;
    }
    buf_done(&words.current);
    return ok;
}

bool dockerfile_expand_heredoc(const struct dockerfile_expander *e,
                               const struct dockerfile_heredoc *h, str *ret) {
    struct dockerfile_word word = { dockerfile_heredoc_content(e->arena, h), h->body_span };
    if (!h->expand) {
        *ret = word.text;
        return true;
    }
    struct lexer l = lexer_init(e, word);
    l.escape = '\\';
    l.plain_quotes = true;
    return expand_text(&l, ret, NULL);
}

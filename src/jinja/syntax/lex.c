// SPDX-License-Identifier: Apache-2.0
/* The outer lexer: text, comments, raw sections, and white space around tags. */
#include <stdarg.h>
#include <string.h>

#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

void lexer_init(struct lexer *lx, struct jinja_env *env, const struct sources *sources,
                uint32_t source, struct diag_sink *sink) {
    str text = sources->items[source]->text;
    *lx = (struct lexer){ .env = env,
                          .sink = sink,
                          .source = source,
                          .src = text.ptr,
                          .end = text.len,
                          .mode = LEX_DATA,
                          .line_starting = true };
    if (!env->options.keep_trailing_newline && lx->end > 0) {
        char last = lx->src[lx->end - 1];
        if (last == '\n' || last == '\r') {
            lx->end -= last == '\n' && lx->end > 1 && lx->src[lx->end - 2] == '\r' ? 2 : 1;
        }
    }
}

bool lex_fail(struct lexer *lx, size_t start, size_t end, const char *fmt, ...) {
    if (!lx->failed) {
        va_list args;
        va_start(args, fmt);
        AUTO_BUF text = BUF_INIT(1024);
        buf_vaddf(&text, fmt, args);
        va_end(args);
        struct span span = { lx->source, (uint32_t)start, (uint32_t)end };
        diag_report(lx->sink, "E400", span, "%.*s", STR_FMT(buf_str(&text)));
    }
    lx->failed = true;
    return false;
}

size_t lex_newline(const struct lexer *lx, size_t pos) {
    if (pos >= lx->end) {
        return 0;
    }
    if (lx->src[pos] == '\n') {
        return 1;
    }
    if (lx->src[pos] != '\r') {
        return 0;
    }
    return pos + 1 < lx->end && lx->src[pos + 1] == '\n' ? 2 : 1;
}

size_t lex_skip_space(const struct lexer *lx, size_t pos) {
    while (pos < lx->end) {
        size_t len = text_space_len(str_slice((str){ lx->src, lx->end }, pos, pos + 4));
        if (len == 0) {
            break;
        }
        pos += len;
    }
    return pos;
}

/* Line ends become "\n", as Jinja reads every source. */
static str plain_newlines(struct lexer *lx, size_t start, size_t end) {
    str text = { lx->src + start, end - start };
    if (str_find_char(text, '\r', 0) == STR_NONE) {
        return text;
    }
    char *out = arena_alloc(lx->env->arena, text.len);
    size_t len = 0;
    for (size_t i = start; i < end;) {
        size_t newline = lex_newline(lx, i);
        out[len++] = newline > 0 ? '\n' : lx->src[i];
        i += newline > 0 ? newline : 1;
    }
    return (str){ out, len };
}

/* Drops what a tag takes from the text before it: all white space for '-', else with
 * lstrip_blocks the indentation of a line on which the tag stands alone. */
static size_t strip_before(const struct lexer *lx, size_t start, size_t end, char sign,
                           bool variable) {
    if (sign == '-') {
        return start + text_trim_right((str){ lx->src + start, end - start }).len;
    }
    if (sign == '+' || variable || !lx->env->options.lstrip_blocks) {
        return end;
    }
    size_t line = end;
    while (line > start && lx->src[line - 1] != '\n' && lx->src[line - 1] != '\r') {
        line--;
    }
    bool at_line_start = line > start || lx->line_starting;
    return at_line_start && lex_skip_space(lx, line) >= end ? line : end;
}

/* Behind a tag's end: '-' takes all white space, else trim_blocks one line end. */
static void strip_after(struct lexer *lx, size_t pos, char sign, bool variable) {
    lx->pos = pos;
    if (sign == '-') {
        lx->pos = lex_skip_space(lx, pos);
    } else if (sign != '+' && !variable && lx->env->options.trim_blocks) {
        lx->pos = pos + lex_newline(lx, pos);
    }
    char last = lx->src[lx->pos - 1];
    lx->line_starting = last == '\n' || last == '\r';
}

static char sign_at(const struct lexer *lx, size_t pos) {
    return pos < lx->end && (lx->src[pos] == '-' || lx->src[pos] == '+') ? lx->src[pos] : '\0';
}

static bool has_text(const struct lexer *lx, size_t pos, const char *text) {
    size_t len = strlen(text);
    return lx->end >= len && pos <= lx->end - len && memcmp(lx->src + pos, text, len) == 0;
}

/* Next "{{", "{%" or "{#" at or after pos. */
static size_t find_tag(const struct lexer *lx, size_t pos) {
    str all = { lx->src, lx->end };
    for (; (pos = str_find_char(all, '{', pos)) != STR_NONE; pos++) {
        if (pos + 1 < lx->end && strchr("{%#", lx->src[pos + 1]) != NULL &&
            lx->src[pos + 1] != '\0') {
            return pos;
        }
    }
    return STR_NONE;
}

/* `{% raw %}`: the position after it in *ret, and whether it ends with '-'. */
static bool match_raw(const struct lexer *lx, size_t pos, size_t *ret, bool *ret_strip) {
    pos += 2;
    pos += sign_at(lx, pos) != '\0' ? 1 : 0;
    pos = lex_skip_space(lx, pos);
    if (!has_text(lx, pos, "raw")) {
        return false;
    }
    pos = lex_skip_space(lx, pos + 3);
    *ret_strip = has_text(lx, pos, "-%}");
    if (!*ret_strip && !has_text(lx, pos, "%}")) {
        return false;
    }
    *ret = pos + (*ret_strip ? 3 : 2);
    return true;
}

/* The `{% endraw %}` that begins at pos: its end and its end's sign. */
static bool match_endraw(const struct lexer *lx, size_t pos, size_t *ret_end, char *ret_sign) {
    pos += 2;
    pos += sign_at(lx, pos) != '\0' ? 1 : 0;
    pos = lex_skip_space(lx, pos);
    if (!has_text(lx, pos, "endraw")) {
        return false;
    }
    pos = lex_skip_space(lx, pos + 6);
    *ret_sign = sign_at(lx, pos);
    pos += *ret_sign != '\0' ? 1 : 0;
    *ret_end = pos + 2;
    return has_text(lx, pos, "%}");
}

static struct token text_token(struct lexer *lx, size_t start, size_t end) {
    return (struct token){ .kind = TOKEN_TEXT,
                           .span = { lx->source, (uint32_t)start, (uint32_t)end },
                           .text = plain_newlines(lx, start, end) };
}

static bool lex_raw(struct lexer *lx, size_t tag, size_t content, bool strip, struct token *ret) {
    size_t start = strip ? lex_skip_space(lx, content) : content;
    char last = lx->src[start - 1];
    lx->line_starting = last == '\n' || last == '\r';
    str all = { lx->src, lx->end };
    for (size_t at = start; (at = str_find(all, S("{%"), at)) != STR_NONE; at++) {
        size_t end;
        char sign;
        if (match_endraw(lx, at, &end, &sign)) {
            *ret = text_token(lx, start, strip_before(lx, start, at, sign_at(lx, at + 2), false));
            strip_after(lx, end, sign, false);
            return true;
        }
    }
    return lex_fail(lx, tag, content, "'raw' is never closed by 'endraw'");
}

static bool lex_comment(struct lexer *lx, size_t tag) {
    size_t from = tag + 2 + (sign_at(lx, tag + 2) != '\0' ? 1 : 0);
    size_t close = str_find((str){ lx->src, lx->end }, S("#}"), from);
    if (close == STR_NONE) {
        return lex_fail(lx, tag, tag + 2, "a comment is never closed by '#}'");
    }
    strip_after(lx, close + 2, close > from ? sign_at(lx, close - 1) : '\0', false);
    return true;
}

static void open_tag(struct lexer *lx, size_t tag, size_t content, char sign, bool variable) {
    lx->pos = content + (sign != '\0' ? 1 : 0);
    lx->mode = variable ? LEX_VARIABLE : LEX_BLOCK;
    lx->line_starting = false;
    lx->tag = (struct span){ lx->source, (uint32_t)tag, (uint32_t)lx->pos };
    lx->pending = (struct token){ .kind = variable ? TOKEN_VARIABLE_BEGIN : TOKEN_BLOCK_BEGIN,
                                  .span = lx->tag };
    lx->has_pending = true;
}

/* Text up to a line's prefix; the statement is opened, the comment passed over. */
static bool lex_line(struct lexer *lx, const struct line_tag *line, struct token *ret) {
    char sign = sign_at(lx, line->end);
    *ret = text_token(lx, lx->pos, strip_before(lx, lx->pos, line->start, sign, false));
    if (line->comment) {
        lx->pos = lex_line_rest(lx, line->end);
        lx->line_starting = false;
        return true;
    }
    open_tag(lx, line->start, line->end, sign, false);
    lx->mode = LEX_LINE;
    return true;
}

/* Text up to the next tag, which is opened (or, for comments and raw sections, consumed). The
 * text may be empty. */
static bool lex_data(struct lexer *lx, struct token *ret) {
    size_t start = lx->pos;
    size_t tag = find_tag(lx, start);
    struct line_tag line;
    if (lex_find_line_tag(lx, start, min_size(tag, lx->end), &line)) {
        return lex_line(lx, &line, ret);
    }
    if (tag == STR_NONE) {
        *ret = text_token(lx, start, lx->end);
        lx->pos = lx->end;
        return true;
    }
    char kind = lx->src[tag + 1];
    char sign = sign_at(lx, tag + 2);
    *ret = text_token(lx, start, strip_before(lx, start, tag, sign, kind == '{'));
    size_t content;
    bool strip;
    if (kind == '#') {
        return lex_comment(lx, tag);
    }
    if (kind == '%' && match_raw(lx, tag, &content, &strip)) {
        lx->has_pending = true;
        return lex_raw(lx, tag, content, strip, &lx->pending);
    }
    open_tag(lx, tag, tag + 2, sign, kind == '{');
    return true;
}

/* The tag's end, when it stands here and no bracket is open. */
static bool lex_tag_end(struct lexer *lx, struct token *ret) {
    if (lx->depth > 0) {
        return false;
    }
    if (lx->mode == LEX_LINE) {
        size_t end;
        if (!lex_line_end(lx, &end)) {
            return false;
        }
        *ret = (struct token){ .kind = TOKEN_BLOCK_END,
                               .span = { lx->source, (uint32_t)lx->pos, (uint32_t)end } };
        lx->mode = LEX_DATA;
        lx->line_starting = end > lx->pos && lx->src[end - 1] != ' ';
        lx->pos = end;
        return true;
    }
    bool variable = lx->mode == LEX_VARIABLE;
    char sign = sign_at(lx, lx->pos);
    if (sign == '+' && variable) {
        return false;
    }
    size_t close = lx->pos + (sign != '\0' ? 1 : 0);
    if (!has_text(lx, close, variable ? "}}" : "%}")) {
        return false;
    }
    ret->kind = variable ? TOKEN_VARIABLE_END : TOKEN_BLOCK_END;
    ret->span = (struct span){ lx->source, (uint32_t)lx->pos, (uint32_t)close + 2 };
    lx->mode = LEX_DATA;
    strip_after(lx, close + 2, sign, variable);
    return true;
}

bool lexer_next(struct lexer *lx, struct token *ret) {
    *ret = (struct token){ .kind = TOKEN_END,
                           .span = { lx->source, (uint32_t)lx->end, (uint32_t)lx->end } };
    while (!lx->failed) {
        if (lx->has_pending) {
            lx->has_pending = false;
            *ret = lx->pending;
            if (ret->kind == TOKEN_TEXT && ret->text.len == 0) {
                continue;
            }
            return true;
        }
        if (lx->mode != LEX_DATA) {
            if (lx->mode == LEX_LINE && lex_tag_end(lx, ret)) {
                return true;
            }
            lx->pos = lex_skip_space(lx, lx->pos);
            return (lx->mode != LEX_LINE && lex_tag_end(lx, ret)) || lex_tag_token(lx, ret);
        }
        if (lx->pos >= lx->end) {
            ret->kind = TOKEN_END;
            ret->text = (str){ 0 };
            ret->span = (struct span){ lx->source, (uint32_t)lx->end, (uint32_t)lx->end };
            return true;
        }
        if (!lex_data(lx, ret)) {
            break;
        }
        if (ret->text.len > 0) {
            return true;
        }
    }
    ret->kind = TOKEN_END;
    return false;
}

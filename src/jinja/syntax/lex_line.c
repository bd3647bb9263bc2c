// SPDX-License-Identifier: Apache-2.0
/* Line statements and line comments: a prefix at a line's start makes the rest of it a tag. */
#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"

static bool at_line_start(const struct lexer *lx, size_t pos) {
    if (pos == 0 || lx->src[pos - 1] == '\n') {
        return true;
    }
    return lx->src[pos - 1] == '\r' && (pos >= lx->end || lx->src[pos] != '\n');
}

/* Position after the prefix when it stands at pos after space, else STR_NONE. */
static size_t match_prefix(const struct lexer *lx, size_t pos, str prefix, bool any_space) {
    while (pos < lx->end && lex_newline(lx, pos) == 0) {
        char c = lx->src[pos];
        size_t len = c == ' ' || c == '\t' || c == '\v' ? 1 : 0;
        if (len == 0 && any_space) {
            len = text_space_len(str_slice((str){ lx->src, lx->end }, pos, pos + 4));
        }
        if (len == 0) {
            break;
        }
        pos += len;
    }
    bool found = str_starts(str_slice((str){ lx->src, lx->end }, pos, lx->end), prefix);
    return found ? pos + prefix.len : STR_NONE;
}

static bool behind_word(const struct lexer *lx, size_t pos) {
    size_t start = pos - 1;
    while (start > 0 && ((unsigned char)lx->src[start] & 0xC0) == 0x80) {
        start--;
    }
    return text_space_len(str_slice((str){ lx->src, lx->end }, start, pos)) == 0;
}

/* A comment also stands after text; the space between is its own. */
static bool match_comment(const struct lexer *lx, size_t pos, struct line_tag *ret) {
    str prefix = lx->env->options.line_comment_prefix;
    bool possible = prefix.len > 0 && (at_line_start(lx, pos) || behind_word(lx, pos));
    size_t end = possible ? match_prefix(lx, pos, prefix, true) : STR_NONE;
    *ret = (struct line_tag){ .start = pos, .end = end, .comment = true };
    return end != STR_NONE;
}

static bool match_statement(const struct lexer *lx, size_t pos, struct line_tag *ret) {
    str prefix = lx->env->options.line_statement_prefix;
    bool possible = prefix.len > 0 && at_line_start(lx, pos);
    size_t end = possible ? match_prefix(lx, pos, prefix, false) : STR_NONE;
    *ret = (struct line_tag){ .start = pos, .end = end };
    return end != STR_NONE;
}

bool lex_find_line_tag(const struct lexer *lx, size_t pos, size_t limit, struct line_tag *ret) {
    const struct jinja_options *o = &lx->env->options;
    if (o->line_statement_prefix.len + o->line_comment_prefix.len == 0) {
        return false;
    }
    bool comment_first = o->line_comment_prefix.len > o->line_statement_prefix.len;
    for (; pos < limit; pos++) {
        if (comment_first && match_comment(lx, pos, ret)) {
            return true;
        }
        if (match_statement(lx, pos, ret) || (!comment_first && match_comment(lx, pos, ret))) {
            return true;
        }
    }
    return false;
}

bool lex_line_end(const struct lexer *lx, size_t *ret) {
    size_t end = lex_skip_space(lx, lx->pos);
    if (end >= lx->end) {
        *ret = lx->end;
        return true;
    }
    /* Empty lines after the statement go with it. */
    while (end > lx->pos && lx->src[end - 1] != '\n' && lx->src[end - 1] != '\r') {
        end--;
    }
    *ret = end;
    return end > lx->pos;
}

size_t lex_line_rest(const struct lexer *lx, size_t pos) {
    while (pos < lx->end && lex_newline(lx, pos) == 0) {
        pos++;
    }
    return pos;
}

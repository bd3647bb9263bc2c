// SPDX-License-Identifier: Apache-2.0
/* Values: arrays, inline tables, and what is in them. */
#include <string.h>

#include "toml/internal.h"

/* Has somebody forgotten the ']', and this is the next statement? No valid element looks so. */
static bool array_is_over(const struct parser *p) {
    const char *at = p->at;
    while (at < p->end && at - p->at < 2 && *at == '[') {
        at++;
    }
    const char *to = at;
    while (to < p->end && is_bare_key_char(*to)) {
        to++;
    }
    str word = { at, (size_t)(to - at) };
    if (word.len == 0 || (!char_is_alpha(*at) && *at != '_') || str_eq(word, S("true")) ||
        str_eq(word, S("false")) || str_eq(word, S("inf")) || str_eq(word, S("nan"))) {
        return false;
    }
    return at_statement(p);
}

/* Behind a broken element: on to the next ',' or ']' or line. False: the array is over. */
static bool resume_array(struct parser *p) {
    while (p->at < p->end && *p->at != ',' && *p->at != ']' && !at_newline(p)) {
        p->at++;
    }
    if (p->at == p->end) {
        return false;
    }
    return !at_newline(p) || !line_is_statement(line_end(p->at, p->end) + 1, p->end);
}

static bool unclosed(struct parser *p, const char *open, const char *what) {
    report(p, open, open + 1, "%s", what);
    return false;
}

static bool unclosed_array(struct parser *p, const char *open) {
    return unclosed(p, open, "the array is not closed: ']' is missing");
}

/* Does a value start here that only misses its comma? */
static bool at_value(const struct parser *p) {
    return p->at < p->end &&
           (char_is_digit(*p->at) || str_find_char(S("\"'[{+-"), *p->at, 0) != STR_NONE);
}

/* Between two elements; `failed`: the last one was broken, and that was reported. False when the
 * array cannot go on. */
static bool parse_array_separator(struct parser *p, const char *open, bool failed, bool *ok) {
    skip_trivia(p);
    if (at_char(p, ',')) {
        p->at++;
        return true;
    }
    if (at_char(p, ']')) {
        return true;
    }
    *ok = false;
    if (p->at == p->end || array_is_over(p)) {
        return unclosed_array(p, open);
    }
    if (!failed) {
        expected(p, "',' or ']'");
    }
    if (at_value(p)) {
        return true;
    }
    if (!resume_array(p)) {
        return false;
    }
    p->at += at_char(p, ',');
    return true;
}

/* array = "[" [ value { "," value } [ "," ] ] "]", with line ends and comments anywhere */
static bool parse_array(struct parser *p, struct toml_node *array, uint32_t depth) {
    const char *open = p->at++;
    bool ok = true;
    array->flags |= TOML_INLINE;
    if (too_deep(p, open, open + 1, depth)) {
        p->at = find_statement_line(line_end(p->at, p->end), p->end);
        return false;
    }
    for (;;) {
        skip_trivia(p);
        if (at_char(p, ']')) {
            p->at++;
            return ok;
        }
        if (p->at == p->end || array_is_over(p)) {
            return unclosed_array(p, open);
        }
        uint32_t index = node_new(p->doc);
        bool failed = !parse_value(p, node_at(p->doc, index), depth);
        if (failed) {
            ok = false;
            if (!resume_array(p)) {
                return false;
            }
        } else {
            node_append(p->doc, array, index);
        }
        if (!parse_array_separator(p, open, failed, &ok)) {
            return false;
        }
    }
}

/* Blanks inside an inline table. Line ends are not allowed there, but clear enough to go on.
 * False when the text ends. */
static bool skip_inline_blanks(struct parser *p, const char *open, bool *ok) {
    skip_blanks(p);
    if (p->at < p->end && !at_newline(p) && !at_char(p, '#')) {
        return true;
    }
    skip_trivia(p);
    if (p->at == p->end) {
        return unclosed(p, open, "the inline table is not closed: '}' is missing");
    }
    if (*ok) {
        struct diag *d = report(p, open, open + 1, "an inline table must be on one line");
        report_help(p, d, "use a [name] header and a separate line for each value");
    }
    *ok = false;
    return true;
}

/* Between two values. False when the table cannot go on. */
static bool parse_inline_separator(struct parser *p, const char *open, bool *ok) {
    if (!skip_inline_blanks(p, open, ok)) {
        return false;
    }
    if (at_char(p, '}')) {
        return true;
    }
    if (!at_char(p, ',')) {
        if (!at_statement(p)) {
            expected(p, "',' or '}'");
        }
        return false;
    }
    const char *comma = p->at++;
    if (!skip_inline_blanks(p, open, ok)) {
        return false;
    }
    if (at_char(p, '}') && *ok) {
        report(p, comma, comma + 1, "an inline table must not have ',' after its last value");
        *ok = false;
    }
    return true;
}

/* What is left of a broken inline table on this line: to its '}', or to the ']' around it. */
static void skip_inline_rest(struct parser *p) {
    size_t open = 0; /* brackets inside */
    for (; p->at < p->end && !at_newline(p); p->at++) {
        char c = *p->at;
        if (c == '"' || c == '\'') {
            const char *close = memchr(p->at + 1, c, (size_t)(line_end(p->at, p->end) - p->at - 1));
            p->at = close != NULL ? close : p->at;
        } else if (c == '{' || c == '[') {
            open++;
        } else if (c == '}' || c == ']') {
            if (open == 0) {
                return;
            }
            open--;
        }
    }
}

/* inline-table = "{" [ keyval { "," keyval } ] "}", on one line */
static bool parse_inline_table(struct parser *p, struct toml_node *table, uint32_t depth) {
    const char *open = p->at++;
    bool ok = true;
    bool go_on = !too_deep(p, open, open + 1, depth) && skip_inline_blanks(p, open, &ok);
    while (go_on && !at_char(p, '}')) {
        go_on = parse_keyval(p, table, depth) && parse_inline_separator(p, open, &ok);
    }
    if (!go_on) {
        skip_inline_rest(p);
    }
    p->at += at_char(p, '}');
    table->flags |= TOML_INLINE;
    return go_on && ok;
}

static bool parse_value_kind(struct parser *p, struct toml_node *node, uint32_t depth) {
    if (p->at == p->end) {
        return parse_scalar(p, node);
    }
    switch (*p->at) {
    case '"':
    case '\'':
        return parse_string(p, node);
    case '[':
        node->kind = TOML_ARRAY;
        return parse_array(p, node, depth + 1);
    case '{':
        node->kind = TOML_TABLE;
        return parse_inline_table(p, node, depth + 1);
    default:
        return parse_scalar(p, node);
    }
}

/* value = string / boolean / array / inline-table / date-time / float / integer */
bool parse_value(struct parser *p, struct toml_node *node, uint32_t depth) {
    const char *from = p->at;
    bool ok = parse_value_kind(p, node, depth);
    node->start = offset_of(p, from);
    node->end = offset_of(p, p->at);
    if (!ok) {
        node->kind = TOML_INVALID;
    }
    return ok;
}

// SPDX-License-Identifier: Apache-2.0
/* Dockerfile reference, "Parser directives". */
#include "dockerfile/internal.h"

/* directive: "#" name "=" value; any white space around each. */
static bool directive_split(str line, str *ret_name, str *ret_value) {
    str text = str_trim(line);
    if (text.len == 0 || text.ptr[0] != '#') {
        return false;
    }
    text = str_trim_left(str_slice(text, 1, text.len));
    size_t equals = str_find_char(text, '=', 0);
    if (equals == STR_NONE) {
        return false;
    }
    str name = str_trim_right(str_slice(text, 0, equals));
    str value = str_trim_left(str_slice(text, equals + 1, text.len));
    if (name.len == 0 || value.len == 0 || !char_is_alpha(name.ptr[0])) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!char_is_alnum(name.ptr[i])) {
            return false;
        }
    }
    *ret_name = name;
    *ret_value = value;
    return true;
}

static struct span span_of(const struct parser *p, str text) {
    uint32_t start = (uint32_t)(text.ptr - p->text.ptr);
    return (struct span){ p->source, start, start + (uint32_t)text.len };
}

static void set_escape(struct parser *p, struct dockerfile_word value) {
    if (str_eq(value.text, S("\\")) || str_eq(value.text, S("`"))) {
        p->escape = value.text.ptr[0];
        return;
    }
    struct diag *d = parser_error(p, value.span,
                                  "the escape character must be '\\' or '`', not "
                                  "'%.*s'",
                                  TEXT_FMT(value.text));
    diag_help(p->sink, d, "write '# escape=`', or leave the directive out");
}

void directives_parse(struct parser *p, struct dockerfile *f) {
    const struct {
        str name;
        struct dockerfile_word *word;
    } known[] = {
        { S_INIT("syntax"), &f->syntax },
        { S_INIT("escape"), &f->escape_directive },
        { S_INIT("check"), &f->check },
    };
    for (;;) {
        size_t before = p->at;
        str raw;
        uint32_t start;
        str name;
        str value;
        struct dockerfile_word *word = NULL;
        if (line_next_raw(p, &raw, &start) && directive_split(raw, &name, &value)) {
            for (size_t i = 0; i < ARRAY_LEN(known); i++) {
                if (str_eq_nocase(name, known[i].name)) {
                    word = known[i].word;
                }
            }
        }
        if (word == NULL) { /* any other line ends them */
            p->at = before;
            return;
        }
        if (dockerfile_word_is_set(*word)) {
            struct diag *d = parser_error(p, span_of(p, name), "directive '%.*s' is given twice",
                                          TEXT_FMT(name));
            diag_note(p->sink, d, word->span, "first given here");
            continue;
        }
        *word = (struct dockerfile_word){ value, span_of(p, value) };
        if (word == &f->escape_directive) {
            set_escape(p, *word);
        }
    }
}

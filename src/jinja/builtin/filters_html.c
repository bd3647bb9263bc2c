// SPDX-License-Identifier: Apache-2.0
/* Filters that read HTML. */
#include "jinja/builtin/builtin.h"

/* ---- striptags ---- */

/* Without everything from `open` to the next `close`. */
static void remove_between(struct buf *out, str s, str open, str close) {
    size_t at = 0;
    size_t hit;
    while ((hit = str_find(s, open, at)) != STR_NONE) {
        size_t end = str_find(s, close, hit + open.len);
        if (end == STR_NONE) {
            break;
        }
        buf_add(out, str_slice(s, at, hit));
        at = end + close.len;
    }
    buf_add(out, str_slice(s, at, s.len));
}

/* Words with one space between. */
static void add_words(struct buf *out, str s) {
    bool space = false;
    s = text_trim_right(text_trim_left(s));
    for (size_t i = 0; i < s.len;) {
        size_t len = text_space_len(str_slice(s, i, s.len));
        if (len > 0) {
            space = true;
            i += len;
            continue;
        }
        size_t start = i;
        text_next(s, &i);
        buf_add(out, space ? S(" ") : (str){ 0 });
        buf_add(out, str_slice(s, start, i));
        space = false;
    }
}

static const struct entity {
    str name;
    uint32_t code;
} entities[] = {
    { S_INIT("amp"), '&' },       { S_INIT("lt"), '<' },       { S_INIT("gt"), '>' },
    { S_INIT("quot"), '"' },      { S_INIT("apos"), '\'' },    { S_INIT("nbsp"), 0xA0 },
    { S_INIT("copy"), 0xA9 },     { S_INIT("reg"), 0xAE },     { S_INIT("laquo"), 0xAB },
    { S_INIT("raquo"), 0xBB },    { S_INIT("ndash"), 0x2013 }, { S_INIT("mdash"), 0x2014 },
    { S_INIT("hellip"), 0x2026 }, { S_INIT("euro"), 0x20AC },
};

/* "#38" or "#x26"; 0 when it is no number of a character. */
static uint32_t number_entity(str name) {
    uint32_t code = 0;
    bool hex = name.len > 2 && (name.ptr[1] == 'x' || name.ptr[1] == 'X');
    for (size_t i = hex ? 2 : 1; i < name.len; i++) {
        int digit = char_hex(name.ptr[i]);
        if (digit < 0 || (!hex && digit > 9) || code > 0x10FFFF) {
            return 0;
        }
        code = code * (hex ? 16 : 10) + (uint32_t)digit;
    }
    char utf8[4];
    return utf8_encode(code, utf8) > 0 ? code : 0;
}

static uint32_t entity_code(str name) {
    if (name.len > 1 && name.ptr[0] == '#') {
        return number_entity(name);
    }
    for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
        if (str_eq(entities[i].name, name)) {
            return entities[i].code;
        }
    }
    return 0;
}

enum { ENTITY_BYTES_MAX = 32 };

static void add_unescaped(struct buf *out, str s) {
    for (size_t i = 0; i < s.len; i++) {
        size_t end = s.ptr[i] == '&' ? str_find_char(str_slice(s, i, i + ENTITY_BYTES_MAX), ';', 0)
                                     : STR_NONE;
        uint32_t code = end == STR_NONE ? 0 : entity_code(str_slice(s, i + 1, i + end));
        if (code == 0) {
            buf_add_char(out, s.ptr[i]);
            continue;
        }
        text_add_code(out, code);
        i += end;
    }
}

static bool filter_striptags(struct jinja_call *call, struct jinja_value *ret) {
    str s;
    if (!jinja_call_text(call, call->args[0], &s) || !call_step(call, s.len / 16)) {
        return false;
    }
    AUTO_BUF no_comments = call_buf(call);
    AUTO_BUF no_tags = call_buf(call);
    AUTO_BUF words = call_buf(call);
    AUTO_BUF out = call_buf(call);
    remove_between(&no_comments, s, S("<!--"), S("-->"));
    remove_between(&no_tags, buf_str(&no_comments), S("<"), S(">"));
    add_words(&words, buf_str(&no_tags));
    add_unescaped(&out, buf_str(&words));
    return call_take(call, &out, ret);
}

static const struct jinja_callable rows[] = {
    { S_INIT("striptags"), "value", 1, filter_striptags, "Text without HTML tags." },
};

const struct callable_table filters_html_table = { rows, ARRAY_LEN(rows) };

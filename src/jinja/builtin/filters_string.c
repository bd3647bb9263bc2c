// SPDX-License-Identifier: Apache-2.0
/* Filters from text to text. */
#include <math.h>
#include <string.h>

#include "jinja/builtin/builtin.h"

/* Text made of markup is markup. */
static bool take_like(struct jinja_call *call, const struct buf *b, struct jinja_value *ret) {
    if (!call_take(call, b, ret)) {
        return false;
    }
    ret->markup = value_is_markup(call->args[0]);
    return true;
}

/* The value as text; args[0] of every filter. */
static bool input(struct jinja_call *call, str *ret) {
    return jinja_call_text(call, call->args[0], ret) && call_step(call, ret->len / 64);
}

/* A text of the length of `s`, to be written. */
static bool make_like(struct jinja_call *call, str s, char **ret_text, struct jinja_value *ret) {
    *ret_text = call_room(call, s.len);
    value_put_string(ret, (str){ *ret_text, s.len });
    ret->markup = value_is_markup(call->args[0]);
    return *ret_text != NULL;
}

static char upper_ascii(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

static bool change_ascii(struct jinja_call *call, str s, bool upper, struct jinja_value *ret) {
    char *text;
    if (!make_like(call, s, &text, ret)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        text[i] = upper ? upper_ascii(s.ptr[i]) : char_lower(s.ptr[i]);
    }
    return true;
}

static bool filter_upper(struct jinja_call *call, struct jinja_value *ret) {
    str s;
    AUTO_BUF out = call_buf(call);
    if (!input(call, &s)) {
        return false;
    }
    if (text_is_ascii(s)) {
        return change_ascii(call, s, true, ret);
    }
    for (size_t i = 0; i < s.len;) {
        text_add_upper(&out, text_next(s, &i));
    }
    return take_like(call, &out, ret);
}

static bool filter_lower(struct jinja_call *call, struct jinja_value *ret) {
    str s;
    AUTO_BUF out = call_buf(call);
    if (!input(call, &s)) {
        return false;
    }
    if (text_is_ascii(s)) {
        return change_ascii(call, s, false, ret);
    }
    for (size_t i = 0; i < s.len;) {
        text_add_lower(&out, text_next(s, &i));
    }
    return take_like(call, &out, ret);
}

static bool filter_capitalize(struct jinja_call *call, struct jinja_value *ret) {
    str s;
    AUTO_BUF out = call_buf(call);
    if (!input(call, &s)) {
        return false;
    }
    for (size_t i = 0; i < s.len;) {
        bool first = i == 0;
        uint32_t code = text_next(s, &i);
        first ? text_add_title(&out, code) : text_add_lower(&out, code);
    }
    return take_like(call, &out, ret);
}

static bool is_before_word(char c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == '-' || c == '(' ||
           c == '{' || c == '[' || c == '<';
}

static bool title_ascii(struct jinja_call *call, str s, struct jinja_value *ret) {
    char *text;
    bool begin = true;
    if (!make_like(call, s, &text, ret)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        text[i] = begin ? upper_ascii(s.ptr[i]) : char_lower(s.ptr[i]);
        begin = is_before_word(s.ptr[i]);
    }
    ret->markup = false;
    return true;
}

/* A word begins after white space, a dash, or an opening bracket. */
static bool filter_title(struct jinja_call *call, struct jinja_value *ret) {
    str s;
    AUTO_BUF out = call_buf(call);
    if (!input(call, &s)) {
        return false;
    }
    if (text_is_ascii(s)) {
        return title_ascii(call, s, ret);
    }
    bool begin = true;
    for (size_t i = 0; i < s.len;) {
        bool space = text_space_len(str_slice(s, i, s.len)) > 0;
        uint32_t code = text_next(s, &i);
        begin ? text_add_upper(&out, code) : text_add_lower(&out, code);
        begin = space || (code < 0x80 && code != 0 && strchr("-({[<", (int)code) != NULL);
    }
    return call_take(call, &out, ret);
}

static bool in_set(str set, str character) {
    return str_find(set, character, 0) != STR_NONE;
}

/* The worst is to look at all of the set for each character. */
bool call_step_strip(struct jinja_call *call, str s, str set) {
    return call_step(call, (uint64_t)(s.len / 8) * (set.len / 8));
}

str text_strip(str s, const str *set, bool left, bool right) {
    if (set == NULL) {
        s = left ? text_trim_left(s) : s;
        return right ? text_trim_right(s) : s;
    }
    while (left && s.len > 0) {
        size_t end = 0;
        text_next(s, &end);
        if (!in_set(*set, str_slice(s, 0, end))) {
            break;
        }
        s = str_slice(s, end, s.len);
    }
    while (right && s.len > 0) {
        size_t start = s.len - 1;
        while (start > 0 && ((unsigned char)s.ptr[start] & 0xC0) == 0x80) {
            start--;
        }
        if (!in_set(*set, str_slice(s, start, s.len))) {
            break;
        }
        s.len = start;
    }
    return s;
}

static bool filter_trim(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, CHARS };
    str s;
    str set;
    bool has_set = jinja_call_has(call, CHARS) && call->args[CHARS].kind != JINJA_NONE;
    bool markup = value_is_markup(call->args[VALUE]);
    if (!input(call, &s) || !call_str(call, CHARS, (str){ 0 }, &set) ||
        (markup && has_set && !rt_escape(call->runtime, call->span, call->args[CHARS], &set))) {
        return false;
    }
    if (has_set && !call_step_strip(call, s, set)) {
        return false;
    }
    *ret = jinja_string(text_strip(s, has_set ? &set : NULL, true, true));
    ret->markup = markup;
    return true;
}

void text_replace(struct buf *out, str s, str old, str with, int64_t count) {
    size_t at = 0;
    while (count != 0) {
        size_t hit = str_find(s, old, at);
        if (hit == STR_NONE) {
            break;
        }
        buf_add(out, str_slice(s, at, hit));
        buf_add(out, with);
        count -= count > 0 ? 1 : 0;
        at = hit + old.len;
        if (old.len == 0) { /* between all characters, and at both ends */
            if (at >= s.len) {
                return;
            }
            text_next(s, &at);
            buf_add(out, str_slice(s, hit, at));
        }
    }
    buf_add(out, str_slice(s, at, s.len));
}

/* With autoescape, one markup among the three makes all of them markup. */
static bool replaces_markup(const struct jinja_call *call) {
    enum { VALUE, OLD, NEW };
    return *call->runtime->module->autoescape &&
           (value_is_markup(call->args[VALUE]) || value_is_markup(call->args[OLD]) ||
            value_is_markup(call->args[NEW]));
}

static bool filter_replace(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, OLD, NEW, COUNT };
    str s;
    str old;
    str with;
    int64_t count = -1;
    AUTO_BUF out = call_buf(call);
    bool counted = jinja_call_has(call, COUNT) && call->args[COUNT].kind != JINJA_NONE;
    if (!input(call, &s) || !call_str(call, OLD, (str){ 0 }, &old) ||
        !call_str(call, NEW, (str){ 0 }, &with) ||
        (counted && !call_int(call, COUNT, -1, &count))) {
        return false;
    }
    bool markup = replaces_markup(call);
    if (markup && (!rt_escape(call->runtime, call->span, call->args[VALUE], &s) ||
                   !rt_escape(call->runtime, call->span, call->args[OLD], &old) ||
                   !rt_escape(call->runtime, call->span, call->args[NEW], &with))) {
        return false;
    }
    if (old.len > 0 && str_find(s, old, 0) == STR_NONE) {
        value_put_string(ret, s);
        ret->markup = markup;
        return true;
    }
    text_replace(&out, s, old, with, count);
    if (!call_take(call, &out, ret)) {
        return false;
    }
    ret->markup = markup;
    return true;
}

static bool filter_string(struct jinja_call *call, struct jinja_value *ret) {
    if (call->args[0].kind == JINJA_STRING) {
        *ret = call->args[0];
        return true;
    }
    str s;
    if (!input(call, &s)) {
        return false;
    }
    value_put_string(ret, s);
    return true;
}

static bool escape(struct jinja_call *call, bool again, struct jinja_value *ret) {
    str s;
    AUTO_BUF out = call_buf(call);
    if (!again && call->args[0].kind == JINJA_STRING && call->args[0].markup) {
        *ret = call->args[0];
        return true;
    }
    if (!input(call, &s)) {
        return false;
    }
    text_add_escaped(&out, s);
    if (!call_take(call, &out, ret)) {
        return false;
    }
    ret->markup = true;
    return true;
}

static bool filter_escape(struct jinja_call *call, struct jinja_value *ret) {
    return escape(call, false, ret);
}

static bool filter_forceescape(struct jinja_call *call, struct jinja_value *ret) {
    return escape(call, true, ret);
}

static bool filter_safe(struct jinja_call *call, struct jinja_value *ret) {
    if (!filter_string(call, ret)) {
        return false;
    }
    ret->markup = true;
    return true;
}

static bool filter_format(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value args;
    if (call->rest_count > 0 && call->keyword_count > 0) {
        return jinja_call_fail(call, "takes positional or keyword arguments, not both");
    }
    if (call->keyword_count > 0) {
        args = jinja_dict_new(call->arena);
        for (size_t i = 0; i < call->keyword_count; i++) {
            jinja_dict_put(args, call->keywords[i].name, call->keywords[i].value);
        }
    } else {
        args = value_tuple(call->arena);
        list_reserve(args.list, call->rest_count);
        for (size_t i = 0; i < call->rest_count; i++) {
            jinja_list_add(args, call->rest[i]);
        }
    }
    struct jinja_value format;
    return filter_string(call, &format) &&
           text_format(call->runtime, call->span, format, args, ret);
}

static bool word_char(uint32_t code) {
    return code < 0x80 ? code == '_' || char_is_alnum((char)code) : text_is_alnum(code);
}

static bool filter_wordcount(struct jinja_call *call, struct jinja_value *ret) {
    str s;
    int64_t count = 0;
    bool inside = false;
    if (!input(call, &s)) {
        return false;
    }
    for (size_t i = 0; i < s.len;) {
        bool word = word_char(text_next(s, &i));
        count += word && !inside ? 1 : 0;
        inside = word;
    }
    *ret = jinja_int(count);
    return true;
}

/* Percent encoding of UTF-8; `slash` keeps '/', `plus` makes a space '+'. */
static void add_quoted_url(struct buf *out, str s, bool slash, bool plus) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (char_is_alnum(c) || (c != '\0' && strchr("_.-~", c) != NULL) || (slash && c == '/')) {
            buf_add_char(out, c);
        } else if (plus && c == ' ') {
            buf_add_char(out, '+');
        } else {
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
}

static bool add_url_pair(struct jinja_call *call, struct buf *out, struct jinja_value key,
                         struct jinja_value value) {
    str k;
    str v;
    if (!jinja_call_text(call, key, &k) || !jinja_call_text(call, value, &v)) {
        return false;
    }
    if (out->len > 0) {
        buf_add_char(out, '&');
    }
    add_quoted_url(out, k, false, true);
    buf_add_char(out, '=');
    add_quoted_url(out, v, false, true);
    return true;
}

static bool filter_urlencode(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    AUTO_BUF out = call_buf(call);
    struct iter it;
    struct jinja_value item;
    if (v.kind == JINJA_STRING || (!value_is_sized(v) && v.kind != JINJA_ITERATOR)) {
        str s;
        if (!input(call, &s)) {
            return false;
        }
        add_quoted_url(&out, s, true, false);
        return call_take(call, &out, ret);
    }
    if (!iter_init(call->runtime, call->span, v, &it)) {
        return false;
    }
    while (iter_next(&it, &item)) {
        bool pair = item.kind == JINJA_TUPLE || item.kind == JINJA_LIST;
        if (v.kind == JINJA_DICT) {
            if (!add_url_pair(call, &out, item, dict_find(v.dict, item)->value)) {
                return false;
            }
        } else if (!pair || item.list->len != 2) {
            return jinja_call_fail(call, "needs pairs");
        } else if (!add_url_pair(call, &out, item.list->items[0], item.list->items[1])) {
            return false;
        }
    }
    return call_take(call, &out, ret);
}

static const struct jinja_callable rows[] = {
    { S_INIT("upper"), "value", 1, filter_upper, "Upper case." },
    { S_INIT("lower"), "value", 1, filter_lower, "Lower case." },
    { S_INIT("capitalize"), "value", 1, filter_capitalize, "First letter upper, rest lower." },
    { S_INIT("title"), "value", 1, filter_title, "Each word's first letter upper." },
    { S_INIT("trim"), "value chars", 1, filter_trim, "Without white space (or chars) around." },
    { S_INIT("replace"), "value old new count", 3, filter_replace, "Replaces old by new." },
    { S_INIT("string"), "value", 1, filter_string, "The value as text." },
    { S_INIT("escape"), "value", 1, filter_escape, "HTML characters escaped, once." },
    { S_INIT("e"), "value", 1, filter_escape, "Same as escape." },
    { S_INIT("forceescape"), "value", 1, filter_forceescape, "HTML characters escaped, again." },
    { S_INIT("safe"), "value", 1, filter_safe, "Marks text as escaped." },
    { S_INIT("format"), "value * **", 1, filter_format, "Fills in printf-like text." },
    { S_INIT("wordcount"), "value", 1, filter_wordcount, "Number of words." },
    { S_INIT("urlencode"), "value", 1, filter_urlencode, "For use in a URL." },
};

const struct callable_table filters_string_table = { rows, ARRAY_LEN(rows) };

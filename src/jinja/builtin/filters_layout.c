// SPDX-License-Identifier: Apache-2.0
/* Filters that lay text out: indentation, width, sizes, JSON. */
#include <math.h>

#include "jinja/builtin/builtin.h"

/* Length of the line end at pos, as str.splitlines() sees them; 0: none. */
static size_t text_line_end(str s, size_t pos) {
    unsigned char c = (unsigned char)s.ptr[pos];
    if (c == '\r') {
        return pos + 1 < s.len && s.ptr[pos + 1] == '\n' ? 2 : 1;
    }
    if ((c >= '\n' && c <= '\f') || (c >= 0x1C && c <= 0x1E)) {
        return 1;
    }
    if (c < 0x80) {
        return 0;
    }
    /* The byte may be one inside of a character: then it starts no valid sequence. */
    uint32_t code = 0;
    size_t len = str_utf8_next(str_slice(s, pos, s.len), &code);
    return code == 0x85 || code == 0x2028 || code == 0x2029 ? len : 0;
}

bool text_cut_line(str *rest, str *ret_line, size_t *ret_end) {
    if (rest->len == 0) {
        return false;
    }
    size_t i = 0;
    size_t end = 0;
    while (i < rest->len &&
           ((rest->ptr[i] >= ' ' && rest->ptr[i] <= '~') || (end = text_line_end(*rest, i)) == 0)) {
        i++;
    }
    *ret_line = str_slice(*rest, 0, i);
    *ret_end = end;
    *rest = str_slice(*rest, i + end, rest->len);
    return true;
}

static bool indentation(struct jinja_call *call, str *ret) {
    enum { VALUE, WIDTH };
    static const str usual = S_INIT("    ");
    int64_t width;
    if (!jinja_call_has(call, WIDTH)) {
        *ret = usual;
        return true;
    }
    if (jinja_call_has(call, WIDTH) && call->args[WIDTH].kind == JINJA_STRING) {
        *ret = call->args[WIDTH].string;
        return true;
    }
    AUTO_BUF text = call_buf(call);
    struct jinja_value v;
    if (!call_int(call, WIDTH, 4, &width)) {
        return false;
    }
    buf_add_repeat(&text, ' ', width < 0 ? 0 : (size_t)width);
    if (!call_take(call, &text, &v)) {
        return false;
    }
    *ret = v.string;
    return true;
}

/* Text made of markup is markup. */
static bool take_like(struct jinja_call *call, const struct buf *b, struct jinja_value *ret) {
    if (!call_take(call, b, ret)) {
        return false;
    }
    ret->markup = value_is_markup(call->args[0]);
    return true;
}

static bool filter_indent(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, WIDTH, FIRST, BLANK };
    str rest;
    str indent;
    str line;
    size_t end;
    bool first;
    bool blank;
    AUTO_BUF out = call_buf(call);
    if (!call_needs_string(call) || !jinja_call_text(call, call->args[VALUE], &rest) ||
        !indentation(call, &indent) || !call_bool(call, FIRST, false, &first) ||
        !call_bool(call, BLANK, false, &blank)) {
        return false;
    }
    rest = str_concat(call->arena, rest, S("\n")); /* a last line end is kept this way */
    buf_expect(&out, rest.len + 4 * indent.len);
    if (first) {
        buf_add(&out, indent);
    }
    for (bool top = true; text_cut_line(&rest, &line, &end); top = false) {
        if (!top) {
            buf_add_char(&out, '\n');
        }
        if (!top && (blank || line.len > 0)) {
            buf_add(&out, indent);
        }
        buf_add(&out, line);
        if (!call_step(call, 1)) {
            return false;
        }
    }
    return take_like(call, &out, ret);
}

static bool filter_center(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, WIDTH };
    str s;
    int64_t width;
    AUTO_BUF out = call_buf(call);
    if (!jinja_call_text(call, call->args[VALUE], &s) || !call_int(call, WIDTH, 80, &width)) {
        return false;
    }
    int64_t len = (int64_t)text_length(s);
    int64_t pad = width > len ? width - len : 0;
    int64_t left = pad / 2 + (pad & width & 1);
    buf_expect(&out, s.len + (size_t)pad);
    buf_add_repeat(&out, ' ', (size_t)left);
    buf_add(&out, s);
    buf_add_repeat(&out, ' ', (size_t)(pad - left));
    return take_like(call, &out, ret);
}

/* Cuts at a word's end unless killwords; within the leeway nothing is cut. */
static bool filter_truncate(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, LENGTH, KILLWORDS, END, LEEWAY };
    str s;
    str end;
    int64_t length;
    int64_t leeway;
    bool kill_words;
    AUTO_BUF out = call_buf(call);
    if (!jinja_call_text(call, call->args[VALUE], &s) || !call_int(call, LENGTH, 255, &length) ||
        !call_bool(call, KILLWORDS, false, &kill_words) || !call_str(call, END, S("..."), &end) ||
        !call_int(call, LEEWAY, 5, &leeway)) {
        return false;
    }
    int64_t end_length = (int64_t)text_length(end);
    if (length < end_length || leeway < 0) {
        return jinja_call_fail(
            call, "length must be at least that of the end, and leeway must not be negative");
    }
    if (value_is_markup(call->args[VALUE]) && jinja_call_has(call, END) &&
        !rt_escape(call->runtime, call->span, call->args[END], &end)) {
        return false;
    }
    int64_t limit = length + leeway;
    struct jinja_value v = call->args[VALUE];
    if (v.kind == JINJA_UNDEFINED || (value_is_sized(v) && v.kind != JINJA_STRING)) {
        *ret = v; /* short enough, or not a text to be cut */
        return v.kind == JINJA_UNDEFINED || (int64_t)value_length(v) <= limit ||
               call_needs_string(call);
    }
    if (!call_needs_string(call)) {
        return false;
    }
    if ((int64_t)text_length(s) <= limit) {
        value_put_string(ret, s);
        ret->markup = value_is_markup(call->args[VALUE]);
        return true;
    }
    str head = str_slice(s, 0, text_offset(s, (size_t)(length - end_length)));
    size_t space = kill_words ? STR_NONE : str_find_last_char(head, ' ');
    buf_add(&out, space == STR_NONE ? head : str_slice(head, 0, space));
    buf_add(&out, end);
    return take_like(call, &out, ret);
}

static bool filter_filesizeformat(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, BINARY };
    static const char *const decimal[] = { "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" };
    static const char *const binary[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB" };
    double bytes;
    bool is_binary;
    AUTO_BUF out = call_buf(call);
    if (!call_float(call, VALUE, &bytes) || !call_bool(call, BINARY, false, &is_binary)) {
        return false;
    }
    double base = is_binary ? 1024 : 1000;
    if (bytes == 1) {
        buf_add(&out, S("1 Byte"));
    } else if (bytes < base) {
        buf_addf(&out, "%.0f Bytes", bytes > -1 && bytes < 1 ? 0.0 : trunc(bytes));
    } else {
        double unit = base;
        size_t i = 0;
        while (i + 1 < ARRAY_LEN(decimal) && bytes >= unit * base) {
            unit *= base;
            i++;
        }
        buf_addf(&out, "%.1f %s", bytes / unit, is_binary ? binary[i] : decimal[i]);
    }
    return call_take(call, &out, ret);
}

static bool filter_tojson(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, INDENT };
    AUTO_BUF out = call_buf(call);
    int64_t indent = -1;
    bool indented = jinja_call_has(call, INDENT) && call->args[INDENT].kind != JINJA_NONE;
    if ((indented && !call_int(call, INDENT, 0, &indent)) ||
        !value_to_json(call, call->args[VALUE], indent, &out) || !call_take(call, &out, ret)) {
        return false;
    }
    ret->markup = true;
    return true;
}

static bool add_attribute(struct jinja_call *call, struct buf *out, struct jinja_value key,
                          struct jinja_value value) {
    str text;
    if (key.kind != JINJA_STRING) {
        return jinja_call_fail(call, "the name of an attribute is a string, not '%s'",
                               value_type_name(key));
    }
    text = key.string;
    for (size_t i = 0; i < text.len; i++) {
        if (char_is_space(text.ptr[i]) || str_find_char(S("/>="), text.ptr[i], 0) != STR_NONE) {
            return jinja_call_fail(call, "'%.*s' cannot be an attribute's name", STR_FMT(text));
        }
    }
    if (out->len > 0) {
        buf_add_char(out, ' ');
    }
    text_add_escaped(out, text);
    buf_add(out, S("=\""));
    if (!rt_escape(call->runtime, call->span, value, &text)) {
        return false;
    }
    buf_add(out, text);
    buf_add_char(out, '"');
    return true;
}

static bool filter_xmlattr(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, AUTOSPACE };
    bool space;
    AUTO_BUF out = call_buf(call);
    struct jinja_value v = call->args[VALUE];
    if (v.kind != JINJA_DICT) {
        return jinja_call_fail(call, "needs a dict");
    }
    for (size_t i = 0; i < v.dict->used; i++) {
        const struct dict_entry *e = &v.dict->entries[i];
        if (!e->removed && e->value.kind != JINJA_NONE && e->value.kind != JINJA_UNDEFINED &&
            !add_attribute(call, &out, e->key, e->value)) {
            return false;
        }
    }
    if (!call_bool(call, AUTOSPACE, true, &space) || !call_take(call, &out, ret)) {
        return false;
    }
    if (space && ret->string.len > 0) {
        ret->string = str_concat(call->arena, S(" "), ret->string);
    }
    ret->markup = *call->runtime->module->autoescape;
    return true;
}

static const struct jinja_callable rows[] = {
    { S_INIT("indent"), "value width first blank", 1, filter_indent, "Indents all but line one." },
    { S_INIT("center"), "value width", 1, filter_center, "In the middle of a width." },
    { S_INIT("truncate"), "value length killwords end leeway", 1, filter_truncate, "Cuts off." },
    { S_INIT("filesizeformat"), "value binary", 1, filter_filesizeformat, "13 kB, 4.1 MB, ..." },
    { S_INIT("tojson"), "value indent", 1, filter_tojson, "JSON, safe inside HTML." },
    { S_INIT("xmlattr"), "value autospace", 1, filter_xmlattr, "Attributes from a dict." },
};

const struct callable_table filters_layout_table = { rows, ARRAY_LEN(rows) };

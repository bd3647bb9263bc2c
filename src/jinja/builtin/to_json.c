// SPDX-License-Identifier: Apache-2.0
/* Values as JSON, as Python's json.dumps(sort_keys=True) writes it, with <, >, & and ' escaped. */
#include <stdlib.h>
#include <string.h>

#include "jinja/builtin/builtin.h"

struct json_writer {
    struct jinja_call *call;
    struct buf *out;
    int64_t indent; /* -1: one line */
};

static void add_json_char(struct buf *out, uint32_t code) {
    static const char plain[] = "\"\\\n\r\t\b\f";
    static const char letters[] = "\"\\nrtbf";
    const char *at = code < 0x80 && code != 0 ? strchr(plain, (int)code) : NULL;
    if (at != NULL) {
        buf_addf(out, "\\%c", letters[at - plain]);
    } else if (code >= 0x20 && code < 0x7F && strchr("<>&'", (int)code) == NULL) {
        buf_add_char(out, (char)code);
    } else if (code < 0x10000) {
        buf_addf(out, "\\u%04x", code);
    } else {
        code -= 0x10000;
        buf_addf(out, "\\u%04x\\u%04x", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF));
    }
}

static void add_json_string(struct buf *out, str s) {
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.len;) {
        add_json_char(out, text_next(s, &i));
    }
    buf_add_char(out, '"');
}

static void add_json_float(struct buf *out, double d) {
    if (d != d) {
        buf_add(out, S("NaN"));
    } else if (d - d != 0) {
        buf_add_c(out, d > 0 ? "Infinity" : "-Infinity");
    } else {
        text_add_float(out, d);
    }
}

static void new_line(struct json_writer *w, size_t depth) {
    if (w->indent >= 0) {
        buf_add_char(w->out, '\n');
        buf_add_repeat(w->out, ' ', (size_t)w->indent * depth);
    }
}

static void separate(struct json_writer *w, bool first, size_t depth) {
    if (!first) {
        buf_add_c(w->out, w->indent >= 0 ? "," : ", ");
    }
    new_line(w, depth);
}

static bool write_value(struct json_writer *w, struct jinja_value v, size_t depth);

static bool write_list(struct json_writer *w, const struct jinja_list *list, size_t depth) {
    buf_add_char(w->out, '[');
    for (size_t i = 0; i < list->len; i++) {
        separate(w, i == 0, depth + 1);
        if (!write_value(w, list->items[i], depth + 1)) {
            return false;
        }
    }
    if (list->len > 0) {
        new_line(w, depth);
    }
    buf_add_char(w->out, ']');
    return true;
}

/* Keys that are not strings are written as their JSON text. */
static bool write_key(struct json_writer *w, struct jinja_value key) {
    switch ((enum jinja_kind)key.kind) {
    case JINJA_STRING:
        add_json_string(w->out, key.string);
        return true;
    case JINJA_NONE:
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_FLOAT:
        buf_add_char(w->out, '"');
        write_value(w, key, 0);
        buf_add_char(w->out, '"');
        return true;
    default: /* everything else has no JSON form as a key */
        return jinja_call_fail(w->call, "a '%s' value cannot be a key in JSON",
                               value_type_name(key));
    }
}

/* The entries in order of their keys. */
static bool sorted_keys(struct jinja_call *call, const struct jinja_dict *d,
                        struct jinja_value *ret) {
    *ret = jinja_list_new(call->arena);
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].removed) {
            jinja_list_add(*ret, d->entries[i].key);
        }
    }
    struct jinja_value whole = value_undefined((str){ 0 }, UNDEFINED_NAME);
    return call_sort(call, ret->list, whole, true, false);
}

static bool write_dict(struct json_writer *w, const struct jinja_dict *d, size_t depth) {
    struct jinja_value keys;
    if (!sorted_keys(w->call, d, &keys)) {
        return false;
    }
    buf_add_char(w->out, '{');
    for (size_t i = 0; i < keys.list->len; i++) {
        struct jinja_value key = keys.list->items[i];
        separate(w, i == 0, depth + 1);
        if (!write_key(w, key)) {
            return false;
        }
        buf_add(w->out, S(": "));
        if (!write_value(w, dict_find(d, key)->value, depth + 1)) {
            return false;
        }
    }
    if (keys.list->len > 0) {
        new_line(w, depth);
    }
    buf_add_char(w->out, '}');
    return true;
}

static bool write_value(struct json_writer *w, struct jinja_value v, size_t depth) {
    if (depth > VALUE_DEPTH_MAX) {
        return jinja_call_fail(w->call, "the value is nested too deeply");
    }
    if (w->out->full || !call_step(w->call, 1)) {
        return false;
    }
    switch ((enum jinja_kind)v.kind) {
    case JINJA_NONE:
        buf_add(w->out, S("null"));
        return true;
    case JINJA_BOOL:
        buf_add_c(w->out, v.boolean ? "true" : "false");
        return true;
    case JINJA_INT:
        buf_addf(w->out, "%lld", (long long)v.integer);
        return true;
    case JINJA_FLOAT:
        add_json_float(w->out, v.real);
        return true;
    case JINJA_STRING:
        add_json_string(w->out, v.string);
        return true;
    case JINJA_LIST:
        if (v.view == JINJA_VIEW_NONE) {
            return write_list(w, v.list, depth);
        }
        break;
    case JINJA_TUPLE:
        return write_list(w, v.list, depth);
    case JINJA_DICT:
        return write_dict(w, v.dict, depth);
    case JINJA_UNDEFINED:
        return rt_undefined(w->call->runtime, w->call->span, v);
    case JINJA_RANGE:
    case JINJA_ITERATOR:
    case JINJA_FUNCTION:
    case JINJA_OBJECT:
        break;
    }
    return jinja_call_fail(w->call, "a '%s' value has no JSON form", value_type_name(v));
}

bool value_to_json(struct jinja_call *call, struct jinja_value v, int64_t indent, struct buf *out) {
    struct json_writer w = { call, out, indent };
    if (indent > 100) {
        return jinja_call_fail(call, "indent must be at most 100");
    }
    /* A full buf is reported when its content is taken. */
    return write_value(&w, v, 0) || out->full;
}

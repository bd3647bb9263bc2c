// SPDX-License-Identifier: Apache-2.0
/* The methods format and format_map of strings: "{} {name[key].attribute!r:>10}". */
#include "jinja/builtin/builtin.h"

/* Either arguments, or the dict of format_map. */
struct braces {
    struct jinja_call *call;
    const struct jinja_value *map;
    size_t next;   /* of the fields without a name */
    bool numbered; /* a field had a number */
    bool automatic;
    bool markup; /* what is filled in is escaped */
};

static bool add_format(struct braces *b, str format, int depth, struct buf *out);

static bool find_keyword(struct braces *b, str name, struct jinja_value *ret) {
    const struct jinja_call *call = b->call;
    if (b->map != NULL) {
        if (b->map->kind != JINJA_DICT) {
            return jinja_call_fail(b->call, "needs a dict, not '%s'", value_type_name(*b->map));
        }
        const struct dict_entry *e = dict_find(b->map->dict, jinja_string(name));
        if (e != NULL) {
            *ret = e->value;
            return true;
        }
    }
    for (size_t i = 0; b->map == NULL && i < call->keyword_count; i++) {
        if (str_eq(call->keywords[i].name, name)) {
            *ret = call->keywords[i].value;
            return true;
        }
    }
    return jinja_call_fail(b->call, "no value for the field '%.*s'", STR_FMT(name));
}

static bool find_positional(struct braces *b, uint64_t index, struct jinja_value *ret) {
    if (b->map != NULL) {
        return jinja_call_fail(b->call, "the fields of a map have names");
    }
    if (index >= b->call->rest_count) {
        return jinja_call_fail(b->call, "there is no argument %llu", (unsigned long long)index);
    }
    *ret = b->call->rest[index];
    return true;
}

/* The name or number in front of the first '.' or '['. */
static bool find_first(struct braces *b, str first, struct jinja_value *ret) {
    uint64_t index;
    bool number = first.len > 0 && char_is_digit(first.ptr[0]) && str_to_u64(first, &index);
    if (first.len > 0 && !number) {
        return find_keyword(b, first, ret);
    }
    if (number ? b->automatic : b->numbered) {
        return jinja_call_fail(b->call, "fields with and without numbers cannot be mixed");
    }
    b->numbered = b->numbered || number;
    b->automatic = b->automatic || !number;
    return find_positional(b, number ? index : b->next++, ret);
}

static bool get_attribute(struct braces *b, str name, struct jinja_value *v) {
    struct jinja_call *call = b->call;
    struct jinja_value found = { 0 };
    if (name.len == 0) {
        return jinja_call_fail(call, "an attribute has no name");
    }
    if (v->kind == JINJA_DICT) { /* its keys are items, not attributes */
        if (!rt_method(call->runtime, *v, name, &found)) {
            found.kind = JINJA_UNDEFINED;
        }
    } else if (!rt_attr(call->runtime, call->span, *v, name, &found)) {
        return false;
    }
    if (found.kind == JINJA_UNDEFINED) {
        return jinja_call_fail(call, "'%s' has no attribute '%.*s'", value_type_name(*v),
                               STR_FMT(name));
    }
    *v = found;
    return true;
}

static bool get_item(struct braces *b, str key, struct jinja_value *v) {
    struct jinja_call *call = b->call;
    int64_t index;
    struct jinja_value found = { 0 };
    bool number = key.len > 0 && char_is_digit(key.ptr[0]) && str_to_i64(key, &index);
    if (key.len == 0) {
        return jinja_call_fail(call, "an item has no key");
    }
    if (!number && v->kind != JINJA_DICT && v->kind != JINJA_UNDEFINED) {
        return jinja_call_fail(call, "'%s' has no item '%.*s'", value_type_name(*v), STR_FMT(key));
    }
    struct jinja_value k = number ? jinja_int(index) : jinja_string(key);
    if (v->kind == JINJA_DICT) {
        const struct dict_entry *e = dict_find(v->dict, k);
        found = e != NULL ? e->value : found;
        if (e == NULL) {
            return jinja_call_fail(call, "there is no item '%.*s'", STR_FMT(key));
        }
    } else if (!rt_item(call->runtime, call->span, *v, k, &found)) {
        return false;
    } else if (found.kind == JINJA_UNDEFINED) {
        return jinja_call_fail(call, "there is no item '%.*s'", STR_FMT(key));
    }
    *v = found;
    return true;
}

static bool find_value(struct braces *b, str name, struct jinja_value *ret) {
    size_t end = 0;
    while (end < name.len && name.ptr[end] != '.' && name.ptr[end] != '[') {
        end++;
    }
    if (!find_first(b, str_slice(name, 0, end), ret)) {
        return false;
    }
    while (end < name.len) {
        size_t start = end + 1;
        if (name.ptr[end] == '.') {
            for (end = start; end < name.len && name.ptr[end] != '.' && name.ptr[end] != '[';) {
                end++;
            }
            if (!get_attribute(b, str_slice(name, start, end), ret)) {
                return false;
            }
            continue;
        }
        end = name.ptr[end] == '[' ? str_find_char(name, ']', start) : STR_NONE;
        if (end == STR_NONE) {
            return jinja_call_fail(b->call, "in the field '%.*s' a bracket is wrong",
                                   STR_FMT(name));
        }
        if (!get_item(b, str_slice(name, start, end), ret)) {
            return false;
        }
        end++;
    }
    return true;
}

/* "!s", "!r", "!a" */
static bool convert(struct braces *b, char conversion, struct jinja_value *v) {
    struct jinja_call *call = b->call;
    AUTO_BUF text = call_buf(call);
    if (conversion == 's') {
        str s;
        if (!jinja_call_text(call, *v, &s)) {
            return false;
        }
        *v = jinja_string(s);
        return true;
    }
    if (conversion != 'r' && conversion != 'a') {
        return jinja_call_fail(call, "there is no conversion '!%c'", conversion);
    }
    if (!value_add_repr(*v, &text, 0)) {
        return jinja_call_fail(call, "a value is too large to be printed");
    }
    if (conversion == 'r') {
        return call_take(call, &text, v);
    }
    AUTO_BUF ascii = call_buf(call);
    for (size_t i = 0; i < text.len;) {
        uint32_t code = text_next(buf_str(&text), &i);
        buf_addf(&ascii,
                 code < 0x80      ? "%c"
                 : code < 0x100   ? "\\x%02x"
                 : code < 0x10000 ? "\\u%04x"
                                  : "\\U%08x",
                 code);
    }
    return call_take(call, &ascii, v);
}

/* One field, without its braces. */
struct field {
    str name;
    char conversion; /* 0: none */
    str spec;
    bool nested; /* the specification holds fields */
};

static bool add_field(struct braces *b, const struct field *field, int depth, struct buf *out) {
    struct jinja_call *call = b->call;
    struct jinja_value v;
    AUTO_BUF spec = call_buf(call);
    AUTO_BUF text = call_buf(call);
    if (!call_step(call, 1) || !find_value(b, field->name, &v) ||
        (field->conversion != 0 && !convert(b, field->conversion, &v))) {
        return false;
    }
    if (!field->nested) {
        buf_add(&spec, field->spec);
    } else if (depth >= 2) {
        return jinja_call_fail(call, "the fields are nested too deeply");
    } else if (!add_format(b, field->spec, depth + 1, &spec)) {
        return false;
    }
    if (b->markup && value_is_markup(v) && spec.len > 0) {
        return jinja_call_fail(call, "escaped text is not formatted with a specification");
    }
    if (!text_format_value(call->runtime, call->span, v, buf_str(&spec), &text)) {
        return false;
    }
    if (b->markup && !value_is_markup(v)) {
        text_add_escaped(out, buf_str(&text));
    } else {
        buf_add(out, buf_str(&text));
    }
    return true;
}

/* The '}' that ends a specification; nested fields have their own. */
static size_t spec_end(str s, size_t at, bool *ret_nested) {
    size_t open = 1;
    for (; at < s.len; at++) {
        *ret_nested = *ret_nested || s.ptr[at] == '{';
        open += s.ptr[at] == '{';
        open -= s.ptr[at] == '}';
        if (open == 0) {
            return at;
        }
    }
    return STR_NONE;
}

/* Reads the field after a '{' at *pos, and the '}' with it. */
static bool take_field(struct braces *b, str s, size_t *pos, struct field *ret) {
    size_t at = *pos;
    *ret = (struct field){ 0 };
    while (at < s.len && s.ptr[at] != '}' && s.ptr[at] != ':' && s.ptr[at] != '!') {
        if (s.ptr[at] == '{') {
            return jinja_call_fail(b->call, "a '{' in the name of a field");
        }
        size_t close = s.ptr[at] == '[' ? str_find_char(s, ']', at) : at;
        at = close == STR_NONE ? s.len : close + 1;
    }
    ret->name = str_slice(s, *pos, at);
    if (at < s.len && s.ptr[at] == '!') {
        bool ascii = at + 1 < s.len && (unsigned char)s.ptr[at + 1] < 0x80;
        ret->conversion = ascii ? s.ptr[at + 1] : '?';
        at += 2;
        if (at >= s.len || (s.ptr[at] != '}' && s.ptr[at] != ':')) {
            return jinja_call_fail(b->call, "a ':' or '}' is missing after a conversion");
        }
    }
    if (at < s.len && s.ptr[at] == ':') {
        size_t end = spec_end(s, at + 1, &ret->nested);
        ret->spec = str_slice(s, at + 1, end);
        at = end;
    }
    if (at >= s.len) {
        return jinja_call_fail(b->call, "a '}' is missing");
    }
    *pos = at + 1;
    return true;
}

static bool add_format(struct braces *b, str format, int depth, struct buf *out) {
    for (size_t i = 0; i < format.len && !out->full;) {
        char c = format.ptr[i];
        bool twice = i + 1 < format.len && format.ptr[i + 1] == c;
        if ((c != '{' && c != '}') || twice) {
            buf_add_char(out, c);
            i += c == '{' || c == '}' ? 2 : 1;
            continue;
        }
        if (c == '}' || i + 1 == format.len) {
            return jinja_call_fail(b->call, "a single '%c' in the format", c);
        }
        struct field field;
        i++;
        if (!take_field(b, format, &i, &field) || !add_field(b, &field, depth, out)) {
            return false;
        }
    }
    return true;
}

static bool run(struct braces *b, struct jinja_value *ret) {
    AUTO_BUF out = call_buf(b->call);
    str format = b->call->args[0].string;
    return call_step(b->call, format.len / 16) && add_format(b, format, 1, &out) &&
           call_take(b->call, &out, ret);
}

static bool method_format(struct jinja_call *call, struct jinja_value *ret) {
    return run(&(struct braces){ .call = call, .markup = call->args[0].markup }, ret);
}

static bool method_format_map(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, MAPPING };
    return run(&(struct braces){ .call = call, .map = &call->args[MAPPING] }, ret);
}

static const struct jinja_callable rows[] = {
    { S_INIT("format"), "self * **", 1, method_format, "Fills in the {fields}." },
    { S_INIT("format_map"), "self mapping", 2, method_format_map, "The same, from a dict." },
};

const struct callable_table methods_format_table = { rows, ARRAY_LEN(rows) };

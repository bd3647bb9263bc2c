// SPDX-License-Identifier: Apache-2.0
/* pprint: a value as Python's pprint module prints it, 80 columns wide, dicts in sorted order. */
#include "jinja/builtin/builtin.h"

enum { WIDTH = 80 };

struct printer {
    struct jinja_call *call;
    struct buf *out;
};

static bool print_value(struct printer *p, struct jinja_value v, size_t indent, size_t allowance,
                        size_t level);

/* Key order: by value where values of one kind have an order, else by the kind's name. */
static int compare_keys(struct printer *p, struct jinja_value a, struct jinja_value b) {
    double x;
    double y;
    if (value_is_number(a, &x) && value_is_number(b, &y)) {
        return x < y ? -1 : x > y;
    }
    if (a.kind == JINJA_STRING && b.kind == JINJA_STRING) {
        return str_cmp(a.string, b.string);
    }
    if (a.kind == JINJA_TUPLE && b.kind == JINJA_TUPLE) {
        for (size_t i = 0; i < a.list->len && i < b.list->len; i++) {
            int order = compare_keys(p, a.list->items[i], b.list->items[i]);
            if (order != 0) {
                return order;
            }
        }
        return a.list->len < b.list->len ? -1 : a.list->len > b.list->len;
    }
    return str_cmp(str_from_c(value_type_name(a)), str_from_c(value_type_name(b)));
}

/* Pairs by key, stable: by merging. */
static void sort_entries(struct printer *p, struct dict_entry *items, size_t len,
                         struct dict_entry *scratch) {
    if (len < 2) {
        return;
    }
    size_t half = len / 2;
    sort_entries(p, items, half, scratch);
    sort_entries(p, items + half, len - half, scratch);
    for (size_t i = 0; i < len; i++) {
        scratch[i] = items[i];
    }
    for (size_t i = 0, a = 0, b = half; i < len; i++) {
        bool second = a == half || (b < len && compare_keys(p, scratch[b].key, scratch[a].key) < 0);
        items[i] = scratch[second ? b++ : a++];
    }
}

/* The value with all of its dicts in sorted order. */
static bool sorted(struct printer *p, struct jinja_value v, size_t depth, struct jinja_value *ret) {
    struct arena *a = p->call->arena;
    *ret = v;
    if (depth > VALUE_DEPTH_MAX) {
        return jinja_call_fail(p->call, "a value is nested too deeply");
    }
    if (!call_step(p->call, 1)) {
        return false;
    }
    if (v.kind == JINJA_DICT) {
        const struct jinja_dict *d = v.dict;
        size_t len = 0;
        struct dict_entry *items = ARENA_ARRAY(a, struct dict_entry, d->len);
        for (size_t i = 0; i < d->used; i++) {
            if (!d->entries[i].removed) {
                items[len++] = d->entries[i];
            }
        }
        sort_entries(p, items, len, ARENA_ARRAY(a, struct dict_entry, d->len));
        *ret = jinja_dict_new(a);
        for (size_t i = 0; i < len; i++) {
            struct jinja_value item;
            if (!sorted(p, items[i].value, depth + 1, &item)) {
                return false;
            }
            dict_put(ret->dict, items[i].key, item);
        }
    } else if ((v.kind == JINJA_LIST || v.kind == JINJA_TUPLE) && v.view == JINJA_VIEW_NONE) {
        *ret = v.kind == JINJA_LIST ? jinja_list_new(a) : value_tuple(a);
        for (size_t i = 0; i < v.list->len; i++) {
            struct jinja_value item;
            if (!sorted(p, v.list->items[i], depth + 1, &item)) {
                return false;
            }
            jinja_list_add(*ret, item);
        }
    }
    return true;
}

/* The representation on one line, and its width. */
static bool one_line(struct printer *p, struct jinja_value v, struct buf *out, size_t *ret_width) {
    if (!value_add_repr(v, out, 0) || out->full) {
        return jinja_call_fail(p->call, "a value is too large to be printed");
    }
    *ret_width = text_length(buf_str(out));
    return call_step(p->call, out->len / 16);
}

static size_t quoted_width(str s) {
    AUTO_BUF quoted = BUF_INIT(SIZE_MAX / 2);
    text_add_quoted(&quoted, s);
    return text_length(buf_str(&quoted));
}

static void add_new_line(struct printer *p, size_t indent) {
    buf_add_char(p->out, '\n');
    buf_add_repeat(p->out, ' ', indent);
}

/* ---- strings: cut after lines and words ---- */

struct pieces {
    str *items;
    size_t len;
    size_t cap;
};

/* Characters that are no space, then spaces. */
static str take_part(str *rest) {
    size_t at = 0;
    while (at < rest->len && text_space_len(str_slice(*rest, at, rest->len)) == 0) {
        text_next(*rest, &at);
    }
    for (size_t n; at < rest->len && (n = text_space_len(str_slice(*rest, at, rest->len))) > 0;) {
        at += n;
    }
    str part = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at, rest->len);
    return part;
}

static bool cut_line(struct printer *p, struct pieces *pieces, str line, int64_t width,
                     int64_t last_width) {
    str current = { 0 };
    str rest = line;
    while (rest.len > 0) {
        str part = take_part(&rest);
        str candidate = current.len > 0 ? (str){ current.ptr, current.len + part.len } : part;
        int64_t limit = rest.len == 0 ? last_width : width;
        if (!call_step(p->call, 1 + candidate.len / 64)) {
            return false;
        }
        if ((int64_t)quoted_width(candidate) > limit) {
            if (current.len > 0) {
                ARENA_PUSH(p->call->arena, pieces->items, pieces->len, pieces->cap, current);
            }
            current = part;
        } else {
            current = candidate;
        }
    }
    if (current.len > 0) {
        ARENA_PUSH(p->call->arena, pieces->items, pieces->len, pieces->cap, current);
    }
    return true;
}

static bool print_string(struct printer *p, str s, size_t indent, size_t allowance, size_t level) {
    struct pieces pieces = { 0 };
    str rest = s;
    str line;
    size_t end;
    bool outermost = level == 1;
    indent += outermost;
    allowance += outermost;
    int64_t width = (int64_t)WIDTH - (int64_t)indent;
    while (text_cut_line(&rest, &line, &end)) {
        int64_t last = rest.len == 0 ? width - (int64_t)allowance : width;
        line.len += end;
        if ((int64_t)quoted_width(line) <= last) {
            ARENA_PUSH(p->call->arena, pieces.items, pieces.len, pieces.cap, line);
        } else if (!cut_line(p, &pieces, line, width, last)) {
            return false;
        }
    }
    bool several = pieces.len > 1;
    buf_add(p->out, several && outermost ? S("(") : S(""));
    for (size_t i = 0; i < pieces.len; i++) {
        if (i > 0) {
            add_new_line(p, indent);
        }
        text_add_quoted(p->out, pieces.items[i]);
    }
    buf_add(p->out, several && outermost ? S(")") : S(""));
    return !p->out->full || jinja_call_fail(p->call, "a value is too large to be printed");
}

/* ---- lists, tuples, dicts: an item a line ---- */

static bool print_items(struct printer *p, const struct jinja_list *list, size_t indent,
                        size_t allowance, size_t level) {
    for (size_t i = 0; i < list->len; i++) {
        bool last = i + 1 == list->len;
        if (!print_value(p, list->items[i], indent + 1, last ? allowance : 1, level)) {
            return false;
        }
        if (!last) {
            buf_add_char(p->out, ',');
            add_new_line(p, indent + 1);
        }
    }
    return true;
}

static bool print_dict(struct printer *p, const struct jinja_dict *d, size_t indent,
                       size_t allowance, size_t level) {
    for (size_t i = 0; i < d->used; i++) {
        size_t width = 0;
        bool last = i + 1 == d->used;
        AUTO_BUF key = call_buf(p->call);
        if (!one_line(p, d->entries[i].key, &key, &width)) {
            return false;
        }
        buf_add(p->out, buf_str(&key));
        buf_add(p->out, S(": "));
        if (!print_value(p, d->entries[i].value, indent + width + 3, last ? allowance : 1, level)) {
            return false;
        }
        if (!last) {
            buf_add_char(p->out, ',');
            add_new_line(p, indent + 1);
        }
    }
    return true;
}

static bool print_value(struct printer *p, struct jinja_value v, size_t indent, size_t allowance,
                        size_t level) {
    size_t width = 0;
    AUTO_BUF line = call_buf(p->call);
    if (!one_line(p, v, &line, &width)) {
        return false;
    }
    bool list = v.kind == JINJA_LIST && v.view == JINJA_VIEW_NONE;
    bool tuple = v.kind == JINJA_TUPLE && v.view == JINJA_VIEW_NONE;
    bool text = v.kind == JINJA_STRING && !v.markup;
    if ((int64_t)width <= (int64_t)WIDTH - (int64_t)indent - (int64_t)allowance ||
        (!list && !tuple && !text && v.kind != JINJA_DICT)) {
        buf_add(p->out, buf_str(&line));
        return true;
    }
    if (text) {
        return print_string(p, v.string, indent, allowance, level + 1);
    }
    str end = list ? S("]") : !tuple ? S("}") : v.list->len == 1 ? S(",)") : S(")");
    buf_add_char(p->out, list ? '[' : tuple ? '(' : '{');
    if (!(list || tuple ? print_items(p, v.list, indent, allowance + end.len, level + 1)
                        : print_dict(p, v.dict, indent, allowance + 1, level + 1))) {
        return false;
    }
    buf_add(p->out, end);
    return true;
}

static bool filter_pprint(struct jinja_call *call, struct jinja_value *ret) {
    AUTO_BUF out = call_buf(call);
    struct printer p = { call, &out };
    struct jinja_value v;
    return sorted(&p, call->args[0], 0, &v) && print_value(&p, v, 0, 0, 0) &&
           call_take(call, &out, ret);
}

static const struct jinja_callable rows[] = {
    { S_INIT("pprint"), "value", 1, filter_pprint, "For reading: long values on many lines." },
};

const struct callable_table filters_pprint_table = { rows, ARRAY_LEN(rows) };

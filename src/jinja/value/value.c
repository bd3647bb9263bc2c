// SPDX-License-Identifier: Apache-2.0
/* Making values, and comparing them for equality as Python does. */
#include <math.h>
#include <string.h>

#include "jinja/value/value.h"

struct jinja_value jinja_list_new(struct arena *a) {
    struct jinja_list *list = ARENA_NEW(a, struct jinja_list);
    list->arena = a;
    return (struct jinja_value){ .kind = JINJA_LIST, .list = list };
}

struct jinja_value value_tuple(struct arena *a) {
    struct jinja_value v = jinja_list_new(a);
    v.kind = JINJA_TUPLE;
    return v;
}

void list_reserve(struct jinja_list *l, size_t count) {
    ASSERT(l->cap == 0);
    size_t size;
    bool fits = mul_size(count, sizeof *l->items, &size);
    ASSERT(fits);
    l->items = arena_alloc_raw(l->arena, size);
    l->cap = count;
}

struct jinja_value value_iterator(struct jinja_value list) {
    struct jinja_iterator *it = ARENA_NEW(list.list->arena, struct jinja_iterator);
    it->items = list.list;
    return (struct jinja_value){ .kind = JINJA_ITERATOR, .iterator = it };
}

struct jinja_value jinja_dict_new(struct arena *a) {
    struct jinja_dict *d = ARENA_NEW(a, struct jinja_dict);
    d->arena = a;
    return (struct jinja_value){ .kind = JINJA_DICT, .dict = d };
}

void jinja_dict_put(struct jinja_value dict, str key, struct jinja_value value) {
    dict_put(dict.dict, jinja_string(key), value);
}

struct jinja_value value_undefined(str name, uint8_t reason) {
    return (struct jinja_value){ .kind = JINJA_UNDEFINED, .reason = reason, .string = name };
}

static const char *kind_name(enum jinja_kind kind) {
    switch (kind) {
    case JINJA_UNDEFINED:
        return "Undefined";
    case JINJA_NONE:
        return "NoneType";
    case JINJA_BOOL:
        return "bool";
    case JINJA_INT:
        return "int";
    case JINJA_FLOAT:
        return "float";
    case JINJA_STRING:
        return "str";
    case JINJA_LIST:
        return "list";
    case JINJA_TUPLE:
        return "tuple";
    case JINJA_DICT:
        return "dict";
    case JINJA_RANGE:
        return "range";
    case JINJA_ITERATOR:
        return "generator";
    case JINJA_FUNCTION:
        return "function";
    case JINJA_OBJECT:
        return "object";
    }
    return "object";
}

const char *value_type_name(struct jinja_value v) {
    return v.kind == JINJA_OBJECT ? v.object->ops->type_name : kind_name(v.kind);
}

void value_undefined_message(struct jinja_value v, struct buf *out) {
    if (v.reason == UNDEFINED_NAME) {
        buf_addf(out, "'%.*s' is undefined", STR_FMT(v.string));
    } else if (v.reason == UNDEFINED_PARAM) {
        buf_addf(out, "parameter '%.*s' was not provided", STR_FMT(v.string));
    } else if (v.reason == UNDEFINED_EMPTY || v.reason == UNDEFINED_COND) {
        buf_add(out, v.string);
    } else {
        buf_addf(out, "'%s' value has no attribute '%.*s'",
                 kind_name((enum jinja_kind)(v.reason - UNDEFINED_OF_FIRST)), STR_FMT(v.string));
    }
}

bool value_is_integer(struct jinja_value v, int64_t *ret) {
    if (v.kind == JINJA_INT || v.kind == JINJA_BOOL) {
        *ret = v.kind == JINJA_INT ? v.integer : v.boolean;
        return true;
    }
    return false;
}

bool value_is_number(struct jinja_value v, double *ret) {
    int64_t i;
    if (v.kind == JINJA_FLOAT) {
        *ret = v.real;
        return true;
    }
    if (value_is_integer(v, &i)) {
        *ret = (double)i;
        return true;
    }
    return false;
}

bool value_is_sized(struct jinja_value v) {
    return v.kind == JINJA_STRING || v.kind == JINJA_LIST || v.kind == JINJA_TUPLE ||
           v.kind == JINJA_DICT || v.kind == JINJA_RANGE;
}

size_t value_length(struct jinja_value v) {
    switch ((enum jinja_kind)v.kind) {
    case JINJA_STRING:
        return text_length(v.string);
    case JINJA_LIST:
    case JINJA_TUPLE:
        return v.list->len;
    case JINJA_DICT:
        return v.dict->len;
    case JINJA_RANGE:
        return v.range->len;
    case JINJA_UNDEFINED:
    case JINJA_NONE:
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_FLOAT:
    case JINJA_ITERATOR:
    case JINJA_FUNCTION:
    case JINJA_OBJECT:
        break;
    }
    return 0;
}

/* Integers and floats compare by their exact values. */
static bool equal_numbers(struct jinja_value a, struct jinja_value b) {
    int64_t x;
    int64_t y;
    bool a_int = value_is_integer(a, &x);
    bool b_int = value_is_integer(b, &y);
    if (a_int && b_int) {
        return x == y;
    }
    if (!a_int && !b_int) {
        return a.real == b.real;
    }
    double d = a_int ? b.real : a.real;
    int64_t i = a_int ? x : y;
    return d >= -0x1p63 && d < 0x1p63 && d == trunc(d) && (int64_t)d == i;
}

static bool equal(struct jinja_value a, struct jinja_value b, size_t depth, uint64_t *budget);

static bool equal_lists(const struct jinja_list *a, const struct jinja_list *b, size_t depth,
                        uint64_t *budget) {
    if (a == b) {
        return true;
    }
    if (a->len != b->len) {
        return false;
    }
    for (size_t i = 0; i < a->len; i++) {
        if (!equal(a->items[i], b->items[i], depth + 1, budget)) {
            return false;
        }
    }
    return true;
}

static bool equal_dicts(const struct jinja_dict *a, const struct jinja_dict *b, size_t depth,
                        uint64_t *budget) {
    if (a == b) {
        return true;
    }
    if (a->len != b->len) {
        return false;
    }
    for (size_t i = 0; i < a->used; i++) {
        const struct dict_entry *e = &a->entries[i];
        const struct dict_entry *other = e->removed ? NULL : dict_find(b, e->key);
        if (!e->removed && (other == NULL || !equal(e->value, other->value, depth + 1, budget))) {
            return false;
        }
    }
    return true;
}

static bool equal_ranges(const struct jinja_range *a, const struct jinja_range *b) {
    return a->len == b->len &&
           (a->len == 0 || (a->start == b->start && (a->len == 1 || a->step == b->step)));
}

static bool equal(struct jinja_value a, struct jinja_value b, size_t depth, uint64_t *budget) {
    double ignored;
    if (depth > VALUE_DEPTH_MAX || *budget == 0) {
        *budget = 0;
        return false;
    }
    --*budget;
    if (value_is_number(a, &ignored) && value_is_number(b, &ignored)) {
        return equal_numbers(a, b);
    }
    if (a.kind != b.kind) {
        return false;
    }
    switch ((enum jinja_kind)a.kind) {
    case JINJA_UNDEFINED:
    case JINJA_NONE:
        return true;
    case JINJA_STRING:
        return str_eq(a.string, b.string);
    case JINJA_LIST:
        if (a.view == JINJA_VIEW_VALUES || b.view == JINJA_VIEW_VALUES) {
            return a.list == b.list;
        }
        return equal_lists(a.list, b.list, depth, budget);
    case JINJA_TUPLE:
        return equal_lists(a.list, b.list, depth, budget);
    case JINJA_DICT:
        return equal_dicts(a.dict, b.dict, depth, budget);
    case JINJA_RANGE:
        return equal_ranges(a.range, b.range);
    case JINJA_ITERATOR:
    case JINJA_FUNCTION:
    case JINJA_OBJECT:
        return a.object == b.object;
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_FLOAT:
        break; /* numbers are compared above */
    }
    return false;
}

bool value_equal_within(struct jinja_value a, struct jinja_value b, uint64_t *budget) {
    return equal(a, b, 0, budget);
}

bool value_equal(struct jinja_value a, struct jinja_value b) {
    uint64_t budget = VALUE_ITEMS_MAX;
    return equal(a, b, 0, &budget);
}

bool value_same(struct jinja_value a, struct jinja_value b) {
    if (a.kind != b.kind) {
        return false;
    }
    switch ((enum jinja_kind)a.kind) {
    case JINJA_NONE:
        return true;
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_STRING:
        return value_equal(a, b);
    case JINJA_FLOAT:
        return memcmp(&a.real, &b.real, sizeof a.real) == 0;
    case JINJA_UNDEFINED:
        return false;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT:
    case JINJA_RANGE:
    case JINJA_ITERATOR:
    case JINJA_FUNCTION:
    case JINJA_OBJECT:
        return a.object == b.object;
    }
    return false;
}

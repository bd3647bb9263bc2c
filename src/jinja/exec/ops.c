// SPDX-License-Identifier: Apache-2.0
/* What values do in expressions: truth, text, order, membership. Arithmetic is in arith.c. */
#include <math.h>

#include "jinja/exec/exec.h"

enum { SUGGESTED_FROM_MAX = 1000 };

/* The nearest key of where it was looked for, as help of the mistake that was just reported. */
static void suggest(struct jinja_runtime *rt, struct jinja_value v) {
    const struct jinja_dict *d = rt->module->context.dict;
    if (v.reason == UNDEFINED_OF_FIRST + JINJA_DICT) {
        d = rt->missed.name.ptr == v.string.ptr ? rt->missed.dict : NULL;
    } else if (v.reason != UNDEFINED_NAME) {
        d = NULL;
    }
    if (d == NULL || d->used > SUGGESTED_FROM_MAX) {
        return;
    }
    str *words = ARENA_ARRAY(rt->arena, str, d->used + 1);
    size_t count = 0;
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].removed && d->entries[i].key.kind == JINJA_STRING) {
            words[count++] = d->entries[i].key.string;
        }
    }
    str near = nearest_word(v.string, words, count);
    if (near.len > 0) {
        diag_help(rt->sink, &rt->sink->items[rt->sink->len - 1], "did you mean '%.*s'?",
                  STR_FMT(near));
    }
}

bool rt_undefined(struct jinja_runtime *rt, struct span span, struct jinja_value v) {
    AUTO_BUF text = BUF_INIT(1024);
    bool first = !rt->failed;
    value_undefined_message(v, &text);
    rt_fail(rt, span, "%.*s", STR_FMT(buf_str(&text)));
    if (first) {
        suggest(rt, v);
    }
    return false;
}

bool rt_use(struct jinja_runtime *rt, struct span span, struct jinja_value v) {
    if (v.kind == JINJA_UNDEFINED && rt->env->options.strict && v.reason != UNDEFINED_COND) {
        return rt_undefined(rt, span, v);
    }
    return true;
}

bool rt_truth(struct jinja_runtime *rt, struct span span, struct jinja_value v, bool *ret) {
    switch ((enum jinja_kind)v.kind) {
    case JINJA_UNDEFINED:
        *ret = false;
        return rt_use(rt, span, v);
    case JINJA_NONE:
        *ret = false;
        return true;
    case JINJA_BOOL:
        *ret = v.boolean;
        return true;
    case JINJA_INT:
        *ret = v.integer != 0;
        return true;
    case JINJA_FLOAT:
        *ret = v.real != 0;
        return true;
    case JINJA_STRING:
        *ret = v.string.len > 0;
        return true;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT:
    case JINJA_RANGE:
        *ret = value_length(v) > 0;
        return true;
    case JINJA_ITERATOR:
    case JINJA_FUNCTION:
    case JINJA_OBJECT:
        *ret = true;
        return true;
    }
    return false;
}

bool rt_text(struct jinja_runtime *rt, struct span span, struct jinja_value v, str *ret) {
    if (v.kind == JINJA_STRING) {
        ret->ptr = v.string.ptr; /* in two pieces: see value_put() */
        ret->len = v.string.len;
        return true;
    }
    if (!rt_use(rt, span, v)) {
        return false;
    }
    AUTO_BUF text = rt_buf(rt);
    if (!value_add_text(v, &text) && !text.full) {
        return rt_fail(rt, span, "a value is nested too deeply to be printed");
    }
    return rt_take_text(rt, span, &text, ret);
}

bool rt_equal(struct jinja_runtime *rt, struct span span, struct jinja_value a,
              struct jinja_value b, bool *ret) {
    uint64_t budget = VALUE_ITEMS_MAX;
    if (a.kind == JINJA_STRING && b.kind == JINJA_STRING && a.string.len == b.string.len &&
        !rt_step(rt, span, a.string.len / 256)) {
        return false;
    }
    *ret = value_equal_within(a, b, &budget);
    if (budget == 0) {
        return rt_fail(rt, span, "values are too large to be compared");
    }
    return rt_step(rt, span, (VALUE_ITEMS_MAX - budget) / 16);
}

/* Orders two numbers; 2 when one is not a number. */
static int compare_numbers(struct jinja_value a, struct jinja_value b) {
    int64_t x = 0;
    int64_t y = 0;
    /* long double holds every 64-bit integer exactly on both architectures. */
    long double p = value_is_integer(a, &x) ? (long double)x : (long double)a.real;
    long double q = value_is_integer(b, &y) ? (long double)y : (long double)b.real;
    return p < q ? -1 : p > q ? 1 : p == q ? 0 : 2;
}

static bool compare(struct jinja_runtime *rt, struct span span, struct jinja_value a,
                    struct jinja_value b, size_t depth, int *ret);

/* The first unequal pair decides, else the length. */
static bool compare_lists(struct jinja_runtime *rt, struct span span, const struct jinja_list *a,
                          const struct jinja_list *b, size_t depth, int *ret) {
    for (size_t i = 0; i < a->len && i < b->len; i++) {
        bool same;
        if (!rt_equal(rt, span, a->items[i], b->items[i], &same)) {
            return false;
        }
        if (!same) {
            return compare(rt, span, a->items[i], b->items[i], depth + 1, ret);
        }
    }
    *ret = (a->len > b->len) - (a->len < b->len);
    return true;
}

static bool compare(struct jinja_runtime *rt, struct span span, struct jinja_value a,
                    struct jinja_value b, size_t depth, int *ret) {
    double ignored;
    if (depth > VALUE_DEPTH_MAX) {
        return rt_fail(rt, span, "values are nested too deeply to be compared");
    }
    if (value_is_number(a, &ignored) && value_is_number(b, &ignored)) {
        *ret = compare_numbers(a, b);
        return true;
    }
    if (a.kind == JINJA_STRING && b.kind == JINJA_STRING) {
        if (!rt_step(rt, span, min_size(a.string.len, b.string.len) / 256)) {
            return false;
        }
        int order = str_cmp(a.string, b.string);
        *ret = (order > 0) - (order < 0);
        return true;
    }
    bool views = a.view != JINJA_VIEW_NONE && a.kind == JINJA_LIST;
    if (a.kind == b.kind && !views && (a.kind == JINJA_LIST || a.kind == JINJA_TUPLE)) {
        return compare_lists(rt, span, a.list, b.list, depth, ret);
    }
    if (a.kind == JINJA_UNDEFINED || b.kind == JINJA_UNDEFINED) {
        return rt_undefined(rt, span, a.kind == JINJA_UNDEFINED ? a : b);
    }
    return rt_fail(rt, span, "'%s' and '%s' values have no order", value_type_name(a),
                   value_type_name(b));
}

bool rt_compare(struct jinja_runtime *rt, struct span span, struct jinja_value a,
                struct jinja_value b, int *ret) {
    return compare(rt, span, a, b, 0, ret);
}

bool rt_dict_key_other(struct jinja_runtime *rt, struct span span, const struct jinja_value *key) {
    if (!rt_use(rt, span, *key) || !rt_step_text(rt, span, *key)) {
        return false;
    }
    return value_hashable(*key) ||
           rt_fail(rt, span, "a '%s' value cannot be a key", value_type_name(*key));
}

static bool list_contains(struct jinja_runtime *rt, struct span span, struct jinja_value container,
                          struct jinja_value item, bool *ret) {
    struct iter it;
    struct jinja_value next;
    if (!iter_init(rt, span, container, &it)) {
        return false;
    }
    *ret = false;
    while (!*ret && iter_next(&it, &next)) {
        if (!rt_use(rt, span, item) || !rt_use(rt, span, next) ||
            !rt_equal(rt, span, next, item, ret) || !rt_step(rt, span, 1)) {
            return false;
        }
    }
    return true;
}

static bool range_contains(const struct jinja_range *r, struct jinja_value item) {
    int64_t i;
    double d = 0;
    if (!value_is_integer(item, &i)) {
        if (!value_is_number(item, &d) || d != trunc(d) || d < -0x1p63 || d >= 0x1p63) {
            return false;
        }
        i = (int64_t)d;
    }
    if (r->len == 0 ||
        (r->step > 0 ? i < r->start || i >= r->stop : i > r->start || i <= r->stop)) {
        return false;
    }
    uint64_t distance =
        r->step > 0 ? (uint64_t)i - (uint64_t)r->start : (uint64_t)r->start - (uint64_t)i;
    uint64_t step = r->step > 0 ? (uint64_t)r->step : 0 - (uint64_t)r->step;
    return distance % step == 0;
}

bool rt_contains(struct jinja_runtime *rt, struct span span, struct jinja_value container,
                 struct jinja_value item, bool *ret) {
    switch ((enum jinja_kind)container.kind) {
    case JINJA_STRING:
        if (!rt_step_text(rt, span, container)) {
            return false;
        }
        if (item.kind != JINJA_STRING) {
            return item.kind == JINJA_UNDEFINED
                       ? rt_undefined(rt, span, item)
                       : rt_fail(rt, span, "only a string can be in a string, not a '%s' value",
                                 value_type_name(item));
        }
        *ret = str_find(container.string, item.string, 0) != STR_NONE;
        return true;
    case JINJA_DICT:
        if (!rt_dict_key(rt, span, &item)) {
            return false;
        }
        *ret = dict_find(container.dict, item) != NULL;
        return true;
    case JINJA_RANGE:
        if (container.range->len > 0 && !rt_use(rt, span, item)) {
            return false;
        }
        *ret = range_contains(container.range, item);
        return true;
    case JINJA_UNDEFINED:
        *ret = false;
        return rt_use(rt, span, container);
    case JINJA_LIST:
        if (container.view == JINJA_VIEW_KEYS && !rt_dict_key(rt, span, &item)) {
            return false;
        }
        return list_contains(rt, span, container, item, ret);
    case JINJA_TUPLE:
    case JINJA_ITERATOR:
        return list_contains(rt, span, container, item, ret);
    case JINJA_NONE:
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_FLOAT:
    case JINJA_FUNCTION:
    case JINJA_OBJECT:
        break;
    }
    return rt_fail(rt, span, "a '%s' value holds no items", value_type_name(container));
}

bool rt_compare_by(struct jinja_runtime *rt, struct span span, enum compare_op op,
                   struct jinja_value a, struct jinja_value b, bool *ret) {
    int order;
    switch (op) {
    case COMPARE_EQ:
    case COMPARE_NE:
        if (!rt_use(rt, span, a) || !rt_use(rt, span, b) || !rt_equal(rt, span, a, b, ret)) {
            return false;
        }
        *ret = *ret == (op == COMPARE_EQ);
        return true;
    case COMPARE_IN:
    case COMPARE_NOT_IN:
        if (!rt_contains(rt, span, b, a, ret)) {
            return false;
        }
        *ret = *ret == (op == COMPARE_IN);
        return true;
    case COMPARE_LT:
    case COMPARE_LE:
    case COMPARE_GT:
    case COMPARE_GE:
        break;
    }
    if (!rt_compare(rt, span, a, b, &order)) {
        return false;
    }
    bool less = op == COMPARE_LT || op == COMPARE_LE;
    bool or_equal = op == COMPARE_LE || op == COMPARE_GE;
    *ret = order != 2 && ((order == 0 && or_equal) || (less ? order < 0 : order > 0));
    return true;
}

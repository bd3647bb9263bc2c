// SPDX-License-Identifier: Apache-2.0
/* A stable merge sort whose comparison may fail, and the keys that filters compare by. */
#include <string.h>

#include "jinja/builtin/builtin.h"

struct sorter {
    struct jinja_call *call;
    bool reverse;
    bool equal; /* equal keys need no order: two none are fine */
    bool failed;
};

struct keyed {
    struct jinja_value key;
    struct jinja_value item;
};

/* Whether lower case may be something else. */
static bool has_case(str s) {
    bool any = false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        any |= c >= 0x80 || (c >= 'A' && c <= 'Z');
    }
    return any;
}

bool call_fold_text(struct jinja_call *call, str text, struct jinja_value *ret) {
    AUTO_BUF out = call_buf(call);
    if (!call_step(call, text.len / 32)) {
        return false;
    }
    if (!has_case(text)) {
        value_put_string(ret, text);
        return true;
    }
    for (size_t i = 0; i < text.len;) {
        text_add_lower(&out, text_next(text, &i));
    }
    return call_take(call, &out, ret);
}

static bool compare(struct sorter *s, struct jinja_value a, struct jinja_value b, int *ret) {
    struct jinja_call *call = s->call;
    bool same = false;
    *ret = 0;
    if (s->equal && a.kind == b.kind && a.kind != JINJA_STRING && a.kind != JINJA_INT &&
        (!rt_use(call->runtime, call->span, a) ||
         !rt_equal(call->runtime, call->span, a, b, &same))) {
        return false;
    }
    return call_step(call, 1) && (same || rt_compare(call->runtime, call->span, a, b, ret));
}

/* Only "less" is asked for, as Python's sort does; reverse keeps equal items in order too. */
static bool less(struct sorter *s, const struct keyed *a, const struct keyed *b) {
    int order = 0;
    if (a->key.kind == JINJA_INT && b->key.kind == JINJA_INT) {
        s->failed = s->failed || !call_step(s->call, 1);
        return s->reverse ? a->key.integer > b->key.integer : a->key.integer < b->key.integer;
    }
    s->failed = s->failed || !compare(s, a->key, b->key, &order);
    return order == (s->reverse ? 1 : -1);
}

static void merge(struct sorter *s, struct keyed *items, struct keyed *spare, size_t middle,
                  size_t len) {
    size_t i = 0;
    size_t j = middle;
    for (size_t k = 0; k < len; k++) {
        bool right = i >= middle || (j < len && less(s, &items[j], &items[i]));
        spare[k] = right ? items[j++] : items[i++];
    }
    memcpy(items, spare, len * sizeof *items);
}

static void sort_keyed(struct sorter *s, struct keyed *items, struct keyed *spare, size_t len) {
    if (len < 2 || s->failed) {
        return;
    }
    size_t middle = len / 2;
    sort_keyed(s, items, spare, middle);
    sort_keyed(s, items + middle, spare, len - middle);
    merge(s, items, spare, middle, len);
}

/* "a,b.c" gives a tuple of keys; one path the value itself. */
static bool sort_key(struct jinja_call *call, const struct jinja_value *item,
                     const struct jinja_value *by, bool case_sensitive, struct jinja_value *ret) {
    if (by->kind == JINJA_UNDEFINED || by->kind == JINJA_NONE) {
        return call_fold(call, item, case_sensitive, ret);
    }
    if (by->kind != JINJA_STRING || str_find_char(by->string, ',', 0) == STR_NONE) {
        struct jinja_value key;
        return call_attribute(call, *item, *by, &key) && call_fold(call, &key, case_sensitive, ret);
    }
    struct jinja_value keys = jinja_list_new(call->arena);
    str rest = by->string;
    while (rest.len > 0) {
        struct jinja_value key;
        if (!call_attribute(call, *item, jinja_string(str_cut(&rest, ',')), &key) ||
            !call_fold(call, &key, case_sensitive, &key)) {
            return false;
        }
        jinja_list_add(keys, key);
    }
    *ret = keys;
    return true;
}

static bool sort_list(struct sorter *s, struct jinja_list *list, struct jinja_value by,
                      bool case_sensitive) {
    struct jinja_call *call = s->call;
    size_t len = list->len;
    if (!rt_reserve(call->runtime, call->span, len * 2 * sizeof(struct keyed))) {
        return false;
    }
    struct keyed *items = ARENA_ARRAY(call->arena, struct keyed, len);
    for (size_t i = 0; i < len; i++) {
        items[i].item = list->items[i];
        if (!call_step(call, 1) ||
            !sort_key(call, &items[i].item, &by, case_sensitive, &items[i].key)) {
            return false;
        }
    }
    sort_keyed(s, items, ARENA_ARRAY(call->arena, struct keyed, len), len);
    for (size_t i = 0; i < len; i++) {
        list->items[i] = items[i].item;
    }
    return !s->failed;
}

bool call_sort(struct jinja_call *call, struct jinja_list *list, struct jinja_value by,
               bool case_sensitive, bool reverse) {
    struct sorter s = { .call = call, .reverse = reverse };
    return sort_list(&s, list, by, case_sensitive);
}

bool call_sort_equal(struct jinja_call *call, struct jinja_list *list, struct jinja_value by,
                     bool case_sensitive, bool reverse) {
    struct sorter s = { .call = call, .reverse = reverse, .equal = true };
    return sort_list(&s, list, by, case_sensitive);
}

// SPDX-License-Identifier: Apache-2.0
/* Methods of lists and tuples. */
#include <string.h>

#include "jinja/builtin/builtin.h"

static struct jinja_list *self(const struct jinja_call *call) {
    return call->args[0].list;
}

static bool none(struct jinja_value *ret) {
    *ret = JINJA_NONE_VALUE;
    return true;
}

static bool method_append(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, ITEM };
    jinja_list_add(call->args[SELF], call->args[ITEM]);
    return none(ret);
}

static bool method_extend(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, ITEMS };
    struct jinja_value items;
    if (!rt_list(call->runtime, call->span, call->args[ITEMS], &items)) {
        return false;
    }
    for (size_t i = 0; i < items.list->len; i++) {
        jinja_list_add(call->args[SELF], items.list->items[i]);
    }
    return none(ret);
}

static bool method_insert(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, INDEX, ITEM };
    int64_t index;
    struct jinja_list *list = self(call);
    if (!call_int(call, INDEX, 0, &index) || !call_step(call, list->len / 16)) {
        return false;
    }
    int64_t len = (int64_t)list->len;
    index = index < -len ? 0 : index < 0 ? index + len : index > len ? len : index;
    jinja_list_add(call->args[SELF], JINJA_NONE_VALUE);
    memmove(list->items + index + 1, list->items + index,
            (size_t)(len - index) * sizeof *list->items);
    list->items[index] = call->args[ITEM];
    return none(ret);
}

static void remove_at(struct jinja_list *list, size_t index) {
    memmove(list->items + index, list->items + index + 1,
            (list->len - index - 1) * sizeof *list->items);
    list->len--;
}

static bool method_pop(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, INDEX };
    int64_t index;
    struct jinja_list *list = self(call);
    if (!call_int(call, INDEX, -1, &index)) {
        return false;
    }
    index += index < 0 ? (int64_t)list->len : 0;
    if (index < 0 || index >= (int64_t)list->len) {
        return jinja_call_fail(call, "the index is out of range");
    }
    *ret = list->items[index];
    remove_at(list, (size_t)index);
    return call_step(call, (list->len - (size_t)index) / 16);
}

/* Index of the first equal item; len when there is none. */
static bool find(struct jinja_call *call, size_t *ret) {
    enum { SELF, ITEM };
    const struct jinja_list *list = self(call);
    for (*ret = 0; *ret < list->len; ++*ret) {
        bool same;
        if (!call_step(call, 1) ||
            !rt_equal(call->runtime, call->span, list->items[*ret], call->args[ITEM], &same)) {
            return false;
        }
        if (same) {
            break;
        }
    }
    return true;
}

static bool find_existing(struct jinja_call *call, size_t *ret) {
    return find(call, ret) &&
           (*ret < self(call)->len || jinja_call_fail(call, "the value is not in the list"));
}

static bool method_remove(struct jinja_call *call, struct jinja_value *ret) {
    size_t at;
    if (!find_existing(call, &at)) {
        return false;
    }
    remove_at(self(call), at);
    return call_step(call, self(call)->len / 16) && none(ret);
}

static bool method_index(struct jinja_call *call, struct jinja_value *ret) {
    size_t at;
    if (!find_existing(call, &at)) {
        return false;
    }
    *ret = jinja_int((int64_t)at);
    return true;
}

static bool method_count(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, ITEM };
    int64_t count = 0;
    const struct jinja_list *list = self(call);
    for (size_t i = 0; i < list->len; i++) {
        bool same;
        if (!call_step(call, 1) ||
            !rt_equal(call->runtime, call->span, list->items[i], call->args[ITEM], &same)) {
            return false;
        }
        count += same ? 1 : 0;
    }
    *ret = jinja_int(count);
    return true;
}

static bool method_reverse(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_list *list = self(call);
    for (size_t i = 0; i < list->len / 2; i++) {
        struct jinja_value item = list->items[i];
        list->items[i] = list->items[list->len - 1 - i];
        list->items[list->len - 1 - i] = item;
    }
    return call_step(call, list->len / 16) && none(ret);
}

static bool method_sort(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, REVERSE };
    bool reverse;
    struct jinja_value whole = { .kind = JINJA_UNDEFINED };
    return call_bool(call, REVERSE, false, &reverse) &&
           call_sort(call, self(call), whole, true, reverse) && none(ret);
}

static bool method_copy(struct jinja_call *call, struct jinja_value *ret) {
    return rt_list(call->runtime, call->span, call->args[0], ret);
}

static bool method_clear(struct jinja_call *call, struct jinja_value *ret) {
    self(call)->len = 0;
    return none(ret);
}

static const struct jinja_callable list_rows[] = {
    { S_INIT("append"), "self item", 2, method_append, "Adds an item." },
    { S_INIT("extend"), "self items", 2, method_extend, "Adds items." },
    { S_INIT("insert"), "self index item", 3, method_insert, "Adds an item in front of another." },
    { S_INIT("pop"), "self index", 1, method_pop, "Takes an item out." },
    { S_INIT("remove"), "self item", 2, method_remove, "Takes the first equal item out." },
    { S_INIT("index"), "self item", 2, method_index, "Place of the first equal item." },
    { S_INIT("count"), "self item", 2, method_count, "Number of equal items." },
    { S_INIT("reverse"), "self", 1, method_reverse, "Turns the list around." },
    { S_INIT("sort"), "self reverse", 1, method_sort, "Sorts the list." },
    { S_INIT("copy"), "self", 1, method_copy, "Another list of the items." },
    { S_INIT("clear"), "self", 1, method_clear, "Takes all items out." },
};

static const struct jinja_callable tuple_rows[] = {
    { S_INIT("index"), "self item", 2, method_index, "Place of the first equal item." },
    { S_INIT("count"), "self item", 2, method_count, "Number of equal items." },
};

const struct callable_table methods_list_table = { list_rows, ARRAY_LEN(list_rows) };
const struct callable_table methods_tuple_table = { tuple_rows, ARRAY_LEN(tuple_rows) };

// SPDX-License-Identifier: Apache-2.0
/* Filters over lists and dicts as a whole. */
#include "jinja/builtin/builtin.h"

static const struct jinja_value no_value = { .kind = JINJA_UNDEFINED };

/* The value's items as a list of their own. */
static bool input(struct jinja_call *call, struct jinja_value *ret) {
    return rt_list(call->runtime, call->span, call->args[0], ret);
}

static struct jinja_value argument(const struct jinja_call *call, unsigned param) {
    return jinja_call_has(call, param) ? call->args[param] : no_value;
}

static bool has_value(const struct jinja_call *call, unsigned param) {
    return jinja_call_has(call, param) && call->args[param].kind != JINJA_NONE;
}

/* With autoescape, one item that is markup makes the whole of it. */
static bool is_any_markup(struct jinja_call *call, const struct jinja_list *items) {
    enum { VALUE, BETWEEN };
    if (!*call->runtime->module->autoescape) {
        return false;
    }
    bool any = jinja_call_has(call, BETWEEN) && value_is_markup(call->args[BETWEEN]);
    for (size_t i = 0; i < items->len && !any; i++) {
        any = value_is_markup(items->items[i]);
    }
    return any;
}

static bool join_items(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, BETWEEN, ATTRIBUTE };
    struct iter it;
    struct jinja_value item;
    if (!iter_init(call->runtime, call->span, call->args[VALUE], &it)) {
        return false;
    }
    *ret = jinja_list_new(call->arena);
    while (iter_next(&it, &item)) {
        if (!call_step(call, 1) || (has_value(call, ATTRIBUTE) &&
                                    !call_attribute(call, item, call->args[ATTRIBUTE], &item))) {
            return false;
        }
        jinja_list_add(*ret, item);
    }
    return true;
}

static bool join_markup(struct jinja_call *call, const struct jinja_list *items, str between,
                        struct buf *out) {
    str text;
    for (size_t i = 0; i < items->len; i++) {
        if (!rt_escape(call->runtime, call->span, items->items[i], &text)) {
            return false;
        }
        buf_add(out, i == 0 ? (str){ 0 } : between);
        buf_add(out, text);
    }
    return true;
}

static bool join_plain(struct jinja_call *call, const struct jinja_list *items, str between,
                       struct buf *out) {
    str text;
    for (size_t i = 0; i < items->len; i++) {
        const struct jinja_value *item = &items->items[i];
        buf_add(out, i == 0 ? (str){ 0 } : between);
        if (item->kind == JINJA_STRING) {
            buf_add(out, item->string);
        } else if (item->kind == JINJA_INT) {
            text_add_integer(out, item->integer);
        } else if (rt_text(call->runtime, call->span, *item, &text)) {
            buf_add(out, text);
        } else {
            return false;
        }
    }
    return true;
}

static bool filter_join(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, D, ATTRIBUTE };
    struct jinja_value made;
    const struct jinja_list *items = call->args[VALUE].list;
    str between = { 0 };
    AUTO_BUF out = call_buf(call);
    bool as_is = call->args[VALUE].kind == JINJA_LIST && !has_value(call, ATTRIBUTE);
    if (as_is ? !call_step(call, items->len) : !join_items(call, &made)) {
        return false;
    }
    items = as_is ? items : made.list;
    bool markup = is_any_markup(call, items);
    if ((jinja_call_has(call, D) &&
         !(markup ? rt_escape : rt_text)(call->runtime, call->span, call->args[D], &between)) ||
        !(markup ? join_markup : join_plain)(call, items, between, &out) ||
        !call_take(call, &out, ret)) {
        return false;
    }
    ret->markup = markup;
    return true;
}

static bool filter_first(struct jinja_call *call, struct jinja_value *ret) {
    struct iter it;
    if (!iter_init(call->runtime, call->span, call->args[0], &it)) {
        return false;
    }
    if (!iter_next(&it, ret)) {
        *ret = value_undefined(S("No first item, sequence was empty."), UNDEFINED_EMPTY);
    }
    return true;
}

static bool filter_last(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value items;
    if (call->args[0].kind == JINJA_ITERATOR) {
        return jinja_call_fail(call, "a 'generator' value has no last item");
    }
    if (!input(call, &items)) {
        return false;
    }
    size_t len = items.list->len;
    *ret = len > 0 ? items.list->items[len - 1]
                   : value_undefined(S("No last item, sequence was empty."), UNDEFINED_EMPTY);
    if (len > 0 && call->args[0].kind == JINJA_STRING) {
        ret->markup = call->args[0].markup; /* found by its index, which keeps it markup */
    }
    return true;
}

static bool filter_length(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    if (v.kind == JINJA_UNDEFINED) {
        *ret = jinja_int(0);
        return rt_use(call->runtime, call->span, v);
    }
    if (!value_is_sized(v)) {
        return jinja_call_fail(call, "a '%s' value has no length", value_type_name(v));
    }
    *ret = jinja_int((int64_t)value_length(v));
    return true;
}

static bool filter_list(struct jinja_call *call, struct jinja_value *ret) {
    return input(call, ret);
}

static bool filter_sort(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, REVERSE, CASE_SENSITIVE, ATTRIBUTE };
    bool reverse;
    bool sensitive;
    return input(call, ret) && call_bool(call, REVERSE, false, &reverse) &&
           call_bool(call, CASE_SENSITIVE, false, &sensitive) &&
           call_sort_equal(call, ret->list, argument(call, ATTRIBUTE), sensitive, reverse);
}

static bool filter_unique(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, CASE_SENSITIVE, ATTRIBUTE };
    struct jinja_value items;
    bool sensitive;
    struct jinja_value seen = jinja_dict_new(call->arena);
    struct jinja_value unique = jinja_list_new(call->arena);
    if (!input(call, &items) || !call_bool(call, CASE_SENSITIVE, false, &sensitive)) {
        return false;
    }
    for (size_t i = 0; i < items.list->len; i++) {
        struct jinja_value key = items.list->items[i];
        if ((has_value(call, ATTRIBUTE) &&
             !call_attribute(call, key, call->args[ATTRIBUTE], &key)) ||
            !call_fold(call, &key, sensitive, &key) ||
            !rt_dict_key(call->runtime, call->span, &key)) {
            return false;
        }
        if (dict_add(seen.dict, key, JINJA_NONE_VALUE)) {
            jinja_list_add(unique, items.list->items[i]);
        }
    }
    *ret = value_iterator(unique);
    return true;
}

static void reverse_list(struct jinja_list *list) {
    for (size_t i = 0; i < list->len / 2; i++) {
        struct jinja_value item = list->items[i];
        list->items[i] = list->items[list->len - 1 - i];
        list->items[list->len - 1 - i] = item;
    }
}

static bool filter_reverse(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    if (v.kind == JINJA_STRING) {
        struct jinja_value back[3] = { JINJA_NONE_VALUE, JINJA_NONE_VALUE, jinja_int(-1) };
        return rt_slice(call->runtime, call->span, v, back, ret);
    }
    if (!input(call, ret)) {
        return false;
    }
    reverse_list(ret->list);
    if (v.kind != JINJA_ITERATOR) {
        *ret = value_iterator(*ret);
    }
    return true;
}

static bool positive(struct jinja_call *call, unsigned param, int64_t *ret) {
    return call_int(call, param, 0, ret) &&
           (*ret > 0 || jinja_call_fail(call, "needs a number above 0"));
}

static bool filter_batch(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, LINECOUNT, FILL_WITH };
    struct jinja_value items;
    int64_t size;
    if (!input(call, &items) || !positive(call, LINECOUNT, &size)) {
        return false;
    }
    struct jinja_value batches = jinja_list_new(call->arena);
    struct jinja_value batch = { 0 };
    for (size_t i = 0; i < items.list->len; i++) {
        if (i % (size_t)size == 0) {
            batch = jinja_list_new(call->arena);
            list_reserve(batch.list, min_size((size_t)size, items.list->len - i));
            jinja_list_add(batches, batch);
        }
        jinja_list_add(batch, items.list->items[i]);
    }
    while (items.list->len > 0 && has_value(call, FILL_WITH) && (int64_t)batch.list->len < size) {
        if (!call_step(call, 1)) {
            return false;
        }
        jinja_list_add(batch, call->args[FILL_WITH]);
    }
    *ret = value_iterator(batches);
    return true;
}

/* So many lists of nearly equal length; the first ones get what is over. */
static bool filter_slice(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, SLICES, FILL_WITH };
    struct jinja_value items;
    int64_t slices;
    if (!input(call, &items) || !positive(call, SLICES, &slices)) {
        return false;
    }
    struct jinja_value lists = jinja_list_new(call->arena);
    size_t each = items.list->len / (size_t)slices;
    size_t longer = items.list->len % (size_t)slices;
    size_t at = 0;
    for (size_t n = 0; n < (size_t)slices; n++) {
        struct jinja_value list = jinja_list_new(call->arena);
        size_t end = at + each + (n < longer ? 1 : 0);
        if (!call_step(call, 1)) {
            return false;
        }
        while (at < end) {
            jinja_list_add(list, items.list->items[at++]);
        }
        if (has_value(call, FILL_WITH) && n >= longer) {
            jinja_list_add(list, call->args[FILL_WITH]);
        }
        jinja_list_add(lists, list);
    }
    *ret = value_iterator(lists);
    return true;
}

struct jinja_value dict_pairs(struct arena *a, const struct jinja_dict *d) {
    struct pair {
        struct jinja_list list;
        struct jinja_value items[2];
    };
    struct jinja_value pairs = jinja_list_new(a);
    struct pair *next = arena_alloc_raw(a, d->len * sizeof *next); /* all in one piece */
    list_reserve(pairs.list, d->len);
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].removed) {
            next->list =
                (struct jinja_list){ .arena = a, .items = next->items, .len = 2, .cap = 2 };
            next->items[0] = d->entries[i].key;
            next->items[1] = d->entries[i].value;
            pairs.list->items[pairs.list->len++] =
                (struct jinja_value){ .kind = JINJA_TUPLE, .list = &next->list };
            next++;
        }
    }
    return pairs;
}

static bool filter_items(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    if (v.kind == JINJA_UNDEFINED) {
        *ret = value_iterator(jinja_list_new(call->arena));
        return true;
    }
    if (v.kind != JINJA_DICT) {
        return jinja_call_fail(call, "only a mapping has items, not a '%s' value",
                               value_type_name(v));
    }
    *ret = value_iterator(dict_pairs(call->arena, v.dict));
    return call_step(call, v.dict->len);
}

static bool filter_dictsort(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, CASE_SENSITIVE, BY, REVERSE };
    bool sensitive;
    bool reverse;
    str by;
    if (call->args[VALUE].kind != JINJA_DICT) {
        return jinja_call_fail(call, "needs a dict, not a '%s' value",
                               value_type_name(call->args[VALUE]));
    }
    if (!call_bool(call, CASE_SENSITIVE, false, &sensitive) || !call_str(call, BY, S("key"), &by) ||
        !call_bool(call, REVERSE, false, &reverse)) {
        return false;
    }
    bool by_key = str_eq(by, S("key"));
    if (!by_key && !str_eq(by, S("value"))) {
        return jinja_call_fail(call, "can sort by 'key' or 'value'");
    }
    *ret = dict_pairs(call->arena, call->args[VALUE].dict);
    return call_sort(call, ret->list, jinja_int(by_key ? 0 : 1), sensitive, reverse);
}

/* Neighbours with equal keys, after sorting by them. */
static bool filter_groupby(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, ATTRIBUTE, DEFAULT, CASE_SENSITIVE };
    struct jinja_value items;
    bool sensitive;
    struct jinja_value last = no_value;
    struct jinja_value group = no_value;
    if (!input(call, &items) || !call_bool(call, CASE_SENSITIVE, false, &sensitive)) {
        return false;
    }
    struct jinja_value pairs = jinja_list_new(call->arena);
    for (size_t i = 0; i < items.list->len; i++) {
        struct jinja_value pair = value_tuple(call->arena);
        struct jinja_value key;
        if (!call_attribute(call, items.list->items[i], call->args[ATTRIBUTE], &key)) {
            return false;
        }
        jinja_list_add(pair, key.kind == JINJA_UNDEFINED ? argument(call, DEFAULT) : key);
        jinja_list_add(pair, items.list->items[i]);
        jinja_list_add(pairs, pair);
    }
    if (!call_sort(call, pairs.list, jinja_int(0), sensitive, false)) {
        return false;
    }
    *ret = jinja_list_new(call->arena);
    for (size_t i = 0; i < pairs.list->len; i++) {
        const struct jinja_list *pair = pairs.list->items[i].list;
        struct jinja_value key;
        bool same = false;
        if (!call_fold(call, &pair->items[0], sensitive, &key) ||
            (i > 0 && !rt_equal(call->runtime, call->span, key, last, &same))) {
            return false;
        }
        if (!same) {
            group = value_tuple(call->arena);
            group.view = JINJA_VIEW_GROUP;
            jinja_list_add(group, pair->items[0]);
            jinja_list_add(group, jinja_list_new(call->arena));
            jinja_list_add(*ret, group);
            last = key;
        }
        jinja_list_add(group.list->items[1], pair->items[1]);
    }
    return true;
}

static bool filter_attr(struct jinja_call *call, struct jinja_value *ret) {
    enum { OBJ, NAME };
    str name;
    struct jinja_value v = call->args[OBJ];
    if (!call_str(call, NAME, (str){ 0 }, &name)) {
        return false;
    }
    if (v.kind == JINJA_DICT) { /* attributes only: the items of a dict are none */
        *ret = value_undefined(name, UNDEFINED_OF_FIRST + JINJA_DICT);
        rt_method(call->runtime, v, name, ret);
        return true;
    }
    return rt_attr(call->runtime, call->span, v, name, ret);
}

static const struct jinja_callable rows[] = {
    { S_INIT("join"), "value d attribute", 1, filter_join, "The items as one text, d between." },
    { S_INIT("first"), "seq", 1, filter_first, "The first item." },
    { S_INIT("last"), "seq", 1, filter_last, "The last item." },
    { S_INIT("length"), "obj", 1, filter_length, "Number of items or characters." },
    { S_INIT("count"), "obj", 1, filter_length, "Same as length." },
    { S_INIT("list"), "value", 1, filter_list, "The items as a list." },
    { S_INIT("sort"), "value reverse case_sensitive attribute", 1, filter_sort, "In order." },
    { S_INIT("unique"), "value case_sensitive attribute", 1, filter_unique, "Each item once." },
    { S_INIT("reverse"), "value", 1, filter_reverse, "Backwards." },
    { S_INIT("batch"), "value linecount fill_with", 2, filter_batch,
      "Lists with the given number of items." },
    { S_INIT("slice"), "value slices fill_with", 2, filter_slice, "The given number of lists." },
    { S_INIT("items"), "value", 1, filter_items, "Pairs of key and value." },
    { S_INIT("dictsort"), "value case_sensitive by reverse", 1, filter_dictsort,
      "Pairs of key and value in order." },
    { S_INIT("groupby"), "value attribute default case_sensitive", 2, filter_groupby,
      "Lists of the items with an equal attribute." },
    { S_INIT("attr"), "obj name", 2, filter_attr, "An attribute, never an item." },
};

const struct callable_table filters_list_table = { rows, ARRAY_LEN(rows) };

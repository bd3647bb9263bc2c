// SPDX-License-Identifier: Apache-2.0
/* Filters that apply a filter or a test to every item. */
#include "jinja/internal.h"

/* What is behind the first positional argument, the name of a filter or test. */
static struct call_values other_args(const struct jinja_call *call) {
    return (struct call_values){ .positional = call->rest + 1,
                                 .count = call->rest_count - 1,
                                 .keywords = call->keywords,
                                 .keyword_count = call->keyword_count };
}

static const struct jinja_keyword *keyword(const struct jinja_call *call, str name) {
    for (size_t i = 0; i < call->keyword_count; i++) {
        if (str_eq(call->keywords[i].name, name)) {
            return &call->keywords[i];
        }
    }
    return NULL;
}

static bool callable_name(struct jinja_call *call, size_t index, str *ret) {
    if (call->rest_count <= index || call->rest[index].kind != JINJA_STRING) {
        return jinja_call_fail(call, "needs the name of a filter or test");
    }
    *ret = call->rest[index].string;
    return true;
}

static bool map_attribute(struct jinja_call *call, struct jinja_value item,
                          struct jinja_value *ret) {
    const struct jinja_keyword *fallback = keyword(call, S("default"));
    if (!call_attribute(call, item, keyword(call, S("attribute"))->value, ret)) {
        return false;
    }
    if (ret->kind == JINJA_UNDEFINED && fallback != NULL) {
        *ret = fallback->value;
    }
    return true;
}

static bool map_filter(struct jinja_call *call, struct jinja_value item, struct jinja_value *ret) {
    struct call_values args = other_args(call);
    return rt_apply(call, call->rest[0].string, false, item, &args, ret);
}

static bool check_map(struct jinja_call *call, bool attribute) {
    str name;
    if (!attribute) {
        return callable_name(call, 0, &name);
    }
    if (call->rest_count > 0) {
        return jinja_call_fail(call, "takes an attribute or a filter, not both");
    }
    for (size_t i = 0; i < call->keyword_count; i++) {
        str given = call->keywords[i].name;
        if (!str_eq(given, S("attribute")) && !str_eq(given, S("default"))) {
            return jinja_call_fail(call, "no parameter '%.*s'", STR_FMT(given));
        }
    }
    return true;
}

/* Nothing is looked at for nothing, not even the name of the filter or test. */
static bool is_nothing(struct jinja_call *call, bool *ret) {
    if (!call_truth(call, call->args[0], ret)) {
        return false;
    }
    *ret = !*ret;
    return true;
}

static bool filter_map(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value items;
    bool nothing;
    if (!is_nothing(call, &nothing)) {
        return false;
    }
    if (nothing) {
        *ret = value_iterator(jinja_list_new(call->arena));
        return true;
    }
    bool attribute = keyword(call, S("attribute")) != NULL && call->rest_count == 0;
    if (!check_map(call, attribute) || !rt_list(call->runtime, call->span, call->args[0], &items)) {
        return false;
    }
    for (size_t i = 0; i < items.list->len; i++) {
        struct jinja_value *item = &items.list->items[i];
        if (!(attribute ? map_attribute(call, *item, item) : map_filter(call, *item, item))) {
            return false;
        }
    }
    *ret = value_iterator(items);
    return true;
}

/* Keeps the items for which the test's truth is `wanted`; with_attribute: that of an attribute,
 * named by the first argument. */
static bool select_items(struct jinja_call *call, bool wanted, bool with_attribute,
                         struct jinja_value *ret) {
    struct jinja_value items;
    struct jinja_value kept = jinja_list_new(call->arena);
    struct jinja_value attribute = { 0 };
    str test = { 0 };
    bool nothing;
    if (!is_nothing(call, &nothing)) {
        return false;
    }
    if (nothing) {
        *ret = value_iterator(kept);
        return true;
    }
    if (with_attribute) {
        if (call->rest_count == 0) {
            return jinja_call_fail(call, "needs the name of an attribute");
        }
        attribute = *call->rest++;
        call->rest_count--;
    }
    if ((call->rest_count > 0 && !callable_name(call, 0, &test)) ||
        !rt_list(call->runtime, call->span, call->args[0], &items)) {
        return false;
    }
    for (size_t i = 0; i < items.list->len; i++) {
        struct jinja_value v = items.list->items[i];
        bool truth;
        if (with_attribute && !call_attribute(call, v, attribute, &v)) {
            return false;
        }
        if (test.len > 0) {
            struct call_values args = other_args(call);
            if (!rt_apply(call, test, true, v, &args, &v)) {
                return false;
            }
        }
        if (!call_truth(call, v, &truth)) {
            return false;
        }
        if (truth == wanted) {
            jinja_list_add(kept, items.list->items[i]);
        }
    }
    *ret = value_iterator(kept);
    return true;
}

static bool filter_select(struct jinja_call *call, struct jinja_value *ret) {
    return select_items(call, true, false, ret);
}

static bool filter_reject(struct jinja_call *call, struct jinja_value *ret) {
    return select_items(call, false, false, ret);
}

static bool filter_selectattr(struct jinja_call *call, struct jinja_value *ret) {
    return select_items(call, true, true, ret);
}

static bool filter_rejectattr(struct jinja_call *call, struct jinja_value *ret) {
    return select_items(call, false, true, ret);
}

static const struct jinja_callable rows[] = {
    { S_INIT("map"), "value * **", 1, filter_map, "A filter or attribute of every item." },
    { S_INIT("select"), "value * **", 1, filter_select, "Items that pass a test." },
    { S_INIT("reject"), "value * **", 1, filter_reject, "Items that do not pass a test." },
    { S_INIT("selectattr"), "value * **", 1, filter_selectattr,
      "Items whose attribute passes a test." },
    { S_INIT("rejectattr"), "value * **", 1, filter_rejectattr,
      "Items whose attribute does not pass a test." },
};

const struct callable_table filters_select_table = { rows, ARRAY_LEN(rows) };

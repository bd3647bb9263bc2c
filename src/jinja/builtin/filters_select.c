// SPDX-License-Identifier: Apache-2.0
/* Filters that apply a filter or a test to every item. */
#include "jinja/builtin/builtin.h"

/* What is after the first positional argument, the name of a filter or test. */
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

static bool map_attribute(struct jinja_call *call, struct jinja_list *items) {
    const struct jinja_keyword *fallback = keyword(call, S("default"));
    struct jinja_value path = keyword(call, S("attribute"))->value;
    for (size_t i = 0; i < items->len; i++) {
        struct jinja_value *item = &items->items[i];
        if (!call_attribute(call, *item, path, item)) {
            return false;
        }
        if (item->kind == JINJA_UNDEFINED && fallback != NULL) {
            *item = fallback->value;
        }
    }
    return true;
}

/* Each item becomes what the filter makes of it. */
static bool map_filter(struct jinja_call *call, struct jinja_list *items) {
    struct call_values args = other_args(call);
    const struct callable *c = items->len > 0 ? call_find(call, call->rest[0].string, false) : NULL;
    for (size_t i = 0; i < items->len; i++) {
        struct jinja_value made;
        if (c == NULL ||
            !rt_run_callable(call->runtime, c, call->span, &items->items[i], &args, &made)) {
            return false;
        }
        items->items[i] = made;
    }
    return true;
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
    if (!(attribute ? map_attribute : map_filter)(call, items.list)) {
        return false;
    }
    *ret = value_iterator(items);
    return true;
}

/* What an item is judged by: itself or an attribute, or what a test says of that. */
struct criterion {
    bool with_attribute;
    struct jinja_value attribute;
    const struct callable *test; /* NULL: none */
    struct call_values args;     /* of the test */
};

static bool judge(struct jinja_call *call, const struct criterion *c,
                  const struct jinja_value *item, bool *ret) {
    struct jinja_value value;
    struct jinja_value result;
    if (c->with_attribute) {
        if (!call_attribute(call, *item, c->attribute, &value)) {
            return false;
        }
        item = &value;
    }
    if (c->test != NULL) {
        if (!rt_run_callable(call->runtime, c->test, call->span, item, &c->args, &result)) {
            return false;
        }
        item = &result;
    }
    return call_truth(call, *item, ret);
}

/* Reads the arguments. With an attribute its name comes first. */
static bool read_criterion(struct jinja_call *call, bool with_attribute, bool any,
                           struct criterion *ret) {
    str test;
    *ret = (struct criterion){ .with_attribute = with_attribute };
    if (with_attribute) {
        if (call->rest_count == 0) {
            return jinja_call_fail(call, "needs the name of an attribute");
        }
        ret->attribute = *call->rest++;
        call->rest_count--;
    }
    if (call->rest_count == 0) {
        return true;
    }
    if (!callable_name(call, 0, &test)) {
        return false;
    }
    ret->args = other_args(call);
    ret->test = any && test.len > 0 ? call_find(call, test, true) : NULL;
    return ret->test != NULL || !any || test.len == 0;
}

/* Keeps the items for which the truth is `wanted`. */
static bool select_items(struct jinja_call *call, bool wanted, bool with_attribute,
                         struct jinja_value *ret) {
    struct jinja_value items;
    struct jinja_value kept = jinja_list_new(call->arena);
    struct criterion criterion;
    bool nothing;
    if (!is_nothing(call, &nothing)) {
        return false;
    }
    if (nothing) {
        *ret = value_iterator(kept);
        return true;
    }
    if (!rt_list(call->runtime, call->span, call->args[0], &items) ||
        !read_criterion(call, with_attribute, items.list->len > 0, &criterion)) {
        return false;
    }
    for (size_t i = 0; i < items.list->len; i++) {
        bool truth;
        if (!judge(call, &criterion, &items.list->items[i], &truth)) {
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

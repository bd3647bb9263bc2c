// SPDX-License-Identifier: Apache-2.0
/* Methods of dicts. */
#include "jinja/builtin/builtin.h"

static struct jinja_dict *self(const struct jinja_call *call) {
    return call->args[0].dict;
}

static struct jinja_value otherwise(const struct jinja_call *call, unsigned param) {
    return jinja_call_has(call, param) ? call->args[param] : JINJA_NONE_VALUE;
}

/* The entry of the key, or NULL; false: not a key. */
static bool find(struct jinja_call *call, struct dict_entry **ret) {
    enum { SELF, KEY };
    if (!rt_dict_key(call->runtime, call->span, &call->args[KEY])) {
        return false;
    }
    *ret = dict_find(self(call), call->args[KEY]);
    return true;
}

static bool method_get(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, KEY, DEFAULT };
    struct dict_entry *e;
    if (!find(call, &e)) {
        return false;
    }
    *ret = e != NULL ? e->value : otherwise(call, DEFAULT);
    return true;
}

/* Keys, values or pairs, as a view. */
static bool view(struct jinja_call *call, enum jinja_view kind, struct jinja_value *ret) {
    const struct jinja_dict *d = self(call);
    if (!call_step(call, d->len)) {
        return false;
    }
    if (kind == JINJA_VIEW_ITEMS) {
        *ret = value_view(dict_pairs(call->arena, d), kind);
        return true;
    }
    struct jinja_value list = jinja_list_new(call->arena);
    for (size_t i = 0; i < d->used; i++) {
        const struct dict_entry *e = &d->entries[i];
        if (!e->removed) {
            jinja_list_add(list, kind == JINJA_VIEW_KEYS ? e->key : e->value);
        }
    }
    *ret = value_view(list, kind);
    return true;
}

static bool method_keys(struct jinja_call *call, struct jinja_value *ret) {
    return view(call, JINJA_VIEW_KEYS, ret);
}

static bool method_values(struct jinja_call *call, struct jinja_value *ret) {
    return view(call, JINJA_VIEW_VALUES, ret);
}

static bool method_items(struct jinja_call *call, struct jinja_value *ret) {
    return view(call, JINJA_VIEW_ITEMS, ret);
}

static bool method_copy(struct jinja_call *call, struct jinja_value *ret) {
    *ret = (struct jinja_value){ .kind = JINJA_DICT, .dict = dict_copy(call->arena, self(call)) };
    return call_step(call, self(call)->len);
}

static bool method_pop(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, KEY, DEFAULT };
    struct dict_entry *e;
    if (!find(call, &e)) {
        return false;
    }
    if (e == NULL && !jinja_call_has(call, DEFAULT)) {
        return jinja_call_fail(call, "the key is not there");
    }
    *ret = e != NULL ? e->value : call->args[DEFAULT];
    dict_remove(self(call), call->args[KEY]);
    return true;
}

static bool method_popitem(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_dict *d = self(call);
    for (size_t i = d->used; i > 0; i--) {
        const struct dict_entry *e = &d->entries[i - 1];
        if (!e->removed) {
            *ret = value_tuple(call->arena);
            jinja_list_add(*ret, e->key);
            jinja_list_add(*ret, e->value);
            dict_remove(d, e->key);
            return call_step(call, d->used - i);
        }
    }
    return jinja_call_fail(call, "the dict is empty");
}

/* A new dict: the one it is called on does not matter. */
static bool method_fromkeys(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, KEYS, VALUE };
    struct iter it;
    struct jinja_value key;
    *ret = jinja_dict_new(call->arena);
    if (!iter_init(call->runtime, call->span, call->args[KEYS], &it)) {
        return false;
    }
    while (iter_next(&it, &key)) {
        if (!call_step(call, 1) || !rt_dict_key(call->runtime, call->span, &key)) {
            return false;
        }
        dict_put(ret->dict, key, otherwise(call, VALUE));
    }
    return true;
}

static bool method_setdefault(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, KEY, DEFAULT };
    struct dict_entry *e;
    if (!find(call, &e)) {
        return false;
    }
    *ret = e != NULL ? e->value : otherwise(call, DEFAULT);
    dict_put(self(call), call->args[KEY], *ret);
    return true;
}

static bool method_update(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, OTHER };
    if (jinja_call_has(call, OTHER)) {
        struct jinja_value v = call->args[OTHER];
        if (v.kind != JINJA_DICT) {
            return jinja_call_fail(call, "needs a dict, not '%s'", value_type_name(v));
        }
        /* A copy, because a dict may be asked to update itself. */
        const struct jinja_dict *d = dict_copy(call->arena, v.dict);
        for (size_t i = 0; i < d->used; i++) {
            dict_put(self(call), d->entries[i].key, d->entries[i].value);
        }
    }
    for (size_t i = 0; i < call->keyword_count; i++) {
        jinja_dict_put(call->args[SELF], call->keywords[i].name, call->keywords[i].value);
    }
    *ret = JINJA_NONE_VALUE;
    return true;
}

static bool method_clear(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_dict *d = self(call);
    *d = (struct jinja_dict){ .arena = d->arena };
    *ret = JINJA_NONE_VALUE;
    return true;
}

static const struct jinja_callable rows[] = {
    { S_INIT("get"), "self key default", 2, method_get, "The key's value, or the default." },
    { S_INIT("keys"), "self", 1, method_keys, "The keys." },
    { S_INIT("values"), "self", 1, method_values, "The values." },
    { S_INIT("items"), "self", 1, method_items, "Pairs of key and value." },
    { S_INIT("copy"), "self", 1, method_copy, "Another dict of the same." },
    { S_INIT("pop"), "self key default", 2, method_pop, "Takes a key out." },
    { S_INIT("setdefault"), "self key default", 2, method_setdefault,
      "The value, put if missing." },
    { S_INIT("update"), "self other **", 1, method_update, "Puts another dict's keys." },
    { S_INIT("popitem"), "self", 1, method_popitem, "Takes the last key out." },
    { S_INIT("fromkeys"), "self keys value", 2, method_fromkeys, "A dict of these keys." },
    { S_INIT("clear"), "self", 1, method_clear, "Takes all keys out." },
};

const struct callable_table methods_dict_table = { rows, ARRAY_LEN(rows) };

// SPDX-License-Identifier: Apache-2.0
/* Text that is escaped already: what is joined with it is escaped first. */
#include "jinja/exec/exec.h"

bool value_is_markup(struct jinja_value v) {
    return (v.kind == JINJA_STRING && v.markup) ||
           (v.kind == JINJA_OBJECT && v.object->ops->html != NULL);
}

bool rt_escape(struct jinja_runtime *rt, struct span span, struct jinja_value v, str *ret) {
    if (!rt_text(rt, span, v, ret) || value_is_markup(v)) {
        return !rt->failed;
    }
    AUTO_BUF out = rt_buf(rt);
    text_add_escaped(&out, *ret);
    return rt_take_text(rt, span, &out, ret);
}

/* Methods of str that give markup when their string is. */
static const struct markup_row {
    str name;
    bool escapes; /* texts among the arguments */
} rows[] = {
    { S_INIT("capitalize"), true }, { S_INIT("title"), true },       { S_INIT("lower"), true },
    { S_INIT("upper"), true },      { S_INIT("replace"), true },     { S_INIT("ljust"), true },
    { S_INIT("rjust"), true },      { S_INIT("lstrip"), true },      { S_INIT("rstrip"), true },
    { S_INIT("center"), true },     { S_INIT("strip"), true },       { S_INIT("expandtabs"), true },
    { S_INIT("swapcase"), true },   { S_INIT("zfill"), true },       { S_INIT("partition"), true },
    { S_INIT("rpartition"), true }, { S_INIT("join"), false },       { S_INIT("split"), false },
    { S_INIT("rsplit"), false },    { S_INIT("splitlines"), false }, { S_INIT("format"), false },
};

static const struct markup_row *find_row(str name) {
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq(rows[i].name, name)) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool escape_args(struct jinja_runtime *rt, struct span span, const struct call_values *args,
                        struct call_values *ret) {
    *ret = *args;
    ret->positional = ARENA_ARRAY(rt->arena, struct jinja_value, args->count);
    for (size_t i = 0; i < args->count; i++) {
        ret->positional[i] = args->positional[i];
        if (args->positional[i].kind == JINJA_STRING &&
            !rt_escape(rt, span, args->positional[i], &ret->positional[i].string)) {
            return false;
        }
    }
    return true;
}

bool markup_call(struct jinja_runtime *rt, const struct callable *c, struct span span,
                 const struct jinja_value *self, const struct call_values *args,
                 struct jinja_value *ret) {
    const struct markup_row *row = find_row(c->row->name);
    struct call_values escaped = *args;
    if ((row != NULL && row->escapes && !escape_args(rt, span, args, &escaped)) ||
        !rt_run_callable(rt, c, span, self, &escaped, ret)) {
        return false;
    }
    if (row == NULL) {
        ret->markup = false;
    } else if (ret->kind == JINJA_STRING) {
        ret->markup = true;
    } else if (ret->kind == JINJA_LIST || ret->kind == JINJA_TUPLE) {
        for (size_t i = 0; i < ret->list->len; i++) {
            ret->list->items[i].markup = true;
        }
    }
    return true;
}

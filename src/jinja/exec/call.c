// SPDX-License-Identifier: Apache-2.0
/* Calls: arguments are put in their places by the row's parameter names. */
#include <stdarg.h>
#include <string.h>

#include "jinja/exec/exec.h"

bool jinja_call_fail(struct jinja_call *call, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    AUTO_BUF text = BUF_INIT(4096);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    call->runtime->failed_origin = call->args[0].origin;
    return rt_fail(call->runtime, call->span, "%.*s: %.*s", STR_FMT(call->name),
                   STR_FMT(buf_str(&text)));
}

bool jinja_call_text(struct jinja_call *call, struct jinja_value value, str *ret) {
    return rt_text(call->runtime, call->span, value, ret);
}

static bool bind_positional(struct jinja_call *call, const struct callable *c,
                            const struct call_values *args, size_t first) {
    size_t fits = min_size(args->count, (size_t)c->count - first);
    for (size_t i = 0; i < fits; i++) {
        call->args[first + i] = args->positional[i];
        call->given |= 1U << (first + i);
    }
    if (args->count > fits && !c->rest) {
        return jinja_call_fail(call, "takes at most %zu arguments, not %zu", c->count - first,
                               args->count);
    }
    call->rest_count = args->count - fits;
    call->rest = call->rest_count > 0 ? args->positional + fits : NULL;
    return true;
}

static bool bind_keyword(struct jinja_call *call, const struct callable *c,
                         const struct jinja_keyword *keyword, size_t *cap) {
    for (size_t i = 0; i < c->count; i++) {
        if (!str_eq(c->params[i], keyword->name)) {
            continue;
        }
        if (jinja_call_has(call, (unsigned)i)) {
            return jinja_call_fail(call, "argument '%.*s' is passed twice", STR_FMT(keyword->name));
        }
        call->args[i] = keyword->value;
        call->given |= 1U << i;
        return true;
    }
    if (!c->keywords) {
        str near = nearest_word(keyword->name, c->params, c->count);
        return jinja_call_fail(call, "no parameter '%.*s'%s%.*s%s", STR_FMT(keyword->name),
                               near.len > 0 ? ", did you mean '" : "", STR_FMT(near),
                               near.len > 0 ? "'?" : "");
    }
    ARENA_PUSH(call->arena, call->keywords, call->keyword_count, *cap, *keyword);
    return true;
}

static void call_init(struct jinja_call *call, struct jinja_runtime *rt, const struct callable *c,
                      struct span span) {
    call->runtime = rt;
    call->arena = rt->arena;
    call->span = span;
    call->name = c->row->name;
    value_put(&call->args[0], JINJA_UNDEFINED, 0); /* a message may ask for its origin */
    call->given = 0;
    call->rest = NULL;
    call->rest_count = 0;
    call->keywords = NULL;
    call->keyword_count = 0;
}

bool rt_run_callable(struct jinja_runtime *rt, const struct callable *c, struct span span,
                     const struct jinja_value *self, const struct call_values *args,
                     struct jinja_value *ret) {
    struct jinja_call call; /* too large to be cleared each time */
    call_init(&call, rt, c, span);
    size_t first = 0;
    if (self != NULL) {
        call.args[0] = *self;
        call.given = 1;
        first = 1;
    }
    if (args != NULL) {
        size_t cap = 0;
        if (!bind_positional(&call, c, args, first)) {
            return false;
        }
        for (size_t i = 0; i < args->keyword_count; i++) {
            if (!bind_keyword(&call, c, &args->keywords[i], &cap)) {
                return false;
            }
        }
    }
    uint32_t required = (UINT32_C(1) << c->row->required) - 1;
    for (size_t i = 0; (call.given & required) != required; i++) {
        if (!jinja_call_has(&call, (unsigned)i)) {
            return jinja_call_fail(&call, "needs the argument '%.*s'", STR_FMT(c->params[i]));
        }
    }
    for (unsigned i = 0; i < c->count; i++) {
        if (!jinja_call_has(&call, i)) {
            value_put(&call.args[i], JINJA_UNDEFINED, 0);
            call.args[i].string = (str){ 0 };
        } else if (call.args[i].kind == JINJA_STRING && call.args[i].string.len >= 64 &&
                   !rt_step_text(rt, span, call.args[i])) {
            return false;
        }
    }
    return rt_step(rt, span, 1) && c->row->run(&call, ret);
}

bool rt_method(struct jinja_runtime *rt, struct jinja_value v, str name, struct jinja_value *ret) {
    const struct callable *c = map_find(&rt->env->methods[v.kind], name);
    if (c == NULL || (v.kind == JINJA_LIST && v.view != JINJA_VIEW_NONE)) {
        return false;
    }
    struct jinja_function *f = ARENA_NEW(rt->arena, struct jinja_function);
    f->callable = c;
    f->self = v;
    *ret = (struct jinja_value){ .kind = JINJA_FUNCTION, .function = f };
    return true;
}

bool rt_call(struct jinja_runtime *rt, struct span span, struct jinja_value callee,
             const struct call_values *args, struct jinja_value *ret) {
    if (callee.kind == JINJA_FUNCTION) {
        const struct jinja_function *f = callee.function;
        const struct jinja_value *self = f->self.kind == JINJA_UNDEFINED ? NULL : &f->self;
        if (self != NULL && self->kind == JINJA_STRING && self->markup) {
            return markup_call(rt, f->callable, span, self, args, ret);
        }
        return rt_run_callable(rt, f->callable, span, self, args, ret);
    }
    if (callee.kind == JINJA_OBJECT && callee.object->ops->call != NULL) {
        return callee.object->ops->call(rt, callee.object, span, args, ret);
    }
    if (callee.kind == JINJA_UNDEFINED) {
        return rt_undefined(rt, span, callee);
    }
    return rt_fail(rt, span, "a '%s' value cannot be called", value_type_name(callee));
}

const struct callable *call_find(struct jinja_call *call, str name, bool test) {
    const struct callable *c = env_callable(call->runtime->env, name, test);
    if (c == NULL) {
        AUTO_BUF message = BUF_INIT(512);
        env_unknown_callable(call->runtime->env, name, test, &message);
        jinja_call_fail(call, "%.*s", STR_FMT(buf_str(&message)));
    }
    return c;
}

bool rt_apply(struct jinja_call *call, str name, bool test, struct jinja_value v,
              const struct call_values *args, struct jinja_value *ret) {
    const struct callable *c = call_find(call, name, test);
    return c != NULL && rt_run_callable(call->runtime, c, call->span, &v, args, ret);
}

bool call_truth(struct jinja_call *call, struct jinja_value v, bool *ret) {
    return rt_truth(call->runtime, call->span, v, ret);
}

bool call_int(struct jinja_call *call, unsigned param, int64_t otherwise, int64_t *ret) {
    if (!jinja_call_has(call, param)) {
        *ret = otherwise;
        return true;
    }
    struct jinja_value v = call->args[param];
    if (value_is_integer(v, ret)) {
        return true;
    }
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(call->runtime, call->span, v);
    }
    return jinja_call_fail(call, "needs an integer, not '%s'", value_type_name(v));
}

bool call_bool(struct jinja_call *call, unsigned param, bool otherwise, bool *ret) {
    if (!jinja_call_has(call, param)) {
        *ret = otherwise;
        return true;
    }
    return call_truth(call, call->args[param], ret);
}

bool call_needs_string(struct jinja_call *call) {
    struct jinja_value v = call->args[0];
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(call->runtime, call->span, v);
    }
    return v.kind == JINJA_STRING || value_is_markup(v) ||
           jinja_call_fail(call, "needs a string, not '%s'", value_type_name(v));
}

bool call_str(struct jinja_call *call, unsigned param, str otherwise, str *ret) {
    if (!jinja_call_has(call, param)) {
        *ret = otherwise;
        return true;
    }
    return jinja_call_text(call, call->args[param], ret);
}

/* "a.b.0": parts of digits are indexes. */
bool call_attribute(struct jinja_call *call, struct jinja_value v, struct jinja_value path,
                    struct jinja_value *ret) {
    if (path.kind != JINJA_STRING) {
        return rt_item(call->runtime, call->span, v, path, ret);
    }
    if (v.kind == JINJA_DICT && path.string.len > 0 && path.string.len < 64) {
        const struct dict_entry *e = dict_find_text(v.dict, path.string, str_hash(path.string),
                                                    &call->runtime->attribute_hint);
        if (e != NULL && char_is_alpha(path.string.ptr[0]) &&
            str_find_char(path.string, '.', 0) == STR_NONE) {
            *ret = e->value;
            return true;
        }
    }
    str rest = path.string;
    do {
        str part = str_cut(&rest, '.');
        int64_t index;
        struct jinja_value key =
            part.len > 0 && char_is_digit(part.ptr[0]) && str_to_i64(part, &index)
                ? jinja_int(index)
                : jinja_string(part);
        if (!rt_item(call->runtime, call->span, v, key, &v)) {
            return false;
        }
    } while (rest.ptr != NULL);
    *ret = v;
    return true;
}

char *call_room(struct jinja_call *call, size_t len) {
    struct jinja_runtime *rt = call->runtime;
    size_t max = rt->env->options.limits.output_bytes;
    if (len > max) {
        rt_fail(rt, call->span, "a text is longer than %zu bytes", max);
        return NULL;
    }
    return rt_reserve(rt, call->span, len) ? arena_alloc_raw(call->arena, len) : NULL;
}

struct buf call_buf(const struct jinja_call *call) {
    return rt_buf(call->runtime);
}

bool call_take(struct jinja_call *call, const struct buf *b, struct jinja_value *ret) {
    str text;
    if (!rt_take_text(call->runtime, call->span, b, &text)) {
        return false;
    }
    value_put_string(ret, text);
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/* Other templates by name: each is loaded and parsed once for an environment. */
#include "jinja/exec/exec.h"

static bool fail_load(struct jinja_runtime *rt, struct span span, str name, const struct err *err) {
    AUTO_BUF text = BUF_INIT(2048);
    err_text(err, &text);
    return rt_fail(rt, span, "cannot load template '%.*s': %.*s", STR_FMT(name),
                   STR_FMT(buf_str(&text)));
}

/* A mistake in the text is reported there; the render knows that it has failed. */
static bool parse_loaded(struct jinja_runtime *rt, struct span span, str name, str path, str text,
                         const struct jinja_template **ret) {
    struct jinja_env *env = rt->env;
    if (env->loaded.len >= JINJA_LOADED_MAX ||
        text.len > JINJA_TEMPLATE_BYTES_MAX - env->loaded_bytes) {
        return rt_fail(rt, span, "the templates together are more than %d, or %d bytes",
                       JINJA_LOADED_MAX, JINJA_TEMPLATE_BYTES_MAX);
    }
    if (!rt_step(rt, span, text.len / 16 + 1)) {
        return false;
    }
    env->loaded_bytes += text.len;
    uint32_t source = sources_add(rt->sources, path, text);
    struct jinja_template *t = jinja_parse(env, rt->sources, source, rt->sink);
    if (t == NULL) {
        struct diag *d = rt->sink->len > 0 ? &rt->sink->items[rt->sink->len - 1] : NULL;
        if (d != NULL) {
            diag_note(rt->sink, d, span, "asked for here");
        }
        rt->failed = true;
        return false;
    }
    t->name = str_dup(env->arena, name);
    map_put(&env->loaded, t->name, t);
    *ret = t;
    return true;
}

bool template_find(struct jinja_runtime *rt, struct span span, struct jinja_value v,
                   const struct jinja_template **ret) {
    struct err err = ERR_INIT;
    str path;
    str text;
    *ret = NULL;
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(rt, span, v);
    }
    if (!value_hashable(v)) {
        return rt_fail(rt, span, "a '%s' value does not name a template", value_type_name(v));
    }
    if (v.kind != JINJA_STRING) {
        return true;
    }
    *ret = map_find(&rt->env->loaded, v.string);
    if (*ret != NULL || rt->env->loader.load == NULL) {
        return true;
    }
    const struct jinja_loader *loader = &rt->env->loader;
    switch (loader->load(loader->self, rt->env->arena, v.string, &path, &text, &err)) {
    case JINJA_LOAD_FOUND:
        return parse_loaded(rt, span, v.string, path, text, ret);
    case JINJA_LOAD_MISSING:
        return true;
    case JINJA_LOAD_FAILED:
        break;
    }
    return fail_load(rt, span, v.string, &err);
}

bool template_fail_missing(struct jinja_runtime *rt, struct span span, struct jinja_value name) {
    str text;
    if (!rt_text(rt, span, name, &text)) {
        return false;
    }
    return rt_fail(rt, span, "there is no template '%.*s'",
                   STR_FMT(str_slice(text, 0, text_offset(text, 200))));
}

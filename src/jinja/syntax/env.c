// SPDX-License-Identifier: Apache-2.0
/* The environment: options, names, and the callables by name. */
#include "jinja/syntax/env.h"

#define LIMITS                                                                                     \
    {                                                                                              \
        .depth = 200, .steps = 20 * 1000 * 1000, .output_bytes = 64 * 1024 * 1024,                 \
        .memory_bytes = 512 * 1024 * 1024                                                          \
    }

const struct jinja_options jinja_options_default = { .limits = LIMITS };
const struct jinja_options jinja_options_builder = { .trim_blocks = true,
                                                     .lstrip_blocks = true,
                                                     .keep_trailing_newline = true,
                                                     .strict = true,
                                                     .mapped = true,
                                                     .limits = LIMITS };

uint32_t env_intern(struct jinja_env *env, str name) {
    uintptr_t id = (uintptr_t)map_find(&env->names, name);
    if (id == 0) {
        size_t len = env->name_count;
        ARENA_PUSH(env->arena, env->name_texts, len, env->name_cap, name);
        id = ++env->name_count;
        map_put(&env->names, name, (void *)id);
    }
    return (uint32_t)(id - 1);
}

/* Splits the row's parameter names. */
static struct callable *callable_new(struct arena *a, const struct jinja_callable *row) {
    struct callable *c = ARENA_NEW(a, struct callable);
    str rest = str_from_c(row->params);
    c->row = row;
    while (rest.len > 0) {
        str param = str_cut(&rest, ' ');
        if (str_eq(param, S("*"))) {
            c->rest = true;
        } else if (str_eq(param, S("**"))) {
            c->keywords = true;
        } else {
            ASSERT(c->count < JINJA_PARAMS_MAX);
            c->params[c->count++] = param;
        }
    }
    return c;
}

void env_add_table(struct jinja_env *env, struct map *m, const struct callable_table *table) {
    for (size_t i = 0; i < table->count; i++) {
        map_put(m, table->rows[i].name, callable_new(env->arena, &table->rows[i]));
    }
}

void jinja_env_set_loader(struct jinja_env *env, const struct jinja_loader *loader) {
    env->loader = *loader;
}

void jinja_env_add_filter(struct jinja_env *env, const struct jinja_callable *row) {
    map_put(&env->filters, row->name, callable_new(env->arena, row));
}

const struct callable *env_callable(const struct jinja_env *env, str name, bool test) {
    return map_find(test ? &env->tests : &env->filters, name);
}

void env_unknown_callable(const struct jinja_env *env, str name, bool test, struct buf *out) {
    const struct map *m = test ? &env->tests : &env->filters;
    AUTO_ARENA a = arena_new();
    str *words = ARENA_ARRAY(a, str, m->len);
    for (size_t i = 0; i < m->len; i++) {
        words[i] = m->entries[i].key;
    }
    buf_addf(out, "there is no %s '%.*s'", test ? "test" : "filter", STR_FMT(name));
    str near = nearest_word(name, words, m->len);
    if (near.len > 0) {
        buf_addf(out, ", did you mean '%.*s'?", STR_FMT(near));
    }
}

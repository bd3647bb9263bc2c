// SPDX-License-Identifier: Apache-2.0
/* The environment: options, names as numbers, what can be called. Templates are parsed in it. */
#pragma once

#include "jinja/value/value.h"

struct jinja_env {
    struct arena *arena;
    struct jinja_options options;
    struct map names; /* str -> id + 1 as a pointer */
    str *name_texts;  /* by id */
    size_t name_count;
    size_t name_cap;
    struct map filters; /* str -> struct callable */
    struct map tests;
    struct map globals;                   /* str -> struct callable */
    struct map methods[JINJA_OBJECT + 1]; /* by kind of value: str -> struct callable */
    struct jinja_loader loader;           /* `load` NULL: none */
    struct map loaded;                    /* str -> struct jinja_template */
    size_t loaded_bytes;
};

uint32_t env_intern(struct jinja_env *env, str name);
const struct callable *env_callable(const struct jinja_env *env, str name, bool test);
/* "there is no filter 'x', did you mean 'y'?" */
void env_unknown_callable(const struct jinja_env *env, str name, bool test, struct buf *out);

/* Rows of built-in functions. */
struct callable_table {
    const struct jinja_callable *rows;
    size_t count;
};
/* `m`: one of the maps of the environment. */
void env_add_table(struct jinja_env *env, struct map *m, const struct callable_table *table);

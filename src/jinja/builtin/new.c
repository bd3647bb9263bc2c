// SPDX-License-Identifier: Apache-2.0
/* An environment with everything that is built in. */
#include "jinja/builtin/builtin.h"

static const struct callable_table *const filter_tables[] = {
    &filters_html_table,   &filters_wrap_table,   &filters_string_table, &filters_layout_table,
    &filters_list_table,   &filters_select_table, &filters_number_table, &filters_urlize_table,
    &filters_pprint_table, &filters_random_table,
};

struct jinja_env *jinja_env_new(struct arena *a, const struct jinja_options *options) {
    struct jinja_env *env = ARENA_NEW(a, struct jinja_env);
    env->arena = a;
    env->options = *options;
    map_init(&env->names, a);
    map_init(&env->filters, a);
    map_init(&env->tests, a);
    map_init(&env->globals, a);
    map_init(&env->loaded, a);
    for (size_t i = 0; i < ARRAY_LEN(env->methods); i++) {
        map_init(&env->methods[i], a);
    }
    for (size_t i = 0; i < ARRAY_LEN(filter_tables); i++) {
        env_add_table(env, &env->filters, filter_tables[i]);
    }
    env_add_table(env, &env->tests, &tests_table);
    env_add_table(env, &env->globals, &globals_table);
    env_add_table(env, &env->globals, &globals_random_table);
    env_add_table(env, &env->methods[JINJA_STRING], &methods_string_table);
    env_add_table(env, &env->methods[JINJA_STRING], &methods_text_table);
    env_add_table(env, &env->methods[JINJA_STRING], &methods_format_table);
    env_add_table(env, &env->methods[JINJA_LIST], &methods_list_table);
    env_add_table(env, &env->methods[JINJA_TUPLE], &methods_tuple_table);
    env_add_table(env, &env->methods[JINJA_DICT], &methods_dict_table);
    return env;
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recipe/recipe.h"

/* Text that was taken as it is maps to its own line, what was computed to the expression. */
static void output_maps_to_template_lines(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sources sources;
    struct diag_sink sink;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    uint32_t source =
        sources_add(&sources, S("t"), S("one\n{% if x %}\ntwo\nthree {{ x }} four\n{% endif %}\n"));
    struct jinja_env *env = jinja_env_new(a, &jinja_options_builder);
    const struct jinja_template *t = jinja_parse(env, &sources, source, &sink);
    assert_non_null(t);
    struct jinja_value values = jinja_dict_new(a);
    jinja_dict_put(values, S("x"), jinja_string(S("value")));
    struct recipe recipe = { .kind = RECIPE_ROOTFS };
    assert_true(jinja_render(t, values, a, &sink, &recipe.output));
    str text = recipe.output.text;
    assert_true(str_eq(text, S("one\ntwo\nthree value four\n")));

    static const struct {
        str word;
        uint32_t line, column;
    } cases[] = {
        { S_INIT("one"), 1, 1 },   { S_INIT("two"), 3, 1 },   { S_INIT("three"), 4, 1 },
        { S_INIT("value"), 4, 7 }, { S_INIT("four"), 4, 15 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span span =
            recipe_template_span(&recipe, &sources, str_find(text, cases[i].word, 0));
        struct position at = sources_position(&sources, span.source, span.start);
        assert_int_equal(at.line, cases[i].line);
        assert_int_equal(at.column, cases[i].column);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_maps_to_template_lines),
    };
    return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}

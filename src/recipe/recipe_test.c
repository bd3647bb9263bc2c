// SPDX-License-Identifier: Apache-2.0
#include "recipe/fixture.h"

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

/* ---- values of the config ---- */

struct value_case {
    const char *name;
    enum recipe_kind kind;
    struct guest_file file;
    const char *at;    /* a place in the Dockerfile ... */
    const char *value; /* ... and how the file's text goes on where the value stands; NULL: none */
};

#define APT                                                                                        \
    "[apt]\nname = \"System\"\nmanager = \"apt\"\ninstall_cmd = \"apt-get install -y\"\n"          \
    "packages = [\"git\", \"g++\"]\n"
#define NODE "\nbase_image = \"debian:trixie\"\n"

static const struct value_case value_cases[] = {
    { "a package", RECIPE_ROOTFS, { "config/packages/a.toml", APT }, "git \\", "\"git\"" },
    { "a package in quotes", RECIPE_ROOTFS, { "config/packages/a.toml", APT }, "g++", "\"g++\"" },
    { "a command",
      RECIPE_ROOTFS,
      { "config/packages/a.toml", APT },
      "apt-get install -y \\\n    git",
      "\"apt-get install -y\"" },
    { "the platform",
      RECIPE_ROOTFS,
      { "config/build.toml", FIXTURE_BUILD NODE },
      "linux/amd64",
      "\"linux/amd64\"" },
    { "a base image",
      RECIPE_KERNEL,
      { "config/build.toml", FIXTURE_BUILD NODE },
      "debian:trixie",
      "\"debian:trixie\"" },
    { "a guest binary",
      RECIPE_ROOTFS,
      { "config/build.toml", FIXTURE_BUILD NODE },
      "bin/agent",
      "\"agent\"" },
    { "a part of a value",
      RECIPE_KERNEL,
      { "config/build.toml", FIXTURE_BUILD NODE },
      "cp /build/arch",
      NULL },
    { "the template's own text",
      RECIPE_ROOTFS,
      { "config/packages/a.toml", APT },
      "update -q",
      NULL },
};

static void output_maps_to_config_values(void **state) {
    const struct value_case *c = *state;
    const struct guest_file files[] = { c->file, { 0 } };
    struct fixture f;
    struct recipe recipe;
    const struct recipe_origin *values[4];
    fixture_init(&f, files);
    struct recipe_request request = fixture_request(&f, c->kind);
    assert_true(recipe_render(f.arena, &request, &f.sources, &f.sink, &recipe, &f.err));
    size_t at = str_find(recipe.text, str_from_c(c->at), 0);
    assert_true(at != STR_NONE);
    size_t count = recipe_config_values(&recipe, at, at + 1, values, ARRAY_LEN(values));
    assert_int_equal(count, c->value != NULL ? 1 : 0);
    if (c->value != NULL) {
        const struct source *source = f.sources.items[values[0]->span.source];
        assert_true(str_ends(source->path, str_from_c(c->file.path)));
        str there = str_slice(source->text, values[0]->span.start, values[0]->span.end);
        assert_string_equal(str_to_c(f.arena, there), c->value);
    }
    fixture_done(&f);
}

static void values_of_a_range_are_given_once(void **state) {
    (void)state;
    const struct guest_file files[] = { { "config/packages/a.toml", APT }, { 0 } };
    struct fixture f;
    struct recipe recipe;
    const struct recipe_origin *values[8];
    fixture_init(&f, files);
    struct recipe_request request = fixture_request(&f, RECIPE_ROOTFS);
    assert_true(recipe_render(f.arena, &request, &f.sources, &f.sink, &recipe, &f.err));
    size_t from = str_find(recipe.text, S("apt-get install -y \\\n    git"), 0);
    size_t to = str_find(recipe.text, S("g++"), from) + 3;
    assert_int_equal(recipe_config_values(&recipe, from, to, values, 8), 3);
    assert_string_equal(str_to_c(f.arena, values[1]->text), "git");
    assert_string_equal(str_to_c(f.arena, values[2]->text), "g++");
    assert_int_equal(recipe_config_values(&recipe, from, to, values, 2), 2);
    fixture_done(&f);
}

int main(void) {
    enum { OTHERS = 2 };
    struct CMUnitTest tests[ARRAY_LEN(value_cases) + OTHERS] = {
        cmocka_unit_test(output_maps_to_template_lines),
        cmocka_unit_test(values_of_a_range_are_given_once),
    };
    for (size_t i = 0; i < ARRAY_LEN(value_cases); i++) {
        tests[OTHERS + i] = (struct CMUnitTest){ value_cases[i].name, output_maps_to_config_values,
                                                 NULL, NULL, (void *)&value_cases[i] };
    }
    return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* ARG and ENV: Dockerfile reference, "ARG" and "Environment replacement". */
#include "base/testing.h"
#include "embedded/internal.h"

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct build_request request;
    struct builder builder;
    struct stage stage;
};

/* `text`: the file's ARGs before FROM, FROM, and the stage's ARGs. */
static void begin(struct fixture *f, const char *text) {
    *f = (struct fixture){ .arena = arena_new() };
    sources_init(&f->sources, f->arena);
    diag_sink_init(&f->sink, f->arena, &f->sources);
    f->request.platform = (struct oci_platform){ S("linux"), S("arm64"), S("v8") };
    f->builder = (struct builder){
        .request = &f->request,
        .arena = f->arena,
        .sink = &f->sink,
        .build_platform = { S("linux"), S("amd64"), S("") },
    };
    uint32_t source = sources_add(&f->sources, S("Dockerfile"), str_from_c(text));
    assert_true(dockerfile_parse(f->arena, &f->sink, source, &f->builder.file));
}

/* The value of a name in the stage after all of its ARGs; "-": it has none. */
static const char *value(struct fixture *f, const char *name) {
    str found;
    const struct dockerfile_stage *s = &f->builder.file->stages[0];
    vars_global(&f->builder);
    for (size_t i = 0; i < s->instruction_count; i++) {
        for (size_t p = 0;
             s->instructions[i]->kind == DOCKERFILE_ARG && p < s->instructions[i]->pairs.len; p++) {
            assert_true(
                vars_declare_arg(&f->builder, &f->stage, &s->instructions[i]->pairs.items[p]));
        }
    }
    return vars_find(&f->stage, str_from_c(name), &found) ? str_to_c(f->arena, found) : "-";
}

static void give(struct fixture *f, const char *name, const char *text) {
    oci_pairs_set(f->arena, &f->request.build_args, str_from_c(name), str_from_c(text));
}

static void a_default_is_the_last_choice(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "FROM scratch\nARG A=default\n");
    assert_string_equal(value(&f, "A"), "default");
    arena_free(f.arena);
    begin(&f, "FROM scratch\nARG A=default\n");
    give(&f, "A", "given");
    assert_string_equal(value(&f, "A"), "given");
    arena_free(f.arena);
}

static void a_global_arg_is_seen_where_it_is_declared(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "ARG A=1\nARG B=${A}2\nFROM scratch\nARG B\n");
    assert_string_equal(value(&f, "B"), "12");
    assert_string_equal(value(&f, "A"), "-");
    arena_free(f.arena);
    begin(&f, "ARG A=1\nFROM scratch\nARG A=2\n");
    assert_string_equal(value(&f, "A"), "2");
    arena_free(f.arena);
    begin(&f, "FROM scratch\nARG A\n");
    assert_string_equal(value(&f, "A"), "-");
    arena_free(f.arena);
}

static void platforms_are_known(void **state) {
    static const struct {
        const char *name;
        const char *value;
    } cases[] = {
        { "TARGETPLATFORM", "linux/arm64/v8" },
        { "TARGETOS", "linux" },
        { "TARGETARCH", "arm64" },
        { "TARGETVARIANT", "v8" },
        { "BUILDPLATFORM", "linux/amd64" },
        { "BUILDARCH", "amd64" },
        { "BUILDVARIANT", "" },
        { "TARGETSTAGE", "default" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char text[200];
        snprintf(text, sizeof text, "FROM scratch\nARG %s\n", cases[i].name);
        begin(&f, text);
        assert_string_equal(value(&f, cases[i].name), cases[i].value);
        arena_free(f.arena);
    }
}

static void env_goes_before_arg(void **state) {
    struct fixture f;
    struct oci_pairs env = { 0 };
    (void)state;
    begin(&f, "FROM scratch\nARG A=arg\nARG B=arg\n");
    oci_pairs_set(f.arena, &f.stage.config.env, S("A"), S("env"));
    assert_string_equal(value(&f, "A"), "env");
    assert_string_equal(value(&f, "B"), "arg");
    vars_step_env(&f.builder, &f.stage, &env);
    assert_string_equal(str_to_c(f.arena, *oci_pairs_find(&env, S("A"))), "env");
    assert_string_equal(str_to_c(f.arena, *oci_pairs_find(&env, S("B"))), "arg");
    arena_free(f.arena);
}

static void an_epoch_is_what_the_engine_has_found(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "ARG SOURCE_DATE_EPOCH=context\nFROM scratch\nARG SOURCE_DATE_EPOCH\n");
    give(&f, "SOURCE_DATE_EPOCH", "context");
    f.builder.epoch_is_looked_at = true;
    f.builder.epoch_is_set = true;
    f.builder.epoch_s = 77;
    assert_string_equal(value(&f, "SOURCE_DATE_EPOCH"), "77");
    arena_free(f.arena);
}

static void only_proxies_need_no_declaration(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "FROM scratch\n");
    give(&f, "http_proxy", "http://p");
    give(&f, "HTTP_PROXY_X", "x");
    give(&f, "A", "a");
    const struct oci_pairs *proxies = vars_given_proxies(&f.builder);
    assert_int_equal(proxies->len, 1);
    assert_non_null(oci_pairs_find(proxies, S("http_proxy")));
    arena_free(f.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_default_is_the_last_choice),
        cmocka_unit_test(a_global_arg_is_seen_where_it_is_declared),
        cmocka_unit_test(platforms_are_known),
        cmocka_unit_test(env_goes_before_arg),
        cmocka_unit_test(an_epoch_is_what_the_engine_has_found),
        cmocka_unit_test(only_proxies_need_no_declaration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

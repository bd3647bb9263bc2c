// SPDX-License-Identifier: Apache-2.0
#include "base/testing.h"

#include "engine/engine.h"

static void a_word_names_an_engine(void **state) {
    static const char *const good[] = { "auto", "embedded", "docker", "buildx", "buildx:farm" };
    static const char *const bad[] = { "", "Docker", "buildx:", "podman", "docker:x", "buildxx" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct err err = ERR_INIT;
        assert_true(engine_check_word(good[i], &err));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = ERR_INIT;
        print_message("%s\n", bad[i]);
        assert_false(engine_check_word(bad[i], &err));
    }
    struct err err = ERR_INIT;
    assert_false(engine_check_word("dokcer", &err));
    assert_non_null(strstr(err.frames[0], "did you mean 'docker'?"));
}

/* Two builders have two caches: what one has built the other has not. */
static void caches_of_engines_are_told_apart(void **state) {
    const struct engine engines[] = {
        { .kind = ENGINE_EMBEDDED },
        { .kind = ENGINE_DOCKER, .docker = { .id = S("one") } },
        { .kind = ENGINE_DOCKER, .docker = { .id = S("two") } },
        { .kind = ENGINE_BUILDX, .builder = "one" },
        { .kind = ENGINE_BUILDX, .builder = "two" },
    };
    str names[ARRAY_LEN(engines)];
    (void)state;
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
        names[i] = engine_cache_name(a, &engines[i]);
        for (size_t n = 0; n < i; n++) {
            assert_false(str_eq(names[n], names[i]));
        }
    }
    str begin;
    assert_true(engine_word_cache(a, "buildx:one", &begin));
    assert_true(str_eq(begin, names[3]));
    assert_true(engine_word_cache(a, "docker", &begin));
    assert_true(str_starts(names[1], begin) && !str_starts(names[3], begin));
    assert_false(engine_word_cache(a, "embedded", &begin));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_names_an_engine),
        cmocka_unit_test(caches_of_engines_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

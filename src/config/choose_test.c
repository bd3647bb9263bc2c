// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "config/config.h"
#include "machine/machine.h"

static struct config_architecture archs[] = {
    { .head.key = S_INIT("odd"), .rust_target.text = S_INIT("x86_64-unknown-linux-musl") },
    { .head.key = S_INIT("arm64"), .rust_target.text = S_INIT("aarch64-unknown-linux-musl") },
};
static const struct guest_config config = { .build.architectures = { .items = archs,
                                                                     .len = ARRAY_LEN(archs) } };
static const struct guest_config single = { .build.architectures = { .items = archs + 1,
                                                                     .len = 1 } };

static void names_are_those_of_the_config_or_of_machines(void **state) {
    static const char *const names[] = { "odd", "x86_64", "amd64", "X86-64" };
    struct err err = ERR_INIT;
    const struct config_architecture *arch;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(config_choose_architecture(&config, names[i], &arch, &err));
        assert_ptr_equal(arch, &archs[0]);
    }
    assert_true(config_choose_architecture(&config, "aarch64", &arch, &err));
    assert_ptr_equal(arch, &archs[1]);
}

static void an_unknown_name_gets_the_known_ones(void **state) {
    struct err err = ERR_INIT;
    const struct config_architecture *arch;
    assert_false(config_choose_architecture(&config, "vax", &arch, &err));
    assert_string_equal(err.frames[0], "unknown architecture 'vax'; the config has odd, arm64");
    if (machine_host() != machine_find(S("arm64"))) {
        assert_false(config_choose_architecture(&single, NULL, &arch, &err));
        assert_string_equal(
            err.frames[0],
            "this machine's architecture is not in the config; the config has arm64");
    }
}

static void a_list_has_each_once_in_the_order_given(void **state) {
    static const struct {
        const char *names[3];
        size_t len, count, first; /* count 0: refused */
    } cases[] = {
        { { "arm64", "odd" }, 2, 2, 1 }, { { "amd64", "odd", "x86_64" }, 3, 1, 0 },
        { { "all" }, 1, 2, 0 },          { { "arm64", "all" }, 2, 2, 1 },
        { { "arm64", "vax" }, 2, 0, 0 },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        const struct config_architecture **list;
        size_t count;
        const struct config_names names = { cases[i].names, cases[i].len };
        bool good = config_choose_architectures(a, &config, names, &list, &count, &err);
        assert_int_equal(good, cases[i].count > 0);
        if (good) {
            assert_int_equal(count, cases[i].count);
            assert_ptr_equal(list[0], &archs[cases[i].first]);
        }
    }
}

static void without_names_the_only_one_is_meant(void **state) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    const struct config_architecture **list;
    size_t count;
    assert_true(
        config_choose_architectures(a, &single, (struct config_names){ 0 }, &list, &count, &err));
    assert_int_equal(count, 1);
    assert_ptr_equal(list[0], &archs[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_config_or_of_machines),
        cmocka_unit_test(an_unknown_name_gets_the_known_ones),
        cmocka_unit_test(a_list_has_each_once_in_the_order_given),
        cmocka_unit_test(without_names_the_only_one_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

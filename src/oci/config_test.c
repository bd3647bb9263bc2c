// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/oci.h"

static void a_config_survives_encoding(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    static const str argv[] = { S_INIT("/bin/sh"), S_INIT("-c"), S_INIT("a \"b\"") };
    struct oci_config c = { .user = S("app:staff"), .working_dir = S("/srv") };
    c.platform = (struct oci_platform){ S("linux"), S("arm64"), S("") };
    c.cmd = (struct oci_strings){ argv, ARRAY_LEN(argv) };
    c.entrypoint = (struct oci_strings){ argv, 0 };
    c.healthcheck.test = (struct oci_strings){ argv, 1 };
    c.healthcheck.interval_ns = 5000000000;
    oci_pairs_set(a, &c.env, S("PATH"), S("/bin"));
    oci_pairs_set(a, &c.env, S("A"), S("x=y"));
    oci_pairs_set(a, &c.env, S("PATH"), S("/usr/bin"));
    oci_pairs_set(a, &c.labels, S("k"), S("v"));
    oci_pairs_set(a, &c.exposed, S("80/tcp"), S(""));

    str json = oci_config_encode(a, &c);
    struct oci_config back;
    struct err err = ERR_INIT;
    assert_true(oci_config_decode(a, json, &back, &err));
    assert_true(str_eq(oci_config_encode(a, &back), json));
    assert_int_equal(back.env.len, 2);
    assert_true(str_eq(back.env.items[0].value, S("/usr/bin")));
    assert_true(str_eq(*oci_pairs_find(&back.env, S("A")), S("x=y")));
    assert_int_equal(back.cmd.len, 3);
    assert_non_null(back.entrypoint.items); /* empty is not the same as not set */
    assert_int_equal(back.entrypoint.len, 0);
    assert_null(back.shell.items);
    assert_int_equal(back.healthcheck.interval_ns, 5000000000);
}

static void what_is_no_config_is_refused(void **state) {
    (void)state;
    static const str cases[] = { S_INIT(""), S_INIT("[]"), S_INIT("{"), S_INIT("\xff"),
                                 S_INIT("{\"a\":1,\"a\":2}") };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_config c;
        struct err err = ERR_INIT;
        assert_false(oci_config_decode(a, cases[i], &c, &err));
    }
    /* Wrong types inside are as if not there: other people's images are not ours to judge. */
    struct oci_config c;
    assert_true(oci_config_decode(
        a, S("{\"os\":1,\"config\":{\"Env\":[1],\"Cmd\":\"x\",\"Labels\":[]}}"), &c, NULL));
    assert_int_equal(c.platform.os.len, 0);
    assert_null(c.cmd.items);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_survives_encoding),
        cmocka_unit_test(what_is_no_config_is_refused),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

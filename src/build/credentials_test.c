// SPDX-License-Identifier: Apache-2.0
#include "base/testing.h"
#include "build/internal.h"

static void users_leave_a_text(void **state) {
    static const struct {
        const char *text;
        const char *without;
        bool found;
    } cases[] = {
        { "https://me:pw@h/x", "https://h/x", true },
        { "https://h/x@y", "https://h/x@y", false },
        { "a=http://u@h b=https://v:w@i/", "a=http://h b=https://i/", true },
        { "https://a@b@h/", "https://h/", true },
        { "https://h?q=u@v", "https://h?q=u@v", false },
        { "\"https://u:p@h\"", "\"https://h\"", true },
        { "https://h u:p@i", "https://h u:p@i", false },
        { "u:p@h", "u:p@h", false },
        { "://u@h", "://h", true },
        { "", "", false },
    };
    (void)state;
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool found = false;
        print_message("%s\n", cases[i].text);
        str without = build_without_userinfo(a, str_from_c(cases[i].text), &found);
        assert_string_equal(str_to_c(a, without), cases[i].without);
        assert_int_equal(found, cases[i].found);
    }
}

static void a_proxy_may_have_no_scheme(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    bool found = false;
    assert_string_equal(str_to_c(a, build_without_proxy_user(a, S("h:3128"), &found)), "h:3128");
    assert_false(found);
    assert_string_equal(str_to_c(a, build_without_proxy_user(a, S("u:p@h:3128"), &found)),
                        "h:3128");
    assert_true(found);
    assert_string_equal(str_to_c(a, build_without_proxy_user(a, S("http://u:p@h"), &found)),
                        "http://h");
}

static void variables_are_expanded(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    setenv("CAPSEM_TEST_TOKEN", "t0k", 1);
    unsetenv("CAPSEM_TEST_NONE");
    static const struct {
        const char *line;
        const char *expanded;
    } cases[] = {
        { "x=${CAPSEM_TEST_TOKEN}", "x=t0k" },
        { "${CAPSEM_TEST_TOKEN}${CAPSEM_TEST_TOKEN}", "t0kt0k" },
        { "${CAPSEM_TEST_NONE}!", "${CAPSEM_TEST_NONE}!" },
        { "${CAPSEM_TEST_TOKEN", "${CAPSEM_TEST_TOKEN" },
        { "$CAPSEM_TEST_TOKEN", "$CAPSEM_TEST_TOKEN" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str got = build_expand_variables(a, str_from_c(cases[i].line));
        assert_string_equal(str_to_c(a, got), cases[i].expanded);
    }
}

static void kinds_have_names(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    unsigned npm = 0;
    unsigned go = 0;
    assert_true(build_credentials_find(S("npm"), &npm) && build_credentials_find(S("go"), &go));
    assert_int_not_equal(npm, go);
    assert_string_equal(str_to_c(a, build_credentials_names(a, npm | go)), "npm,go");
    assert_false(build_credentials_find(S("cargo"), &npm));
}

static void a_hint_is_for_what_was_withheld(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    unsigned npm = 0;
    unsigned apt = 0;
    assert_true(build_credentials_find(S("npm"), &npm) && build_credentials_find(S("apt"), &apt));
    str output = S("npm error code E401\n");
    assert_non_null(strstr(str_to_c(a, build_credentials_hint(a, npm, output)),
                           "--credentials npm or host_credentials = [\"npm\"]"));
    assert_int_equal(build_credentials_hint(a, apt, output).len, 0);
    assert_int_equal(build_credentials_hint(a, 0, output).len, 0);
    assert_int_equal(build_credentials_hint(a, npm, S("in 14010 ms, E4011")).len, 0);
    assert_int_not_equal(build_credentials_hint(a, npm, S("status: 401")).len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_leave_a_text),
        cmocka_unit_test(a_proxy_may_have_no_scheme),
        cmocka_unit_test(variables_are_expanded),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(a_hint_is_for_what_was_withheld),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "oci/registry.h"

static void assert_str(str s, const char *wanted) {
    assert_int_equal(s.len, strlen(wanted));
    assert_memory_equal(s.ptr == NULL ? "" : s.ptr, wanted, s.len);
}

static void logins_are_found(void **state) {
    static const struct {
        const char *config, *domain;
        bool found;
        const char *user, *secret;
        bool is_token;
        const char *helper;
    } cases[] = {
        { "{}", "a.example", false, "", "", false, NULL },
        { "not json", "a.example", false, "", "", false, NULL },
        { "[]", "a.example", false, "", "", false, NULL },
        { "{\"auths\": {\"a.example\": {\"auth\": \"dXNlcjpwYTpzcw==\"}}}", "a.example", true,
          "user", "pa:ss", false, NULL },
        { "{\"auths\": {\"A.example\": {\"auth\": \"dXNlcjpwYTpzcw\"}}}", "a.example", true, "user",
          "pa:ss", false, NULL },
        { "{\"auths\": {\"https://a.example/v1/\": {\"username\": \"u\", \"password\": \"p\"}}}",
          "a.example", true, "u", "p", false, NULL },
        { "{\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"dTpw\"}}}", "docker.io", true,
          "u", "p", false, NULL },
        { "{\"auths\": {\"a.example:5000\": {\"auth\": \"dTpw\"}}}", "a.example", false, "", "",
          false, NULL },
        { "{\"auths\": {\"a.example\": {\"identitytoken\": \"tok\"}}}", "a.example", true, "",
          "tok", true, NULL },
        { "{\"auths\": {\"a.example\": {\"auth\": \"!!!\"}}}", "a.example", false, "", "", false,
          NULL },
        { "{\"auths\": {\"a.example\": \"text\"}}", "a.example", false, "", "", false, NULL },
        { "{\"credsStore\": \"pass\", \"auths\": {\"a.example\": {}}}", "a.example", false, "", "",
          false, "pass" },
        { "{\"credsStore\": \"pass\", \"credHelpers\": {\"a.example\": \"own\"}}", "a.example",
          false, "", "", false, "own" },
        { "{\"credsStore\": \"../../bin/sh\"}", "a.example", false, "", "", false, NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA a = arena_new();
        struct oci_credentials c;
        const char *helper;
        print_message("%s\n", cases[i].config);
        assert_int_equal(oci_credentials_find(a, str_from_c(cases[i].config),
                                              str_from_c(cases[i].domain), &c, &helper),
                         cases[i].found);
        if (cases[i].found) {
            assert_str(c.user, cases[i].user);
            assert_str(c.secret, cases[i].secret);
            assert_int_equal(c.is_token, cases[i].is_token);
        }
        if (cases[i].helper == NULL) {
            assert_null(helper);
        } else {
            assert_string_equal(helper, cases[i].helper);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(logins_are_found) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void headers_are_read(void **state) {
    static const struct {
        const char *header;
        enum oci_auth_scheme scheme;
        const char *realm, *service, *scope;
    } cases[] = {
        { "", OCI_AUTH_NONE, "", "", "" },
        { "Basic realm=\"Registry\"", OCI_AUTH_BASIC, "Registry", "", "" },
        { "basic", OCI_AUTH_BASIC, "", "", "" },
        { "Bearer realm=\"https://auth.example/token\",service=\"reg.example\","
          "scope=\"repository:a/b:pull,push\"",
          OCI_AUTH_BEARER, "https://auth.example/token", "reg.example",
          "repository:a/b:pull,push" },
        { "bearer  Realm = \"https://a/t\" , Service=plain", OCI_AUTH_BEARER, "https://a/t",
          "plain", "" },
        /* two challenges in one header: the better one */
        { "Basic realm=\"x\", Bearer realm=\"https://a/t\"", OCI_AUTH_BEARER, "https://a/t", "",
          "" },
        { "Bearer realm=\"https://a/t\", Basic realm=\"x\"", OCI_AUTH_BEARER, "https://a/t", "",
          "" },
        { "Negotiate, Basic realm=\"x\"", OCI_AUTH_BASIC, "x", "", "" },
        { "Bearer realm=\"a\\\"b\"", OCI_AUTH_BEARER, "a\"b", "", "" },
        { "Bearer service=\"no realm\"", OCI_AUTH_NONE, "", "", "" },
        { "Bearer realm=\"never ends", OCI_AUTH_NONE, "", "", "" },
        { ",,,", OCI_AUTH_NONE, "", "", "" },
        { "=", OCI_AUTH_NONE, "", "", "" },
        { "\"", OCI_AUTH_NONE, "", "", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA a = arena_new();
        struct oci_challenge c = oci_challenge_parse(a, str_from_c(cases[i].header));
        print_message("%s\n", cases[i].header);
        assert_int_equal(c.scheme, cases[i].scheme);
        assert_str(c.realm, cases[i].realm);
        assert_str(c.service, cases[i].service);
        assert_str(c.scope, cases[i].scope);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(headers_are_read) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

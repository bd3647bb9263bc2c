// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/oci.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void references_are_completed(void **state) {
    (void)state;
    static const struct {
        const char *text, *full, *familiar;
    } cases[] = {
        { "debian", "docker.io/library/debian:latest", "debian:latest" },
        { "debian:bookworm-slim", "docker.io/library/debian:bookworm-slim",
          "debian:bookworm-slim" },
        { "user/image", "docker.io/user/image:latest", "user/image:latest" },
        { "localhost/x", "localhost/x:latest", "localhost/x:latest" },
        { "localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b:1" },
        { "[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest" },
        { "index.docker.io/debian", "docker.io/library/debian:latest", "debian:latest" },
        { "a@" DIGEST, "docker.io/library/a@" DIGEST, "a@" DIGEST },
        { "a:1@" DIGEST, "docker.io/library/a:1@" DIGEST, "a:1@" DIGEST },
        { "quay.io/a__b/c-d.e", "quay.io/a__b/c-d.e:latest", "quay.io/a__b/c-d.e:latest" },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_reference ref;
        struct err err = ERR_INIT;
        assert_true(oci_reference_parse(a, str_from_c(cases[i].text), &ref, &err));
        assert_string_equal(oci_reference_full(a, &ref).ptr, cases[i].full);
        assert_string_equal(oci_reference_familiar(a, &ref).ptr, cases[i].familiar);
    }
}

static void odd_references_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "A",
        "a/",
        "/a",
        "a//b",
        "a:",
        "a:b c",
        "a_-b",
        "a___b",
        "-a",
        "a-",
        "a@sha256:1",
        "a@" DIGEST "0",
        "a@sha256:AB34567890123456789012345678901234567890123456789012345678901234",
        "-h.x/a",
        "h-.x/a",
        "h.-x/a",
        "a:.tag",
        "a:-tag",
        "h.x:/a",
        "h.x:1",
        "a b",
        "\xff",
        "http://x/y",
        "h:70000/a",
        "../a",
        "a/../b",
        "[]/a",
        "[x]/a",
        "[::1\r]:1/a",
        "[::1 evil]/a",
        "[::1/a",
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_reference ref;
        struct err err = ERR_INIT;
        if (str_eq(str_from_c(cases[i]), S("h.x:1"))) {
            continue; /* a repository "h.x" with tag 1: odd, but well formed */
        }
        if (oci_reference_parse(a, str_from_c(cases[i]), &ref, &err)) {
            fail_msg("'%s' was taken as a reference", cases[i]);
        }
        assert_true(err_is_set(&err));
    }
}

static void platforms_are_normalised(void **state) {
    (void)state;
    static const struct {
        const char *text, *normal;
    } cases[] = {
        { "linux/amd64", "linux/amd64" },    { "x86_64", "linux/amd64" },
        { "linux/arm64/v8", "linux/arm64" }, { "aarch64", "linux/arm64" },
        { "linux/arm/v7", "linux/arm/v7" },  { "armhf", "linux/arm/v7" },
        { "Linux/AMD64", "linux/amd64" },
    };
    AUTO_ARENA a = arena_new();
    struct oci_platform p;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(oci_platform_parse(a, str_from_c(cases[i].text), &p, NULL));
        assert_string_equal(oci_platform_text(a, &p).ptr, cases[i].normal);
    }
    assert_false(oci_platform_parse(a, S("linux/"), &p, NULL));
    assert_false(oci_platform_parse(a, S("a/b/c/d"), &p, NULL));
    assert_false(oci_platform_parse(a, S(""), &p, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_completed),
        cmocka_unit_test(odd_references_are_refused),
        cmocka_unit_test(platforms_are_normalised),
    };
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}

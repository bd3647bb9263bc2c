// SPDX-License-Identifier: Apache-2.0
/* Which names can be made from a distribution's packages. */
#include "base/testing.h"

#include "images/internal.h"

static void releases_are_recognised(void **state) {
    static const struct {
        const char *name;
        const char *suite; /* NULL: it is not one */
        bool slim;
    } cases[] = {
        { "debian:bookworm", "bookworm", false },
        { "debian:bookworm-slim", "bookworm", true },
        { "debian:12", "bookworm", false },
        { "debian:12-slim", "bookworm", true },
        { "docker.io/library/ubuntu:24.04", "noble", false },
        { "debian:unstable", "sid", false },
        { "debian", NULL, false },
        { "debian:24.04", NULL, false },
        { "ubuntu:bookworm", NULL, false },
        { "me/debian:bookworm", NULL, false },
        { "localhost:5000/library/debian:bookworm", NULL, false },
        { "debian:bookworm@sha256:"
          "0123456789012345678901234567890123456789012345678901234567890123",
          NULL, false },
        { "debianx:bookworm", NULL, false },
    };
    (void)state;
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_reference ref;
        struct bootstrap what = { 0 };
        print_message("%s\n", cases[i].name);
        assert_true(oci_reference_parse(a, str_from_c(cases[i].name), &ref, NULL));
        assert_int_equal(bootstrap_recognise(&ref, &what), cases[i].suite != NULL);
        if (cases[i].suite != NULL) {
            assert_string_equal(what.suite, cases[i].suite);
            assert_int_equal(what.slim, cases[i].slim);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(releases_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include <cmocka.h>

static void sizes(void **state) {
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0 B" },
        { 999, "999 B" },
        { 1000, "1.0 kB" },
        { 99949, "99.9 kB" },
        { 100000, "100 kB" },
        { 1234567, "1.2 MB" },
        { UINT64_C(5) * 1000 * 1000 * 1000, "5.0 GB" },
        { UINT64_MAX, "18446744 TB" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(unit_bytes(cases[i].bytes).text, cases[i].text);
    }
}

static void durations(void **state) {
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {
        { 0, "0 ms" },       { 999, "999 ms" },     { 1000, "1.0 s" },
        { 59999, "59.9 s" }, { 60000, "1:00 min" }, { 125000, "2:05 min" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(unit_duration_ms(cases[i].ms).text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(sizes), cmocka_unit_test(durations) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

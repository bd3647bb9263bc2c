// SPDX-License-Identifier: Apache-2.0
#include "base/testing.h"

#include <time.h>

#include "base/base.h"
#include "base/clock.h"

static uint64_t ms_of(clockid_t clock) {
    struct timespec t;
    assert_int_equal(clock_gettime(clock, &t), 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Between what the kernel's clock says before and after: the unit, the resolution and the clock. */
static void milliseconds_are_the_kernels(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t before = ms_of(CLOCK_MONOTONIC);
        uint64_t now = time_now_ms();
        assert_true(before <= now && now <= ms_of(CLOCK_MONOTONIC));
    }
}

static void seconds_are_those_of_the_wall(void **state) {
    (void)state;
    int64_t before = (int64_t)(ms_of(CLOCK_REALTIME) / 1000);
    int64_t now = time_now_epoch_s();
    assert_true(before <= now && now <= (int64_t)(ms_of(CLOCK_REALTIME) / 1000));
}

static void a_time_is_a_date(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    assert_string_equal(str_to_c(a, time_to_iso(a, 0)), "1970-01-01T00:00:00Z");
    assert_string_equal(str_to_c(a, time_to_iso(a, 1700000000)), "2023-11-14T22:13:20Z");
    assert_string_equal(str_to_c(a, time_to_iso(a, -1)), "1969-12-31T23:59:59Z");
    assert_int_equal(time_to_iso(a, INT64_MAX).len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(milliseconds_are_the_kernels),
        cmocka_unit_test(seconds_are_those_of_the_wall),
        cmocka_unit_test(a_time_is_a_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

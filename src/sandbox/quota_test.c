// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/sysinfo.h>

#include "sandbox/internal.h"

static uint64_t number_in(struct arena *a, const char *path) {
    str text;
    uint64_t number;
    assert_true(fs_load(a, AT_FDCWD, path, 100, &text, NULL));
    assert_true(str_to_u64(str_trim(text), &number));
    return number;
}

static void a_step_gets_a_part_of_the_machine(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sandbox_spec spec = { 0 };
    struct quota quota;
    struct sysinfo info;
    assert_int_equal(sysinfo(&info), 0);
    quota_find(a, &spec, &quota);
    assert_true(quota.memory_bytes > 0 &&
                quota.memory_bytes <= (uint64_t)info.totalram * info.mem_unit / 10 * 9);
    assert_true(quota.pids >= 16 && quota.pids <= 32768);
    assert_true(quota.pids <= number_in(a, "/proc/sys/kernel/pid_max") / 4);
    assert_true(quota.pids <= number_in(a, "/proc/sys/kernel/threads-max") / 4);
}

static void what_is_asked_for_is_given(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sandbox_spec spec = { .memory_bytes = 1 << 20, .pids = 17 };
    struct quota quota;
    quota_find(a, &spec, &quota);
    assert_int_equal(quota.memory_bytes, 1 << 20);
    assert_int_equal(quota.pids, 17);
    spec.pids = 1; /* a step is some processes already */
    quota_find(a, &spec, &quota);
    assert_int_equal(quota.pids, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_gets_a_part_of_the_machine),
        cmocka_unit_test(what_is_asked_for_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/internal.h"

static char cache[64];

static int make_cache(void **state) {
    memcpy(cache, "/tmp/capsem-accel-XXXXXX", sizeof "/tmp/capsem-accel-XXXXXX");
    return mkdtemp(cache) == NULL;
}

static int remove_cache(void **state) {
    return !fs_remove_tree(AT_FDCWD, cache, NULL);
}

static void a_verdict_is_remembered(void **state) {
    AUTO_ARENA a = arena_new();
    const char *dir = path_join(a, cache, "new/folder");
    assert_int_equal(accel_recall(dir, "/bin/sh"), ACCEL_UNKNOWN);
    accel_remember(dir, "/bin/sh", ACCEL_BROKEN);
    assert_int_equal(accel_recall(dir, "/bin/sh"), ACCEL_BROKEN);
    accel_remember(dir, "/bin/sh", ACCEL_WORKS);
    assert_int_equal(accel_recall(dir, "/bin/sh"), ACCEL_WORKS);
    /* Another QEMU, one that is not there, nowhere to remember. */
    assert_int_equal(accel_recall(dir, "/bin/cat"), ACCEL_UNKNOWN);
    assert_int_equal(accel_recall(dir, "/no/such/program"), ACCEL_UNKNOWN);
    assert_int_equal(accel_recall(NULL, "/bin/sh"), ACCEL_UNKNOWN);
    accel_remember(NULL, "/bin/sh", ACCEL_WORKS);
    accel_remember(dir, "/bin/sh", ACCEL_UNKNOWN);
    assert_int_equal(accel_recall(dir, "/bin/sh"), ACCEL_WORKS);
}

static void an_old_or_foreign_note_is_not_believed(void **state) {
    AUTO_ARENA a = arena_new();
    const char *note = path_join(a, cache, "kvm-verdict");
    accel_remember(cache, "/bin/sh", ACCEL_BROKEN);
    assert_int_equal(accel_recall(cache, "/bin/sh"), ACCEL_BROKEN);
    struct timespec two_days_ago = { .tv_sec = time_now_epoch_s() - 2 * 24 * 3600 };
    assert_int_equal(
        utimensat(AT_FDCWD, note, (struct timespec[2]){ two_days_ago, two_days_ago }, 0), 0);
    assert_int_equal(accel_recall(cache, "/bin/sh"), ACCEL_UNKNOWN);
    static const char *const contents[] = { "", "\n", "broken", "another-boot /bin/sh 1 2 broken",
                                            "\0\0" };
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        assert_true(fs_store(AT_FDCWD, note, str_from_c(contents[i]), 0644, NULL));
        assert_int_equal(accel_recall(cache, "/bin/sh"), ACCEL_UNKNOWN);
    }
}

static void another_architecture_has_no_kvm(void **state) {
    const char *why = NULL;
    assert_false(accel_is_possible("sparc", &why));
    assert_string_equal(why, "the host has another architecture");
    why = NULL;
    assert_false(vm_kvm_usable("sparc", NULL, &why));
    assert_string_equal(why, "the host has another architecture");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_verdict_is_remembered, make_cache, remove_cache),
        cmocka_unit_test_setup_teardown(an_old_or_foreign_note_is_not_believed, make_cache,
                                        remove_cache),
        cmocka_unit_test(another_architecture_has_no_kvm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

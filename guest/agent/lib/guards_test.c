// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guards.h"

#define TEXT(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static const struct {
    const uint8_t *key;
    size_t len;
    bool allowed;
} key_cases[] = {
    { TEXT("PATH"), true },
    { TEXT("LANG"), true },
    { TEXT("_"), true },
    { TEXT("LD"), true },
    { TEXT("ENVIRONMENT"), true },
    { TEXT("MY_LD_PRELOAD"), true },
    { TEXT("IFSX"), true },
    { TEXT("ps4"), true },
    { TEXT(""), false },
    { TEXT("A=B"), false },
    { TEXT("A\0B"), false },
    { TEXT("LD_PRELOAD"), false },
    { TEXT("LD_"), false },
    { TEXT("IFS"), false },
    { TEXT("BASH_FUNC_x%%"), false },
    { TEXT("BASH_ENV"), false },
    { TEXT("ENV"), false },
    { TEXT("CDPATH"), false },
    { TEXT("GLOBIGNORE"), false },
    { TEXT("SHELLOPTS"), false },
    { TEXT("BASHOPTS"), false },
    { TEXT("PROMPT_COMMAND"), false },
    { TEXT("PS4"), false },
};

static void keys(void **state) {
    for (size_t i = 0; i < sizeof key_cases / sizeof key_cases[0]; i++) {
        const char *why = guard_env(key_cases[i].key, key_cases[i].len, TEXT("value"));
        if ((why == NULL) != key_cases[i].allowed) {
            fail_msg("key '%s': %s", (const char *)key_cases[i].key, why ? why : "allowed");
        }
    }
}

static void lengths(void **state) {
    uint8_t *bytes = malloc(GUARD_VALUE_MAX + 1);
    memset(bytes, 'x', GUARD_VALUE_MAX + 1);
    assert_null(guard_env(bytes, GUARD_KEY_MAX, bytes, GUARD_VALUE_MAX));
    assert_non_null(guard_env(bytes, GUARD_KEY_MAX + 1, bytes, 1));
    assert_non_null(guard_env(bytes, 1, bytes, GUARD_VALUE_MAX + 1));
    assert_null(guard_env(bytes, 1, bytes, 0));
    bytes[5] = 0;
    assert_non_null(guard_env(TEXT("A"), bytes, 10));
    free(bytes);
}

static const struct {
    const uint8_t *path;
    size_t len;
    bool allowed;
} path_cases[] = {
    { TEXT("/root/.config/x.json"), true },
    { TEXT("/a"), true },
    { TEXT("/a b/\xc3\xa9"), true },
    { TEXT(""), false },
    { TEXT("relative"), false },
    { TEXT("/"), false },
    { TEXT("/folder/"), false },
    { TEXT("/a/../b"), false },
    { TEXT("/.."), false },
    { TEXT("/a\0b"), false },
};

static void paths(void **state) {
    for (size_t i = 0; i < sizeof path_cases / sizeof path_cases[0]; i++) {
        const char *why = guard_path(path_cases[i].path, path_cases[i].len);
        if ((why == NULL) != path_cases[i].allowed) {
            fail_msg("path '%s': %s", (const char *)path_cases[i].path, why ? why : "allowed");
        }
    }
}

static const struct {
    const uint8_t *path;
    size_t len;
    bool allowed;
} mount_cases[] = {
    { TEXT("/root/src"), true },      { TEXT("/etc"), true },      { TEXT("/process"), true },
    { TEXT("/a, b/\xc3\xa9"), true }, { TEXT("/"), false },        { TEXT(""), false },
    { TEXT("src"), false },           { TEXT("/proc"), false },    { TEXT("/proc/sys"), false },
    { TEXT("/sys/fs"), false },       { TEXT("/dev/shm"), false }, { TEXT("/run/capsem"), false },
    { TEXT("/a/../proc"), false },
};

static void mounts(void **state) {
    for (size_t i = 0; i < sizeof mount_cases / sizeof mount_cases[0]; i++) {
        const char *why = guard_mount(mount_cases[i].path, mount_cases[i].len);
        if ((why == NULL) != mount_cases[i].allowed) {
            fail_msg("mount at '%s': %s", (const char *)mount_cases[i].path, why ? why : "allowed");
        }
    }
}

static void budgets(void **state) {
    struct guard_budget budget = { 0 };
    for (int i = 0; i < GUARD_ENV_COUNT_MAX; i++) {
        assert_null(guard_count_env(&budget));
    }
    assert_non_null(guard_count_env(&budget));
    for (int i = 0; i < GUARD_FILE_COUNT_MAX; i++) {
        assert_null(guard_count_file(&budget, 10));
    }
    assert_non_null(guard_count_file(&budget, 10));
    assert_int_equal(budget.file_bytes, 10 * GUARD_FILE_COUNT_MAX);

    budget = (struct guard_budget){ 0 };
    assert_null(guard_count_file(&budget, GUARD_FILE_TOTAL_MAX));
    assert_null(guard_count_file(&budget, 0));
    assert_non_null(guard_count_file(&budget, 1));
    assert_non_null(guard_count_file(&budget, SIZE_MAX));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),   cmocka_unit_test(lengths), cmocka_unit_test(paths),
        cmocka_unit_test(mounts), cmocka_unit_test(budgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/base.h"

static void memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    for (size_t size = 0; size < 5000; size += 7) {
        unsigned char *p = arena_alloc(a, size);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(p[i], 0);
            p[i] = 0xFF;
        }
    }
}

static void large_and_small_blocks_do_not_overlap(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    char *small = arena_alloc(a, 10);
    char *large = arena_alloc(a, 3 * 1024 * 1024);
    char *next = arena_alloc(a, 10);
    memset(large, 'x', 3 * 1024 * 1024);
    assert_int_equal(small[9], 0);
    assert_int_equal(next[0], 0);
    assert_true(arena_used(a) >= 3 * 1024 * 1024);
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
}

static void raw_memory_is_aligned_and_counted(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    for (size_t size = 0; size < 5000; size += 7) {
        size_t used = arena_used(a);
        unsigned char *p = arena_alloc_raw(a, size);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(arena_used(a) - used >= size);
        memset(p, 0xFF, size);
    }
    assert_int_equal(*(unsigned char *)arena_alloc(a, 1), 0);
}

static void push_grows_and_keeps_content(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    int *items = NULL;
    size_t len = 0;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        ARENA_PUSH(a, items, len, cap, i);
    }
    assert_int_equal(len, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(items[i], i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(large_and_small_blocks_do_not_overlap),
        cmocka_unit_test(raw_memory_is_aligned_and_counted),
        cmocka_unit_test(push_grows_and_keeps_content),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}

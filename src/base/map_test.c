// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include <cmocka.h>

static void keys_keep_their_first_place(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct map m;
    map_init(&m, a);
    int values[3] = { 1, 2, 3 };
    assert_true(map_put(&m, S("b"), &values[0]));
    assert_true(map_put(&m, S("a"), &values[1]));
    assert_false(map_put(&m, S("b"), &values[2]));
    assert_int_equal(m.len, 2);
    assert_true(str_eq(m.entries[0].key, S("b")));
    assert_ptr_equal(m.entries[0].value, &values[2]);
    assert_ptr_equal(map_find(&m, S("a")), &values[1]);
    assert_null(map_find(&m, S("c")));
    assert_false(map_has(&m, S("")));
}

static void null_is_a_value(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct map m;
    map_init(&m, a);
    map_put(&m, S("x"), NULL);
    map_put(&m, (str){ 0 }, &m);
    assert_null(map_find(&m, S("x")));
    assert_true(map_has(&m, S("x")));
    assert_ptr_equal(map_find(&m, S("")), &m);
}

/* Passes the change from a scan to slots, and several growths of those. */
static void many_keys(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    AUTO_ARENA a = arena_new();
    struct map m;
    map_init(&m, a);
    size_t *values = ARENA_ARRAY(a, size_t, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = i;
        assert_true(map_put(&m, str_fmt(a, "key-%zu", i), &values[i]));
        assert_false(map_has(&m, str_fmt(a, "key-%zu", i + 1)));
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(map_find(&m, str_fmt(a, "key-%zu", i)), &values[i]);
        assert_ptr_equal(m.entries[i].value, &values[i]);
    }
    assert_false(map_put(&m, S("key-77"), NULL));
    assert_int_equal(m.len, COUNT);
}

static void hashes_differ_and_are_stable(void **state) {
    (void)state;
    assert_true(str_hash(S("a")) != str_hash(S("b")));
    assert_true(str_hash(S("a")) != str_hash((str){ "a\0", 2 }));
    assert_true(str_hash(S("abcdefgh1")) != str_hash(S("abcdefgh2")));
    assert_true(str_hash(S("12345678")) == str_hash(str_slice(S("x12345678"), 1, 9)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_keep_their_first_place),
        cmocka_unit_test(null_is_a_value),
        cmocka_unit_test(many_keys),
        cmocka_unit_test(hashes_differ_and_are_stable),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}

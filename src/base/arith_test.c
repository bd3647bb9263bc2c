// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include <cmocka.h>

static void sums_and_products_are_checked(void **state) {
    (void)state;
    size_t s = 1;
    uint64_t u = 1;
    int64_t i = 1;
    assert_true(add_size(SIZE_MAX - 1, 1, &s));
    assert_true(s == SIZE_MAX);
    assert_false(add_size(SIZE_MAX, 1, &s));
    assert_true(s == SIZE_MAX); /* untouched */
    assert_false(mul_size(SIZE_MAX / 2, 3, &s));
    assert_true(mul_size(0, SIZE_MAX, &s));
    assert_int_equal(s, 0);
    assert_false(add_u64(UINT64_MAX, 1, &u));
    assert_false(mul_u64(UINT64_MAX, 2, &u));
    assert_true(mul_u64(UINT32_MAX, UINT32_MAX, &u));
    assert_true(u == (uint64_t)UINT32_MAX * UINT32_MAX);
    assert_false(add_i64(INT64_MAX, 1, &i));
    assert_false(add_i64(INT64_MIN, -1, &i));
    assert_false(mul_i64(INT64_MIN, -1, &i));
    assert_true(add_i64(INT64_MIN, INT64_MAX, &i));
    assert_int_equal(i, -1);
}

static void smaller_and_larger(void **state) {
    (void)state;
    assert_int_equal(min_size(3, 5), 3);
    assert_int_equal(max_size(3, 5), 5);
    assert_true(min_size(SIZE_MAX, 0) == 0);
}

static void numbers_on_disk_are_little_endian_at_any_address(void **state) {
    (void)state;
    unsigned char bytes[] = { 0xEE, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88, 0xEE };
    assert_int_equal(load_le16(bytes + 1), 0x0201);
    assert_int_equal(load_le32(bytes + 1), 0x04030201);
    assert_true(load_le64(bytes + 1) == 0x8807060504030201U);
    store_le32(bytes + 1, 0xA1B2C3D4);
    assert_int_equal(bytes[1], 0xD4);
    assert_int_equal(bytes[4], 0xA1);
    store_le64(bytes + 1, 0x1122334455667788U);
    assert_int_equal(bytes[1], 0x88);
    assert_int_equal(bytes[8], 0x11);
    assert_int_equal(bytes[9], 0xEE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_products_are_checked),
        cmocka_unit_test(smaller_and_larger),
        cmocka_unit_test(numbers_on_disk_are_little_endian_at_any_address),
    };
    return cmocka_run_group_tests_name("arith", tests, NULL, NULL);
}

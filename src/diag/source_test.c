// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diag/diag.h"

static void check_position(struct sources *s, uint32_t source, uint32_t offset, uint32_t line,
                           uint32_t column) {
    struct position at = sources_position(s, source, offset);
    assert_int_equal(at.line, line);
    assert_int_equal(at.column, column);
}

static void columns_count_characters(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sources s;
    sources_init(&s, a);
    /* a, two-byte e acute, three-byte euro, four-byte emoji, a bad byte, x */
    uint32_t f = sources_add(&s, S("f"), S("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFFx\n"));
    check_position(&s, f, 0, 1, 1);
    check_position(&s, f, 1, 1, 2);
    check_position(&s, f, 3, 1, 3);
    check_position(&s, f, 6, 1, 4);
    check_position(&s, f, 10, 1, 5);
    check_position(&s, f, 11, 1, 6);
    check_position(&s, f, 12, 1, 7);
    check_position(&s, f, 13, 2, 1);
    check_position(&s, f, 9999, 2, 1); /* beyond the end is the end */
}

static void an_offset_inside_a_character_is_that_character(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sources s;
    sources_init(&s, a);
    uint32_t f = sources_add(&s, S("f"), S("\xE2\x82\xAC!"));
    check_position(&s, f, 1, 1, 1);
    check_position(&s, f, 2, 1, 1);
    check_position(&s, f, 3, 1, 2);
}

static void lines_lose_their_ends(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sources s;
    sources_init(&s, a);
    uint32_t f = sources_add(&s, S("f"), S("one\r\n\ntwo\rthree\nlast"));
    assert_true(str_eq(sources_line(&s, f, 1), S("one")));
    assert_true(str_eq(sources_line(&s, f, 2), S("")));
    assert_true(str_eq(sources_line(&s, f, 3), S("two\rthree")));
    assert_true(str_eq(sources_line(&s, f, 4), S("last")));
    assert_true(str_eq(sources_line(&s, f, 5), S("")));
    assert_true(str_eq(sources_line(&s, f, 0), S("")));
}

static void a_byte_order_mark_is_no_column(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sources s;
    sources_init(&s, a);
    uint32_t f = sources_add(&s, S("f"), S("\xEF\xBB\xBFone\ntwo"));
    assert_true(str_eq(sources_line(&s, f, 1), S("one")));
    check_position(&s, f, 0, 1, 1);
    check_position(&s, f, 3, 1, 1);
    check_position(&s, f, 5, 1, 3);
    check_position(&s, f, 7, 2, 1);
}

static void a_path_without_text_has_one_index(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sources s;
    sources_init(&s, a);
    uint32_t first = sources_add_path(&s, S("guest/config"));
    uint32_t other = sources_add_path(&s, S("guest"));
    assert_int_equal(sources_add_path(&s, S("guest/config")), first);
    assert_int_not_equal(first, other);
    check_position(&s, first, 0, 1, 1);
    assert_true(str_eq(sources_line(&s, first, 1), S("")));
}

static void spans_join(void **state) {
    (void)state;
    struct span joined = span_join((struct span){ 3, 5, 9 }, (struct span){ 3, 20, 22 });
    assert_int_equal(joined.source, 3);
    assert_int_equal(joined.start, 5);
    assert_int_equal(joined.end, 22);
    assert_false(span_is_set(SPAN_NONE));
    assert_true(span_is_set(joined));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(an_offset_inside_a_character_is_that_character),
        cmocka_unit_test(lines_lose_their_ends),
        cmocka_unit_test(a_byte_order_mark_is_no_column),
        cmocka_unit_test(a_path_without_text_has_one_index),
        cmocka_unit_test(spans_join),
    };
    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lsp/internal.h"

/* 'ä' is 2 bytes and 1 unit, U+1D11E 4 bytes and 2 units; \xFF is shown as one character. */
static const char text[] = "a\xC3\xA4\xF0\x9D\x84\x9E"
                           "b\r\nsecond\rthird\n\xFFx\n";

static const struct {
    size_t offset;
    uint32_t line, character;
} places[] = {
    { 0, 0, 0 },  { 1, 0, 1 },  { 3, 0, 2 },  { 7, 0, 4 },  { 8, 0, 5 },
    { 10, 1, 0 }, { 16, 1, 6 }, { 17, 2, 0 }, { 22, 2, 5 }, { 23, 3, 0 },
    { 24, 3, 1 }, { 25, 3, 2 }, { 26, 4, 0 },
};

static void positions_count_utf16(void **state) {
    AUTO_ARENA a = arena_new();
    struct lines lines;
    lines_init(&lines, a, str_from_c(text));
    assert_int_equal(lines.count, 5);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct lsp_position at = lines_position(&lines, places[i].offset);
        assert_int_equal(at.line, places[i].line);
        assert_int_equal(at.character, places[i].character);
        assert_int_equal(position_offset(str_from_c(text), at), places[i].offset);
    }
}

static void positions_outside_are_clamped(void **state) {
    static const struct {
        struct lsp_position at;
        size_t offset;
    } cases[] = {
        { { 0, 3 }, 3 },  /* between the halves of a pair: before it */
        { { 0, 99 }, 8 }, /* after the end of a line */
        { { 1, INT32_MAX }, 16 },
        { { 99, 0 }, 26 }, /* after the text */
        { { INT32_MAX, INT32_MAX }, 26 },
    };
    AUTO_ARENA a = arena_new();
    struct lines lines;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(position_offset(str_from_c(text), cases[i].at), cases[i].offset);
    }
    assert_int_equal(position_offset((str){ 0 }, (struct lsp_position){ 1, 1 }), 0);
    lines_init(&lines, a, str_from_c(text));
    assert_int_equal(lines_position(&lines, 9).character, 5); /* between \r and \n */
    assert_int_equal(lines_position(&lines, 5).character, 2); /* inside a character */
    assert_int_equal(lines_position(&lines, 1000).line, 4);
}

static void long_lines_count_the_same(void **state) {
    AUTO_ARENA a = arena_new();
    struct lines lines;
    AUTO_BUF line = BUF_INIT(1 << 20);
    buf_add_repeat(&line, 'x', 1000);
    buf_add_c(&line, "\xF0\x9D\x84\x9E");
    buf_add_repeat(&line, 'y', 1000);
    lines_init(&lines, a, buf_str(&line));
    assert_int_equal(lines_position(&lines, 999).character, 999);
    assert_int_equal(lines_position(&lines, 1004).character, 1002);
    assert_int_equal(lines_position(&lines, 2004).character, 2002);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_count_utf16),
        cmocka_unit_test(positions_outside_are_clamped),
        cmocka_unit_test(long_lines_count_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

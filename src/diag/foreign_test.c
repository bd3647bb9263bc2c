// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diag/internal.h"

#define END "\033[0m"

static const struct {
    const char *text;
    const char *color; /* where colours are shown */
    const char *plain; /* where not; NULL: the same */
} cases[] = {
    { "", "", NULL },
    { "a line\nwith\ttabs\n", "a line\nwith\ttabs\n", NULL },
    { "\033[31mred\033[0m\n", "\033[31mred\033[0m" END "\n", "red\n" },
    { "\033[1;38;5;8mgrey", "\033[1;38;5;8mgrey" END, "grey" },
    { "\033[38;2;8;8;8mdark", "\033[38;2;8;8;8mdark" END, "dark" },
    { "\033[38:2::1:2:3mx", "\033[38:2::1:2:3mx" END, "x" },
    { "\033[mx", "\033[mx" END, "x" },
    { "\033[33mto its\nend", "\033[33mto its" END "\nend", "to its\nend" },
    /* what cannot be read */
    { "\033[8mhidden", "\\x1b[8mhidden", NULL },
    { "\033[0;31;8mhidden", "\\x1b[0;31;8mhidden", NULL },
    { "\033[38;5;1;8mhidden", "\\x1b[38;5;1;8mhidden", NULL },
    /* what moves, erases, asks or names */
    { "\033[2J\033[H", "\\x1b[2J\\x1b[H", NULL },
    { "\033[?25l", "\\x1b[?25l", NULL },
    { "\033[6n", "\\x1b[6n", NULL },
    { "\033[1;31", "\\x1b[1;31", NULL },
    { "\033]0;title\a", "\\x1b]0;title\\x07", NULL },
    { "\033Px\033\\", "\\x1bPx\\x1b\\", NULL },
    { "\033", "\\x1b", NULL },
    { "\xc2\x9b"
      "2J",
      "\\x9b2J", NULL }, /* CSI in one character */
    { "\x9b"
      "2J",
      "\xEF\xBF\xBD"
      "2J",
      NULL },
    { "password:\b\b\b", "password:\\x08\\x08\\x08", NULL },
    { "\v\f\x7f", "\\x0b\\x0c\\x7f", NULL },
    { "10 %\r20 %\r\n", "10 %\n20 %\n", NULL },
    { "\xe2\x80\xae"
      "evil",
      "\\u202eevil", NULL },
    { "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b", NULL },
};

static void check(const char *text, bool color, const char *want) {
    AUTO_BUF out = BUF_INIT(1024);
    add_foreign(&out, str_from_c(text), color);
    if (!str_eq(buf_str(&out), str_from_c(want))) {
        fail_msg("%s: %.*s", text, STR_FMT(buf_str(&out)));
    }
}

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(cases[i].text, true, cases[i].color);
        check(cases[i].text, false, cases[i].plain != NULL ? cases[i].plain : cases[i].color);
    }
}

/* Whatever three bytes follow an escape, only whole colours get through. */
static void test_no_other_escape(void **state) {
    (void)state;
    static const char bytes[] = "m[]0;8?\033\n\x9b\xc2 A";
    for (size_t i = 0; i < sizeof bytes * sizeof bytes * sizeof bytes; i++) {
        char text[] = { '\033', bytes[i % sizeof bytes], bytes[i / sizeof bytes % sizeof bytes],
                        bytes[i / sizeof bytes / sizeof bytes], 'm' };
        AUTO_BUF out = BUF_INIT(1024);
        add_foreign(&out, (str){ text, sizeof text }, true);
        for (size_t at = 0; at < out.len; at++) {
            str rest = str_slice(buf_str(&out), at, out.len);
            if (out.ptr[at] == '\033') {
                size_t end = str_find_char(rest, 'm', 0);
                assert_true(str_starts(rest, S("\033[")) && end != STR_NONE && end < 5);
            }
            assert_false(str_starts(rest, S("\xc2\x9b")));
        }
    }
}

static void test_one_line(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    str line = plain_line(a, S("a\033[31m\n\tb\xc2\x9b"));
    assert_string_equal(str_to_c(a, line), "a\\x1b[31m\\n\\tb\\x9b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_no_other_escape),
        cmocka_unit_test(test_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/wrap.h"

static void test_wrapping(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t indent, width;
        const char *want;
    } cases[] = {
        { "short", 0, 80, "short\n" },
        { "", 4, 80, "\n" },
        { "as it is, for no terminal is there", 4, 0, "as it is, for no terminal is there\n" },
        { "twelve chars and twelve more", 4, 28, "twelve chars and twelve\n    more\n" },
        { "exactly twenty chars", 4, 24, "exactly twenty chars\n" },
        { "a-word-that-is-longer-than-the-room next", 2, 30,
          "a-word-that-is-longer-than-the-room\n  next\n" },
        { "one a-word-that-is-longer-than-the-room", 2, 30,
          "one\n  a-word-that-is-longer-than-the-room\n" },
        { "narrow terminals get twenty columns", 30, 10,
          "narrow terminals get\n                              twenty columns\n" },
        { "日本語日本 日本語日本 x", 0, 21, "日本語日本 日本語日本\nx\n" },
        { "日本語日本 日本語日本 x", 0, 23, "日本語日本 日本語日本 x\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF out = BUF_INIT(4096);
        add_wrapped(&out, str_from_c(cases[i].text), cases[i].indent, cases[i].width);
        assert_string_equal(out.ptr, cases[i].want);
    }
}

static void test_width(void **state) {
    (void)state;
    assert_int_equal(text_width(S("abc")), 3);
    assert_int_equal(text_width(S("日本")), 4);
    assert_int_equal(text_width(S("e\xCC\x81")), 1); /* with an accent of its own */
    assert_int_equal(text_width(S("\xFF")), 1);
    assert_int_equal(text_width((str){ 0 }), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrapping),
        cmocka_unit_test(test_width),
    };
    return cmocka_run_group_tests_name("cli/wrap", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/base.h"

static void text_grows_and_ends_in_nul(void **state) {
    (void)state;
    AUTO_BUF b = BUF_INIT(100000);
    for (int i = 0; i < 1000; i++) {
        buf_addf(&b, "%d,", i);
        assert_int_equal(strlen(b.ptr), b.len);
    }
    assert_false(b.full);
    assert_true(str_starts(buf_str(&b), S("0,1,2,")));
    assert_true(str_ends(buf_str(&b), S(",998,999,")));
}

static void the_maximum_is_hard(void **state) {
    (void)state;
    AUTO_BUF b = BUF_INIT(5);
    buf_add(&b, S("abc"));
    buf_add(&b, S("def")); /* does not fit: dropped as a whole */
    assert_true(b.full);
    assert_string_equal(b.ptr, "abc");
    buf_add(&b, S("de"));
    assert_string_equal(b.ptr, "abcde");
    assert_true(b.full); /* stays set */
    buf_add_char(&b, 'x');
    buf_addf(&b, "%s", "x");
    buf_add_repeat(&b, 'x', 1);
    assert_string_equal(b.ptr, "abcde");
    assert_false(buf_reserve(&b, SIZE_MAX));
    buf_reset(&b);
    assert_false(b.full);
    assert_string_equal(b.ptr, "");
    buf_add_repeat(&b, 'y', 5);
    assert_string_equal(b.ptr, "yyyyy");
    assert_false(b.full);
}

static void nothing_added_is_fine(void **state) {
    (void)state;
    AUTO_BUF b = BUF_INIT(5);
    buf_add(&b, (str){ 0 });
    buf_add_c(&b, "");
    buf_add_repeat(&b, 'x', 0);
    buf_reset(&b);
    assert_int_equal(buf_str(&b).len, 0);
    buf_done(&b);
    buf_add(&b, S("again"));
    assert_string_equal(b.ptr, "again");
    AUTO_BUF none = BUF_INIT(0);
    buf_add_char(&none, 'x');
    assert_true(none.full);
}

static void what_is_expected_need_not_fit(void **state) {
    (void)state;
    AUTO_BUF b = BUF_INIT(10);
    buf_expect(&b, 1000);
    assert_false(b.full);
    buf_add(&b, S("0123456789"));
    buf_expect(&b, 1);
    assert_false(b.full);
    assert_int_equal(b.len, 10);
    buf_add(&b, S("x"));
    assert_true(b.full);
}

static void shell_words_are_quoted(void **state) {
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        { "git", "git" },
        { "a/b@1.2:x=y,z_%+-", "a/b@1.2:x=y,z_%+-" },
        { "", "''" },
        { "a b", "'a b'" },
        { "it's", "'it'\\''s'" },
        { "$(x)", "'$(x)'" },
        { "a\nb", "'a\nb'" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF out = BUF_INIT(100);
        buf_add_shell_word(&out, str_from_c(cases[i].text));
        assert_string_equal(out.ptr, cases[i].word);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_ends_in_nul),
        cmocka_unit_test(the_maximum_is_hard),
        cmocka_unit_test(nothing_added_is_fine),
        cmocka_unit_test(what_is_expected_need_not_fit),
        cmocka_unit_test(shell_words_are_quoted),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <string.h>

#include "base/base.h"

static void views_compare_by_bytes(void **state) {
    (void)state;
    assert_true(str_eq(S("a"), S("a")));
    assert_true(str_eq((str){ 0 }, S("")));
    assert_false(str_eq(S("a"), S("ab")));
    assert_true(str_cmp(S("a"), S("ab")) < 0);
    assert_true(str_cmp(S("b"), S("ab")) > 0);
    assert_true(str_cmp(S("\x7F"), S("\x80")) < 0); /* unsigned */
    assert_int_equal(str_cmp((str){ 0 }, S("")), 0);
    assert_true(str_eq_nocase(S("AbC"), S("aBc")));
    assert_false(str_eq_nocase(S("a"), S("ab")));
    assert_true(str_starts(S("abc"), S("ab")) && str_starts(S("abc"), S("")));
    assert_false(str_starts(S("a"), S("ab")));
    assert_true(str_ends(S("abc"), S("bc")) && str_ends(S("abc"), S("")));
    assert_false(str_ends(S("c"), S("bc")));
    assert_int_equal(str_from_c(NULL).len, 0);
}

static void finding(void **state) {
    (void)state;
    str s = S("abcabc");
    assert_int_equal(str_find(s, S("bc"), 0), 1);
    assert_int_equal(str_find(s, S("bc"), 2), 4);
    assert_int_equal(str_find(s, S("bc"), 5), STR_NONE);
    assert_int_equal(str_find(s, S("bc"), 99), STR_NONE);
    assert_int_equal(str_find(s, S(""), 6), 6);
    assert_int_equal(str_find(s, S("abcabcd"), 0), STR_NONE);
    assert_int_equal(str_find_char(s, 'c', 3), 5);
    assert_int_equal(str_find_char(s, 'x', 0), STR_NONE);
    assert_int_equal(str_find_char((str){ 0 }, 'x', 0), STR_NONE);
    assert_int_equal(str_find_last_char(s, 'a'), 3);
    assert_int_equal(str_find_last_char(s, 'x'), STR_NONE);
    str nul = { "a\0b", 3 };
    assert_int_equal(str_find_char(nul, 'b', 0), 2);
}

static void slices_are_clamped(void **state) {
    (void)state;
    assert_true(str_eq(str_slice(S("abcd"), 1, 3), S("bc")));
    assert_true(str_eq(str_slice(S("abcd"), 2, 99), S("cd")));
    assert_true(str_eq(str_slice(S("abcd"), 99, 1), S("")));
    assert_int_equal(str_slice((str){ 0 }, 1, 2).len, 0);
    assert_true(str_eq(str_trim(S(" \t\r\na b\v\f")), S("a b")));
    assert_true(str_eq(str_trim(S("  \n")), S("")));
    assert_true(str_eq(str_trim_left(S(" a ")), S("a ")));
    assert_true(str_eq(str_trim_right(S(" a ")), S(" a")));
}

static void clips_end_between_characters(void **state) {
    (void)state;
    assert_true(str_eq(str_clip(S("abc"), 3), S("abc")));
    assert_true(str_eq(str_clip(S("abc"), 2), S("ab")));
    assert_true(str_eq(str_clip(S("a\xE2\x82\xAC"), 3), S("a")));
    assert_true(str_eq(str_clip(S("a\xE2\x82\xAC"), 4), S("a\xE2\x82\xAC")));
    assert_true(str_eq(str_clip(S("abc"), 0), S("")));
}

static void cutting(void **state) {
    (void)state;
    str rest = S("a,,b");
    assert_true(str_eq(str_cut(&rest, ','), S("a")));
    assert_true(str_eq(str_cut(&rest, ','), S("")));
    assert_non_null(rest.ptr);
    assert_true(str_eq(str_cut(&rest, ','), S("b")));
    assert_null(rest.ptr);
    rest = S("a,");
    str_cut(&rest, ',');
    assert_non_null(rest.ptr); /* there was a separator: an empty last part follows */
    assert_int_equal(rest.len, 0);
}

static void copies_end_in_nul(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    assert_string_equal(str_to_c(a, str_slice(S("abcd"), 1, 3)), "bc");
    assert_string_equal(str_to_c(a, (str){ 0 }), "");
    assert_string_equal(str_fmt(a, "%d-%s", 5, "x").ptr, "5-x");
    assert_string_equal(str_concat(a, S("ab"), (str){ 0 }).ptr, "ab");
    assert_string_equal(str_concat(a, S("ab"), S("cd")).ptr, "abcd");
    assert_string_equal(str_lower(a, S("AbZ[\xC3\x84")).ptr, "abz[\xC3\x84");
}

static void paths_are_refused(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    const char *path;
    assert_true(str_to_path(a, S("a b/\n"), &path, &err));
    assert_string_equal(path, "a b/\n");
    assert_false(str_to_path(a, S(""), &path, &err));
    assert_string_equal(err.frames[0], "a path is empty");
    assert_false(str_to_path(a, (str){ "a\0b", 3 }, &path, &err));
    char *longest = arena_alloc(a, PATH_MAX);
    memset(longest, 'x', PATH_MAX);
    assert_true(str_to_path(a, (str){ longest, PATH_MAX - 1 }, &path, &err));
    assert_false(str_to_path(a, (str){ longest, PATH_MAX }, &path, NULL));
}

static void versions(void **state) {
    (void)state;
    uint64_t major;
    uint64_t minor;
    assert_true(str_to_version(S("20.10.24+dfsg1"), &major, &minor));
    assert_true(major == 20 && minor == 10);
    assert_true(str_to_version(S("2.36-9+deb12u14"), &major, &minor));
    assert_true(major == 2 && minor == 36);
    static const char *const bad[] = { "", "2", "2.", ".36", "x.1", "2.x" };
    for (size_t n = 0; n < ARRAY_LEN(bad); n++) {
        assert_false(str_to_version(str_from_c(bad[n]), &major, &minor));
    }
}

static void numbers(void **state) {
    (void)state;
    uint64_t u = 7;
    int64_t i = 7;
    assert_true(str_to_u64(S("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_true(str_to_u64(S("007"), &u));
    assert_int_equal(u, 7);
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616", "1_0", "99999999999999999999"
    };
    for (size_t n = 0; n < ARRAY_LEN(bad); n++) {
        assert_false(str_to_u64(str_from_c(bad[n]), &u));
    }
    assert_int_equal(u, 7);
    assert_true(str_to_i64(S("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_true(str_to_i64(S("9223372036854775807"), &i));
    assert_true(i == INT64_MAX);
    assert_false(str_to_i64(S("9223372036854775808"), &i));
    assert_false(str_to_i64(S("-9223372036854775809"), &i));
    assert_false(str_to_i64(S("--1"), &i));
    assert_false(str_to_i64(S("-"), &i));
}

static void sizes_have_units(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        { "0", 0 },           { "512", 512 },       { "1k", 1024 },
        { "8G", 8ULL << 30 }, { "3m", 3ULL << 20 }, { "16777215T", 16777215ULL << 40 },
    };
    static const char *const bad[] = { "", "G", "8GB", "8 G", "-1G", "1.5G", "16777216T", "8g " };
    uint64_t bytes = 7;
    for (size_t n = 0; n < ARRAY_LEN(bad); n++) {
        assert_false(str_to_bytes(str_from_c(bad[n]), &bytes));
        assert_int_equal(bytes, 7);
    }
    for (size_t n = 0; n < ARRAY_LEN(good); n++) {
        assert_true(str_to_bytes(str_from_c(good[n].text), &bytes));
        assert_true(bytes == good[n].bytes);
    }
}

static void utf8_is_checked(void **state) {
    (void)state;
    static const char *const good[] = { "",
                                        "a",
                                        "\xC2\x80",
                                        "\xE0\xA0\x80",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\xF0\x90\x80\x80",
                                        "\xF4\x8F\xBF\xBF" };
    static const char *const bad[] = { "\x80",
                                       "\xC0\x80",
                                       "\xC1\xBF",
                                       "\xC2",
                                       "\xE0\x9F\xBF",
                                       "\xED\xA0\x80",
                                       "\xF0\x8F\xBF\xBF",
                                       "\xF4\x90\x80\x80",
                                       "\xF5\x80\x80\x80",
                                       "\xE2\x82",
                                       "\xE2\x82(",
                                       "\xFF" };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(str_is_utf8(str_from_c(good[i]), NULL));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        size_t at = 99;
        assert_false(str_is_utf8(str_from_c(bad[i]), &at));
        assert_int_equal(at, 0);
    }
    size_t at = 0;
    assert_false(str_is_utf8(S("0123456789012\xFF"
                               "45"),
                             &at));
    assert_int_equal(at, 13);
}

static void utf8_round_trips(void **state) {
    (void)state;
    static const uint32_t codes[] = { 0,      0x7F,   0x80,   0x7FF,   0x800,
                                      0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        char bytes[4];
        uint32_t code;
        size_t len = utf8_encode(codes[i], bytes);
        assert_int_equal(str_utf8_next((str){ bytes, len }, &code), len);
        assert_int_equal(code, codes[i]);
    }
    char bytes[4];
    assert_int_equal(utf8_encode(0xD800, bytes), 0);
    assert_int_equal(utf8_encode(0xDFFF, bytes), 0);
    assert_int_equal(utf8_encode(0x110000, bytes), 0);
}

/* Short texts are compared in pieces: a difference at any place of any length is seen. */
static void short_texts_differ_anywhere(void **state) {
    (void)state;
    for (size_t len = 1; len <= 20; len++) {
        char a[20];
        char b[20];
        memset(a, 'x', sizeof a);
        memset(b, 'x', sizeof b);
        assert_true(str_eq((str){ a, len }, (str){ b, len }));
        assert_false(str_eq((str){ a, len }, (str){ b, len - 1 }));
        for (size_t i = 0; i < len; i++) {
            b[i] = 'y';
            assert_false(str_eq((str){ a, len }, (str){ b, len }));
            b[i] = 'x';
        }
    }
}

static void long_formats_are_whole(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_BUF b = BUF_INIT(2000);
    for (int len = 250; len < 260; len++) { /* around the size that is made at once */
        assert_int_equal(str_fmt(a, "%*d", len, 7).len, len);
        assert_int_equal(str_fmt(a, "%*d", len, 7).ptr[len - 1], '7');
        buf_reset(&b);
        buf_addf(&b, "%*d%*d", len, 1, len, 2);
        assert_int_equal(b.len, 2 * len);
        assert_int_equal(b.ptr[b.len - 1], '2');
    }
}

static void characters(void **state) {
    (void)state;
    assert_true(char_is_space('\v') && char_is_space(' ') && !char_is_space('\0'));
    assert_true(char_is_alnum('z') && char_is_alnum('0') && !char_is_alnum('_'));
    assert_int_equal(char_hex('f'), 15);
    assert_int_equal(char_hex('A'), 10);
    assert_int_equal(char_hex('g'), -1);
    assert_int_equal(char_lower('Z'), 'z');
    assert_int_equal(char_lower('['), '[');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_by_bytes),
        cmocka_unit_test(finding),
        cmocka_unit_test(slices_are_clamped),
        cmocka_unit_test(clips_end_between_characters),
        cmocka_unit_test(cutting),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(paths_are_refused),
        cmocka_unit_test(versions),
        cmocka_unit_test(numbers),
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(utf8_round_trips),
        cmocka_unit_test(short_texts_differ_anywhere),
        cmocka_unit_test(long_formats_are_whole),
        cmocka_unit_test(characters),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}

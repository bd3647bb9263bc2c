// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include <cmocka.h>

static void paths_are_cleaned_as_text(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *clean;
    } cases[] = {
        { "", "." },
        { ".", "." },
        { "/", "/" },
        { "//", "/" },
        { "a", "a" },
        { "a/", "a" },
        { "a//b", "a/b" },
        { "./a/./b/.", "a/b" },
        { "a/..", "." },
        { "a/../b", "b" },
        { "a/b/../..", "." },
        { "..", ".." },
        { "../..", "../.." },
        { "../a", "../a" },
        { "a/../..", ".." },
        { "a/../../b", "../b" },
        { "/..", "/" },
        { "/../a", "/a" },
        { "/a/../..", "/" },
        { "/a/b/../c", "/a/c" },
        { "...", "..." },
        { "..a/b", "..a/b" },
        { "../../a/..", "../.." },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str got = path_clean(a, str_from_c(cases[i].path));
        assert_string_equal(got.ptr, cases[i].clean);
        assert_string_equal(path_clean(a, got).ptr, cases[i].clean); /* stays as it is */
    }
}

static void paths_join(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    assert_string_equal(path_join(a, "a", "b"), "a/b");
    assert_string_equal(path_join(a, "a/", "b"), "a/b");
    assert_string_equal(path_join(a, "/", "b"), "/b");
    assert_string_equal(path_join(a, ".", "b"), "b");
    assert_string_equal(path_join(a, "", "b"), "b");
    assert_string_equal(path_join(a, "a", "/b"), "/b");
}

static void paths_split(void **state) {
    (void)state;
    assert_true(str_eq(path_base(S("/a/b")), S("b")));
    assert_true(str_eq(path_base(S("b")), S("b")));
    assert_true(str_eq(path_base(S("a/")), S("")));
    assert_true(str_eq(path_dir(S("/a/b")), S("/a")));
    assert_true(str_eq(path_dir(S("/a")), S("/")));
    assert_true(str_eq(path_dir(S("a")), S(".")));
    assert_true(str_eq(path_dir(S("a/")), S("a")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_cleaned_as_text),
        cmocka_unit_test(paths_join),
        cmocka_unit_test(paths_split),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}

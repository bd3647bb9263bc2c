// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dockerfile/internal.h"

struct match {
    const char *pattern;
    const char *path;
    bool match;
};

static void check_all(const struct match *cases, size_t count, bool doublestar) {
    for (size_t i = 0; i < count; i++) {
        if (glob_match(str_from_c(cases[i].pattern), str_from_c(cases[i].path), doublestar) !=
            cases[i].match) {
            fail_msg("'%s' %s '%s'", cases[i].pattern,
                     cases[i].match ? "does not match" : "matches", cases[i].path);
        }
    }
}

/* What the documentation of Go's filepath.Match says. */
static const struct match go_cases[] = {
    { "abc", "abc", true },
    { "abc", "abd", false },
    { "abc", "abcd", false },
    { "*", "abc", true },
    { "*", "", true },
    { "*", "a/b", false },
    { "*c", "abc", true },
    { "a*", "a", true },
    { "a*", "abc", true },
    { "a*", "ab/c", false },
    { "a*/b", "abc/b", true },
    { "a*/b", "a/c/b", false },
    { "a*b*c*d*e*/f", "axbxcxdxe/f", true },
    { "a*b*c*d*e*/f", "axbxcxdxexxx/fff", false },
    { "a*b?c*x", "abxbbxdbxebxczzx", true },
    { "a*b?c*x", "abxbbxdbxebxczzy", false },
    { "ab[c]", "abc", true },
    { "ab[b-d]", "abc", true },
    { "ab[e-g]", "abc", false },
    { "ab[^c]", "abc", false },
    { "ab[^b-d]", "abc", false },
    { "ab[^e-g]", "abc", true },
    { "a\\*b", "a*b", true },
    { "a\\*b", "ab", false },
    { "a?b",
      "a\xE2\x98\xBA"
      "b",
      true },
    { "a[^a]b",
      "a\xE2\x98\xBA"
      "b",
      true },
    { "a???b",
      "a\xE2\x98\xBA"
      "b",
      false },
    { "a?b", "a/b", false },
    { "a*b", "a/b", false },
    { "[\\]a]", "]", true },
    { "[\\-]", "-", true },
    { "[x\\-]", "x", true },
    { "arr[[]0].txt", "arr[0].txt", true },
    { "**", "a/b", false },
    { "a**b", "axxb", true },
    { "?", "", false },
    { "", "", true },
    { "", "a", false },
    { "[a", "a", false },
    { "a\\", "a", false },
};

static void match_as_go_does(void **state) {
    (void)state;
    check_all(go_cases, ARRAY_LEN(go_cases), false);
}

static void two_stars_match_folders(void **state) {
    (void)state;
    static const struct match cases[] = {
        { "**", "a", true },
        { "**", "a/b/c", true },
        { "**/a", "a", true },
        { "**/a", "x/y/a", true },
        { "**/a", "ba", false },
        { "**/a", "x/ba", false },
        { "a/**", "a/b", true },
        { "a/**", "a/b/c", true },
        { "a/**", "a", false },
        { "a/**/b", "a/b", true },
        { "a/**/b", "a/x/y/b", true },
        { "a/**/b", "a/x/yb", false },
        { "**/*.go", "x.go", true },
        { "**/*.go", "a/b/x.go", true },
        { "**/*.go", "a/b/x.c", false },
        { "*/**/x", "a/x", true },
        { "*/**/x", "x", false },
        { "**/a/**/b", "q/a/a/z/b", true },
        { "a**b", "ab", true },
        { "a**b", "ax/b", true },
        { "a**b", "axb", false },
        { "*b**c", "bxbc", true },
        { "***", "a/b", true },
        { "**/**/a", "a", true },
        { "\\**", "*x", true },
        { "\\**", "x/x", false },
        { "**/[ab]/c", "x/a/c", true },
        { "**a", "b/a", true },
    };
    check_all(cases, ARRAY_LEN(cases), true);
}

static void malformed_patterns_are_found(void **state) {
    (void)state;
    static const char *const bad[] = { "[",   "[]",  "[]a]", "[-]",  "[x-]", "[-x]", "[a-b-c]",
                                       "a\\", "[^]", "[a",   "[^bc", "a[",   "[\\",  "[a-\\" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (dockerfile_glob_check(str_from_c(bad[i]))) {
            fail_msg("'%s' passes", bad[i]);
        }
        assert_false(dockerfile_glob_match(str_from_c(bad[i]), S("a")));
    }
    assert_true(dockerfile_glob_check(S("a*[b-c]\\[?")));
    assert_true(dockerfile_glob_has_wildcard(S("a?")));
    assert_true(dockerfile_glob_has_wildcard(S("a\\\\[b]")));
    assert_false(dockerfile_glob_has_wildcard(S("a\\*b")));
}

static void many_stars_take_no_time(void **state) {
    (void)state;
    AUTO_BUF pattern = BUF_INIT(8192);
    AUTO_BUF path = BUF_INIT(8192);
    for (int i = 0; i < 1000; i++) {
        buf_add_c(&pattern, "**/*a*");
        buf_add_c(&path, "aa/a");
    }
    buf_add_c(&pattern, "b");
    assert_false(glob_match(buf_str(&pattern), buf_str(&path), true));
    buf_reset(&pattern);
    for (int i = 0; i < 600; i++) {
        buf_add_c(&pattern, "**/*a*");
    }
    assert_true(glob_match(buf_str(&pattern), buf_str(&path), true));
}

/* ---- .dockerignore ---- */

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
};

static int setup(void **state) {
    static struct fixture f;
    f.arena = arena_new();
    sources_init(&f.sources, f.arena);
    diag_sink_init(&f.sink, f.arena, &f.sources);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    arena_free(f->arena);
    return 0;
}

static const struct dockerfile_ignore *ignore_of(struct fixture *f, const char *text) {
    const struct dockerfile_ignore *ignore;
    uint32_t source = sources_add(&f->sources, S(".dockerignore"), str_from_c(text));
    assert_true(dockerfile_ignore_parse(f->arena, &f->sink, source, &ignore));
    return ignore;
}

static void the_last_match_decides(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_ignore *i = ignore_of(f, "*.md\n!README*.md\nREADME-secret.md\n");
    assert_true(dockerfile_ignore_match(i, S("x.md")));
    assert_false(dockerfile_ignore_match(i, S("README.md")));
    assert_true(dockerfile_ignore_match(i, S("README-secret.md")));
    i = ignore_of(f, "*.md\nREADME-secret.md\n!README*.md\n");
    assert_false(dockerfile_ignore_match(i, S("README-secret.md")));
    assert_false(dockerfile_ignore_match(NULL, S("x")));
}

static void lines_are_cleaned(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_ignore *i =
        ignore_of(f, "\xEF\xBB\xBF# comment\n\n  /abs/./x/ \r\n ! abs/x/keep\n#no\n # is a name\n");
    assert_true(dockerfile_ignore_match(i, S("abs/x")));
    assert_true(dockerfile_ignore_match(i, S("abs/x/y/z")));
    assert_false(dockerfile_ignore_match(i, S("abs/x/keep")));
    assert_false(dockerfile_ignore_match(i, S("abs/x/keep/all")));
    assert_false(dockerfile_ignore_match(i, S("abs/y")));
    assert_true(dockerfile_ignore_match(i, S("# is a name")));
    assert_false(dockerfile_ignore_match(i, S("#no")));
}

static void parents_count(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_ignore *i = ignore_of(f, "node_modules\n**/tmp\n*/temp*\n");
    assert_true(dockerfile_ignore_match(i, S("node_modules/a/b")));
    assert_false(dockerfile_ignore_match(i, S("x/node_modules")));
    assert_true(dockerfile_ignore_match(i, S("x/y/tmp/z")));
    assert_true(dockerfile_ignore_match(i, S("some/temporary.txt")));
    assert_false(dockerfile_ignore_match(i, S("temporary.txt")));
}

/* The quick ways give the same answers as the general one. */
static void shapes_agree_with_the_matcher(void **state) {
    struct fixture *f = *state;
    static const char *const patterns[] = { "a",      "a/b",   "*",      "a*",      "*/b",
                                            "a/*",    "?/b/?", "**/b",   "**/b*",   "**/?",
                                            "**",     "a/**",  "**/a/b", "*b/**/c", "\\a",
                                            "**/\\b", "a**b",  "[ab]/c", "**/[ab]", "***" };
    static const char *const paths[] = { "a",    "b",     "ab",    "a/b",  "a/bc",     "b/a/b",
                                         "ab/b", "a/b/c", "x/y/b", "bb/c", "a/x/ab/c", "xb/q/c" };
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        const struct dockerfile_ignore *ignore = ignore_of(f, patterns[i]);
        for (size_t n = 0; n < ARRAY_LEN(paths); n++) {
            str path = str_from_c(paths[n]);
            bool wanted = glob_match(str_from_c(patterns[i]), path, true);
            for (size_t at = 0; (at = str_find_char(path, '/', at)) != STR_NONE; at++) {
                wanted =
                    wanted || glob_match(str_from_c(patterns[i]), str_slice(path, 0, at), true);
            }
            if (dockerfile_ignore_match(ignore, path) != wanted) {
                fail_msg("'%s' and '%s': wanted %d", patterns[i], paths[n], wanted);
            }
        }
    }
}

static void ignored_folders_may_hold_exceptions(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_ignore *i = ignore_of(f, "*\n!src/*.c\n!docs/**/keep\n");
    assert_true(dockerfile_ignore_match(i, S("src")));
    assert_false(dockerfile_ignore_match(i, S("src/a.c")));
    assert_true(dockerfile_ignore_match(i, S("src/a.h")));
    assert_true(dockerfile_ignore_may_reinclude(i, S("src")));
    assert_true(dockerfile_ignore_may_reinclude(i, S("docs/x/y")));
    assert_false(dockerfile_ignore_may_reinclude(i, S("target")));
    assert_false(dockerfile_ignore_may_reinclude(ignore_of(f, "*\n"), S("src")));
}

static void bad_patterns_are_reported(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_ignore *ignore;
    uint32_t source = sources_add(&f->sources, S(".dockerignore"), S("ok\n a[\n!\n"));
    assert_false(dockerfile_ignore_parse(f->arena, &f->sink, source, &ignore));
    assert_int_equal(f->sink.len, 2);
    assert_true(str_eq(f->sink.items[0].message, S("'a[' is not a pattern")));
    assert_int_equal(f->sink.items[0].span.start, 4);
    assert_int_equal(f->sink.items[0].span.end, 6);
    assert_true(str_eq(f->sink.items[1].message, S("an exception without a pattern")));
    const struct dockerfile_word words[] = { { S_INIT("*.o"), { 0 } }, { S_INIT("!x.o"), { 0 } } };
    assert_true(dockerfile_ignore_from_words(f->arena, &f->sink, words, 2, &ignore));
    assert_true(dockerfile_ignore_match(ignore, S("y.o")));
    assert_false(dockerfile_ignore_match(ignore, S("x.o")));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_as_go_does),
        cmocka_unit_test(two_stars_match_folders),
        cmocka_unit_test(malformed_patterns_are_found),
        cmocka_unit_test(many_stars_take_no_time),
        CASE(the_last_match_decides),
        CASE(lines_are_cleaned),
        CASE(parents_count),
        CASE(shapes_agree_with_the_matcher),
        CASE(ignored_folders_may_hold_exceptions),
        CASE(bad_patterns_are_reported),
    };
    return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}

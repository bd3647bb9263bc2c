// SPDX-License-Identifier: Apache-2.0
/* COPY --parents: Dockerfile reference, "COPY --parents". */
#include "base/testing.h"
#include "embedded/internal.h"

static void a_pivot_says_what_is_not_kept(void **state) {
    static const struct {
        const char *source;
        const char *pattern;
        size_t pivot;
    } cases[] = {
        { "a/b/c", "a/b/c", 0 },     { "/a/b/c", "a/b/c", 0 },    { "a/./b/c", "a/b/c", 1 },
        { "./a/b", "a/b", 0 },       { "/x/y/./z/", "x/y/z", 2 }, { "a/b/./", "a/b", 2 },
        { "/./a/./b", "a/b", 0 },    { "../a/./b", "a/b", 1 },    { ".", ".", 0 },
        { "a/./../../b", "a/b", 1 }, { "a/./b/./c", "a/b/c", 1 },
    };
    (void)state;
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *pattern;
        size_t pivot;
        print_message("%s\n", cases[i].source);
        parents_split(a, str_from_c(cases[i].source), &pattern, &pivot);
        assert_string_equal(pattern, cases[i].pattern);
        assert_int_equal(pivot, cases[i].pivot);
    }
}

static void the_kept_part_begins_after_the_pivot(void **state) {
    (void)state;
    assert_int_equal(parents_offset("a/bc/d", 0), 0);
    assert_int_equal(parents_offset("a/bc/d", 1), 2);
    assert_int_equal(parents_offset("a/bc/d", 2), 5);
    assert_int_equal(parents_offset("a/bc/d", 3), 6);
    assert_int_equal(parents_offset("a/bc/d", 9), 6);
}

static const char *find(const struct test_folder *f, const char *pattern, size_t pivot) {
    const char **paths;
    size_t count;
    struct err err = ERR_INIT;
    assert_true(parents_glob(f->arena, f->fd, pattern, pivot, NULL, &paths, &count, &err));
    str all = S("");
    for (size_t i = 0; i < count; i++) {
        all = str_fmt(f->arena, "%.*s%s ", STR_FMT(all), paths[i]);
    }
    return test_text(f, all);
}

static void two_stars_are_any_number_of_folders(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    test_file(&f, "x/a.c", "");
    test_file(&f, "x/y/a.c", "");
    test_file(&f, "x/y/z/a.c", "");
    test_file(&f, "x/y/z/b.h", "");
    test_file(&f, "w/a.c", "");
    assert_string_equal(find(&f, "x/**/a.c", 0), "x/a.c x/y/a.c x/y/z/a.c ");
    assert_string_equal(find(&f, "x/**/a.c", 1), "x/a.c x/y/a.c x/y/z/a.c ");
    assert_string_equal(find(&f, "*/a.c", 0), "w/a.c x/a.c ");
    assert_string_equal(find(&f, "x/y/z", 0), "x/y/z ");
    assert_string_equal(find(&f, "**/*.h", 0), "x/y/z/b.h ");
    assert_string_equal(find(&f, "gone/**", 0), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pivot_says_what_is_not_kept),
        cmocka_unit_test(the_kept_part_begins_after_the_pivot),
        cmocka_unit_test(two_stars_are_any_number_of_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/testing.h"
#include "embedded/internal.h"

/* As chmod(1) has them. */
static const struct {
    const char *text;
    uint32_t before;
    bool is_dir;
    uint32_t after;
} cases[] = {
    { "755", 0600, false, 0755 },
    { "0755", 0600, false, 0755 },
    { "0", 0644, false, 0 },
    { "7777", 0, false, 07777 },
    { "u=rw", 0777, false, 0677 },
    { "u=rwX,go=rX", 0600, false, 0644 },
    { "u=rwX,go=rX", 0600, true, 0755 },
    { "u=rwX,go=rX", 0100, false, 0755 }, /* one x is enough */
    { "a+x", 0644, false, 0755 },
    { "+x", 0644, false, 0755 }, /* no umask: the file is nobody's yet */
    { "-w", 0666, false, 0444 },
    { "=", 0777, false, 0 },
    { "u+s", 0755, false, 04755 },
    { "g+s", 0755, false, 02755 },
    { "+t", 0755, true, 01755 },
    { "o+t", 0755, true, 01755 },
    { "u-s", 06755, false, 02755 },
    { "g=u", 0740, false, 0770 },
    { "o=g", 0750, false, 0755 },
    { "u=o", 0704, false, 0404 },
    { "u+r-w", 0200, false, 0400 },
    { "ug+w,o-r", 0444, false, 0660 },
};

static void a_mode_is_changed(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t mode = 0;
        print_message("%s of %o\n", cases[i].text, cases[i].before);
        assert_true(
            chmod_apply(str_from_c(cases[i].text), cases[i].before, cases[i].is_dir, &mode));
        assert_int_equal(mode, cases[i].after);
    }
}

static void what_is_not_a_mode_is_refused(void **state) {
    static const char *const texts[] = { "",     "8",   "75a", "17777", "u",     "u=rq", "u=r,",
                                         ",u=r", "z+x", "u~r", "u+r w", "00008", "+r,x" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint32_t mode = 0;
        print_message("%s\n", texts[i]);
        assert_false(chmod_apply(str_from_c(texts[i]), 0644, false, &mode));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mode_is_changed),
        cmocka_unit_test(what_is_not_a_mode_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

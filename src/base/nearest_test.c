// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include <cmocka.h>

static const str words[] = {
    S_INIT("compression"), S_INIT("compression_level"),
    S_INIT("name"),        S_INIT("size"),
    S_INIT("apt"),         S_INIT("npm"),
};

static void check(const char *word, const char *wanted) {
    str got = nearest_word(str_from_c(word), words, ARRAY_LEN(words));
    if (!str_eq(got, str_from_c(wanted))) {
        fail_msg("'%s': got '%.*s', wanted '%s'", word, STR_FMT(got),
                 wanted == NULL ? "nothing" : wanted);
    }
    assert_true((got.ptr == NULL) == (wanted == NULL));
}

static void typos_are_found(void **state) {
    (void)state;
    check("nmae", "name");                          /* swapped */
    check("nam", "name");                           /* missing */
    check("namee", "name");                         /* one too many */
    check("Name", "name");                          /* case */
    check("sixe", "size");                          /* another letter */
    check("compresion-levle", "compression_level"); /* three mistakes in a long word */
    check("compression", "compression");            /* the exact one, not a longer one */
    check("atp", "apt");
}

static void strangers_are_not(void **state) {
    (void)state;
    check("uv", NULL);
    check("", NULL);
    check("colour", NULL);
    check("na", NULL);
    check("0123456789012345678901234567890123456789012345678901234567890123456789", NULL);
    assert_null(nearest_word(S("x"), NULL, 0).ptr);
}

static void the_first_of_equals_wins(void **state) {
    (void)state;
    static const str two[] = { S_INIT("bat"), S_INIT("cat") };
    assert_true(str_eq(nearest_word(S("rat"), two, 2), S("bat")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typos_are_found),
        cmocka_unit_test(strangers_are_not),
        cmocka_unit_test(the_first_of_equals_wins),
    };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}

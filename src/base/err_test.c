// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/base.h"

static void check_text(const struct err *err, const char *wanted) {
    AUTO_BUF text = BUF_INIT(64 * 1024);
    err_text(err, &text);
    assert_string_equal(text.ptr, wanted);
}

static void frames_read_from_outside_in(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    assert_false(err_is_set(&err));
    assert_false(err_sys(&err, ENOENT, "open '%s'", "x"));
    assert_int_equal(err.code, ENOENT);
    assert_false(err_wrap(&err, "fetch layer %d", 3));
    assert_false(err_wrap(&err, "pull 'debian'"));
    assert_true(err_is_set(&err));
    check_text(&err, "pull 'debian': fetch layer 3: open 'x': No such file or directory");
    err_set(&err, "again"); /* replaces all */
    assert_int_equal(err.code, 0);
    check_text(&err, "again");
}

static void a_limit_of_file_sizes_is_named(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    err_sys(&err, EFBIG, "write 'x'");
    assert_non_null(strstr(err.help, "ulimit -f"));
    err_sys(&err, ENOENT, "open 'x'");
    assert_string_equal(err.help, "");
}

static void a_full_stack_keeps_the_cause(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, "cause");
    for (int i = 0; i < 100; i++) {
        err_wrap(&err, "frame %d", i);
    }
    assert_int_equal(err.count, ERR_FRAMES_MAX);
    assert_string_equal(err.frames[0], "cause");
    assert_string_equal(err.frames[ERR_FRAMES_MAX - 1], "frame 99");
}

static void long_frames_are_cut(void **state) {
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct err err = ERR_INIT;
    err_set(&err, "%s", text);
    assert_int_equal(strlen(err.frames[0]), ERR_FRAME_BYTES - 1);
    assert_string_equal(err.frames[0] + ERR_FRAME_BYTES - 4, "...");
    err_sys(&err, EACCES, "%s", text);
    static const char end[] = "x...: Permission denied";
    assert_int_equal(strlen(err.frames[0]), ERR_FRAME_BYTES - 1);
    assert_string_equal(err.frames[0] + ERR_FRAME_BYTES - sizeof end, end);
}

static void the_innermost_help_is_kept(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, "x");
    err_help(&err, "install %s", "y");
    err_help(&err, "something else");
    assert_string_equal(err.help, "install y");
    err_set(&err, "z");
    assert_string_equal(err.help, "");
}

static void nobody_needs_to_listen(void **state) {
    (void)state;
    assert_false(err_set(NULL, "x"));
    assert_false(err_sys(NULL, EIO, "x"));
    assert_false(err_wrap(NULL, "x"));
    assert_false(err_help(NULL, "x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_read_from_outside_in),
        cmocka_unit_test(a_limit_of_file_sizes_is_named),
        cmocka_unit_test(a_full_stack_keeps_the_cause),
        cmocka_unit_test(long_frames_are_cut),
        cmocka_unit_test(the_innermost_help_is_kept),
        cmocka_unit_test(nobody_needs_to_listen),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}

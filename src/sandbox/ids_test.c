// SPDX-License-Identifier: Apache-2.0
/* USER by the image's own files: passwd(5), group(5). */
#include "base/testing.h"
#include "sandbox/internal.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "me:x:1000:1001:Me:/home/me:/bin/sh\n"
                             "other:x:7:72::/other:\n"
                             "7:x:70:71::/seven:\n"
                             "bare:x:5:6:::\n"
                             "bad:x:no:6:::\n";
static const char group[] = "root:x:0:\nus:x:1001:\nothers:x:2000:you,me\nmore:x:3000:me\n"
                            "no:x:4000:mee\nbad:x:no:me\n";

static void a_user_has_the_numbers_of_the_image(void **state) {
    static const struct {
        const char *user;
        uint32_t uid;
        uint32_t gid;
        size_t group_count;
        const char *home;
    } cases[] = {
        { NULL, 0, 0, 1, "/root" },
        { "", 0, 0, 1, "/root" },
        { "me", 1000, 1001, 3, "/home/me" },
        { "1000", 1000, 1001, 3, "/home/me" },
        { "me:root", 1000, 0, 1, "/home/me" }, /* a group that is named is the only one */
        { "me:2000", 1000, 2000, 1, "/home/me" },
        { ":us", 0, 1001, 1, "/root" },
        { "7", 70, 71, 1, "/seven" }, /* a name that is a number is a name first */
        { "70", 70, 71, 1, "/seven" },
        { "bare", 5, 6, 1, "/" },
        { "4242", 4242, 0, 1, "/" },
        { "4242:4243", 4242, 4243, 1, "/" },
    };
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    test_file(&f, "etc/passwd", passwd);
    test_file(&f, "etc/group", group);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sandbox_ids ids;
        struct err err = ERR_INIT;
        print_message("%s\n", cases[i].user == NULL ? "NULL" : cases[i].user);
        assert_true(sandbox_find_ids(f.arena, f.fd, cases[i].user, &ids, &err));
        assert_int_equal(ids.uid, cases[i].uid);
        assert_int_equal(ids.gid, cases[i].gid);
        assert_int_equal(ids.group_count, cases[i].group_count);
        assert_int_equal(ids.groups[0], cases[i].gid);
        assert_string_equal(ids.home, cases[i].home);
    }
}

static void who_is_not_there_is_refused(void **state) {
    static const char *const users[] = { "you", "me:nobody", "bad", "4294967295", "-1", "1x" };
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    test_file(&f, "etc/passwd", passwd);
    test_file(&f, "etc/group", group);
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        struct sandbox_ids ids;
        struct err err = ERR_INIT;
        print_message("%s\n", users[i]);
        assert_false(sandbox_find_ids(f.arena, f.fd, users[i], &ids, &err));
    }
}

static void an_image_without_files_has_a_root(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    struct sandbox_ids ids;
    struct err err = ERR_INIT;
    assert_true(sandbox_find_ids(f.arena, f.fd, "root", &ids, &err));
    assert_int_equal(ids.uid, 0);
    assert_string_equal(ids.home, "/root");
    /* Nor is the host's file read through a link. */
    test_dir(&f, "etc");
    assert_int_equal(symlinkat("/../../../etc/passwd", f.fd, "etc/passwd"), 0);
    assert_false(sandbox_find_ids(f.arena, f.fd, "daemon", &ids, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_the_numbers_of_the_image),
        cmocka_unit_test(who_is_not_there_is_refused),
        cmocka_unit_test(an_image_without_files_has_a_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* What a guest's root filesystem may not hold, and what becomes the same whatever made it. */
#include "base/testing.h"

#include "pack/internal.h"

static struct tree_entry *put_file(struct tree *t, const char *path, uint32_t mode,
                                   int64_t mtime_ms) {
    struct tree_entry *e;
    const struct tree_meta meta = { .mode = mode, .mtime_s = mtime_ms / 1000 };
    assert_true(tree_put_file(t, str_from_c(path), &meta, S("text"), &e, NULL));
    e->inode->mtime_ns = (uint32_t)(mtime_ms % 1000) * 1000000;
    return e;
}

static struct tree_entry *put_dir(struct tree *t, const char *path, int64_t mtime_s) {
    struct tree_entry *e;
    const struct tree_meta meta = { .mode = 0755, .mtime_s = mtime_s };
    assert_true(tree_put_dir(t, str_from_c(path), &meta, &e, NULL));
    return e;
}

static bool has(const struct tree *t, const char *path) {
    return tree_find(t, str_from_c(path), TREE_LITERAL) != NULL;
}

/* A step ran from 1000000 ms to 1000500 ms. The kernel gives files the time of its last tick. */
static void files_of_a_step_lose_their_time(void **state) {
    static const struct {
        int64_t mtime_ms;
        bool forgotten;
    } cases[] = {
        { 1000000, true },  { 1000250, true }, { 1000500, true },
        { 999992, true },   { 999980, false }, { 1000501, false },
        { 1000600, false }, { 500000, false }, { 2000100, true },
    };
    static const struct build_time times[] = { { 1000000, 1000500 }, { 2000000, 2000200 } };
    const struct pack_options options = { .source_date_epoch = 77,
                                          .times = times,
                                          .time_count = 2 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_TREE t = tree_new();
        const struct tree_entry *e = put_file(t, "/a", 0644, cases[i].mtime_ms);
        pack_forget_times(&options, t);
        print_message("%lld\n", (long long)cases[i].mtime_ms);
        assert_int_equal(e->inode->mtime_s, cases[i].forgotten ? 77 : cases[i].mtime_ms / 1000);
    }
}

static void nothing_runs_with_anothers_rights(void **state) {
    static const struct {
        const char *path;
        uint32_t mode;
        bool allowed;
    } cases[] = {
        { "/usr/bin/su", 04755, false }, { "/usr/bin/wall", 02755, false },
        { "/usr/bin/ls", 0755, true },   { "/run/capsem/x", 0644, false },
        { "/run/other", 01644, true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_TREE t = tree_new();
        struct err err = ERR_INIT;
        put_file(t, cases[i].path, cases[i].mode, 0);
        print_message("%s\n", cases[i].path);
        assert_int_equal(pack_normalise(t, 0, &err), cases[i].allowed);
    }
}

static void folders_to_mount_on_are_there_and_dev_is_empty(void **state) {
    (void)state;
    AUTO_TREE t = tree_new();
    struct err err = ERR_INIT;
    put_dir(t, "/dev", 5);
    put_file(t, "/dev/null", 0666, 0);
    put_file(t, "/dev/pts/0", 0600, 0);
    put_file(t, "/.dockerenv", 0755, 0);
    put_file(t, "/etc/passwd", 0644, 9000);
    assert_true(pack_normalise(t, 77, &err));
    assert_true(has(t, "/dev") && has(t, "/proc") && has(t, "/sys"));
    assert_false(has(t, "/dev/null") || has(t, "/dev/pts") || has(t, "/.dockerenv"));
    assert_int_equal(tree_find(t, S("/etc"), TREE_LITERAL)->inode->mtime_s, 77);
    assert_int_equal(tree_find(t, S("/dev"), TREE_LITERAL)->inode->mtime_s, 77);
    assert_int_equal(tree_find(t, S("/etc/passwd"), TREE_LITERAL)->inode->mtime_s, 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_a_step_lose_their_time),
        cmocka_unit_test(nothing_runs_with_anothers_rights),
        cmocka_unit_test(folders_to_mount_on_are_there_and_dev_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

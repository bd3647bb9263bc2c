// SPDX-License-Identifier: Apache-2.0
/* What is written as tar or folder and read again is the same tree. */
#include "image/fixture_test.h"

static void a_tar_read_again_is_the_same_tree(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    AUTO_FD fd = memory_fd();
    struct image_tar_options options = { .epoch_s = IMAGE_EPOCH_NONE };
    struct err err = ERR_INIT;
    assert_true(image_write_tar(t, &options, fd, &err));
    assert_int_equal(lseek(fd, 0, SEEK_END) % 512, 0);
    lseek(fd, 0, SEEK_SET);
    AUTO_TREE again = tree_new();
    struct tree_tar_options read = { .spool_folder = "/tmp" };
    assert_true(tree_add_tar(again, fd, "test.tar", &read, &err));
    /* libarchive gives the name as it is in the header, where GNU tar puts %3D for "=". */
    struct tree_inode *inode = tree_find(t, S("usr/attributes"), TREE_LITERAL)->inode;
    struct tree_inode *inode_again = tree_find(again, S("usr/attributes"), TREE_LITERAL)->inode;
    assert_non_null(tree_find_xattr(inode_again, S("user.a%3Db%25")));
    tree_set_xattr(t, inode, S("user.a%3Db%25"), tree_find_xattr(inode, S("user.a=b%"))->value);
    tree_set_xattr(again, inode_again, S("user.a=b%"),
                   tree_find_xattr(inode, S("user.a=b%"))->value);
    assert_same_tree(t, again);
}

static void times_are_clamped(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    AUTO_FD fd = memory_fd();
    struct image_tar_options options = { .epoch_s = 500 };
    assert_true(image_write_tar(t, &options, fd, NULL));
    lseek(fd, 0, SEEK_SET);
    AUTO_TREE again = tree_new();
    struct tree_tar_options read = { .spool_folder = "/tmp" };
    assert_true(tree_add_tar(again, fd, "test.tar", &read, NULL));
    const struct tree_inode *zeros = tree_find(again, S("usr/zeros"), TREE_LITERAL)->inode;
    assert_int_equal(zeros->mtime_s, 500);
    assert_int_equal(zeros->mtime_ns, 0);
    assert_int_equal(tree_root(again)->inode->mtime_s, 5);
    assert_int_equal(tree_find(again, S("usr/attributes"), TREE_LITERAL)->inode->mtime_s, -2);
}

static void a_folder_read_again_is_the_same_tree(void **state) {
    (void)state;
    if (geteuid() != 0) {
        skip(); /* owners and devices */
    }
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    struct tree_inode *inode = tree_find(t, S("usr/attributes"), TREE_LITERAL)->inode;
    inode->xattrs = NULL; /* the test's file system may have none */
    inode->mtime_s = 1;   /* nor times before 1970 */
    char path[] = "/tmp/image-test-XXXXXX";
    assert_non_null(mkdtemp(path));
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct image_dir_options options = { .epoch_s = IMAGE_EPOCH_NONE };
    struct err err = ERR_INIT;
    bool ok = image_write_dir(t, &options, fd, &err);
    const char *layers[] = { path };
    AUTO_TREE again = NULL;
    ok = ok && tree_open_layers(layers, 1, &again, &err);
    if (ok) {
        struct stat st;
        assert_int_equal(fstatat(fd, "usr/zeros", &st, 0), 0);
        assert_same_tree(t, again);
    }
    assert_true(fs_remove_tree(AT_FDCWD, path, NULL));
    assert_true(ok);
}

static void a_folder_that_is_not_empty_is_an_error(void **state) {
    (void)state;
    AUTO_TREE t = tree_new();
    fixture_file(t, "file", S("new"));
    char path[] = "/tmp/image-test-XXXXXX";
    assert_non_null(mkdtemp(path));
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(symlinkat("/etc/passwd", fd, "file"), 0);
    struct image_dir_options options = { .epoch_s = IMAGE_EPOCH_NONE };
    struct err err = ERR_INIT;
    bool ok = image_write_dir(t, &options, fd, &err);
    assert_true(fs_remove_tree(AT_FDCWD, path, NULL));
    assert_false(ok);
    assert_int_equal(err.code, EEXIST);
    assert_string_equal(err.frames[1], "'/file'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tar_read_again_is_the_same_tree),
        cmocka_unit_test(times_are_clamped),
        cmocka_unit_test(a_folder_read_again_is_the_same_tree),
        cmocka_unit_test(a_folder_that_is_not_empty_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

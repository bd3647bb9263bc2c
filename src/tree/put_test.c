// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tree/internal.h"

static const struct tree_meta meta = { .mode = 0640, .uid = 1, .gid = 2, .mtime_s = 3 };

static struct tree_entry *put_text(struct tree *t, const char *path, const char *text) {
    struct tree_entry *e;
    assert_true(tree_put_file(t, str_from_c(path), &meta, str_from_c(text), &e, NULL));
    return e;
}

static struct tree_entry *put_link(struct tree *t, const char *path, const char *target) {
    struct tree_entry *e;
    assert_true(tree_put_link(t, str_from_c(path), &meta, str_from_c(target), &e, NULL));
    return e;
}

static void parents_are_made_and_files_replaced(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    struct tree_entry *e = put_text(t, "/usr/bin//./tool", "one");
    assert_true(str_eq(tree_path(a, e), S("/usr/bin/tool")));
    assert_int_equal(tree_find(t, S("usr/bin"), TREE_LITERAL)->inode->mode, S_IFDIR | 0755);
    assert_int_equal(tree_find(t, S("usr/bin"), TREE_LITERAL)->inode->mtime_s, 3);
    assert_int_equal(e->inode->mode, S_IFREG | 0640);
    put_text(t, "usr/bin/tool", "three");
    assert_int_equal(tree_entry_count(t), 4);
    assert_int_equal(tree_content_bytes(t), 5);

    struct tree_entry *dir;
    assert_true(tree_put_dir(t, S("/usr"), &meta, &dir, NULL)); /* a folder keeps its children */
    assert_int_equal(tree_entry_count(t), 4);
    assert_int_equal(dir->inode->mode, S_IFDIR | 0640);
    assert_true(tree_put_dir(t, S("."), &meta, &dir, NULL));
    assert_ptr_equal(dir, tree_root(t));
    put_text(t, "usr", "now a file");
    assert_int_equal(tree_entry_count(t), 2);
    assert_int_equal(tree_inode_count(t), 2);
    assert_int_equal(tree_content_bytes(t), 10);
    struct err err = ERR_INIT;
    assert_false(tree_put_file(t, S("usr/bin"), &meta, S(""), &e, &err));
    assert_false(tree_put_file(t, S("/"), &meta, S(""), &e, &err));
}

static void impossible_names_are_refused(void **state) {
    (void)state;
    AUTO_TREE t = tree_new();
    char long_name[TREE_NAME_MAX + 2];
    memset(long_name, 'x', sizeof long_name);
    const str names[] = { S(".."), S("a/../b"), S("a\0b"), { long_name, sizeof long_name } };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err err = ERR_INIT;
        struct tree_entry *e;
        assert_false(tree_put_file(t, names[i], &meta, S(""), &e, &err));
        assert_true(err_is_set(&err));
    }
    struct tree_entry *e;
    assert_true(tree_put_file(t, (str){ long_name, TREE_NAME_MAX }, &meta, S(""), &e, NULL));
    assert_false(tree_put_link(t, S("l"), &meta, S(""), &e, NULL));

    /* Deeper than the limit. */
    AUTO_BUF path = BUF_INIT(1 << 20);
    for (int i = 0; i < TREE_DEPTH_MAX; i++) {
        buf_add_c(&path, "d/");
    }
    assert_true(tree_put_dir(t, buf_str(&path), &meta, &e, NULL));
    buf_add_c(&path, "one/more");
    assert_false(tree_put_dir(t, buf_str(&path), &meta, &e, NULL));
    size_t count = 0;
    for (e = tree_root(t); e != NULL; e = tree_next(tree_root(t), e)) {
        count++;
    }
    assert_int_equal(count, tree_entry_count(t));
    tree_remove(t, tree_find(t, S("d"), TREE_LITERAL));
    assert_int_equal(tree_entry_count(t), 2);
}

static void links_are_followed_inside_the_tree(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    struct tree_entry *tool = put_text(t, "usr/bin/tool", "x");
    struct tree_entry *bin = put_link(t, "bin", "usr/bin");
    put_link(t, "usr/up", "../../../bin/tool");
    put_link(t, "usr/abs", "/bin");
    put_link(t, "loop", "pool");
    put_link(t, "pool", "loop");
    put_link(t, "dangling", "to/be/made");
    static const struct {
        const char *path;
        enum tree_lookup how;
        int found; /* 1: tool, 2: the link bin, 0: nothing */
    } cases[] = {
        { "bin/tool", TREE_LITERAL, 0 },
        { "bin/tool", TREE_NO_FOLLOW, 1 },
        { "/bin/../bin/tool", TREE_FOLLOW, 1 },
        { "usr/up", TREE_FOLLOW, 1 },
        { "usr/abs/tool", TREE_NO_FOLLOW, 1 },
        { "bin", TREE_NO_FOLLOW, 2 },
        { "bin", TREE_LITERAL, 2 },
        { "loop", TREE_FOLLOW, 0 },
        { "loop/x", TREE_NO_FOLLOW, 0 },
        { "usr/bin/tool/x", TREE_FOLLOW, 0 },
        { "dangling", TREE_FOLLOW, 0 },
        { "../../usr/bin/tool", TREE_FOLLOW, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct tree_entry *want[] = { NULL, tool, bin };
        print_message("%s\n", cases[i].path);
        assert_ptr_equal(tree_find(t, str_from_c(cases[i].path), cases[i].how),
                         want[cases[i].found]);
    }
    assert_true(str_eq(tree_path(a, put_text(t, "bin/new", "")), S("/usr/bin/new")));
    assert_true(str_eq(tree_path(a, put_text(t, "dangling/new", "")), S("/to/be/made/new")));
    struct tree_entry *e;
    assert_false(tree_put_file(t, S("loop/new"), &meta, S(""), &e, NULL));
}

static void hard_links_and_removal_are_counted(void **state) {
    (void)state;
    AUTO_TREE t = tree_new();
    struct tree_entry *one = put_text(t, "a/one", "1234");
    struct tree_entry *e;
    assert_true(tree_put_hard_link(t, S("b/two"), one, &e, NULL));
    assert_true(tree_put_hard_link(t, S("b/two"), one, &e, NULL));
    assert_true(tree_put_hard_link(t, S("a/one"), e, &e, NULL));
    assert_int_equal(one->inode->link_count, 2);
    assert_int_equal(tree_content_bytes(t), 4);
    assert_false(tree_put_hard_link(t, S("c"), tree_root(t), &e, NULL));
    tree_remove(t, tree_find(t, S("a"), TREE_LITERAL));
    assert_int_equal(one->inode->link_count, 1);
    assert_int_equal(tree_entry_count(t), 3);
    put_link(t, "b/two", "x");
    assert_int_equal(one->inode->link_count, 0);
    assert_int_equal(tree_content_bytes(t), 0);
    assert_int_equal(tree_inode_count(t), 3);
}

static void any_order_is_sorted(void **state) {
    (void)state;
    enum { MANY = 30011 };
    AUTO_TREE t = tree_new();
    for (unsigned i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "%u", i * 7919 % MANY);
        put_text(t, name, "");
    }
    for (unsigned i = 0; i < MANY; i += 3) {
        char name[32];
        snprintf(name, sizeof name, "%u", i);
        struct tree_entry *e = tree_child(tree_root(t), str_from_c(name));
        assert_non_null(e);
        tree_remove(t, e);
        assert_null(tree_child(tree_root(t), str_from_c(name)));
    }
    size_t count;
    struct tree_entry *const *children = tree_children(tree_root(t), &count);
    assert_int_equal(count, MANY - (MANY + 2) / 3);
    for (size_t i = 1; i < count; i++) {
        assert_true(str_cmp(tree_name(children[i - 1]), tree_name(children[i])) < 0);
    }
}

static void attributes_and_host_files(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    AUTO_FD fd = os_open_unnamed("/tmp");
    assert_true(fs_write_all(fd, "from the host", 13, NULL));
    struct tree_entry *e;
    str path = str_fmt(a, "/proc/self/fd/%d", fd);
    assert_true(tree_put_host_file(t, S("etc/copy"), &meta, AT_FDCWD, path.ptr, &e, NULL));
    str text;
    assert_true(tree_load_content(t, e->inode, a, 100, &text, NULL));
    assert_true(str_eq(text, S("from the host")));
    assert_false(tree_load_content(t, e->inode, a, 12, &text, NULL));

    tree_set_xattr(t, e->inode, S("user.b"), S("1"));
    tree_set_xattr(t, e->inode, S("user.a"), S("2"));
    tree_set_xattr(t, e->inode, S("user.b"), S("3"));
    assert_int_equal(e->inode->xattrs->count, 2);
    assert_true(str_eq(e->inode->xattrs->items[1].value, S("3")));
    assert_null(tree_find_xattr(e->inode, S("user.c")));

    struct tree_content c;
    char byte;
    assert_true(tree_open_content(t, e->inode, &c, NULL));
    assert_true(tree_read_content(&c, 12, &byte, 1, NULL));
    assert_int_equal(byte, 't');
    assert_false(tree_read_content(&c, 13, &byte, 1, NULL));
    assert_false(tree_read_content(&c, UINT64_MAX, &byte, 2, NULL));
    tree_close_content(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parents_are_made_and_files_replaced),
        cmocka_unit_test(impossible_names_are_refused),
        cmocka_unit_test(links_are_followed_inside_the_tree),
        cmocka_unit_test(hard_links_and_removal_are_counted),
        cmocka_unit_test(any_order_is_sorted),
        cmocka_unit_test(attributes_and_host_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tree/internal.h"

/* An archive to be read, as a list of entries. */
struct member {
    const char *name;
    char kind;        /* f, d, l (symbolic), h (hard), c (device 1:3) */
    const char *text; /* content or target */
};

static void write_member(struct archive *a, const struct member *m) {
    struct archive_entry *e = archive_entry_new();
    archive_entry_copy_pathname(e, m->name);
    archive_entry_set_perm(e, 0751);
    archive_entry_set_uid(e, 1000);
    archive_entry_set_gid(e, 3000000000);
    archive_entry_set_mtime(e, 1700000000, 5);
    size_t len = 0;
    switch (m->kind) {
    case 'f':
        len = strlen(m->text);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_size(e, (la_int64_t)len);
        archive_entry_xattr_add_entry(e, "user.test", "v", 1);
        archive_entry_xattr_add_entry(e, "trusted.overlay.origin", "v", 1);
        break;
    case 'd':
        archive_entry_set_filetype(e, AE_IFDIR);
        break;
    case 'l':
        archive_entry_set_filetype(e, AE_IFLNK);
        archive_entry_copy_symlink(e, m->text);
        break;
    case 'h':
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_copy_hardlink(e, m->text);
        break;
    default:
        archive_entry_set_filetype(e, AE_IFCHR);
        archive_entry_set_rdevmajor(e, 1);
        archive_entry_set_rdevminor(e, 3);
        break;
    }
    assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
    if (len > 0) {
        assert_int_equal(archive_write_data(a, m->text, len), len);
    }
    archive_entry_free(e);
}

static int make_tar(const struct member *members, size_t count, bool compressed) {
    int fd = os_open_unnamed("/tmp");
    struct archive *a = archive_write_new();
    archive_write_set_format_pax(a);
    if (compressed) {
        archive_write_add_filter_gzip(a);
    }
    assert_int_equal(archive_write_open_fd(a, fd), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        write_member(a, &members[i]);
    }
    archive_write_free(a);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static const struct tree_tar_options options = { .oci_whiteouts = true, .spool_folder = "/tmp" };

static bool add(struct tree *t, const struct member *members, size_t count, struct err *err) {
    AUTO_FD fd = make_tar(members, count, count % 2 == 0);
    return tree_add_tar(t, fd, "test.tar", &options, err);
}

static const char *list(struct arena *a, const struct tree *t) {
    str all = S("");
    struct tree_entry *root = tree_root(t);
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        all = str_fmt(a, "%.*s%.*s ", STR_FMT(all), STR_FMT(tree_path(a, e)));
    }
    return str_to_c(a, all);
}

static const char *content(struct arena *a, const struct tree *t, const char *path) {
    const struct tree_entry *e = tree_find(t, str_from_c(path), TREE_LITERAL);
    assert_non_null(e);
    str text;
    assert_true(tree_load_content(t, e->inode, a, 1 << 20, &text, NULL));
    return str_to_c(a, text);
}

static void entries_of_every_kind(void **state) {
    (void)state;
    static const struct member members[] = {
        { "./", 'd', NULL },
        { "./usr/bin", 'd', NULL },
        { "bin", 'l', "usr/bin" },
        { "bin/through-link", 'f', "one" },
        { "/usr/absolute", 'f', "" },
        { "no/parent", 'f', "two" },
        { "hard", 'h', "no/parent" },
        { "null", 'c', NULL },
        { "hard2", 'h', "bin/through-link" },
    };
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    assert_true(add(t, members, ARRAY_LEN(members), NULL));
    assert_string_equal(list(a, t), "/ /bin /hard /hard2 /no /no/parent /null /usr /usr/absolute "
                                    "/usr/bin /usr/bin/through-link ");
    assert_string_equal(content(a, t, "hard"), "two");
    assert_string_equal(content(a, t, "hard2"), "one");
    assert_string_equal(content(a, t, "usr/absolute"), "");
    const struct tree_inode *inode = tree_find(t, S("hard"), TREE_LITERAL)->inode;
    assert_int_equal(inode->mode, S_IFREG | 0751);
    assert_int_equal(inode->uid, 1000);
    assert_int_equal(inode->gid, 3000000000);
    assert_int_equal(inode->mtime_s, 1700000000);
    assert_int_equal(inode->mtime_ns, 5);
    assert_int_equal(inode->link_count, 2);
    assert_int_equal(inode->xattrs->count, 1);
    assert_true(str_eq(inode->xattrs->items[0].name, S("user.test")));
    assert_int_equal(tree_find(t, S("null"), TREE_LITERAL)->inode->device.minor, 3);
    assert_int_equal(tree_root(t)->inode->mode, S_IFDIR | 0751);
}

static void whiteouts_touch_earlier_layers_only(void **state) {
    (void)state;
    static const struct member low[] = {
        { "d/old", 'f', "x" }, { "gone/sub/old", 'f', "x" }, { "o/old/er", 'f', "x" },
        { "f", 'f', "x" },     { "kept", 'f', "x" },
    };
    static const struct member high[] = {
        { "d/new", 'f', "y" },       { "o/new", 'f', "y" },   { "o/.wh..wh..opq", 'f', "" },
        { ".wh.d", 'f', "" },        { ".wh.gone", 'f', "" }, { ".wh.f", 'f', "" },
        { "f", 'f', "again" },       { "no/.wh.x", 'f', "" }, { ".wh.never", 'f', "" },
        { ".wh..wh.plnk", 'd', "" },
    };
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    assert_true(add(t, low, ARRAY_LEN(low), NULL));
    assert_true(add(t, high, ARRAY_LEN(high), NULL));
    assert_string_equal(list(a, t), "/ /d /d/new /f /kept /o /o/new ");
    assert_string_equal(content(a, t, "f"), "again");
    assert_string_equal(content(a, t, "d/new"), "y");
}

static void names_are_bytes(void **state) {
    (void)state;
    static const struct member members[] = {
        { "caf\xc3\xa9", 'f', "1" },
        { "latin-\xe9", 'f', "2" },
        { "line\nbreak", 'f', "3" },
        { "caf\xc3\xa9-link", 'l', "\xff\xc3\xa9" },
    };
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    assert_true(add(t, members, ARRAY_LEN(members), NULL));
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(content(a, t, members[i].name), members[i].text);
    }
    assert_string_equal(tree_find(t, str_from_c(members[3].name), TREE_LITERAL)->inode->target,
                        members[3].text);
}

static void hostile_archives_are_refused(void **state) {
    (void)state;
    static const struct {
        struct member member;
        const char *words;
    } cases[] = {
        { { "../x", 'f', "" }, "points outside its folder" },
        { { "a/../../x", 'f', "" }, "points outside its folder" },
        { { "x", 'h', "/etc/passwd" }, "which does not exist" },
        { { "x", 'h', "." }, "hard link to a folder" },
        { { "", 'f', "" }, "must be a folder" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_TREE t = tree_new();
        struct err err = ERR_INIT;
        assert_false(add(t, &cases[i].member, 1, &err));
        AUTO_BUF text = BUF_INIT(4096);
        err_text(&err, &text);
        print_message("%s\n", text.ptr);
        assert_non_null(strstr(text.ptr, cases[i].words));
        assert_non_null(strstr(text.ptr, "test.tar"));
    }
    static const char garbage[] = "this is no archive, and says so for more than one block\n";
    AUTO_FD fd = os_open_unnamed("/tmp");
    for (int i = 0; i < 100; i++) {
        assert_true(fs_write_all(fd, garbage, sizeof garbage, NULL));
    }
    lseek(fd, 0, SEEK_SET);
    AUTO_TREE t = tree_new();
    assert_false(tree_add_tar(t, fd, "garbage", &options, NULL));

    static const struct member big = { "big", 'f', "0123456789" };
    AUTO_FD tar = make_tar(&big, 1, false);
    struct tree_tar_options few = options;
    few.max_bytes = 9;
    struct err err = ERR_INIT;
    assert_false(tree_add_tar(t, tar, "test.tar", &few, &err));
    assert_non_null(strstr(err.frames[0], "more than 9 bytes"));
    assert_int_equal(ftruncate(tar, 1600), 0); /* cut in its data */
    lseek(tar, 0, SEEK_SET);
    assert_false(tree_add_tar(t, tar, "test.tar", &options, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_of_every_kind),
        cmocka_unit_test(whiteouts_touch_earlier_layers_only),
        cmocka_unit_test(names_are_bytes),
        cmocka_unit_test(hostile_archives_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

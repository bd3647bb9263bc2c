// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "tree/internal.h"

struct fixture {
    char path[64];
    int fd;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/tree-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f->fd >= 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    close(f->fd);
    assert_true(fs_remove_tree(AT_FDCWD, f->path, NULL));
    free(f);
    return 0;
}

static void make_dir(const struct fixture *f, const char *path) {
    assert_true(fs_mkdir_p(f->fd, path, 0755, NULL));
}

static void make_file(const struct fixture *f, const char *path, const char *text) {
    AUTO_FD fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0 && fs_write_all(fd, text, strlen(text), NULL));
}

static bool set_attribute(const struct fixture *f, const char *path, const char *name,
                          const char *value) {
    char whole[4096];
    snprintf(whole, sizeof whole, "%s/%s", f->path, path);
    return os_set_xattr(whole, -1, name, value, strlen(value)) == 0;
}

/* What overlayfs would set here, when it may. */
static bool set_mark(const struct fixture *f, const char *path, const char *what,
                     const char *value) {
    char name[64];
    snprintf(name, sizeof name, "%s.overlay.%s", idmaps_are_whole() ? "trusted" : "user", what);
    return set_attribute(f, path, name, value);
}

/* Merges the folders a, b, ... of the fixture. */
static struct tree *merge(const struct fixture *f, const char *names, struct err *err) {
    char paths[8][80];
    const char *layers[8];
    size_t count = strlen(names);
    for (size_t i = 0; i < count; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%c", f->path, names[i]);
        layers[i] = paths[i];
    }
    struct tree *t = NULL;
    return tree_open_layers(layers, count, &t, err) ? t : NULL;
}

/* All paths, with a slash after folders, on one line. */
static const char *list(struct arena *a, const struct tree *t) {
    str all = S("");
    struct tree_entry *root = tree_root(t);
    size_t count = 0;
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        count++;
        all = str_fmt(a, "%.*s%.*s%s ", STR_FMT(all), STR_FMT(tree_path(a, e)),
                      tree_is_dir(e) && e != root ? "/" : "");
    }
    assert_int_equal(count, tree_entry_count(t));
    return str_to_c(a, all);
}

static const char *content(struct arena *a, const struct tree *t, const char *path) {
    const struct tree_entry *e = tree_find(t, str_from_c(path), TREE_LITERAL);
    assert_non_null(e);
    str text;
    assert_true(tree_load_content(t, e->inode, a, 1 << 20, &text, NULL));
    return str_to_c(a, text);
}

static void upper_layers_win(void **state) {
    const struct fixture *f = *state;
    AUTO_ARENA a = arena_new();
    make_dir(f, "a/both");
    make_dir(f, "a/was-dir/in");
    make_file(f, "a/both/kept", "low");
    make_file(f, "a/both/over", "low");
    make_file(f, "a/was-file", "low");
    make_dir(f, "b/both");
    make_dir(f, "b/was-file");
    make_file(f, "b/both/over", "high");
    make_file(f, "b/both/new", "");
    make_file(f, "b/was-dir", "high");
    make_file(f, "b/was-file/in", "high");
    assert_int_equal(fchmodat(f->fd, "b/both", 0700, 0), 0);
    assert_int_equal(fchmodat(f->fd, "b", 0711, 0), 0);

    AUTO_TREE t = merge(f, "ab", NULL);
    assert_non_null(t);
    assert_string_equal(
        list(a, t), "/ /both/ /both/kept /both/new /both/over /was-dir /was-file/ /was-file/in ");
    assert_string_equal(content(a, t, "both/kept"), "low");
    assert_string_equal(content(a, t, "both/over"), "high");
    assert_string_equal(content(a, t, "both/new"), "");
    assert_string_equal(content(a, t, "was-file/in"), "high");
    assert_int_equal(tree_find(t, S("both"), TREE_LITERAL)->inode->mode, S_IFDIR | 0700);
    assert_int_equal(tree_root(t)->inode->mode & 07777, 0711);
    assert_int_equal(tree_content_bytes(t), 3 + 4 + 4 + 4);
    assert_int_equal(tree_inode_count(t), 8);
}

/* Layers with marks are overlayfs' own: where it is not there are none, nor the device and the
 * attributes that they are. */
#ifndef CAPSEM_PORTABLE
static void make_whiteout(const struct fixture *f, const char *path) {
    if (os_make_special(f->fd, path, S_IFCHR, 0) < 0 && errno == EPERM) {
        skip(); /* only root may, where it is a device like any other */
    }
    assert_true(fs_exists(f->fd, path));
}

static void whiteouts_take_away(void **state) {
    const struct fixture *f = *state;
    AUTO_ARENA a = arena_new();
    make_dir(f, "a/d/e");
    make_dir(f, "a/opaque/gone");
    make_file(f, "a/d/e/f", "x");
    make_file(f, "a/file", "x");
    make_file(f, "a/stays", "x");
    make_dir(f, "b/opaque");
    make_whiteout(f, "b/d");
    make_whiteout(f, "b/file");
    make_whiteout(f, "b/never-was");
    make_file(f, "b/opaque/fresh", "x");
    if (!set_mark(f, "b/opaque", "opaque", "y")) {
        skip(); /* only root may */
    }
    make_dir(f, "c/d");
    make_file(f, "c/stays", "");
    assert_true(set_mark(f, "c/stays", "whiteout", "y"));

    AUTO_TREE t = merge(f, "abc", NULL);
    assert_non_null(t);
    assert_string_equal(list(a, t), "/ /d/ /opaque/ /opaque/fresh ");
    assert_null(tree_find(t, S("opaque"), TREE_LITERAL)->inode->xattrs);
    assert_int_equal(tree_inode_count(t), 4);
    assert_int_equal(tree_content_bytes(t), 1);
}

static void a_layer_alone_keeps_its_whiteouts(void **state) {
    const struct fixture *f = *state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = NULL;
    struct err err = ERR_INIT;
    char path[80];
    make_dir(f, "a/opaque");
    make_file(f, "a/opaque/fresh", "x");
    make_whiteout(f, "a/gone");
    if (!set_mark(f, "a/opaque", "opaque", "y")) {
        skip(); /* only root may */
    }
    snprintf(path, sizeof path, "%s/a", f->path);
    assert_true(tree_open_layer_as_oci(path, &t, &err));
    assert_string_equal(list(a, t), "/ /.wh.gone /opaque/ /opaque/.wh..wh..opq /opaque/fresh ");
    tree_free(t);
    t = NULL;
    make_file(f, "a/.wh.gone", "");
    assert_false(tree_open_layer_as_oci(path, &t, &err));
}
#endif

static void hard_links_share_an_inode(void **state) {
    const struct fixture *f = *state;
    AUTO_ARENA a = arena_new();
    make_dir(f, "a/d");
    make_file(f, "a/one", "x");
    assert_int_equal(linkat(f->fd, "a/one", f->fd, "a/d/two", 0), 0);
    assert_int_equal(linkat(f->fd, "a/one", f->fd, "a/three", 0), 0);
    make_dir(f, "b");
    make_file(f, "b/three", "y"); /* copied up: no link any more */
    assert_int_equal(linkat(f->fd, "a/one", f->fd, "b/other", 0), 0);

    AUTO_TREE t = merge(f, "ab", NULL);
    assert_non_null(t);
    const struct tree_inode *one = tree_find(t, S("one"), TREE_LITERAL)->inode;
    assert_ptr_equal(one, tree_find(t, S("d/two"), TREE_LITERAL)->inode);
    assert_int_equal(one->link_count, 2);
    assert_int_equal(tree_find(t, S("three"), TREE_LITERAL)->inode->link_count, 1);
    assert_int_equal(tree_find(t, S("other"), TREE_LITERAL)->inode->link_count, 1);
    assert_string_equal(content(a, t, "d/two"), "x");
    assert_string_equal(content(a, t, "three"), "y");
    assert_string_equal(content(a, t, "other"), "x");
}

static void metadata_is_kept(void **state) {
    const struct fixture *f = *state;
    make_dir(f, "a");
    make_file(f, "a/file", "x");
    assert_int_equal(symlinkat("to/nowhere", f->fd, "a/link"), 0);
    assert_int_equal(os_make_special(f->fd, "a/fifo", S_IFIFO | 0600, 0), 0);
    struct timespec times[2] = { { 1, 0 }, { 1234567890, 987654321 } };
    assert_int_equal(utimensat(f->fd, "a/file", times, 0), 0);
    assert_int_equal(fchmodat(f->fd, "a/file", 04751, 0), 0);
    bool has_xattrs = set_attribute(f, "a/file", "user.b", "2") &&
                      set_attribute(f, "a/file", "user.a", "1") &&
                      set_mark(f, "a/file", "origin", "z");
    bool is_root = fchownat(f->fd, "a/file", 123, 456, 0) == 0 &&
                   fchmodat(f->fd, "a/file", 04751, 0) == 0 &&
                   os_make_special(f->fd, "a/null", S_IFCHR | 0666, makedev(1, 3)) == 0;

    AUTO_TREE t = merge(f, "a", NULL);
    assert_non_null(t);
    const struct tree_inode *file = tree_find(t, S("file"), TREE_LITERAL)->inode;
    assert_int_equal(file->mode, S_IFREG | 04751);
    assert_int_equal(file->mtime_s, 1234567890);
    assert_int_equal(file->mtime_ns, 987654321);
    if (has_xattrs) {
        assert_int_equal(file->xattrs->count, 2);
        assert_string_equal(file->xattrs->items[0].name.ptr, "user.a");
        assert_true(str_eq(tree_find_xattr(file, S("user.b"))->value, S("2")));
    }
    const struct tree_inode *link = tree_find(t, S("link"), TREE_LITERAL)->inode;
    assert_string_equal(link->target, "to/nowhere");
    assert_int_equal(link->size, 10);
    assert_true(S_ISFIFO(tree_find(t, S("fifo"), TREE_LITERAL)->inode->mode));
    if (is_root) {
        const struct tree_inode *null = tree_find(t, S("null"), TREE_LITERAL)->inode;
        assert_int_equal(file->uid, 123);
        assert_int_equal(file->gid, 456);
        assert_int_equal(null->device.major, 1);
        assert_int_equal(null->device.minor, 3);
    }
}

/* What a step sets in the namespace that is not overlayfs' own is an attribute like any other. */
static void only_the_own_marks_are_marks(void **state) {
    const struct fixture *f = *state;
    const char *ordinary = idmaps_are_whole() ? "user.overlay.opaque" : "trusted.overlay.opaque";
    AUTO_ARENA a = arena_new();
    make_dir(f, "a/d");
    make_file(f, "a/d/kept", "x");
    make_dir(f, "b/d");
    if (!set_attribute(f, "b/d", ordinary, "y") || !set_mark(f, "b/d", "origin", "") ||
        !set_mark(f, "b/d", "overlay.opaque", "y") ||
        !set_mark(f, "b/d", "overlay.overlay.deep", "z")) {
        skip(); /* only root may */
    }
    AUTO_TREE t = merge(f, "ab", NULL);
    assert_non_null(t);
    assert_string_equal(list(a, t), "/ /d/ /d/kept ");
    const struct tree_inode *d = tree_find(t, S("d"), TREE_LITERAL)->inode;
    assert_int_equal(d->xattrs->count, 3);
    assert_true(str_eq(tree_find_xattr(d, str_from_c(ordinary))->value, S("y")));
    assert_non_null(tree_find_xattr(d, S("trusted.overlay.opaque")));
    assert_non_null(tree_find_xattr(d, S("trusted.overlay.overlay.deep")));
}

static void odd_names_and_a_full_folder(void **state) {
    const struct fixture *f = *state;
    enum { MANY = 20000 };
    char name[300] = "a/";
    for (int i = 1; i < 256; i++) { /* every byte but NUL and slash */
        name[1 + i] = (char)(i == '/' ? 'x' : i);
    }
    make_dir(f, "a");
    make_dir(f, "b");
    make_file(f, name, "x");
    for (int i = 0; i < MANY; i++) {
        char path[32];
        snprintf(path, sizeof path, "%c/%d", i % 2 == 0 ? 'a' : 'b', i);
        make_file(f, path, "");
    }
    AUTO_TREE t = merge(f, "ab", NULL);
    assert_non_null(t);
    assert_int_equal(tree_entry_count(t), MANY + 2);
    size_t count;
    struct tree_entry *const *children = tree_children(tree_root(t), &count);
    for (size_t i = 1; i < count; i++) {
        assert_true(str_cmp(tree_name(children[i - 1]), tree_name(children[i])) < 0);
    }
    assert_ptr_equal(tree_find(t, str_from_c(name + 2), TREE_LITERAL), children[0]);
}

static void deeper_than_path_max(void **state) {
    const struct fixture *f = *state;
    enum { DEPTH = 300 };
    struct rlimit old;
    getrlimit(RLIMIT_NOFILE, &old);
    struct rlimit few = { 100, old.rlim_max };
    make_dir(f, "a");
    int fd = openat(f->fd, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < DEPTH; i++) { /* 300 times 20 bytes are more than 4096 */
        assert_int_equal(mkdirat(fd, "twenty-bytes-of-name", 0755), 0);
        assert_int_equal(mkdirat(fd, "aside", 0755), 0);
        int next = openat(fd, "twenty-bytes-of-name", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
    }
    int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(file, "deep", 4), 4);
    close(file);
    close(fd);

    char before[4096];
    char after[4096];
    assert_non_null(getcwd(before, sizeof before));
    setrlimit(RLIMIT_NOFILE, &few);
    struct err err = ERR_INIT;
    AUTO_TREE t = merge(f, "a", &err);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_non_null(t);
    assert_non_null(getcwd(after, sizeof after));
    assert_string_equal(before, after);
    assert_int_equal(tree_entry_count(t), 2 * DEPTH + 2);
    const struct tree_entry *e = tree_root(t);
    while (tree_is_dir(e)) {
        size_t count;
        struct tree_entry *const *children = tree_children(e, &count);
        e = children[count - 1];
    }
    AUTO_ARENA a = arena_new();
    str text;
    assert_true(tree_path(a, e).len > 4096);
    assert_true(tree_load_content(t, e->inode, a, 100, &text, &err));
    assert_true(str_eq(text, S("deep")));
}

static void what_changes_or_cannot_be_read_is_an_error(void **state) {
    const struct fixture *f = *state;
    AUTO_ARENA a = arena_new();
    make_dir(f, "a");
    make_file(f, "a/shrinks", "long");
    make_file(f, "a/linked", "long");
    AUTO_TREE t = merge(f, "a", NULL);
    make_file(f, "a/shrinks", "x");
    unlinkat(f->fd, "a/linked", 0);
    assert_int_equal(symlinkat("shrinks", f->fd, "a/linked"), 0);
    static const char *const names[] = { "shrinks", "linked" };
    for (size_t i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        str text;
        const struct tree_entry *e = tree_find(t, str_from_c(names[i]), TREE_LITERAL);
        assert_false(tree_load_content(t, e->inode, a, 100, &text, &err));
        assert_non_null(strstr(err.frames[0], names[i]));
    }
    struct err err = ERR_INIT;
    assert_null(merge(f, "x", &err));
    assert_int_equal(err.code, ENOENT);
    make_dir(f, "b/moved");
    if (set_mark(f, "b/moved", "redirect", "/elsewhere")) {
        err = ERR_INIT;
        assert_null(merge(f, "b", &err));
        assert_non_null(strstr(err.frames[0], "redirect_dir"));
        assert_non_null(strstr(err.frames[1], "/b/moved'"));
    }
}

static void copies_keep_holes(void **state) {
    const struct fixture *f = *state;
    make_dir(f, "a");
    AUTO_FD file = openat(f->fd, "a/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(pwrite(file, "begin", 5, 0), 5);
    assert_int_equal(pwrite(file, "end", 3, 50 << 20), 3);
    assert_int_equal(ftruncate(file, 60 << 20), 0);
    AUTO_TREE t = merge(f, "a", NULL);
    AUTO_FD copy = openat(f->fd, "copy", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    const struct tree_entry *e = tree_find(t, S("sparse"), TREE_LITERAL);
    assert_true(tree_copy_content(t, e->inode, copy, NULL));
    struct stat st;
    assert_int_equal(fstat(copy, &st), 0);
    assert_int_equal(st.st_size, 60 << 20);
    assert_true(st.st_blocks * 512 < 1 << 20);
    char text[8];
    assert_int_equal(pread(copy, text, 8, 0), 8);
    assert_memory_equal(text, "begin\0\0", 8);
    assert_int_equal(pread(copy, text, 4, 50 << 20), 4);
    assert_memory_equal(text, "end", 4);
}

int main(void) {
    umask(022);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(upper_layers_win, set_up, tear_down),
#ifndef CAPSEM_PORTABLE
        cmocka_unit_test_setup_teardown(whiteouts_take_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_layer_alone_keeps_its_whiteouts, set_up, tear_down),
#endif
        cmocka_unit_test_setup_teardown(hard_links_share_an_inode, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metadata_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_own_marks_are_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(odd_names_and_a_full_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deeper_than_path_max, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_changes_or_cannot_be_read_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(copies_keep_holes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

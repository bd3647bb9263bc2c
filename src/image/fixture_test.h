// SPDX-License-Identifier: Apache-2.0
/* A small tree with one of everything, and what tests do with trees. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "image/internal.h"

static const struct tree_meta fixture_meta = { .mode = 0644, .uid = 7, .gid = 8, .mtime_s = 1000 };

static inline struct tree_entry *fixture_file(struct tree *t, const char *path, str content) {
    struct tree_entry *e;
    assert_true(tree_put_file(t, str_from_c(path), &fixture_meta, content, &e, NULL));
    return e;
}

/* Bytes that compress a little, the same for the same seed. */
static inline str fixture_bytes(struct arena *a, size_t len, uint32_t seed) {
    char *p = arena_alloc(a, len + 1);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (char)('a' + (seed >> 28));
    }
    return (str){ p, len };
}

static inline struct tree *fixture_tree(struct arena *a) {
    struct tree *t = tree_new();
    struct tree_entry *e;
    char name[TREE_NAME_MAX + 1] = { 0 };
    for (int i = 0; i < TREE_NAME_MAX; i++) { /* every byte but NUL and slash */
        name[i] = (char)(i + 1 == '/' ? 'x' : i + 1);
    }
    tree_root(t)->inode->mtime_s = 5;
    fixture_file(t, name, S("odd"));
    fixture_file(t, "etc/empty", S(""));
    fixture_file(t, "etc/small", S("small"));
    fixture_file(t, "etc/twin", S("small"));
    e = fixture_file(t, "usr/large", fixture_bytes(a, 300000, 1));
    assert_true(tree_put_hard_link(t, S("usr/link-of-large"), e, &e, NULL));
    assert_true(tree_put_hard_link(t, S("a-third-name"), e, &e, NULL));
    fixture_file(t, "usr/block", fixture_bytes(a, 65536, 2));
    e = fixture_file(t, "usr/zeros", (str){ arena_alloc(a, 200000), 200000 });
    e->inode->mtime_ns = 123456789;
    e = fixture_file(t, "usr/attributes", S("x"));
    e->inode->mtime_s = -2; /* whole: libarchive reads fractions before 1970 wrongly */
    e->inode->uid = 4000000000;
    tree_set_xattr(t, e->inode, S("user.a=b%"), S("line\nand\0nul"));
    tree_set_xattr(t, e->inode, S("user.empty"), S(""));
    tree_set_xattr(t, e->inode, S("system.posix_acl_access"), S("not in squashfs"));
    AUTO_BUF deep = BUF_INIT(8192);
    for (int i = 0; i < 90; i++) {
        buf_addf(&deep, "folder-%d/", i % 10);
    }
    buf_add_c(&deep, "file");
    fixture_file(t, deep.ptr, S("deep"));
    char target[200];
    memset(target, 't', sizeof target);
    str targets[] = { S("small"), { target, sizeof target } };
    assert_true(tree_put_link(t, S("etc/short"), &fixture_meta, targets[0], &e, NULL));
    assert_true(tree_put_link(t, S("etc/long"), &fixture_meta, targets[1], &e, NULL));
    assert_true(tree_put_special(t, S("dev/null"), &fixture_meta, S_IFCHR, 1, 3, &e, NULL));
    assert_true(tree_put_special(t, S("dev/disk"), &fixture_meta, S_IFBLK, 259, 300, &e, NULL));
    assert_true(tree_put_special(t, S("dev/pipe"), &fixture_meta, S_IFIFO, 0, 0, &e, NULL));
    return t;
}

static inline int memory_fd(void) {
    int fd = os_open_unnamed("/tmp");
    assert_true(fd >= 0);
    return fd;
}

static inline str content_of_fd(struct arena *a, int fd) {
    str text;
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_true(fs_load_fd(a, fd, "test", 64 << 20, &text, NULL));
    return text;
}

static inline void assert_same_inode(struct arena *a, const struct tree *t, const struct tree *u,
                                     const struct tree_inode *x, const struct tree_inode *y) {
    assert_int_equal(x->mode, y->mode);
    assert_int_equal(x->uid, y->uid);
    assert_int_equal(x->gid, y->gid);
    assert_int_equal(x->mtime_s, y->mtime_s);
    assert_int_equal(x->mtime_ns, y->mtime_ns);
    assert_int_equal(x->size, y->size);
    assert_int_equal(x->link_count, y->link_count);
    size_t xattr_count = x->xattrs == NULL ? 0 : x->xattrs->count;
    assert_int_equal(xattr_count, y->xattrs == NULL ? 0 : y->xattrs->count);
    for (size_t i = 0; i < xattr_count; i++) {
        assert_true(str_eq(x->xattrs->items[i].name, y->xattrs->items[i].name));
        assert_true(str_eq(x->xattrs->items[i].value, y->xattrs->items[i].value));
    }
    if (S_ISLNK(x->mode)) {
        assert_string_equal(x->target, y->target);
    } else if (S_ISCHR(x->mode) || S_ISBLK(x->mode)) {
        assert_int_equal(x->device.major, y->device.major);
        assert_int_equal(x->device.minor, y->device.minor);
    } else if (S_ISREG(x->mode)) {
        str left;
        str right;
        assert_true(tree_load_content(t, x, a, 64 << 20, &left, NULL));
        assert_true(tree_load_content(u, y, a, 64 << 20, &right, NULL));
        assert_true(str_eq(left, right));
    }
}

static inline void assert_same_tree(const struct tree *t, const struct tree *u) {
    AUTO_ARENA a = arena_new();
    assert_int_equal(tree_entry_count(t), tree_entry_count(u));
    assert_int_equal(tree_inode_count(t), tree_inode_count(u));
    const struct tree_entry *x = tree_root(t);
    const struct tree_entry *y = tree_root(u);
    for (; x != NULL && y != NULL; x = tree_next(tree_root(t), x), y = tree_next(tree_root(u), y)) {
        assert_true(str_eq(tree_path(a, x), tree_path(a, y)));
        assert_same_inode(a, t, u, x->inode, y->inode);
    }
    assert_true(x == NULL && y == NULL);
}

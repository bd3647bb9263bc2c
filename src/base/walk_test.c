// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/walk.h"

struct fixture {
    char dir[64];
    int fd;
    struct err err;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/capsem-walk-XXXXXX");
    *state = f;
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f->fd < 0 ? -1 : 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    close(f->fd);
    bool removed = fs_remove_tree(AT_FDCWD, f->dir, &f->err);
    free(f);
    return removed ? 0 : -1;
}

static void folder(struct fixture *f, const char *path) {
    assert_true(fs_mkdir_p(f->fd, path, 0755, &f->err));
}

static void file(struct fixture *f, const char *path) {
    assert_true(fs_store(f->fd, path, S("x"), 0644, &f->err));
}

/* Paths of a whole walk, one after the other. */
static void collect(struct fixture *f, struct buf *out) {
    AUTO_WALK w = NULL;
    struct walk_entry e;
    enum walk_result result;
    assert_true(walk_open(f->fd, ".", &w, &f->err));
    while ((result = walk_next(w, &e, &f->err)) == WALK_ENTRY) {
        buf_addf(out, "%.*s%s ", STR_FMT(e.path), S_ISDIR(e.st.st_mode) ? "/" : "");
        assert_true(fs_exists(e.dirfd, e.name) || S_ISLNK(e.st.st_mode));
    }
    assert_int_equal(result, WALK_END);
}

static void folders_come_before_what_is_in_them(void **state) {
    struct fixture *f = *state;
    AUTO_BUF out = BUF_INIT(4096);
    folder(f, "b/c");
    folder(f, "b/empty");
    file(f, "b/c/2");
    file(f, "b/c/1");
    file(f, "b.txt");
    file(f, "z");
    file(f, "a");
    assert_int_equal(symlinkat("b", f->fd, "link"), 0);
    collect(f, &out);
    assert_string_equal(out.ptr, "./ a b/ b/c/ b/c/1 b/c/2 b/empty/ b.txt link z ");
}

static void an_empty_folder_has_its_root(void **state) {
    struct fixture *f = *state;
    AUTO_BUF out = BUF_INIT(4096);
    collect(f, &out);
    assert_string_equal(out.ptr, "./ ");
}

/* Deeper than a path may be long and than descriptors go: made from the inside. */
static void a_tree_may_be_deep(void **state) {
    enum { DEEP = 5000 };
    struct fixture *f = *state;
    AUTO_WALK w = NULL;
    struct walk_entry e;
    size_t count = 0;
    int at = dup(f->fd);
    for (int i = 0; i < DEEP; i++) {
        assert_int_equal(mkdirat(at, "d", 0755), 0);
        int below = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        close(at);
        at = below;
    }
    close(at);
    assert_true(walk_open(f->fd, ".", &w, &f->err));
    while (walk_next(w, &e, &f->err) == WALK_ENTRY) {
        count++;
    }
    assert_false(err_is_set(&f->err));
    assert_int_equal(count, DEEP + 1);
}

static void a_folder_that_is_moved_ends_the_walk(void **state) {
    struct fixture *f = *state;
    AUTO_WALK w = NULL;
    struct walk_entry e;
    enum walk_result result = WALK_ENTRY;
    folder(f, "a/b/c");
    folder(f, "elsewhere/deep");
    assert_true(walk_open(f->fd, "a", &w, &f->err));
    for (int i = 0; i < 3; i++) { /* ".", "b", "b/c" */
        assert_int_equal(walk_next(w, &e, &f->err), WALK_ENTRY);
    }
    assert_int_equal(renameat(f->fd, "a/b", f->fd, "elsewhere/deep/b"), 0);
    while (result == WALK_ENTRY) {
        result = walk_next(w, &e, &f->err);
    }
    assert_int_equal(result, WALK_FAILED);
    assert_true(err_is_set(&f->err));
}

static void a_root_that_is_not_there_is_refused(void **state) {
    struct fixture *f = *state;
    struct walk *w;
    file(f, "file");
    assert_false(walk_open(f->fd, "nothing", &w, &f->err));
    assert_false(walk_open(f->fd, "file", &w, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_come_before_what_is_in_them, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_folder_has_its_root, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tree_may_be_deep, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_moved_ends_the_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(a_root_that_is_not_there_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

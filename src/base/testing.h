// SPDX-License-Identifier: Apache-2.0
/*
 * For unit tests: cmocka with what it needs before it, and a folder of the test's own. Not a part
 * of the program.
 *
 *     static void a_test(void **state) {
 *         AUTO_TEST_FOLDER f = test_folder();
 *         test_file(&f, "d/a", "text");      // in d/, made when it is missing
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"

struct test_folder {
    char path[64]; /* absolute */
    int fd;
    struct arena *arena;
};

static inline struct test_folder test_folder(void) {
    struct test_folder f = { .path = "/tmp/capsem-test-XXXXXX", .arena = arena_new() };
    assert_non_null(mkdtemp(f.path));
    f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f.fd >= 0);
    return f;
}

static inline void test_folder_done(struct test_folder *f) {
    close(f->fd);
    arena_free(f->arena);
    assert_true(fs_remove_tree(AT_FDCWD, f->path, NULL));
}
#define AUTO_TEST_FOLDER __attribute__((cleanup(test_folder_done))) struct test_folder

static inline const char *test_path(const struct test_folder *f, const char *name) {
    return path_join(f->arena, f->path, name);
}

static inline void test_dir(const struct test_folder *f, const char *name) {
    assert_true(fs_mkdir_p(f->fd, name, 0755, NULL));
}

static inline void test_file(const struct test_folder *f, const char *name, const char *text) {
    const char *dir = str_to_c(f->arena, path_dir(str_from_c(name)));
    if (strcmp(dir, ".") != 0) {
        test_dir(f, dir);
    }
    AUTO_FD fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0 && fs_write_all(fd, text, strlen(text), NULL));
    assert_int_equal(fchmod(fd, 0644), 0);
}

/* What a str says, for assert_string_equal(). */
static inline const char *test_text(const struct test_folder *f, str s) {
    return str_to_c(f->arena, s);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/base.h"

/* A folder of its own for each test; removed with the code under test. */
struct fixture {
    struct arena *arena;
    char dir[64];
    int fd;
    struct err err;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){ .arena = arena_new(), .dir = "/tmp/capsem-base-XXXXXX" };
    *state = &f;
    if (mkdtemp(f.dir) == NULL) {
        return -1;
    }
    f.fd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f.fd < 0 ? -1 : 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    close(f->fd);
    bool removed = fs_remove_tree(AT_FDCWD, f->dir, &f->err) && !fs_exists(AT_FDCWD, f->dir);
    arena_free(f->arena);
    return removed ? 0 : -1;
}

static void store(struct fixture *f, const char *path, const char *text) {
    assert_true(fs_store(f->fd, path, str_from_c(text), 0644, &f->err));
}

static void check_content(struct fixture *f, const char *path, const char *wanted) {
    str got;
    assert_true(fs_load(f->arena, f->fd, path, 1 << 20, &got, &f->err));
    assert_string_equal(got.ptr, wanted);
    assert_int_equal(got.len, strlen(wanted));
}

static size_t count_entries(struct fixture *f, const char *path) {
    const char **names;
    size_t count;
    assert_true(fs_list(f->arena, f->fd, path, &names, &count, &f->err));
    return count;
}

static void files_are_loaded_and_stored(void **state) {
    struct fixture *f = *state;
    store(f, "a", "one");
    store(f, "a", "two");
    check_content(f, "a", "two");
    store(f, "empty", "");
    check_content(f, "empty", "");
    assert_int_equal(count_entries(f, "."), 2); /* nothing temporary is left */
    struct stat st;
    assert_int_equal(fstatat(f->fd, "a", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
}

static void limits_on_files_are_exact(void **state) {
    struct fixture *f = *state;
    str got;
    store(f, "a", "12345");
    assert_true(fs_load(f->arena, f->fd, "a", 5, &got, &f->err));
    assert_false(fs_load(f->arena, f->fd, "a", 4, &got, &f->err));
    assert_int_equal(f->err.code, EFBIG);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "12345", 5), 5);
    close(pipes[1]);
    assert_false(fs_load_fd(f->arena, pipes[0], "pipe", 4, &got, &f->err));
    assert_string_equal(f->err.frames[0], "'pipe' is larger than 4 bytes");
    close(pipes[0]);
    /* A file of /proc says its size is 0. */
    assert_true(fs_load(f->arena, AT_FDCWD, "/proc/self/status", 1 << 20, &got, &f->err));
    assert_true(got.len > 100);
}

static void what_is_no_file_is_refused_at_once(void **state) {
    struct fixture *f = *state;
    str got;
    assert_int_equal(os_make_special(f->fd, "pipe", S_IFIFO | 0600, 0), 0);
    assert_false(fs_load(f->arena, f->fd, "pipe", 100, &got, &f->err));
    assert_string_equal(f->err.frames[0], "'pipe' is not a regular file");
    assert_false(fs_load(f->arena, f->fd, ".", 100, &got, &f->err));
    assert_int_equal(f->err.code, EISDIR);
    assert_false(fs_load(f->arena, f->fd, "missing", 100, &got, &f->err));
    assert_int_equal(f->err.code, ENOENT);
    assert_string_equal(f->err.frames[0], "open 'missing': No such file or directory");
}

static void a_replacement_that_is_dropped_leaves_the_old_file(void **state) {
    struct fixture *f = *state;
    store(f, "a", "old");
    {
        AUTO_FS_REPLACE r = FS_REPLACE_INIT;
        assert_true(fs_replace_open(&r, f->fd, "a", 0600, &f->err));
        assert_true(fs_write_all(r.fd, "new", 3, &f->err));
        check_content(f, "a", "old");
    }
    check_content(f, "a", "old");
    assert_int_equal(count_entries(f, "."), 1);
    AUTO_FS_REPLACE r = FS_REPLACE_INIT;
    assert_true(fs_replace_open(&r, f->fd, "a", 0600, &f->err));
    assert_true(fs_write_all(r.fd, "new", 3, &f->err));
    assert_true(fs_replace_commit(&r, true, &f->err));
    check_content(f, "a", "new");
    assert_false(fs_store(f->fd, "no/such/folder", S("x"), 0600, &f->err));
    assert_int_equal(mkdirat(f->fd, "dir", 0700), 0);
    assert_false(fs_store(f->fd, "dir", S("x"), 0600, &f->err)); /* a folder is not replaced */
    assert_int_equal(count_entries(f, "."), 2);
}

static void missing_folders_are_made(void **state) {
    struct fixture *f = *state;
    assert_true(fs_mkdir_p(f->fd, "a/b/c", 0755, &f->err));
    assert_true(fs_mkdir_p(f->fd, "a/b/c/", 0755, &f->err));
    assert_true(fs_mkdir_p(f->fd, "a//b/./c/../d", 0755, &f->err));
    assert_true(fs_is_dir(f->fd, "a/b/d"));
    store(f, "file", "");
    assert_false(fs_mkdir_p(f->fd, "file", 0755, &f->err));
    assert_int_equal(f->err.code, ENOTDIR);
    assert_false(fs_mkdir_p(f->fd, "file/x", 0755, &f->err));
}

static void names_are_sorted_by_bytes(void **state) {
    struct fixture *f = *state;
    static const char *const wanted[] = { "B", "a", "b c", "\xC3\xA9" };
    store(f, "\xC3\xA9", "");
    store(f, "a", "");
    store(f, "b c", "");
    store(f, "B", "");
    const char **names;
    size_t count;
    assert_true(fs_list(f->arena, f->fd, ".", &names, &count, &f->err));
    assert_int_equal(count, ARRAY_LEN(wanted));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(names[i], wanted[i]);
    }
    assert_false(fs_list(f->arena, f->fd, "a", &names, &count, &f->err));
}

static void trees_are_removed_but_not_what_links_point_to(void **state) {
    struct fixture *f = *state;
    store(f, "kept", "x");
    assert_true(fs_mkdir_p(f->fd, "tree/a/b", 0755, &f->err));
    store(f, "tree/a/file", "x");
    assert_int_equal(symlinkat("../kept", f->fd, "tree/link"), 0);
    assert_int_equal(symlinkat("..", f->fd, "tree/up"), 0);
    assert_int_equal(fchmodat(f->fd, "tree/a", 0, 0), 0); /* no permission is no obstacle */
    assert_true(fs_remove_tree(f->fd, "tree", &f->err));
    assert_false(fs_exists(f->fd, "tree"));
    check_content(f, "kept", "x");
    assert_int_equal(symlinkat("kept", f->fd, "link"), 0);
    assert_true(fs_remove_tree(f->fd, "link", &f->err)); /* the link, not its target */
    check_content(f, "kept", "x");
    assert_true(fs_remove_tree(f->fd, "never/was", &f->err));
}

/* Deeper than there are fds, and than a path can be long. */
static void make_deep(struct fixture *f) {
    int at = dup(f->fd);
    assert_int_equal(mkdirat(at, "deep", 0755), 0);
    const char *name = "deep";
    for (int i = 0; i < 3000; i++) {
        int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(at);
        at = next;
        name = "d";
        assert_int_equal(mkdirat(at, name, 0755), 0);
    }
    close(at);
}

static void deep_trees_are_removed(void **state) {
    struct fixture *f = *state;
    make_deep(f);
    assert_true(fs_remove_tree(f->fd, "deep", &f->err));
    assert_false(fs_exists(f->fd, "deep"));
}

/* The names that the first one has chosen for what is too deep are taken. */
static void a_removal_that_was_killed_goes_on(void **state) {
    struct fixture *f = *state;
    make_deep(f);
    for (int i = 0; i < 40; i++) {
        AUTO_BUF name = BUF_INIT(64);
        buf_addf(&name, "deep/.deep-%d/x", i);
        assert_true(fs_mkdir_p(f->fd, name.ptr, 0755, &f->err));
    }
    assert_true(fs_remove_tree(f->fd, "deep", &f->err));
    assert_false(fs_exists(f->fd, "deep"));
}

static void nothing_leads_out_of_a_root(void **state) {
    struct fixture *f = *state;
    assert_true(fs_mkdir_p(f->fd, "root/etc", 0755, &f->err));
    store(f, "secret", "outside");
    store(f, "root/etc/secret", "inside");
    assert_int_equal(symlinkat("/etc", f->fd, "root/absolute"), 0);
    assert_int_equal(symlinkat("../../../../secret", f->fd, "root/etc/up"), 0);
    AUTO_FD root = openat(f->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    static const char *const inside[] = { "etc/secret", "/etc/secret", "../../etc/secret",
                                          "absolute/secret" };
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        AUTO_FD fd = fs_open_in_root(root, inside[i], O_RDONLY, 0);
        str got;
        assert_true(fd >= 0);
        assert_true(fs_load_fd(f->arena, fd, "x", 100, &got, &f->err));
        assert_string_equal(got.ptr, "inside");
    }
    assert_int_equal(fs_open_in_root(root, "etc/up", O_RDONLY, 0), -1);
    assert_int_equal(errno, ENOENT); /* /secret of the root, which is not there */
    AUTO_FD fresh = fs_open_in_root(root, "/etc/new", O_WRONLY | O_CREAT, 0640);
    assert_true(fresh >= 0);
    assert_true(fs_exists(f->fd, "root/etc/new"));
}

static void all_bytes_are_copied(void **state) {
    struct fixture *f = *state;
    size_t size = 300 * 1000 + 7;
    char *data = arena_alloc(f->arena, size);
    for (size_t i = 0; i < size; i++) {
        data[i] = (char)(i * 7 + i / 251);
    }
    assert_true(fs_store(f->fd, "from", (str){ data, size }, 0600, &f->err));
    AUTO_FD from = openat(f->fd, "from", O_RDONLY | O_CLOEXEC);
    AUTO_FD to = openat(f->fd, "to", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fs_copy_fd(from, to, &f->err));
    str got;
    assert_true(fs_load(f->arena, f->fd, "to", 1 << 20, &got, &f->err));
    assert_true(str_eq(got, (str){ data, size }));
    AUTO_FD status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    AUTO_FD copy = openat(f->fd, "status", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fs_copy_fd(status, copy, &f->err));
    assert_true(fs_load(f->arena, f->fd, "status", 1 << 20, &got, &f->err));
    assert_true(str_starts(got, S("Name:")));
    AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(lseek(from, 0, SEEK_SET), 0);
    assert_false(fs_copy_fd(from, full, &f->err));
    assert_int_equal(f->err.code, ENOSPC);
}

static void holes_are_copied_as_holes(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *name;
        off_t data_at; /* of 4 bytes; -1: there are none */
        off_t size;
    } cases[] = {
        { "empty", -1, 0 },
        { "all", -1, 1 << 24 },
        { "start", 0, 1 << 24 },
        { "middle", 1 << 23, 1 << 24 },
        { "end", (1 << 24) - 4, 1 << 24 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FD from = openat(f->fd, cases[i].name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        AUTO_FD to = openat(f->fd, "copy", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_return_code(ftruncate(from, cases[i].size), errno);
        if (cases[i].data_at >= 0) {
            assert_int_equal(pwrite(from, "data", 4, cases[i].data_at), 4);
        }
        struct stat want;
        struct stat got;
        char text[4] = { 0 };
        assert_true(fs_copy_sparse(from, to, &f->err));
        assert_return_code(fstat(from, &want), errno);
        assert_return_code(fstat(to, &got), errno);
        assert_int_equal(got.st_size, want.st_size);
        assert_true(got.st_blocks <= want.st_blocks + 128);
        if (cases[i].data_at >= 0) {
            assert_int_equal(pread(to, text, 4, cases[i].data_at), 4);
            assert_memory_equal(text, "data", 4);
        }
    }
}

static void descriptors_are_taken_once(void **state) {
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
        AUTO_FD scoped = fd;
        assert_int_equal(take_fd(&scoped), fd);
        assert_int_equal(scoped, -1);
    }
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC); /* still open */
    {
        AUTO_FD scoped = fd;
        (void)scoped;
    }
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* ---- what processes that were killed leave ---- */

static void a_sweep_removes_what_dead_writers_left(void **state) {
    struct fixture *f = *state;
    struct fs_replace r = FS_REPLACE_INIT;
    static const char *const kept[] = { ".tmp-1-1.other",   ".tmp-x-1.out", ".tmp-1-1",
                                        ".tmp-1-1.out.txt", ".tmp-",        "out" };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        assert_true(fs_store(f->fd, kept[i], S("x"), 0644, &f->err));
    }
    assert_true(fs_store(f->fd, ".tmp-1-1.out.part", S("x"), 0644, &f->err));
    assert_true(fs_replace_open(&r, f->fd, "out", 0644, &f->err));
    fs_replace_sweep(f->fd, "out");
    assert_false(fs_exists(f->fd, ".tmp-1-1.out.part"));
    assert_true(fs_exists(f->fd, r.temp)); /* its writer lives */
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        assert_true(fs_exists(f->fd, kept[i]));
    }
    assert_true(fs_replace_commit(&r, true, &f->err));
    assert_true(fs_sync_folder_of(f->fd, "out", &f->err));
}

static void a_long_name_can_be_written(void **state) {
    struct fixture *f = *state;
    char name[NAME_MAX + 1];
    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    assert_true(fs_store_synced(f->fd, name, S("x"), 0644, &f->err));
    assert_true(fs_exists(f->fd, name));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_loaded_and_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_on_files_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replacement_that_is_dropped_leaves_the_old_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(missing_folders_are_made, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_sorted_by_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(trees_are_removed_but_not_what_links_point_to, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(deep_trees_are_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removal_that_was_killed_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sweep_removes_what_dead_writers_left, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_name_can_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_leads_out_of_a_root, setup, teardown),
        cmocka_unit_test_setup_teardown(all_bytes_are_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(holes_are_copied_as_holes, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors_are_taken_once, setup, teardown),
    };
    return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* The same tests for Linux's side and the portable one. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/base.h"

static char top[] = "/tmp/os-test-XXXXXX";
static int rootfd = -1;

static void write_text(const char *path, const char *text) {
    assert_true(fs_store(rootfd, path, str_from_c(text), 0644, NULL));
}

static int set_up(void **state) {
    (void)state;
    static const char *const folders[] = { "root", "root/a", "root/a/b", "root/etc" };
    static const struct {
        const char *target;
        const char *path;
    } links[] = {
        { "/etc/passwd", "root/absolute" },
        { "../../outside", "root/a/up" },
        { "../../../../etc/passwd", "root/a/b/far" },
        { "b", "root/a/folder" },
        { "nothing", "root/broken" },
        { "loop", "root/loop" },
        { "a/folder/../../etc/passwd", "root/winding" },
        { "/a/b/", "root/slashed" },
    };
    if (mkdtemp(top) == NULL) {
        return -1;
    }
    int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(fd, folders[i], 0755) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        if (symlinkat(links[i].target, fd, links[i].path) < 0) {
            return -1;
        }
    }
    rootfd = fd;
    write_text("outside", "outside");
    write_text("root/etc/passwd", "inside");
    write_text("root/outside", "its own");
    write_text("root/a/b/file", "file");
    rootfd = openat(fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(fd);
    return rootfd < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    close(rootfd);
    return fs_remove_tree(AT_FDCWD, top, NULL) ? 0 : -1;
}

/* ---- opening ---- */

/* What is read; "!" and nothing else when it is not opened. */
static void expect(int fd, const char *path, const char *content) {
    char text[64] = "!";
    if (fd >= 0) {
        ssize_t len = read(fd, text, sizeof text - 1);
        text[len < 0 ? 0 : len] = '\0';
        close(fd);
    }
    if (strcmp(text, content) != 0) {
        fail_msg("'%s' is '%s', not '%s'", path, text, content);
    }
}

static void test_opening_in_a_root(void **state) {
    static const struct {
        const char *path;
        const char *content;
    } rows[] = {
        { "etc/passwd", "inside" },
        { "/etc/passwd", "inside" },
        { "absolute", "inside" },
        { "a/up", "its own" },
        { "a/b/far", "inside" },
        { "a/folder/file", "file" },
        { "../../etc/passwd", "inside" },
        { "a/b/../b/./file", "file" },
        { "a//b///file", "file" },
        { "winding", "inside" },
        { "slashed/file", "file" },
        { "broken", "!" },
        { "loop", "!" },
        { "a/b/file/no", "!" },
        { "nothing", "!" },
        { "", "!" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect(os_open_in_root(rootfd, rows[i].path, O_RDONLY, 0), rows[i].path, rows[i].content);
    }
    assert_int_equal(os_open_in_root(rootfd, "absolute", O_RDONLY | O_NOFOLLOW, 0), -1);
    assert_int_equal(os_open_in_root(rootfd, "loop", O_RDONLY, 0), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(os_open_in_root(rootfd, "broken", O_WRONLY | O_CREAT | O_EXCL, 0600), -1);
    assert_int_equal(errno, EEXIST);
}

static void test_making_a_file_in_a_root(void **state) {
    (void)state;
    AUTO_FD fd = os_open_in_root(rootfd, "../slashed/made", O_RDWR | O_CREAT | O_EXCL, 0640);
    struct stat st;
    assert_true(fd >= 0);
    assert_int_equal(fstatat(rootfd, "a/b/made", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static void test_opening_beneath(void **state) {
    (void)state;
    expect(os_open_beneath(rootfd, "a/b/file", O_RDONLY), "a/b/file", "file");
    static const char *const refused[] = { "absolute",   "a/folder/file", "/etc/passwd",
                                           "../outside", "a/up",          "nothing" };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        expect(os_open_beneath(rootfd, refused[i], O_RDONLY), refused[i], "!");
    }
}

static void test_an_unnamed_file(void **state) {
    (void)state;
    AUTO_FD fd = os_open_unnamed(top);
    AUTO_ARENA a = arena_new();
    const char **names;
    size_t count;
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    assert_true(fs_list(a, AT_FDCWD, top, &names, &count, NULL));
    assert_int_equal(count, 2); /* "outside" and "root" */
}

static void test_listing_more_names_than_fit(void **state) {
    enum { FILES = 300 };
    (void)state;
    bool seen[FILES] = { false };
    char buf[512];
    AUTO_FD fd = os_open_in_root(rootfd, "a", O_RDONLY | O_DIRECTORY, 0);
    for (int i = 0; i < FILES; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        close(openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    struct os_listing list;
    const char *name;
    size_t others = 0;
    assert_true(os_listing_begin(&list, fd, buf, sizeof buf));
    while ((name = os_listing_next(&list)) != NULL) {
        uint64_t number;
        if (name[0] == 'n' && str_to_u64(str_from_c(name + 1), &number) && number < FILES) {
            assert_false(seen[number]);
            seen[number] = true;
        } else {
            others++;
        }
    }
    assert_int_equal(errno, 0);
    os_listing_end(&list);
    assert_int_equal(others, 5); /* ".", "..", "b", "up", "folder" */
    for (size_t i = 0; i < FILES; i++) {
        assert_true(seen[i]);
    }
}

/* ---- files ---- */

static void test_renames(void **state) {
    (void)state;
    write_text("one", "one");
    write_text("two", "two");
    assert_int_equal(os_rename_new(rootfd, "one", rootfd, "two"), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(os_rename_swap(rootfd, "one", rootfd, "two"), 0);
    expect(openat(rootfd, "one", O_RDONLY), "one", "two");
    expect(openat(rootfd, "two", O_RDONLY), "two", "one");
    assert_int_equal(os_rename_new(rootfd, "one", rootfd, "three"), 0);
    expect(openat(rootfd, "one", O_RDONLY), "one", "!");
    expect(openat(rootfd, "three", O_RDONLY), "three", "two");
    assert_int_equal(os_rename_swap(rootfd, "two", rootfd, "nothing"), -1);
    expect(openat(rootfd, "two", O_RDONLY), "two", "one");
}

static void test_renames_of_folders(void **state) {
    (void)state;
    assert_int_equal(mkdirat(rootfd, "f", 0755), 0);
    assert_int_equal(mkdirat(rootfd, "g", 0755), 0);
    write_text("f/x", "f");
    write_text("g/x", "g");
    assert_int_equal(os_rename_new(rootfd, "f", rootfd, "g"), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(os_rename_new(rootfd, "f", rootfd, "h"), 0);
    assert_int_equal(os_rename_swap(rootfd, "g", rootfd, "h"), 0);
    expect(openat(rootfd, "g/x", O_RDONLY), "g/x", "f");
    expect(openat(rootfd, "h/x", O_RDONLY), "h/x", "g");
}

/* ---- processes ---- */

static void test_a_process_is_waited_for(void **state) {
    (void)state;
    int gate[2];
    char start[64];
    char same[64];
    assert_int_equal(os_pipe(gate), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 7 : 1);
    }
    AUTO_FD fd = os_process_fd(pid);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int status;
    assert_true(fd >= 0);
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_true(os_process_start(pid, start, sizeof start));
    assert_true(os_process_start(pid, same, sizeof same));
    assert_string_equal(start, same);
    assert_null(strpbrk(start, " \n"));
    close(gate[0]);
    close(gate[1]);
    assert_int_equal(poll(&p, 1, 20000), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid); /* it was left to us */
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_false(os_process_start(pid, start, sizeof start));
}

/* Elsewhere than on Linux there is no such thing. A process that stays holds the pipe, and meson
 * ends the test. */
#ifndef CAPSEM_PORTABLE
static void test_a_process_dies_with_its_parent(void **state) {
    (void)state;
    int held[2];
    char byte;
    assert_int_equal(os_pipe(held), 0);
    pid_t parent = fork();
    if (parent == 0) {
        if (fork() == 0) {
            os_die_with_parent();
            (void)!write(held[1], "x", 1);
            for (;;) {
                pause();
            }
        }
        close(held[1]);
        for (;;) {
            pause();
        }
    }
    close(held[1]);
    assert_int_equal(read(held[0], &byte, 1), 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(read(held[0], &byte, 1), 0);
    close(held[0]);
}
#endif

static void test_signals_are_waited_for(void **state) {
    (void)state;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = os_signals_open(&set);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    assert_true(fd >= 0);
    assert_int_equal(os_signals_next(fd), 0);
    kill(getpid(), SIGUSR2);
    assert_int_equal(poll(&p, 1, 20000), 1);
    assert_int_equal(os_signals_next(fd), SIGUSR2);
    assert_int_equal(os_signals_next(fd), 0);
    os_signals_close(&fd);
    assert_int_equal(fd, -1);
}

static void test_descriptors_are_closed(void **state) {
    (void)state;
    enum { FIRST = 100 };
    pid_t pid = fork();
    if (pid == 0) {
        bool good = os_dup_to(rootfd, FIRST) == FIRST && os_dup_to(rootfd, FIRST + 1) > 0 &&
                    (fcntl(FIRST, F_GETFD) & FD_CLOEXEC) != 0 && os_close_from(FIRST) &&
                    fcntl(FIRST, F_GETFD) < 0 && fcntl(FIRST + 1, F_GETFD) < 0 &&
                    fcntl(rootfd, F_GETFD) >= 0;
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(os_processors() >= 1);
    pid = fork();
    if (pid == 0) {
        bool good = dup2(rootfd, FIRST) == FIRST && dup2(rootfd, FIRST + 7) == FIRST + 7;
        os_close_on_exec_from(FIRST);
        _exit(good && (fcntl(FIRST, F_GETFD) & FD_CLOEXEC) != 0 &&
                      (fcntl(FIRST + 7, F_GETFD) & FD_CLOEXEC) != 0
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- sockets ---- */

static void test_a_socket_in_a_folder_with_a_long_path(void **state) {
    (void)state;
    char name[100];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(mkdirat(rootfd, name, 0755), 0);
    AUTO_FD outer = openat(rootfd, name, OS_FOLDER | O_CLOEXEC);
    assert_int_equal(mkdirat(outer, name, 0755), 0);
    AUTO_FD dirfd = openat(outer, name, OS_FOLDER | O_CLOEXEC);
    AUTO_FD server = os_socket(AF_UNIX, SOCK_STREAM);
    AUTO_FD client = os_socket(AF_UNIX, SOCK_STREAM);
    assert_int_equal(os_connect_at(client, dirfd, "socket"), -1);
    assert_int_equal(os_bind_at(server, dirfd, "socket"), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(os_connect_at(client, dirfd, "socket"), 0);
    assert_true((fcntl(client, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true(fs_exists(dirfd, "socket"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening_in_a_root),
        cmocka_unit_test(test_making_a_file_in_a_root),
        cmocka_unit_test(test_opening_beneath),
        cmocka_unit_test(test_an_unnamed_file),
        cmocka_unit_test(test_listing_more_names_than_fit),
        cmocka_unit_test(test_renames),
        cmocka_unit_test(test_renames_of_folders),
        cmocka_unit_test(test_a_process_is_waited_for),
#ifndef CAPSEM_PORTABLE
        cmocka_unit_test(test_a_process_dies_with_its_parent),
#endif
        cmocka_unit_test(test_signals_are_waited_for),
        cmocka_unit_test(test_descriptors_are_closed),
        cmocka_unit_test(test_a_socket_in_a_folder_with_a_long_path),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

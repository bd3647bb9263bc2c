// SPDX-License-Identifier: Apache-2.0
/* What code can still do once it is confined. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "sandbox/sandbox.h"

static char folder[64];

enum { CANNOT_CONFINE = 99 };

/* The exit code of a child that is confined and then does this: 0, or an errno. */
static int in_child(int (*what)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        if (!sandbox_confine(&err)) {
            _exit(CANNOT_CONFINE);
        }
        errno = 0;
        _exit(what() >= 0 ? 0 : errno);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int try_socket(void) {
    return socket(AF_INET, SOCK_STREAM, 0);
}
static int try_unix(void) {
    return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int try_fork(void) {
    return fork();
}
static int try_exec(void) {
    char *argv[] = { "/bin/true", NULL };
    return execv(argv[0], argv);
}
static int try_mount(void) {
    return mount("tmpfs", folder, "tmpfs", 0, NULL);
}
static int try_chroot(void) {
    return chroot("/");
}
static int try_kill(void) {
    return kill(getppid(), 0);
}
/* 0 when it has a right too many. */
static int try_rights(void) {
    char text[8192] = "";
    AUTO_FD fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    const char *line = len < 0 ? NULL : strstr(text, "CapEff:");
    unsigned long long caps = 0;
    bool known = line != NULL;
    for (const char *at = known ? line + strcspn(line, "\t") + 1 : ""; char_hex(*at) >= 0; at++) {
        caps = caps << 4 | (unsigned long long)char_hex(*at);
    }
    errno = EPERM;
    return known && (caps &
                     (1ULL << CAP_SYS_PTRACE | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_MODULE)) == 0
               ? -1
               : 0;
}

static int try_files(void) {
    int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, "x", 1) == 1 && fchown(fd, 12, 34) == 0 &&
              fchmod(fd, 06755) == 0 && fsetxattr(fd, "trusted.a", "v", 1, 0) == 0 &&
              mkdir("d", 0700) == 0 && symlink("f", "l") == 0 && link("f", "h") == 0 &&
              mknod("null", S_IFCHR | 0600, makedev(1, 3)) == 0 && unlink("h") == 0;
    return ok ? 0 : -1;
}

static void nothing_but_files(void **state) {
    static const struct {
        int (*what)(void);
        int wanted;
    } cases[] = {
        { try_socket, ENOSYS }, { try_unix, ENOSYS },   { try_fork, ENOSYS }, { try_exec, ENOSYS },
        { try_mount, ENOSYS },  { try_chroot, ENOSYS }, { try_kill, ENOSYS }, { try_rights, EPERM },
    };
    (void)state;
    if (geteuid() != 0) {
        skip(); /* it is for root, or the root of a user namespace */
    }
    snprintf(folder, sizeof folder, "/tmp/confine-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%zu\n", i);
        assert_int_equal(in_child(cases[i].what), cases[i].wanted);
    }
    assert_int_equal(in_child(try_files), 0);
    assert_int_equal(chdir("/"), 0); /* a shell without a working folder complains */
    assert_true(fs_remove_tree(AT_FDCWD, folder, NULL));
}

/* ---- programs ---- */

static str shown_by(struct arena *a, const char *script, bool (*confine)(void), int *ret_exit) {
    AUTO_BUF out = BUF_INIT(16384);
    const char *const argv[] = { "sh", "-c", script, NULL };
    struct proc_spec spec = { .argv = argv, .out = &out, .errors = &out, .before_exec = confine };
    struct proc_result result;
    assert_true(proc_run(&spec, &result, NULL));
    *ret_exit = result.exit_code;
    return str_dup(a, buf_str(&out));
}

static void a_program_has_few_rights(void **state) {
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    AUTO_ARENA a = arena_new();
    int code;
    assert_true(sandbox_prepare_program(NULL));
    str status = shown_by(a, "cat /proc/self/status", sandbox_confine_program, &code);
    static const char *const lines[] = { "CapEff:\t0000000000000002\n",
                                         "CapBnd:\t0000000000000002\n",
                                         "CapInh:\t0000000000000000\n", "NoNewPrivs:\t1\n",
                                         "Seccomp:\t2\n" };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_true(str_find(status, str_from_c(lines[i]), 0) != STR_NONE);
    }
    shown_by(a, "unshare --user true", sandbox_confine_program, &code);
    assert_int_not_equal(code, 0);
}

static void a_program_alone_has_no_network(void **state) {
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    AUTO_ARENA a = arena_new();
    int code;
    assert_true(sandbox_prepare_program(NULL));
    const char *script = "readlink /proc/self/ns/net";
    str ours = shown_by(a, script, NULL, &code);
    assert_true(str_eq(shown_by(a, script, sandbox_confine_program, &code), ours));
    assert_false(str_eq(shown_by(a, script, sandbox_confine_program_alone, &code), ours));
    assert_int_equal(code, 0);
}

static bool refuse(void) {
    errno = EPERM;
    return false;
}

static void a_program_that_cannot_be_confined_is_not_started(void **state) {
    (void)state;
    const char *const argv[] = { "true", NULL };
    struct proc_spec spec = { .argv = argv, .before_exec = refuse };
    struct proc_result result;
    struct err err = ERR_INIT;
    assert_false(proc_run(&spec, &result, &err));
    assert_int_equal(err.code, EPERM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_files),
        cmocka_unit_test(a_program_has_few_rights),
        cmocka_unit_test(a_program_alone_has_no_network),
        cmocka_unit_test(a_program_that_cannot_be_confined_is_not_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

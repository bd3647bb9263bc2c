// SPDX-License-Identifier: Apache-2.0
/* What a step may not call, and which rights it has: each tried in a child that has the filter, or
 * that has given up the rights. */
#include "base/testing.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/internal.h"

enum { NO_FILTER = 250 };

/* 0, or the errno of what is called with the filter loaded. */
static int in_child(long (*what)(void), bool traced) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        if (!forbid_system_calls(traced, &err)) {
            _exit(NO_FILTER);
        }
        errno = 0;
        _exit(what() >= 0 ? 0 : errno);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), NO_FILTER);
    return WEXITSTATUS(status);
}

static long try_mount(void) {
    return mount("tmpfs", "/tmp/nowhere", "tmpfs", 0, NULL);
}
static long try_unshare(void) {
    return unshare(CLONE_NEWUSER);
}
static long clone_with(unsigned long flags) {
    long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        _exit(0);
    }
    return pid;
}
static long try_clone_user(void) {
    return clone_with(CLONE_NEWUSER);
}
static long try_clone_net(void) {
    return clone_with(CLONE_NEWNET);
}
static long try_fork(void) {
    return clone_with(0);
}
static long try_clone3(void) {
    return syscall(SYS_clone3, NULL, 0);
}
static long try_bpf(void) {
    return syscall(SYS_bpf, 0, NULL, 0);
}
static long try_io_uring(void) {
    return syscall(SYS_io_uring_setup, 1, NULL);
}
static long try_keyctl(void) {
    return syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}
static long try_inet(void) {
    return socket(AF_INET, SOCK_STREAM, 0);
}
static long try_vsock(void) {
    return socket(AF_VSOCK, SOCK_STREAM, 0);
}
static long try_vsock_high_bits(void) {
    return syscall(SYS_socket, 0x100000000UL | AF_VSOCK, SOCK_STREAM, 0);
}
static long try_alg(void) {
    return socket(AF_ALG, SOCK_SEQPACKET, 0);
}
static long try_type(void) {
    return ioctl(0, TIOCSTI, "x");
}
static long try_type_high_bits(void) {
    return syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "x");
}
static long try_page_zero(void) {
    return syscall(SYS_personality, (unsigned long)MMAP_PAGE_ZERO);
}
static long try_ask_personality(void) {
    return syscall(SYS_personality, 0xFFFFFFFFUL);
}
static long try_no_randomize(void) {
    return syscall(SYS_personality, (unsigned long)ADDR_NO_RANDOMIZE);
}
/* Of a kernel to come. */
static long try_new_call(void) {
    return syscall(1000);
}

#ifdef __x86_64__
/* A 32-bit program's call. */
static long call_i386(long number, long first) {
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(first), "c"(0), "d"(0)
                     : "memory");
    errno = result < 0 ? (int)-result : 0;
    return result < 0 ? -1 : result;
}
static long try_i386_getpid(void) {
    return call_i386(20, 0);
}
static long try_i386_mount(void) {
    return call_i386(21, 0);
}
static long try_i386_unshare(void) {
    return call_i386(310, CLONE_NEWUSER);
}
static long try_i386_new_call(void) {
    return call_i386(1000, 0);
}
static long try_x32_getpid(void) {
    return syscall(0x40000000 | SYS_getpid);
}
#endif

static void a_step_may_not_call(void **state) {
    static const struct {
        const char *name;
        long (*what)(void);
        int wanted;
    } cases[] = {
        { "mount", try_mount, EPERM },
        { "unshare", try_unshare, EPERM },
        { "clone with a user namespace", try_clone_user, EPERM },
        { "clone with a network namespace", try_clone_net, EPERM },
        { "fork", try_fork, 0 },
        { "clone3", try_clone3, ENOSYS },
        { "bpf", try_bpf, EPERM },
        { "io_uring", try_io_uring, EPERM },
        { "keyctl", try_keyctl, EPERM },
        { "socket of inet", try_inet, 0 },
        { "socket of vsock", try_vsock, EAFNOSUPPORT },
        { "socket of vsock, high bits", try_vsock_high_bits, EAFNOSUPPORT },
        { "socket of alg", try_alg, EAFNOSUPPORT },
        { "TIOCSTI", try_type, EPERM },
        { "TIOCSTI, high bits", try_type_high_bits, EPERM },
        { "page zero", try_page_zero, EPERM },
        { "personality, asked", try_ask_personality, 0 },
        { "personality", try_no_randomize, 0 },
        { "a new call", try_new_call, ENOSYS },
#ifdef __x86_64__
        { "getpid of i386", try_i386_getpid, 0 },
        { "mount of i386", try_i386_mount, EPERM },
        { "unshare of i386", try_i386_unshare, EPERM },
        { "a new call of i386", try_i386_new_call, ENOSYS },
        { "getpid of x32", try_x32_getpid, ENOSYS },
#endif
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].name);
        assert_int_equal(in_child(cases[i].what, false), cases[i].wanted);
    }
    assert_int_equal(in_child(try_mount, true), EPERM); /* one that is followed, too */
}

/* ---- rights ---- */

/* Bits of a line of /proc/self/status. */
static uint64_t rights_in(const char *line) {
    char text[8192] = "";
    AUTO_FD fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    const char *found = len < 0 ? NULL : strstr(text, line);
    uint64_t rights = found == NULL ? UINT64_MAX : 0;
    for (const char *at = found == NULL ? "" : found + strlen(line); char_hex(*at) >= 0; at++) {
        rights = rights << 4 | (uint64_t)char_hex(*at);
    }
    return rights;
}

/* The lines of a child that has dropped its rights. */
static void drop_in_child(bool own_network, uint64_t ret[2]) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        uint64_t rights[2] = { UINT64_MAX, UINT64_MAX };
        if (drop_capabilities(own_network, &err)) {
            rights[0] = rights_in("CapEff:\t");
            rights[1] = rights_in("CapBnd:\t");
        }
        _exit(write(fds[1], rights, sizeof rights) == sizeof rights ? 0 : 1);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], ret, 2 * sizeof *ret), 2 * sizeof *ret);
    close(fds[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_step_has_a_containers_rights(void **state) {
    static const int lost[] = { CAP_SYS_ADMIN,       CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_MODULE,
                                CAP_DAC_READ_SEARCH, CAP_SYS_RAWIO, CAP_SYS_TIME,   CAP_BPF };
    static const int kept[] = { CAP_CHOWN, CAP_SETUID, CAP_MKNOD, CAP_SYS_CHROOT,
                                CAP_DAC_OVERRIDE };
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    for (int own_network = 0; own_network < 2; own_network++) {
        uint64_t rights[2];
        drop_in_child(own_network != 0, rights);
        assert_int_equal(rights[0], rights[1]);
        for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
            assert_int_equal(rights[0] >> lost[i] & 1, 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
            assert_int_equal(rights[0] >> kept[i] & 1, 1);
        }
        assert_int_equal(rights[0] >> CAP_NET_RAW & 1, own_network);
        assert_int_equal(rights[0] >> CAP_NET_BIND_SERVICE & 1, own_network);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_may_not_call),
        cmocka_unit_test(a_step_has_a_containers_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Runs inside a step, for test_engine_sandbox.py: tries one thing that a step must not be able to
 * do (or must), and prints what became of it: "ok" or the name of the error. Linked statically.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static long try_mount(void) {
    return mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
}

static long try_umount(void) {
    return umount2("/proc/kcore", MNT_DETACH);
}

static long try_unshare_user(void) {
    return unshare(CLONE_NEWUSER);
}

static long try_unshare_mount(void) {
    return unshare(CLONE_NEWNS);
}

static long try_clone_user(void) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        _exit(0);
    }
    return pid;
}

static long try_clone3(void) {
    unsigned long long args[8] = { 0 };
    args[4] = SIGCHLD;
    long pid = syscall(SYS_clone3, args, sizeof args);
    if (pid == 0) {
        _exit(0);
    }
    return pid;
}

static long try_fork(void) {
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return pid;
}

static long try_setns(void) {
    int fd = open("/proc/self/ns/mnt", O_RDONLY);
    return fd < 0 ? -1 : setns(fd, 0);
}

static long try_keyctl(void) {
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

static long try_add_key(void) {
    return syscall(SYS_add_key, "user", "capsem", "x", 1, KEY_SPEC_SESSION_KEYRING);
}

static long try_bpf(void) {
    union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY };
    attr.key_size = 4;
    attr.value_size = 4;
    attr.max_entries = 1;
    return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}

static long try_perf(void) {
    unsigned char attr[128] = { 1 };
    return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static long try_io_uring(void) {
    unsigned char params[256] = { 0 };
    return syscall(SYS_io_uring_setup, 1, params);
}

static long try_userfaultfd(void) {
    return syscall(SYS_userfaultfd, 0);
}

static long try_reboot(void) {
    return syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL); /* Ctrl-Alt-Del off */
}

static long try_sethostname(void) {
    return sethostname("other", 5);
}

static long try_settime(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return clock_settime(CLOCK_REALTIME, &now);
}

static long try_syslog(void) {
    return syscall(SYS_syslog, 10, NULL, 0);
}

static long try_swapon(void) {
    return syscall(SYS_swapon, "/dev/null", 0);
}

static long try_vsock(void) {
    return socket(AF_VSOCK, SOCK_STREAM, 0);
}

static long try_tiocsti(void) {
    char c = 'x';
    return ioctl(0, TIOCSTI, &c);
}

static long try_fsopen(void) {
    return syscall(SYS_fsopen, "tmpfs", 0);
}

static long try_open_by_handle(void) {
    struct {
        struct file_handle handle;
        unsigned char bytes[128];
    } h = { .handle.handle_bytes = 128 };
    int mount_id;
    return name_to_handle_at(AT_FDCWD, "/", &h.handle, &mount_id, 0);
}

static long try_ptrace_init(void) {
    return ptrace(PTRACE_ATTACH, 1, NULL, NULL);
}

static long try_init_memory(void) {
    return open("/proc/1/mem", O_RDONLY);
}

static long try_init_root(void) {
    return open("/proc/1/root", O_RDONLY);
}

static long try_init_fds(void) {
    return open("/proc/1/fd", O_RDONLY | O_DIRECTORY) < 0 ? -1 : open("/proc/1/fd/3", O_RDONLY);
}

static long try_init_environ(void) {
    return open("/proc/1/environ", O_RDONLY);
}

/* A node of every disk a machine may have, made wherever one may write, must not open. */
static long try_disk(void) {
    static const char *const places[] = { "/disk", "/dev/disk", "/dev/shm/disk", "/tmp/disk",
                                          "/cache/disk" };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const dev_t disks[] = { makedev(7, 0), makedev(8, 0), makedev(253, 0), makedev(254, 0),
                                makedev(259, 0) };
        for (size_t d = 0; d < sizeof disks / sizeof disks[0]; d++) {
            if (mknod(places[i], S_IFBLK | 0600, disks[d]) < 0) {
                continue;
            }
            int fd = open(places[i], O_RDONLY);
            int why = errno;
            unlink(places[i]);
            if (fd >= 0 || why != EACCES) {
                printf("%s: ", places[i]);
                errno = why;
                return fd;
            }
        }
    }
    errno = EACCES;
    return -1;
}

static long try_kmem(void) {
    if (mknod("/tmp/kmsg", S_IFCHR | 0600, makedev(1, 11)) < 0) {
        return -1;
    }
    int fd = open("/tmp/kmsg", O_RDONLY);
    int why = errno;
    unlink("/tmp/kmsg");
    errno = why;
    return fd;
}

static long try_chroot(void) {
    return chroot("/tmp");
}

static long try_setuid(void) {
    return setuid(1000);
}

static long try_exec_memory(void) {
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : 0;
}

/* The bounding set still has it, and nothing else may bring it back. */
static long try_get_back_admin(void) {
    return prctl(PR_CAPBSET_READ, 21 /* CAP_SYS_ADMIN */, 0, 0, 0) == 1 ? 0 : (errno = EPERM, -1);
}

static long try_new_call(void) {
    return syscall(1000); /* that no kernel has yet */
}

static long try_open_tree_attr(void) {
    return syscall(467, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */, NULL, 0);
}

static long try_quotactl(void) {
    return syscall(SYS_quotactl, 0x80000100, NULL, 0, NULL);
}

static long try_fanotify(void) {
    return syscall(SYS_fanotify_init, 0, O_RDONLY);
}

static long try_pidfd_getfd(void) {
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    return syscall(SYS_pidfd_getfd, fd, 0, 0); /* of our own, which nothing else forbids */
}

static long try_page_zero(void) {
    return syscall(SYS_personality, 0x0100000 /* MMAP_PAGE_ZERO */);
}

static long try_personality(void) {
    return syscall(SYS_personality, 0xFFFFFFFFUL) < 0 ? -1 : syscall(SYS_personality, 0x0040000UL);
}

static long try_family(unsigned long family) {
    return syscall(SYS_socket, family, (unsigned long)SOCK_STREAM, 0UL);
}

static long try_vsock_high_bits(void) {
    return try_family(0x100000000UL | AF_VSOCK);
}

static long try_af_alg(void) {
    return syscall(SYS_socket, 38UL, (unsigned long)SOCK_SEQPACKET, 0UL);
}

static long try_af_key(void) {
    return syscall(SYS_socket, 15UL, (unsigned long)SOCK_RAW, 2UL);
}

static long try_af_xdp(void) {
    return syscall(SYS_socket, 44UL, (unsigned long)SOCK_RAW, 0UL);
}

static long try_unix_socket(void) {
    return try_family(AF_UNIX);
}

static long try_netlink(void) {
    return syscall(SYS_socket, (unsigned long)AF_NETLINK, (unsigned long)SOCK_RAW, 0UL);
}

static long try_tiocsti_high_bits(void) {
    char c = 'x';
    return syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, &c);
}

static long try_tioclinux(void) {
    char c = 7;
    return ioctl(0, TIOCLINUX, &c);
}

static long try_futex(void) {
    int word = 0;
    return syscall(SYS_futex, &word, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
}

static long try_shared_memory(void) {
    return syscall(SYS_shmget, 0, 4096, 01600);
}

static long try_timer(void) {
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
}

static long try_sniff(void) {
    return socket(AF_PACKET, SOCK_RAW, 0x0300 /* ETH_P_ALL, as on the wire */);
}

static long try_raw(void) {
    return socket(AF_INET, SOCK_RAW, 1 /* ICMP */);
}

static long try_port(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(81) };
    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

#if defined(__x86_64__)
/* A 32-bit program's way into the kernel. */
static long int80(long number, long first) {
    long rc;
    __asm__ volatile("int $0x80"
                     : "=a"(rc)
                     : "a"(number), "b"(first), "c"(0L), "d"(0L), "S"(0L), "D"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    rc = (int)rc;
    return rc < 0 ? (errno = (int)-rc, -1) : rc;
}

static long try_i386_mount(void) {
    return int80(21, 0);
}

static long try_i386_unshare(void) {
    return int80(310, CLONE_NEWUSER);
}

static long try_i386_new_call(void) {
    return int80(1000, 0);
}

static long try_i386_getpid(void) {
    return int80(20, 0);
}

static long try_x32_mount(void) {
    return syscall(0x40000000 | SYS_mount, "tmpfs", "/tmp", "tmpfs", 0, NULL);
}
#endif

/* Asks the ssh agent that the step was given. */
static long try_agent(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = getenv("SSH_AUTH_SOCK");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char answer[64] = "";
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path == NULL ? "" : path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        write(fd, "ping", 4) != 4 || read(fd, answer, sizeof answer - 1) < 0) {
        return -1;
    }
    printf("%s: ", answer);
    return 0;
}

static const struct {
    const char *name;
    long (*run)(void);
} tries[] = {
    { "mount", try_mount },
    { "umount", try_umount },
    { "unshare-user", try_unshare_user },
    { "unshare-mount", try_unshare_mount },
    { "clone-user", try_clone_user },
    { "clone3", try_clone3 },
    { "fork", try_fork },
    { "setns", try_setns },
    { "keyctl", try_keyctl },
    { "add-key", try_add_key },
    { "bpf", try_bpf },
    { "perf", try_perf },
    { "io-uring", try_io_uring },
    { "userfaultfd", try_userfaultfd },
    { "reboot", try_reboot },
    { "sethostname", try_sethostname },
    { "settime", try_settime },
    { "syslog", try_syslog },
    { "swapon", try_swapon },
    { "vsock", try_vsock },
    { "tiocsti", try_tiocsti },
    { "fsopen", try_fsopen },
    { "open-by-handle", try_open_by_handle },
    { "ptrace-init", try_ptrace_init },
    { "init-memory", try_init_memory },
    { "init-root", try_init_root },
    { "init-fds", try_init_fds },
    { "init-environ", try_init_environ },
    { "disk", try_disk },
    { "kernel-log", try_kmem },
    { "chroot", try_chroot },
    { "setuid", try_setuid },
    { "exec-memory", try_exec_memory },
    { "admin", try_get_back_admin },
    { "agent", try_agent },
    { "new-call", try_new_call },
    { "open-tree-attr", try_open_tree_attr },
    { "quotactl", try_quotactl },
    { "fanotify", try_fanotify },
    { "pidfd-getfd", try_pidfd_getfd },
    { "page-zero", try_page_zero },
    { "personality", try_personality },
    { "vsock-high-bits", try_vsock_high_bits },
    { "af-alg", try_af_alg },
    { "af-key", try_af_key },
    { "af-xdp", try_af_xdp },
    { "unix-socket", try_unix_socket },
    { "netlink", try_netlink },
    { "tiocsti-high-bits", try_tiocsti_high_bits },
    { "tioclinux", try_tioclinux },
    { "futex", try_futex },
    { "shared-memory", try_shared_memory },
    { "timer", try_timer },
    { "sniff", try_sniff },
    { "raw", try_raw },
    { "port", try_port },
#if defined(__x86_64__)
    { "i386-mount", try_i386_mount },
    { "i386-unshare", try_i386_unshare },
    { "i386-new-call", try_i386_new_call },
    { "i386-getpid", try_i386_getpid },
    { "x32-mount", try_x32_mount },
#endif
};

/* busybox cannot: setxattr NAME VALUE PATH */
static int set_attribute(char **argv) {
    if (lsetxattr(argv[2], argv[0], argv[1], strlen(argv[1]), 0) != 0) {
        perror(argv[0]);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "setxattr") == 0) {
        return set_attribute(argv + 2);
    }
    for (int i = 1; i < argc; i++) {
        for (size_t t = 0; t < sizeof tries / sizeof tries[0]; t++) {
            if (strcmp(argv[i], tries[t].name) != 0) {
                continue;
            }
            fflush(stdout);
            pid_t pid = fork(); /* one try does not change what the next one finds */
            if (pid == 0) {
                errno = 0;
                long rc = tries[t].run();
                printf("%s %s\n", argv[i], rc >= 0 ? "ok" : strerrorname_np(errno));
                fflush(stdout);
                _exit(0);
            }
            waitpid(pid, NULL, 0);
        }
    }
    return 0;
}

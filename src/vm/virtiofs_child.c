// SPDX-License-Identifier: Apache-2.0
/*
 * Between fork and exec: no allocation, no stdio. The program sees the folder under one name, in a
 * mount namespace of its own, where it is read-only when it shall be: that a guest mounts it so
 * binds only who keeps to it. It is root of a user namespace (virtiofs_ids.c), as the program needs
 * it for its own sandbox.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "vm/internal.h"

/* Until then we are nobody. The parent is gone when there is nothing to read. */
static bool wait_for_ids(const struct virtiofs_child *c) {
    char byte;
    errno = 0;
    return read(c->mapped_fd, &byte, 1) == 1;
}

static bool enter_mount_namespace(const struct virtiofs_child *c) {
    (void)c;
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
}

static bool mount_folder(const struct virtiofs_child *c) {
    return mount(c->host, VIRTIOFS_SOURCE, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static bool make_read_only(const struct virtiofs_child *c) {
    struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
    return !c->read_only || syscall(SYS_mount_setattr, AT_FDCWD, VIRTIOFS_SOURCE, AT_RECURSIVE,
                                    &attributes, sizeof attributes) == 0;
}

static bool add_filter(const struct virtiofs_child *c) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, c->filter) == 0;
}

/* It holds a descriptor for each file that the guest knows. */
static void raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool execute(const struct virtiofs_child *c) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int listening = fcntl(c->listen_fd, F_DUPFD_CLOEXEC, 64);
    int errors = fcntl(c->errors_fd, F_DUPFD_CLOEXEC, 64);
    if (null < 0 || listening < 0 || errors < 0 || dup2(null, 0) < 0 || dup2(errors, 1) < 0 ||
        dup2(errors, 2) < 0 || dup2(listening, VIRTIOFS_LISTEN) < 0) {
        return false;
    }
    execv(c->program, (char *const *)c->args);
    return false;
}

static const struct {
    enum virtiofs_step step;
    bool (*run)(const struct virtiofs_child *c);
} steps[] = {
    { VIRTIOFS_IDS, wait_for_ids },   { VIRTIOFS_MOUNT_NAMESPACE, enter_mount_namespace },
    { VIRTIOFS_MOUNT, mount_folder }, { VIRTIOFS_READ_ONLY, make_read_only },
    { VIRTIOFS_FILTER, add_filter },  { VIRTIOFS_EXEC, execute },
};

void virtiofs_exec(const struct virtiofs_child *c) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid(); /* Ctrl-C is for us: it ends with QEMU */
    if (!c->stays) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    struct virtiofs_failure failure = { VIRTIOFS_READY, 0 };
    int failed = fcntl(c->failed_fd, F_DUPFD_CLOEXEC, 64);
    raise_limit();
    for (size_t i = 0; i < ARRAY_LEN(steps) && failure.number == 0; i++) {
        if (getppid() != c->parent || !steps[i].run(c)) {
            failure = (struct virtiofs_failure){ steps[i].step, errno == 0 ? EINTR : errno };
        }
    }
    ssize_t ignored = write(failed, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

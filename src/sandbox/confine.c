// SPDX-License-Identifier: Apache-2.0
/*
 * Our own code that reads what a stranger wrote: an archive, a compressed layer. A mistake in it,
 * or in the library that it calls, reaches files below its root and nothing else: no network, no
 * process, no mount, and of root's rights those for owners, modes, nodes and attributes.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "sandbox/internal.h"

struct rights {
    const cap_value_t *caps;
    int count;
};

/* Only the last is needed for less than any file: attributes in trusted.*, which overlayfs' marks
 * are. The filter leaves it nothing else to be used for. */
static const cap_value_t kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID,   CAP_FOWNER,
                                    CAP_MKNOD, CAP_SETFCAP,      CAP_SYS_ADMIN };
static const cap_value_t any_file[] = { CAP_DAC_OVERRIDE };

/* clang-format off */
static const char allowed[] =
    "access chdir chmod chown close close_range copy_file_range dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate fchdir "
    "fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr fremovexattr fsetxattr fstat fstatfs fsync "
    "ftruncate getcwd getdents getdents64 getxattr ioctl lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek "
    "lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2 pread64 preadv pwrite64 pwritev read readlink "
    "readlinkat readv removexattr rename renameat renameat2 rmdir sendfile setxattr stat statfs statx symlink symlinkat "
    "truncate umask unlink unlinkat utimensat write writev "
    "brk madvise mmap mprotect mremap munmap "
    "clock_gettime clock_nanosleep exit exit_group futex getegid geteuid getgid getpid getppid getrandom getrlimit gettid "
    "gettimeofday getuid nanosleep poll ppoll prlimit64 restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn "
    "sched_getaffinity sched_yield set_robust_list sigaltstack sysinfo tgkill time uname";
/* clang-format on */

static bool is_kept(const struct rights *r, int cap) {
    for (int i = 0; i < r->count; i++) {
        if (r->caps[i] == cap) {
            return true;
        }
    }
    return false;
}

static bool keep_few_rights(const struct rights *r, struct err *err) {
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (!is_kept(r, cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            return err_sys(err, errno, "drop capability %d", cap);
        }
    }
    cap_t caps = cap_init();
    bool ok = caps != NULL && cap_set_flag(caps, CAP_PERMITTED, r->count, r->caps, CAP_SET) == 0 &&
              cap_set_flag(caps, CAP_EFFECTIVE, r->count, r->caps, CAP_SET) == 0 &&
              cap_set_proc(caps) == 0;
    int why = errno;
    cap_free(caps);
    return ok || err_sys(err, why, "drop capabilities");
}

/* A call that libseccomp or this architecture does not have needs no rule. */
static int add_calls(scmp_filter_ctx filter) {
    str rest = str_from_c(allowed);
    while (rest.len > 0) {
        char name[64];
        str word = str_cut(&rest, ' ');
        ASSERT(word.len < sizeof name);
        memcpy(name, word.ptr, word.len);
        name[word.len] = '\0';
        int number = seccomp_syscall_resolve_name(name);
        int rc = number == __NR_SCMP_ERROR || number < 0
                     ? 0
                     : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* ENOSYS: libraries do without what they cannot have. */
static bool allow_few_calls(struct err *err) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL) {
        return err_sys(err, ENOMEM, "make a seccomp filter");
    }
    int rc = add_calls(filter);
    if (rc == 0) {
        rc = seccomp_load(filter);
    }
    seccomp_release(filter);
    return rc == 0 || err_sys(err, -rc, "load the seccomp filter");
}

bool sandbox_confine(struct err *err) {
    if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0) {
        return err_sys(err, errno, "leave the host's network");
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return err_sys(err, errno, "give up new privileges");
    }
    struct rights few = { kept, ARRAY_LEN(kept) };
    return keep_few_rights(&few, err) && allow_few_calls(err);
}

/* ---- programs of the machine ---- */

bool sandbox_prepare_program(struct err *err) {
    return prepare_system_calls(false, err);
}

bool sandbox_confine_program(void) {
    struct rights few = { any_file, ARRAY_LEN(any_file) };
    return keep_few_rights(&few, NULL) && forbid_system_calls(false, NULL);
}

bool sandbox_confine_program_alone(void) {
    return unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0 && sandbox_confine_program();
}

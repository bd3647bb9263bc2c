// SPDX-License-Identifier: Apache-2.0
/*
 * System calls that a build step has no business with, although a capability or a namespace might
 * let it: those that change the host's kernel or clock, escape from namespaces, or have often
 * been the way into the kernel. All else is allowed: compilers and package managers call much.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "sandbox/internal.h"

static const int denied[] = {
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(bpf),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(clock_settime),
    SCMP_SYS(delete_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fspick),
    SCMP_SYS(init_module),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(kcmp),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(mount),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(open_tree),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(pivot_root),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(setns),
    SCMP_SYS(settimeofday),
    SCMP_SYS(stime),
    SCMP_SYS(swapoff),
    SCMP_SYS(swapon),
    SCMP_SYS(syslog),
    SCMP_SYS(umount),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(uselib),
    SCMP_SYS(ustat),
    SCMP_SYS(vhangup),
    SCMP_SYS(vm86),
    SCMP_SYS(vm86old),
};

/* The tracer is woken where a program is started (trace.c). */
static int add_trace(scmp_filter_ctx filter) {
    int rc = seccomp_rule_add(filter, SCMP_ACT_TRACE(0), SCMP_SYS(execve), 0);
    return rc < 0 ? rc : seccomp_rule_add(filter, SCMP_ACT_TRACE(0), SCMP_SYS(execveat), 0);
}

static int add_rules(scmp_filter_ctx filter) {
    for (size_t i = 0; i < ARRAY_LEN(denied); i++) {
        int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
        if (rc < 0 && rc != -EDOM) { /* EDOM: not on this architecture */
            return rc;
        }
    }
    /* New namespaces by clone; clone3 takes its flags by pointer, so callers are sent to clone. */
    static const unsigned long namespaces[] = { CLONE_NEWUSER,  CLONE_NEWNS,  CLONE_NEWPID,
                                                CLONE_NEWNET,   CLONE_NEWIPC, CLONE_NEWUTS,
                                                CLONE_NEWCGROUP };
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
        int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
        if (rc < 0) {
            return rc;
        }
    }
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc < 0) {
        return rc;
    }
    /* Typing into the terminal we run in. */
    rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                          SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFFFFFFFFU, TIOCSTI));
    if (rc < 0) {
        return rc;
    }
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                            SCMP_A0(SCMP_CMP_EQ, AF_VSOCK));
}

/* A 64-bit kernel also runs 32-bit programs: the filter holds for their calls as well. */
static void add_sister_architectures(scmp_filter_ctx filter) {
    uint32_t native = seccomp_arch_native();
    if (native == SCMP_ARCH_X86_64) {
        (void)seccomp_arch_add(filter, SCMP_ARCH_X86);
        (void)seccomp_arch_add(filter, SCMP_ARCH_X32);
    } else if (native == SCMP_ARCH_AARCH64) {
        (void)seccomp_arch_add(filter, SCMP_ARCH_ARM);
    }
}

enum rules { DENIALS = 1, TRACE = 2 };

static bool load(unsigned rules, struct err *err) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return err_sys(err, ENOMEM, "make a seccomp filter");
    }
    add_sister_architectures(filter);
    int rc = (rules & DENIALS) != 0 ? add_rules(filter) : 0;
    if (rc == 0 && (rules & TRACE) != 0) {
        rc = add_trace(filter);
    }
    if (rc == 0) {
        rc = seccomp_load(filter);
    }
    seccomp_release(filter);
    return rc == 0 || err_sys(err, -rc, "load the seccomp filter");
}

bool forbid_system_calls(bool traced, struct err *err) {
    return load(DENIALS | (traced ? TRACE : 0), err);
}

bool trace_system_calls(struct err *err) {
    return load(TRACE, err);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A step has two filters, of which the stricter answer counts. The first allows a list; what is not
 * in it is ENOSYS. The second denies by name, or by an argument: EPERM. A filter of our tracer is
 * the same as the second, without denials.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sandbox/internal.h"

/* EDOM: no architecture of the filter has it. A libseccomp that does not know a call is older than
 * the call: it stays ENOSYS. */
static int add_calls(scmp_filter_ctx filter, uint32_t action, const char *names) {
    str rest = str_from_c(names);
    while (rest.len > 0) {
        char name[64];
        str word = str_cut(&rest, ' ');
        ASSERT(word.len < sizeof name);
        memcpy(name, word.ptr, word.len);
        name[word.len] = '\0';
        int number = seccomp_syscall_resolve_name(name);
        int rc = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, action, number, 0);
        if (rc < 0 && rc != -EDOM) {
            return rc;
        }
    }
    return 0;
}

/* The tracer is woken where a program is started (trace.c). */
static int add_trace(scmp_filter_ctx filter) {
    int rc = seccomp_rule_add(filter, SCMP_ACT_TRACE(0), SCMP_SYS(execve), 0);
    return rc < 0 ? rc : seccomp_rule_add(filter, SCMP_ACT_TRACE(0), SCMP_SYS(execveat), 0);
}

/* Of socket(2)'s families those that programs know, and that the kernel has no module for at a
 * user's word. An answer for each number: who sets high bits gets none. */
static int deny_families(scmp_filter_ctx filter) {
    static const bool allowed[AF_MAX] = { [AF_UNIX] = true,
                                          [AF_INET] = true,
                                          [AF_INET6] = true,
                                          [AF_NETLINK] = true,
                                          [AF_PACKET] = true };
    for (unsigned family = 0; family < AF_MAX; family++) {
        int rc = allowed[family]
                     ? 0
                     : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                        SCMP_A0(SCMP_CMP_MASKED_EQ, 0xFFFFFFFFU, family));
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int deny_ioctls(scmp_filter_ctx filter) {
    /* Typing into the terminal we run in. */
    static const unsigned long requests[] = { TIOCSTI, TIOCLINUX };
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFFFFFFFFU, requests[i]));
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* personality(2): what maps the page at address 0 helps who attacks the kernel. */
static int deny_personalities(scmp_filter_ctx filter) {
    enum { ASKS = 0x80000000U }; /* 0xFFFFFFFF only asks */
    return seccomp_rule_add(
        filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(personality), 1,
        SCMP_A0(SCMP_CMP_MASKED_EQ, MMAP_PAGE_ZERO | (uint64_t)ASKS, MMAP_PAGE_ZERO));
}

static int deny_namespaces(scmp_filter_ctx filter) {
    /* By clone; clone3 takes its flags by pointer, so callers are sent to clone. */
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
    return 0;
}

static int add_denials(scmp_filter_ctx filter) {
    static int (*const rules[])(scmp_filter_ctx) = { deny_namespaces, deny_families, deny_ioctls,
                                                     deny_personalities };
    int rc = add_calls(filter, SCMP_ACT_ERRNO(EPERM), seccomp_denied);
    for (size_t i = 0; i < ARRAY_LEN(rules) && rc >= 0; i++) {
        rc = rules[i](filter);
    }
    return rc;
}

static int add_allowed(scmp_filter_ctx filter) {
    int rc = add_calls(filter, SCMP_ACT_ALLOW, seccomp_allowed);
    return rc < 0 ? rc : add_calls(filter, SCMP_ACT_ALLOW, seccomp_denied);
}

/* A 64-bit kernel also runs 32-bit programs: the filter holds for their calls as well. x32 has no
 * user any more. */
static void add_sister_architectures(scmp_filter_ctx filter) {
    uint32_t native = seccomp_arch_native();
    if (native == SCMP_ARCH_X86_64) {
        (void)seccomp_arch_add(filter, SCMP_ARCH_X86);
    } else if (native == SCMP_ARCH_AARCH64) {
        (void)seccomp_arch_add(filter, SCMP_ARCH_ARM);
    }
}

enum rules { ALLOWED = 1, DENIALS = 2, TRACE = 4 };

static int add_rules(scmp_filter_ctx filter, unsigned rules) {
    int rc = (rules & ALLOWED) != 0 ? add_allowed(filter) : 0;
    if (rc >= 0 && (rules & DENIALS) != 0) {
        rc = add_denials(filter);
    }
    return rc >= 0 && (rules & TRACE) != 0 ? add_trace(filter) : rc;
}

/* A filter as the kernel takes it. */
struct program {
    bool made;
    size_t len;
    struct sock_filter items[BPF_MAXINSNS];
};

static int build_filter(scmp_filter_ctx filter, unsigned rules, int fd) {
    /* Another architecture's calls; a tree instead of some hundred comparisons, where it is known.
     */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    add_sister_architectures(filter);
    int rc = add_rules(filter, rules);
    return rc < 0 ? rc : seccomp_export_bpf(filter, fd);
}

static bool make_program(unsigned rules, struct program *p, struct err *err) {
    bool lists = (rules & ALLOWED) != 0;
    AUTO_FD fd = memfd_create("filter", MFD_CLOEXEC);
    scmp_filter_ctx filter = seccomp_init(lists ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW);
    int rc = fd < 0 || filter == NULL ? -ENOMEM : build_filter(filter, rules, fd);
    seccomp_release(filter);
    ssize_t n = rc < 0 ? -1 : pread(fd, p->items, sizeof p->items, 0);
    if (n <= 0 || (size_t)n == sizeof p->items) { /* the longest is one too long */
        return err_sys(err, rc < 0 ? -rc : E2BIG, "make a seccomp filter");
    }
    p->len = (size_t)n / sizeof p->items[0];
    p->made = true;
    return true;
}

/* Made once: that takes longer than a small step. */
static bool find_program(unsigned rules, const struct program **ret, struct err *err) {
    static struct program programs[ALLOWED | DENIALS | TRACE];
    struct program *p = &programs[rules];
    *ret = p;
    return p->made || make_program(rules, p, err);
}

static bool load(unsigned rules, struct err *err) {
    const struct program *p;
    if (!find_program(rules, &p, err)) {
        return false;
    }
    struct sock_fprog filter = { (unsigned short)p->len, (struct sock_filter *)p->items };
    return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0) ||
           err_sys(err, errno, "load the seccomp filter");
}

bool prepare_system_calls(bool traced, struct err *err) {
    const struct program *p;
    return find_program(ALLOWED, &p, err) && find_program(DENIALS | (traced ? TRACE : 0), &p, err);
}

/* The denials last: of two errors the kernel returns that of the newest filter. */
bool forbid_system_calls(bool traced, struct err *err) {
    return load(ALLOWED, err) && load(DENIALS | (traced ? TRACE : 0), err);
}

bool trace_system_calls(struct err *err) {
    return load(TRACE, err);
}

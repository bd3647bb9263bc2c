// SPDX-License-Identifier: Apache-2.0
/*
 * What a guest writes into a shared folder is the host user's, root's even. A setuid bit or a
 * device there would let any user of the host do as the guest likes, so the program that writes for
 * the guest may make neither.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>

#include "vm/internal.h"

enum { FILTER_BYTES_MAX = 65536, FCHMODAT2 = 452 /* younger than the library */ };

/* Which argument is a mode. */
static const struct {
    int call;
    unsigned mode;
} mode_calls[] = {
    { SCMP_SYS(chmod), 1 },   { SCMP_SYS(fchmod), 1 }, { SCMP_SYS(fchmodat), 2 },
    { FCHMODAT2, 2 },         { SCMP_SYS(creat), 1 },  { SCMP_SYS(mknod), 1 },
    { SCMP_SYS(mknodat), 2 }, { SCMP_SYS(mkdir), 1 },  { SCMP_SYS(mkdirat), 2 },
};
/* Those that make devices too. */
static const struct {
    int call;
    unsigned mode;
} node_calls[] = { { SCMP_SYS(mknod), 1 }, { SCMP_SYS(mknodat), 2 } };
/* Those with flags before the mode, which counts only for a file that is made. */
static const struct {
    int call;
    unsigned flags;
} open_calls[] = { { SCMP_SYS(open), 1 }, { SCMP_SYS(openat), 2 } };

static const unsigned making[] = { O_CREAT, __O_TMPFILE };
static const unsigned lending[] = { S_ISUID, S_ISGID };

static int deny(scmp_filter_ctx filter, int call, const struct scmp_arg_cmp *compare,
                unsigned count) {
    int rc = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, count, compare);
    return rc == -EDOM ? 0 : rc; /* not on this architecture */
}

static int deny_bits(scmp_filter_ctx filter, int call, unsigned argument, unsigned mask,
                     unsigned value) {
    const struct scmp_arg_cmp compare = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value);
    return deny(filter, call, &compare, 1);
}

static int add_rules(scmp_filter_ctx filter) {
    int rc = 0;
    for (size_t bit = 0; bit < ARRAY_LEN(lending); bit++) {
        unsigned mask = lending[bit];
        for (size_t i = 0; rc == 0 && i < ARRAY_LEN(mode_calls); i++) {
            rc = deny_bits(filter, mode_calls[i].call, mode_calls[i].mode, mask, mask);
        }
        for (size_t i = 0; rc == 0 && i < ARRAY_LEN(open_calls) * ARRAY_LEN(making); i++) {
            unsigned at = open_calls[i / ARRAY_LEN(making)].flags;
            unsigned flag = making[i % ARRAY_LEN(making)];
            const struct scmp_arg_cmp compare[] = {
                SCMP_CMP(at, SCMP_CMP_MASKED_EQ, flag, flag),
                SCMP_CMP(at + 1, SCMP_CMP_MASKED_EQ, mask, mask),
            };
            rc = deny(filter, open_calls[i / ARRAY_LEN(making)].call, compare, ARRAY_LEN(compare));
        }
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(node_calls); i++) {
        rc = deny_bits(filter, node_calls[i].call, node_calls[i].mode, S_IFMT, S_IFCHR);
        rc = rc != 0 ? rc
                     : deny_bits(filter, node_calls[i].call, node_calls[i].mode, S_IFMT, S_IFBLK);
    }
    /* Its mode is passed by a pointer. Callers that get ENOSYS use openat. */
    return rc != 0 ? rc : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
}

/* The kernel's form of it, in the arena: the child between fork and exec cannot make it. */
static bool export(scmp_filter_ctx filter, struct arena *a, struct sock_fprog *ret,
                   struct err *err) {
    str text;
    AUTO_FD fd = memfd_create("filter", MFD_CLOEXEC);
    int rc = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
    if (rc != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        return err_sys(err, rc != 0 ? -rc : errno, "make a seccomp filter");
    }
    if (!fs_load_fd(a, fd, "the filter", FILTER_BYTES_MAX, &text, err)) {
        return false;
    }
    size_t count = text.len / sizeof(struct sock_filter);
    struct sock_filter *program = ARENA_ARRAY(a, struct sock_filter, count);
    memcpy(program, text.ptr, count * sizeof *program);
    *ret = (struct sock_fprog){ .len = (unsigned short)count, .filter = program };
    return true;
}

bool virtiofs_filter(struct arena *a, struct sock_fprog *ret, struct err *err) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return err_sys(err, ENOMEM, "make a seccomp filter");
    }
    int rc = add_rules(filter);
    bool good = rc == 0 ? export(filter, a, ret, err) : err_sys(err, -rc, "make a seccomp filter");
    seccomp_release(filter);
    return good;
}

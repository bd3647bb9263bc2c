// SPDX-License-Identifier: Apache-2.0
/* The registers of a process that waits at the entry of execve(2) or execveat(2). */
#include <asm/unistd.h>
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "sandbox/internal.h"

#if defined(__x86_64__)

enum { CODE_64 = 0x33, RED_ZONE = 128 };

static bool is_ours(const struct user_regs_struct *r) {
    return r->cs == CODE_64;
}
static uint64_t number(const struct user_regs_struct *r) {
    return r->orig_rax;
}
static uint64_t stack(const struct user_regs_struct *r) {
    return r->rsp - RED_ZONE;
}
static unsigned long long *argument(struct user_regs_struct *r, size_t index) {
    unsigned long long *const all[] = { &r->rdi, &r->rsi, &r->rdx, &r->r10 };
    return all[index];
}

#else

/* There are no stand-ins on such machines yet: nobody is traced. */
static bool is_ours(const struct user_regs_struct *r) {
    (void)r;
    return false;
}
static uint64_t number(const struct user_regs_struct *r) {
    (void)r;
    return 0;
}
static uint64_t stack(const struct user_regs_struct *r) {
    return r->sp;
}
static unsigned long long *argument(struct user_regs_struct *r, size_t index) {
    return &r->regs[index];
}

#endif

static bool get(pid_t pid, struct user_regs_struct *r) {
    struct iovec v = { r, sizeof *r };
    return ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v) == 0 && v.iov_len == sizeof *r &&
           is_ours(r) && (number(r) == __NR_execve || number(r) == __NR_execveat);
}

/* execveat has a folder before the path. */
static size_t first(const struct user_regs_struct *r) {
    return number(r) == __NR_execveat ? 1 : 0;
}

bool exec_call_get(pid_t pid, struct exec_call *ret) {
    struct user_regs_struct r;
    if (!get(pid, &r)) {
        return false;
    }
    size_t at = first(&r);
    *ret = (struct exec_call){
        .pid = pid,
        .path = *argument(&r, at),
        .argv = *argument(&r, at + 1),
        .envp = *argument(&r, at + 2),
        .stack = stack(&r),
        .relative = at > 0 && (int)*argument(&r, 0) != AT_FDCWD,
    };
    return true;
}

bool exec_call_set(const struct exec_call *call) {
    struct user_regs_struct r;
    struct iovec v = { &r, sizeof r };
    if (!get(call->pid, &r)) {
        return false;
    }
    size_t at = first(&r);
    *argument(&r, at) = call->path;
    *argument(&r, at + 1) = call->argv;
    return ptrace(PTRACE_SETREGSET, call->pid, NT_PRSTATUS, &v) == 0;
}

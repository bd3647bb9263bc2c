// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "base/base.h"
#include "sandbox/sandbox.h"

/* What a child says through its report pipe, once. */
enum report_kind {
    REPORT_SETUP_FAILED = 1,
    REPORT_EXITED,
};
struct report {
    enum report_kind kind;
    int wait_status; /* REPORT_EXITED: of the command */
    struct err err;  /* REPORT_SETUP_FAILED, or a function's */
};

/* The inside while it is set up. */
struct inside {
    const struct sandbox_spec *spec;
    const struct cgroup *cgroup; /* of a step */
    enum sandbox_rights rights;
    struct arena *arena;
    const char *rootpath; /* where the merged root is mounted */
    int rootfd;
    int *rootfds;       /* one a mount of kind BIND_ROOT, else -1 */
    const char *points; /* a folder of mount points, the lowest layer of the root; may be NULL */
    struct stub *stubs; /* mount points that we made */
    size_t stub_count;
    size_t stub_cap;
};

/* A mount point that was not there: removed at the end when nobody has used it. */
struct stub {
    const char *path; /* absolute inside the root */
    int parentfd;
    const char *name;
    bool is_dir;
    struct timespec mtime_before; /* of the parent, put back when nothing else changed there */
    struct timespec mtime_after;
};

/* root.c: overlay mounts. */
MUST_CHECK bool mount_staging(struct inside *in, struct err *err);
MUST_CHECK bool mount_root(struct inside *in, struct err *err);
MUST_CHECK bool mount_extra_roots(struct inside *in, struct err *err);

/* root.c: a mount is restricted, and keeps the restrictions that it has: a user namespace may not
 * lift those of the host's mounts. */
MUST_CHECK bool restrict_mount(const char *path, unsigned long flags);

/* subids.c: the ranges of /etc/subuid and /etc/subgid that are this user's, from id 1 on; id 0 is
 * the user's own. The maps have one id where there is no range. */
void subids_load(struct idmaps *ret);

/* stubs.c: a layer below all others that has every mount point, so that nearly none must be made.
 */
MUST_CHECK bool make_points(struct inside *in, struct err *err);
/* The mount point, made when missing. The result is an O_PATH fd. */
MUST_CHECK bool stub_open(struct inside *in, const char *target, bool is_dir, int *ret_fd,
                          struct err *err);
void stubs_remove(struct inside *in);

/* mounts.c: the files of kind SANDBOX_FILE, in the staging tmpfs. */
MUST_CHECK bool write_files(struct inside *in, struct err *err);
/* mounts.c: /proc, /sys, /dev and what the caller wants, onto the merged root. */
int mount_source_open(const struct inside *in, size_t index); /* O_PATH; not of a tmpfs */
MUST_CHECK bool mount_system(struct inside *in, struct err *err);
MUST_CHECK bool mount_wanted(struct inside *in, struct err *err);
MUST_CHECK bool mask_system(struct inside *in, struct err *err);
MUST_CHECK bool enter_root(struct inside *in, struct err *err);

/* limits.c: for the command itself, right before exec. */
MUST_CHECK bool drop_capabilities(bool own_network, struct err *err);
/* seccomp_calls.c: names with a blank between. */
extern const char seccomp_allowed[];
extern const char seccomp_denied[];
/* seccomp.c; `traced`: our tracer is asked about each start of a program. */
MUST_CHECK bool forbid_system_calls(bool traced, struct err *err);
/* What that needs, made before the fork: the next steps have it, too. */
MUST_CHECK bool prepare_system_calls(bool traced, struct err *err);
MUST_CHECK bool trace_system_calls(struct err *err); /* only that */

/*
 * trace.c: follows a command and all that it starts. The tracer is the calling thread; the command
 * waits until it is followed, then loads its filter. False: the kernel does not let us.
 */
bool trace_begin(pid_t command);
/* Until the command has ended; its wait status. Everything else may still run then. */
MUST_CHECK bool trace_wait(pid_t command, const struct sandbox_standins *standins, int *ret_status,
                           struct err *err);
/* standin.c: a process is about to start a program: another one, perhaps. What cannot be read or
 * written of the process leaves it as it is. */
void standin_start(const struct sandbox_standins *standins, pid_t pid);
/* exec_call.c: what a process that stopped at its execve(2) wants to start. */
struct exec_call {
    pid_t pid;
    uint64_t path; /* addresses in its memory */
    uint64_t argv;
    uint64_t envp;
    uint64_t stack; /* below this nothing is in use */
    bool relative;  /* to a folder that is not its own */
};
MUST_CHECK bool exec_call_get(pid_t pid, struct exec_call *ret);
MUST_CHECK bool exec_call_set(const struct exec_call *call);

/* init.c: pid 1 of a step. Never returns. The command is started at the end of `startfd`. */
struct cgroup;
_Noreturn void init_main(const struct sandbox_spec *spec, const struct cgroup *cgroup, int outputfd,
                         int reportfd, int startfd);
_Noreturn void call_main(const struct sandbox_spec *spec, int outputfd, int reportfd,
                         sandbox_function *function, void *self);

/* quota.c: limits of a step; from what the caller wants, the machine and our control groups. */
struct quota {
    uint64_t memory_bytes;
    uint64_t pids;
};
void quota_find(struct arena *a, const struct sandbox_spec *spec, struct quota *ret);

/* cgroup.c: limits and accounting, where the machine lets us. */
#define CGROUP_ROOT "/sys/fs/cgroup"
struct cgroup {
    char paths[2][PATH_MAX]; /* memory and pids; the same folder under version 2 */
    bool limits_memory;
    bool limits_pids;
    struct quota quota;
    uint64_t oom_kills; /* at the start, of the whole machine */
    int kmsgfd;
};
bool cgroup_is_unified(void);
/* Our group in the hierarchy of a controller, or of version 2 when it is "": proc(5). */
str cgroup_own(struct arena *a, const char *controller);
/* The folder of our group; in a container, where that may lie outside of what is mounted, the
 * hierarchy's root. */
const char *cgroup_version1_parent(struct arena *a, const char *controller);
void cgroup_open(struct cgroup *g, const struct quota *quota);
void cgroup_add(const struct cgroup *g, pid_t pid);
/* Fills out_of_memory, victim, out_of_pids and the limits. */
void cgroup_close(struct cgroup *g, struct sandbox_result *result);

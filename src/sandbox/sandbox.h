// SPDX-License-Identifier: Apache-2.0
/*
 * sandbox/: runs what is not trusted, a build step, in a root filesystem of its own.
 *
 * A sandbox is a stack of layer folders merged by overlayfs, mounted in a mount namespace that
 * ends with the step: no mount is ever visible outside, so none is left behind, however the
 * program dies. The command has its own pid, ipc and uts namespaces, Docker's default
 * capabilities (in the host's network without those of the network), no new privileges, a list of
 * allowed system calls, a small /dev, and /proc and /sys with what concerns the host masked. Its
 * first process is ours and takes all others with it.
 *
 * See namespaces(7), the kernel's overlayfs documentation, capabilities(7), seccomp(2).
 *
 * The calling process must have one thread.
 */
#pragma once

#include <signal.h>

#include "base/base.h"

/* False where there is no such thing: elsewhere than on Linux. Then err says so, and each function
 * of the room does that. */
MUST_CHECK bool sandbox_exists(struct err *err);

/* As what steps run. */
enum sandbox_rights {
    SANDBOX_NOT_ROOT, /* nothing can be run yet: see sandbox_become_root */
    SANDBOX_ROOT,     /* of the machine: files have the ids that they have */
    SANDBOX_RANGE,    /* of a user namespace with a range of ids */
    SANDBOX_SINGLE,   /* of a user namespace with one id */
};
enum sandbox_rights sandbox_rights(void);

/*
 * An ordinary user becomes root of a user namespace, for the rest of the program: with the ranges
 * that /etc/subuid and /etc/subgid give, through newuidmap(1), where both are there, else with one
 * id. From then on every file that is made belongs to one of these ids, and such files can be read
 * and removed. Root stays what it is. One thread, as for all of this room.
 */
MUST_CHECK bool sandbox_become_root(struct err *err);

/* What an ordinary user would be given; `ret_lacks` says in words why it is one id, else NULL. */
enum sandbox_rights sandbox_foresee_rights(const char **ret_lacks);

/* False where nothing can be run yet: the error says that root is needed. */
MUST_CHECK bool sandbox_check_root(struct err *err);
/* Adds the way out to the error of a mknod(2) that was not permitted; false. */
bool sandbox_devices_help(struct err *err);

/* Folders merged into one root filesystem, read-only. */
struct sandbox_root {
    const char *const *layers; /* absolute paths, lowest first */
    size_t layer_count;
};

enum sandbox_mount_kind {
    SANDBOX_BIND,      /* a path of the host */
    SANDBOX_BIND_ROOT, /* a path inside another root: resolved there, never outside */
    SANDBOX_TMPFS,
    SANDBOX_FILE, /* a text, in a file that is in memory only; always read-only */
};

struct sandbox_mount {
    enum sandbox_mount_kind kind;
    const char *source;              /* BIND, BIND_ROOT */
    const struct sandbox_root *root; /* BIND_ROOT */
    const char *scratch;             /* BIND_ROOT: a folder that gets what is written to the mount,
                                        empty or with "upper" of another time; NULL: it is
                                        read-only */
    const char *target;              /* absolute inside the sandbox; made when missing, and
                                        removed again when the step has not used it */
    bool readonly;
    bool device;         /* BIND: the source is a device, which opens */
    uint64_t size_bytes; /* TMPFS; 0: the kernel's default */
    uint32_t mode;       /* TMPFS; 0: 01777. FILE: its permissions */
    str content;         /* FILE */
    uint32_t uid;        /* FILE */
    uint32_t gid;        /* FILE */
};

/*
 * A root of another architecture: the kernel runs its programs through an emulator, some ten times
 * as slow as this machine's own. A stand-in is a program of this machine that is run in place of
 * the root's program of the same path, where it does the same: a shell, a package manager. It is
 * started by its own loader, from a folder that is mounted in the root, and everything else of
 * the step, users, files, environment, is as it was.
 */
struct sandbox_standin {
    const char *program; /* absolute path in the root, without links */
    const char *script; /* only when it runs this script ("/path") or module ("-m name"); or NULL */
    const char *const *arguments; /* put before its own; NULL-terminated; or NULL */
};
struct sandbox_standins {
    const char *folder;    /* inside the root: has each program below its own path */
    const char *loader;    /* program interpreter of all of them, inside the root */
    const char *libraries; /* folders for the loader, separated by colons */
    const struct sandbox_standin *items;
    size_t len;
};

enum sandbox_network {
    SANDBOX_NETWORK_HOST,
    SANDBOX_NETWORK_NONE, /* a loopback device and nothing else */
};

struct sandbox_spec {
    struct sandbox_root root;
    const char *upper;   /* gets what changes; NULL: nothing may change */
    const char *work;    /* overlayfs' work folder: empty, on the same file system as upper */
    const char *staging; /* an empty folder to mount on */
    const struct sandbox_mount *mounts;
    size_t mount_count;
    enum sandbox_network network;
    uint64_t memory_bytes; /* limit; 0: nine tenths of the machine's, or of our control group's */
    uint64_t pids;         /* of processes and threads; 0: a quarter of the machine's */
    const char *hostname;
    bool insecure; /* all capabilities, no seccomp filter: RUN --security=insecure */
    const struct sandbox_standins *standins; /* NULL: none */

    const char *const *argv; /* NULL-terminated; looked up in the environment's PATH */
    const char *const *env;  /* NULL-terminated, complete */
    const char *cwd;         /* inside; must exist */
    const char *user;        /* "name", "uid", "name:group", ...; NULL or "": root */

    /* Each piece of stdout and stderr, as it comes. */
    void (*on_output)(void *self, str piece);
    /* Several times a second while it runs: for a clock on the screen. May be NULL. */
    void (*on_tick)(void *self);
    void *self;
    /* Set by a signal handler: the step is killed. May be NULL. */
    const volatile sig_atomic_t *cancelled;
};

struct sandbox_result {
    int exit_code; /* 128 + signal when a signal ended it */
    int signal;    /* 0 when it exited */
    bool cancelled;
    bool out_of_memory;
    char victim[96];  /* what the kernel killed for memory: "cc1plus (2.1 GB)"; may be empty */
    bool out_of_pids; /* it was refused a process or a thread */
    uint64_t memory_limit_bytes; /* 0: it had none */
    uint64_t pids_limit;         /* 0: it had none */
};

/*
 * Runs the command. True when it ran, whatever its exit; false when the sandbox could not be set
 * up or the command not be started (err says which step refused).
 */
MUST_CHECK bool sandbox_run(const struct sandbox_spec *spec, struct sandbox_result *ret,
                            struct err *err);

/*
 * Calls a function of this program in a child process in which the merged root is mounted: for
 * COPY. `rootfd` is the root; `roots[i]` that of mount i when its kind is SANDBOX_BIND_ROOT, else
 * -1. Of the spec root, upper, work, staging, mounts, cancelled and on_output (what the child and
 * its children write to stdout and stderr) are used; mounts of kind SANDBOX_BIND_ROOT are mounted
 * aside, the others are ignored. What the function sets in err comes back to the caller. The
 * child has mount and pid namespaces of its own: processes it leaves behind die with it.
 */
typedef bool sandbox_function(void *self, int rootfd, const int *roots, struct err *err);
MUST_CHECK bool sandbox_call(const struct sandbox_spec *spec, sandbox_function *function,
                             void *self, struct err *err);

/*
 * In such a function, or in a worker, for good: what follows reads what strangers wrote. It may use
 * files below its root, with any owner, mode and attribute, and what is open already; it has no
 * network and starts nothing. One thread.
 */
MUST_CHECK bool sandbox_confine(struct err *err);

/*
 * As before_exec of a struct proc_spec: a program of the machine, such as git, that reads what
 * strangers wrote. It has the system calls of a step, gains no rights, and of root's keeps that to
 * the user's files; _alone: it has no network. sandbox_prepare_program() comes before.
 */
MUST_CHECK bool sandbox_prepare_program(struct err *err);
bool sandbox_confine_program(void);
bool sandbox_confine_program_alone(void);

/*
 * In such a function: runs a program of the machine, with our output as its output. Where the
 * processes that it starts enter a root that has the stand-ins' folder, these stand in there. The
 * child's /proc becomes that of its own pid namespace. False: it could not be run, or it failed.
 */
MUST_CHECK bool sandbox_follow(const struct sandbox_standins *standins, const char *const *argv,
                               const char *const *env, struct err *err);

/* Whether a step gets a control group with limits here; where not, steps run without. */
bool sandbox_limits_steps(void);

/* Numbers of a "user[:group]" by the passwd and group files of a root; the group defaults to the
 * user's own, or to 0 when the file does not know the user. */
enum { SANDBOX_GROUPS_MAX = 64 };
struct sandbox_ids {
    uint32_t uid;
    uint32_t gid;
    uint32_t groups[SANDBOX_GROUPS_MAX]; /* gid first, then those that list the user */
    size_t group_count;
    const char *home; /* "/" when not known */
};
MUST_CHECK bool sandbox_find_ids(struct arena *a, int rootfd, const char *user,
                                 struct sandbox_ids *ret, struct err *err);

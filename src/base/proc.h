// SPDX-License-Identifier: Apache-2.0
/*
 * Child processes of the ordinary kind: tools such as mmdebstrap, gcc or qemu. (Steps of a build
 * run in sandbox/.) The child gets no fd but 0, 1 and 2, dies with us, and is always reaped.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct err;

struct proc_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* NULL-terminated "K=V" added to our own; may be NULL */
    const char *cwd;         /* NULL: ours */
    str input;               /* goes to its stdin; empty: /dev/null */
    int input_fd;            /* its stdin in place of `input`; 0: none */
    int output_fd;           /* its stdout in place of `out` and on_output; 0: none */
    uint64_t timeout_ms;     /* 0: none */
    struct buf *out;         /* gets stdout, up to the buf's maximum; NULL: discarded */
    struct buf *errors;      /* gets stderr; NULL: discarded; may be the same as `out` */
    /* Called with each piece of stdout and stderr in place of the bufs when not NULL. */
    void (*on_output)(void *self, int stream, str piece);
    void (*on_tick)(void *self); /* several times a second; may be NULL */
    void *self;
    /* In the child, right before the program starts: gives up rights. May be NULL. False, with
     * errno: the program is not started. */
    bool (*before_exec)(void);
    /* Once it is set the child gets SIGTERM, and SIGKILL when it goes on; may be NULL. */
    const volatile sig_atomic_t *cancelled;
};

struct proc_result {
    int exit_code; /* -1 when a signal ended it */
    int signal;    /* 0 when it exited */
    bool timed_out;
};

/* Runs to the end. False only when it could not be started or watched; a failing exit is a
 * result. */
MUST_CHECK bool proc_run(const struct proc_spec *spec, struct proc_result *ret, struct err *err);

/* The same, and any exit but 0 is an error too, with the last line of stderr in it. */
MUST_CHECK bool proc_check(const struct proc_spec *spec, struct err *err);

/* Absolute path of a program in PATH (the sbin folders are searched too), or NULL. */
struct arena;
const char *proc_find(struct arena *a, const char *program);

// SPDX-License-Identifier: Apache-2.0
/*
 * A function of this program in a child process: for what has threads (libcurl, packing) in a
 * program that clones, and for several things at once. The child has a copy of our memory; what it
 * writes to `outfd` and its error come back. It dies with us.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"

struct err;
struct worker_board;

struct worker {
    pid_t pid; /* 0: not running */
    int fd;    /* what it writes comes here */
    struct worker_board *board;
};
#define WORKER_INIT ((struct worker){ .fd = -1 })

typedef bool worker_function(void *self, int outfd, struct err *err);
MUST_CHECK bool worker_start(worker_function *function, void *self, struct worker *ret,
                             struct err *err);
/* Reads into `out` (NULL: nothing is expected) until it has ended; true when the function gave
 * true. `cancelled` may be NULL; once it is set the child is killed. */
MUST_CHECK bool worker_finish(struct worker *w, struct buf *out,
                              const volatile sig_atomic_t *cancelled, struct err *err);
/* Kills it, if it runs. */
void worker_done(struct worker *w);
#define AUTO_WORKER __attribute__((cleanup(worker_done))) struct worker

// SPDX-License-Identifier: Apache-2.0
/* What a person, a log or a program sees of a build while it runs, on stderr. */
#pragma once

#include "build/build.h"
#include "cli/cli.h"
#include "pack/pack.h"

enum progress_mode {
    PROGRESS_TTY,   /* one line a step, the running one redrawn in place */
    PROGRESS_PLAIN, /* every line of output, for logs */
    PROGRESS_JSON,  /* one object a line */
    PROGRESS_QUIET,
};

struct progress {
    const struct cli *cli;
    enum progress_mode mode;
    const char *label; /* what is built: "rootfs x86_64"; may be NULL */
    size_t cached;     /* steps that did not run */
    size_t ran;
    struct buf partial; /* plain: the output line that has no end yet */
    char last[256];     /* tty: the newest line of output */
    uint64_t begin_ms;
    uint64_t output_ms;    /* plain: the running step's newest line */
    uint64_t told_ms;      /* plain: of the newest line about it, be it that there is none */
    uint64_t heartbeat_ms; /* plain: a step that is silent for so long gets a line */
    bool announced;        /* plain: the running step has its line */
    bool drawn;            /* tty: the bottom line is ours */
    size_t shown_bytes;    /* plain, json: of the running step's output */
    bool clipped;          /* more than is shown came from it */
    /* --why: the reason why a step ran, or did not; NULL: nobody asks. */
    str (*why)(void *self, const struct build_step *step, bool cached);
    void *why_self;
};

extern const char *const progress_words[]; /* auto, tty, plain, json */

/* `word` is of progress_words; "auto" is tty on a terminal, else plain. */
void progress_init(struct progress *p, const struct cli *cli, const char *word, bool quiet);
void progress_done(struct progress *p);
/* Has the end of a failed step's output been shown already? */
bool progress_showed_end(const struct progress *p);

/* The build's events; `self` is the progress. */
extern const struct build_events progress_events;

/* A phase that is no step of a Dockerfile: packing, hashing. `done` of `total` may be 0. */
void progress_phase_begin(struct progress *p, const char *what);
void progress_phase_tick(struct progress *p, const char *what, uint64_t done, uint64_t total);
void progress_phase_end(struct progress *p, const char *what, const char *result);

/* The same as events of pack/, which Ctrl-C stops. */
struct pack_events progress_pack_events(struct progress *p);

/* interrupt.c: Ctrl-C and SIGTERM set the flag; a second Ctrl-C ends the program at once. */
extern volatile sig_atomic_t interrupted;
void interrupt_catch(void);
/* The exit code of a command that failed: 128 + the signal when one was the reason. */
int interrupt_exit_code(void);

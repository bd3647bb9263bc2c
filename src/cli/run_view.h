// SPDX-License-Identifier: Apache-2.0
/* What a person sees of a machine: its output, signals, the terminal, and what became of it. */
#pragma once

#include <termios.h>

#include "cli/cli.h"
#include "cli/make_view.h"
#include "run/run.h"

struct runner {
    const struct cli *cli;
    int signal_fd;         /* all that we take */
    int stop_fd;           /* those that end the run: watched while a write has to wait */
    int signal;            /* that ended the run; 0: none */
    bool reader_gone;      /* of our stdout or stderr */
    bool mid_line;         /* what the guest's shell wrote last is no whole line */
    bool other_screen;     /* a program in the guest shows the terminal's second one */
    struct buf console;    /* --console: the line that has no end yet */
    bool raw;              /* the terminal was changed, */
    struct termios sane;   /* and was so before */
    bool shell;            /* no command was given */
    bool kept;             /* the machine outlives us */
    struct make_view make; /* while guest binaries are compiled */
};

#define RUNNER_CONSOLE_LINE_MAX 16384 /* bytes */
#define RUNNER_INIT(c)                                                                             \
    ((struct runner){ .cli = (c),                                                                  \
                      .make = MAKE_VIEW_INIT((c), "auto"),                                         \
                      .signal_fd = -1,                                                             \
                      .stop_fd = -1,                                                               \
                      .console = BUF_INIT(RUNNER_CONSOLE_LINE_MAX) })

/* From now on signals come to the hooks. */
MUST_CHECK bool runner_open(struct runner *runner, struct err *err);
/* `shell`: our terminal becomes the guest's once it is ready. */
struct vm_hooks runner_hooks(struct runner *runner, bool shell);
struct run_events runner_events(struct runner *runner);
/* The terminal is as it was: messages may be printed. */
void runner_restore(struct runner *runner);
/* Takes signals that nobody has taken yet. */
void runner_take_signals(struct runner *runner);
void runner_done(struct runner *runner);
#define AUTO_RUNNER __attribute__((cleanup(runner_done))) struct runner

/* --env: "K=V", or K with our own value. False: printed. */
bool run_read_env(const struct cli *cli, const struct option_list *list, struct run_list *ret);

/* ---- run_result.c ---- */

/* Our exit code; prints when it is not the command's. */
enum { EXIT_TIMED_OUT = 124 }; /* as timeout(1) has it */
int runner_exit_code(struct runner *runner, enum vm_outcome outcome, int exit_code,
                     int64_t timeout_s);
/* Why it failed, and the end of what the console said. */
void run_print_failure(struct runner *runner, const struct run_result *result,
                       struct make_failure *failure);
void run_print_timing(const struct run_result *result);
void run_print_kept(const char *name);

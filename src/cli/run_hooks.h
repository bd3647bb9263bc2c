// SPDX-License-Identifier: Apache-2.0
/* What a machine that `run` has started does to us: output, signals, the terminal. */
#pragma once

#include <termios.h>

#include "cli/cli.h"
#include "vm/vm.h"

struct runner {
    const struct cli *cli;
    int signal_fd;       /* all that we take */
    int stop_fd;         /* those that end the run: watched while a write has to wait */
    int signal;          /* that ended the run; 0: none */
    bool reader_gone;    /* of our stdout or stderr */
    bool mid_line;       /* what the guest's shell wrote last is no whole line */
    bool other_screen;   /* a program in the guest shows the terminal's second one */
    bool raw;            /* the terminal was changed, */
    struct termios sane; /* and was so before */
};

#define RUNNER_INIT(c) ((struct runner){ .cli = (c), .signal_fd = -1, .stop_fd = -1 })

/* From now on signals come to the hooks. False: printed. */
bool runner_open(struct runner *runner);
/* `shell`: our terminal becomes the guest's once it is ready. */
struct vm_hooks runner_hooks(struct runner *runner, bool shell);
/* For a shell on a terminal: says that a machine starts, and how to leave it. `kept`: its name;
 * NULL: it ends then. */
void runner_announce(const char *kept);
/* The terminal is as it was: messages may be printed. */
void runner_restore(struct runner *runner);
/* Takes signals that nobody has taken yet. */
void runner_take_signals(struct runner *runner);
void runner_done(struct runner *runner);
/* Our exit code; prints when it is not the command's. */
int runner_exit_code(struct runner *runner, enum vm_outcome outcome, int exit_code,
                     int64_t timeout_s);
/* --env: "K=V", or K with our own value. False: printed. */
bool run_read_env(const struct cli *cli, const struct option_list *list, const char *const **ret);
/* The folder of a machine that is kept under that name; NULL: printed, it is no name. */
const char *run_kept_dir(const struct cli *cli, const char *name);
#define AUTO_RUNNER __attribute__((cleanup(runner_done))) struct runner

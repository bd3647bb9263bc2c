// SPDX-License-Identifier: Apache-2.0
// Starting programs from an agent that blocks its signals and ignores SIGPIPE: the child gets back
// what programs expect.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "wire.h"

enum { SPAWN_ARGS_MAX = 4096 };

// An argument list in memory of its own size; `argv` points into `text`.
struct spawn_args {
    char *argv[SPAWN_ARGS_MAX + 1];
    char text[WIRE_FRAME_MAX + SPAWN_ARGS_MAX];
    size_t count, used;
};

void spawn_args_clear(struct spawn_args *args);
// False: a NUL within, too many, or no room.
bool spawn_args_add(struct spawn_args *args, const void *bytes, size_t len);

// The guest's shell: $SHELL when it is there, else bash, else sh.
const char *spawn_shell(void);

// In the child, after fork. Never returns: the exit code is 127 when the program is not there, 126
// when it cannot be run, and the reason is on stderr. `fds` become 0, 1 and 2; the child leads a
// session of its own and, when `terminal`, has fds[0] as its controlling terminal. Starts in $HOME,
// or `/`.
_Noreturn void spawn_child(char *const argv[], const int fds[3], bool terminal);

// An exit code as a shell gives it: 128 + the signal for who was killed.
int spawn_exit_code(int wait_status);

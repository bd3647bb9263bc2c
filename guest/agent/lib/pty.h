// SPDX-License-Identifier: Apache-2.0
// The interactive shell on a pseudo terminal. It outlives the host's connection, as a terminal
// multiplexer's would.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pty {
    int master; // -1: none
    pid_t pid;  // the shell; 0: none
    uint16_t cols, rows;
};

void pty_init(struct pty *pty); // 80x24
// Starts the shell. False with errno.
bool pty_start(struct pty *pty);
void pty_resize(struct pty *pty, uint16_t cols, uint16_t rows);
// Hangs the terminal up.
void pty_close(struct pty *pty);

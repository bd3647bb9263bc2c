// SPDX-License-Identifier: Apache-2.0
// Commands that the host asked for, several at once. Each has /dev/null as stdin, or a pipe that
// the host fills within the credit it has (EXEC_INPUT bytes, then what `execcredit` gives back), a
// pipe for stdout and one for stderr; what comes out goes as `execdata` frames into the control
// channel's queue, and only while that has room, so a command that prints without end waits in its
// own write. `execdone` follows the last byte.
//
// A command is over when its process is: what a daemon it left behind prints afterwards is not
// waited for.
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "queue.h"
#include "spawn.h"

enum {
    EXEC_MAX = 32,                              // at once
    EXEC_CHUNK = 32768,                         // bytes of output in a frame
    EXEC_REPLIES = 8192,                        // room that output leaves for other frames
    EXEC_ROOM = EXEC_CHUNK + 64 + EXEC_REPLIES, // room in the queue before output is read
    EXEC_STREAMS = 2,                           // stdout, stderr
    EXEC_INPUT = 65536,                         // bytes of input under way to a command
    EXEC_POLLS = EXEC_MAX * (EXEC_STREAMS + 1),
};

struct exec {
    pid_t pid; // 0: the slot is free
    uint64_t id;
    int fds[EXEC_STREAMS];     // -1 once closed
    bool exited;               // reaped; `left` and `code` count
    int code;                  // exit code
    size_t left[EXEC_STREAMS]; // bytes that were in the pipes when it ended
    int input_fd;              // -1: there is none, or nobody reads it any more
    struct queue input;
    bool input_ended;
    size_t owed; // taken from the host and not yet told
};

struct exec_table {
    struct exec slots[EXEC_MAX];
    uint8_t inputs[EXEC_MAX][EXEC_INPUT];
    unsigned next; // who is served first, so that all get their turn
};

void exec_init(struct exec_table *table);
bool exec_find(const struct exec_table *table, uint64_t id);
bool exec_any(const struct exec_table *table);
// Starts args->argv, with an input that is to come or with none. NULL, or why not.
const char *exec_start(struct exec_table *table, uint64_t id, const struct spawn_args *args,
                       bool has_input);
// Input for a command; one that has ended, or reads no more, takes it and forgets it. NULL, or what
// is wrong with it.
const char *exec_input(struct exec_table *table, uint64_t id, const uint8_t *data, size_t len);
void exec_input_end(struct exec_table *table, uint64_t id);
// A process was reaped. False when the agent did not start it.
bool exec_reaped(struct exec_table *table, pid_t pid, int wait_status);
// Answers a command that cannot be started: the reason on its stderr, exit code 126. Needs
// EXEC_ROOM in `out`.
void exec_refuse(struct queue *out, uint64_t id, const char *why);
// Adds what to poll for, at most EXEC_POLLS entries; returns how many. No output while `out` lacks
// the room.
size_t exec_poll(const struct exec_table *table, const struct queue *out, struct pollfd *fds);
// Moves output and results into the queue while it has room for EXEC_ROOM bytes. Call before each
// poll.
void exec_pump(struct exec_table *table, struct queue *out);
// Kills what runs and forgets it.
void exec_kill_all(struct exec_table *table);

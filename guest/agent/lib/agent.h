// SPDX-License-Identifier: Apache-2.0
// The agent's state, and what the host's messages do to it (docs/spec/guest.md, "Control
// channel"). The loop that moves the bytes is in capsem-pty-agent.c.
//
// Our additions to the protocol (../README.md): bootconfig may say `shell: false` (no terminal is
// wanted) and `linger: true`; exec may carry `argv`, a list, in place of `command`, and `stdin:
// true` for an input that comes as execinput and execeof; output comes as execdata{id, stream,
// data} with stream 1 for stdout and 2 for stderr; the end of the interactive shell is told as
// shelldone{exit_code}.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "exec.h"
#include "guards.h"
#include "pty.h"
#include "queue.h"
#include "spawn.h"
#include "transport.h"
#include "wire.h"

enum {
    AGENT_CONTROL_PORT = 5000, // vsock
    AGENT_TERMINAL_PORT = 5001,
};

enum agent_phase {
    AGENT_ALONE = 1, // no host
    AGENT_BOOT = 2,  // ready was sent; variables and files are taken
    AGENT_RUN = 4,   // after bootconfigdone
};

struct agent {
    struct transport control, terminal;
    enum agent_phase phase;
    struct guard_budget budget; // of this boot phase
    struct exec_table execs;
    struct pty pty;
    bool want_shell;
    bool starts_over; // another host is there, and this one's end was not seen
    bool linger;      // the end of the shell is not ours: commands follow
    bool shell_told;  // the host knows of it
    bool shell_ended; // with this exit code
    int shell_code;
    bool ending; // shutdown was asked for, or the shell has ended
    uint64_t started_ms, ready_ms;

    bool set_clock;
    const char *timing_path;
    int boot_fd; // ends when the boot is over, until when no frame is taken; -1: it is over

    struct queue in, out;           // control frames
    struct queue to_shell, to_host; // terminal bytes
    uint8_t in_buf[WIRE_HEADER + WIRE_FRAME_MAX];
    uint8_t out_buf[131072];
    uint8_t to_shell_buf[16384];
    uint8_t to_host_buf[65536];
    struct spawn_args args; // texts of the message at hand
    uint8_t file[WIRE_FRAME_MAX];
};

void agent_init(struct agent *agent);
// The control channel is up: says ready. Down: what ran for that host ends.
void agent_greet(struct agent *agent);
void agent_leave(struct agent *agent);
// Handles every whole frame in `in` while `out` has room for the answers. False: the stream makes
// no sense any more.
bool agent_take_frames(struct agent *agent);
// boot_fd has ended: the boot is over.
void agent_booted(struct agent *agent);
// A child process ended.
void agent_reaped(struct agent *agent, pid_t pid, int wait_status);
// After the shell's last bytes.
void agent_tell_shell_end(struct agent *agent);

// SPDX-License-Identifier: Apache-2.0
// Bytes both ways between two ends, each in a buffer of fixed size, with the ends of the two ways
// apart: one that has said everything may still listen.
#pragma once

#include <poll.h>
#include <stdbool.h>

#include "queue.h"

struct bridge_way {
    struct queue queue;
    bool ended; // nothing more comes in
    bool told;  // and the other end knows
};

struct bridge {
    int near, far;             // sockets; far -1: not there yet
    struct bridge_way out, in; // near to far, far to near
};

enum { BRIDGE_POLLS = 2 };

// Fills BRIDGE_POLLS entries: near, far.
void bridge_fill_polls(const struct bridge *bridge, struct pollfd *fds);
enum bridge_result {
    BRIDGE_GOES_ON,
    BRIDGE_OVER, // both ways have ended, or an end is broken
};
enum bridge_result bridge_move(struct bridge *bridge, const struct pollfd *fds);

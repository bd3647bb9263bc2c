// SPDX-License-Identifier: Apache-2.0
#include "bridge.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static bool wants_in(const struct bridge_way *way) {
    return !way->ended && queue_room(&way->queue) > 0;
}

static struct pollfd want(int fd, const struct bridge_way *from, const struct bridge_way *to) {
    short events = (short)((wants_in(from) ? POLLIN : 0) | (to->queue.len > 0 ? POLLOUT : 0));
    return (struct pollfd){ .fd = events ? fd : -1, .events = events };
}

void bridge_fill_polls(const struct bridge *bridge, struct pollfd *fds) {
    fds[0] = want(bridge->near, &bridge->out, &bridge->in);
    fds[1] = want(bridge->far, &bridge->in, &bridge->out);
}

// One read; false when the end is broken, not when it has ended.
static bool take(struct bridge_way *way, int fd, short events) {
    if (!(events & (POLLIN | POLLHUP | POLLERR)) || !wants_in(way)) {
        return true;
    }
    ssize_t n = read(fd, queue_tail(&way->queue), queue_room(&way->queue));
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    way->ended = n == 0;
    queue_grow(&way->queue, (size_t)n);
    return true;
}

static bool give(struct bridge_way *way, int fd, short events) {
    if (events && way->queue.len > 0 && queue_write(&way->queue, fd) == IO_LOST) {
        return false;
    }
    if (way->ended && way->queue.len == 0 && !way->told) {
        way->told = true;
        shutdown(fd, SHUT_WR);
    }
    return true;
}

enum bridge_result bridge_move(struct bridge *bridge, const struct pollfd *fds) {
    // An end that has just come is passed on at once: nothing else may wake us for it.
    bool good = take(&bridge->out, bridge->near, fds[0].revents) &&
                take(&bridge->in, bridge->far, fds[1].revents) &&
                give(&bridge->in, bridge->near, fds[0].revents) &&
                give(&bridge->out, bridge->far, fds[1].revents);
    return good && !(bridge->out.told && bridge->in.told) ? BRIDGE_GOES_ON : BRIDGE_OVER;
}

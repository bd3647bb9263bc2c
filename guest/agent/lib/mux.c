// SPDX-License-Identifier: Apache-2.0
#include "mux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A CREDIT is worth a frame once so much was consumed.
enum { CREDIT_STEP = MUX_WINDOW / 4 };

static uint32_t load_be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_be32(uint8_t *at, uint32_t number) {
    at[0] = (uint8_t)(number >> 24);
    at[1] = (uint8_t)(number >> 16);
    at[2] = (uint8_t)(number >> 8);
    at[3] = (uint8_t)number;
}

// How long the content of a type may be.
static const struct {
    uint16_t min, max;
} lengths[] = {
    [MUX_TYPE_HELLO] = { 8, 8 },  [MUX_TYPE_OPEN] = { 0, 0 }, [MUX_TYPE_DATA] = { 1, MUX_DATA_MAX },
    [MUX_TYPE_CREDIT] = { 4, 4 }, [MUX_TYPE_END] = { 0, 0 },  [MUX_TYPE_RESET] = { 0, 0 },
};

enum mux_step mux_frame_find(const uint8_t *data, size_t len, struct mux_frame *ret_frame,
                             size_t *ret_used) {
    if (len < MUX_HEADER) {
        return MUX_INCOMPLETE;
    }
    uint32_t id = load_be32(data);
    unsigned type = data[4];
    size_t body = (size_t)data[6] << 8 | data[7];
    if (type < MUX_TYPE_HELLO || type > MUX_TYPE_RESET || data[5] != 0 ||
        (id == 0) != (type == MUX_TYPE_HELLO) || body < lengths[type].min ||
        body > lengths[type].max) {
        return MUX_BAD;
    }
    if (len - MUX_HEADER < body) {
        return MUX_INCOMPLETE;
    }
    if (type == MUX_TYPE_HELLO && memcmp(data + MUX_HEADER, MUX_MAGIC, 8) != 0) {
        return MUX_BAD;
    }
    *ret_frame = (struct mux_frame){ id, (enum mux_type)type, data + MUX_HEADER, body };
    *ret_used = MUX_HEADER + body;
    return MUX_COMPLETE;
}

// False: no room in the stream now.
static bool put(struct mux *mux, uint32_t id, enum mux_type type, const void *data, size_t len) {
    if (queue_room(&mux->out) < MUX_HEADER + len) {
        return false;
    }
    uint8_t *at = queue_tail(&mux->out);
    store_be32(at, id);
    at[4] = (uint8_t)type;
    at[5] = 0;
    at[6] = (uint8_t)(len >> 8);
    at[7] = (uint8_t)len;
    if (len > 0) {
        memcpy(at + MUX_HEADER, data, len);
    }
    queue_grow(&mux->out, MUX_HEADER + len);
    return true;
}

void mux_init(struct mux *mux, struct mux_conn *conns, size_t count, uint8_t *buffers,
              uint8_t *link_buffers, bool guest) {
    *mux = (struct mux){
        .conns = conns,
        .count = count,
        .in = { .buf = link_buffers, .cap = MUX_LINK_BUFFER },
        .out = { .buf = link_buffers + MUX_LINK_BUFFER, .cap = MUX_LINK_BUFFER },
        .guest = guest,
    };
    for (size_t i = 0; i < count; i++) {
        conns[i] = (struct mux_conn){
            .fd = -1,
            .to_fd = { .buf = buffers + i * MUX_BUFFER, .cap = MUX_BUFFER },
        };
    }
}

static void free_conn(struct mux_conn *conn) {
    if (conn->fd >= 0) {
        close(conn->fd);
    }
    queue_clear(&conn->to_fd);
    *conn = (struct mux_conn){ .fd = -1, .to_fd = conn->to_fd };
}

static void forget_all(struct mux *mux, const struct mux_hooks *hooks) {
    for (size_t i = 0; i < mux->count; i++) {
        struct mux_conn *conn = &mux->conns[i];
        if (conn->id != 0 && hooks && hooks->closed) {
            hooks->closed(hooks->self, conn);
        }
        free_conn(conn);
    }
    mux->reset_count = 0;
}

void mux_restart(struct mux *mux) {
    forget_all(mux, NULL);
    queue_clear(&mux->in);
    queue_clear(&mux->out);
    mux->last_id = 0;
    mux->met = false;
    if (mux->guest) {
        put(mux, 0, MUX_TYPE_HELLO, MUX_MAGIC, 8);
    }
}

static struct mux_conn *find(struct mux *mux, uint32_t id) {
    for (size_t i = 0; i < mux->count; i++) {
        if (mux->conns[i].id == id) {
            return &mux->conns[i];
        }
    }
    return NULL;
}

bool mux_has_slot(const struct mux *mux) {
    for (size_t i = 0; i < mux->count; i++) {
        if (mux->conns[i].id == 0) {
            return true;
        }
    }
    return false;
}

static struct mux_conn *take_slot(struct mux *mux, uint32_t id, int fd) {
    struct mux_conn *conn = find(mux, 0);
    if (!conn) {
        return NULL;
    }
    *conn = (struct mux_conn){
        .id = id,
        .fd = fd,
        .to_fd = conn->to_fd,
        .credit = MUX_WINDOW,
        .room = MUX_WINDOW,
    };
    return conn;
}

struct mux_conn *mux_open(struct mux *mux, int fd) {
    struct mux_conn *conn = take_slot(mux, mux->last_id + 1, fd);
    if (conn) {
        mux->last_id++;
        conn->say_open = true;
    }
    return conn;
}

// OPEN has to go before anything else of a connection.
static bool say_open(struct mux *mux, struct mux_conn *conn) {
    if (conn->say_open && put(mux, conn->id, MUX_TYPE_OPEN, NULL, 0)) {
        conn->say_open = false;
    }
    return !conn->say_open;
}

bool mux_send_first(struct mux *mux, struct mux_conn *conn, const void *data, size_t len) {
    if (len > MUX_DATA_MAX || len > conn->credit || !say_open(mux, conn) ||
        !put(mux, conn->id, MUX_TYPE_DATA, data, len)) {
        return false;
    }
    conn->credit -= (uint32_t)len;
    return true;
}

static bool say_reset(struct mux *mux, uint32_t id) {
    if (put(mux, id, MUX_TYPE_RESET, NULL, 0)) {
        return true;
    }
    // There are never more than connections: a new one is not said before these are.
    if (mux->reset_count < sizeof mux->resets / sizeof mux->resets[0]) {
        mux->resets[mux->reset_count++] = id;
        return true;
    }
    return false;
}

void mux_reset(struct mux *mux, struct mux_conn *conn) {
    if (!conn->say_open) {
        say_reset(mux, conn->id);
    }
    free_conn(conn);
}

void mux_skip(struct mux_conn *conn, size_t len) {
    queue_drop(&conn->to_fd, len);
    conn->owed += (uint32_t)len;
}

void mux_cut(struct mux_conn *conn, size_t len) {
    conn->owed += (uint32_t)(conn->to_fd.len - len);
    conn->to_fd.len = len;
    conn->drain = true;
}

bool mux_put_front(struct mux_conn *conn, const void *data, size_t len) {
    struct queue *queue = &conn->to_fd;
    if (len > queue_room(queue) || conn->extra > 0) {
        return false;
    }
    queue_tail(queue); // what is there starts at the buffer's start now
    memmove(queue->buf + len, queue->buf, queue->len);
    memcpy(queue->buf, data, len);
    queue_grow(queue, len);
    conn->extra = (uint32_t)len;
    return true;
}

void mux_refuse(struct mux *mux, struct mux_conn *conn, const void *data, size_t len) {
    if (len > 0) {
        mux_send_first(mux, conn, data, len); // without room the end alone has to do
    }
    mux_skip(conn, conn->to_fd.len - conn->extra);
    queue_clear(&conn->to_fd);
    conn->extra = 0;
    conn->hold = false;
    conn->drain = conn->fd_ended = conn->say_end = true;
}

static void close_conn(struct mux_conn *conn, const struct mux_hooks *hooks) {
    if (hooks->closed) {
        hooks->closed(hooks->self, conn);
    }
    free_conn(conn);
}

static void lose_conn(struct mux *mux, struct mux_conn *conn, const struct mux_hooks *hooks) {
    if (!conn->say_open) {
        say_reset(mux, conn->id);
    }
    close_conn(conn, hooks);
}

// -- what the other side says --

static bool take_open(struct mux *mux, uint32_t id, const struct mux_hooks *hooks) {
    if (mux->guest || !hooks->opened || id <= mux->last_id) {
        return false;
    }
    mux->last_id = id;
    struct mux_conn *conn = take_slot(mux, id, -1);
    if (!conn) {
        return say_reset(mux, id);
    }
    hooks->opened(hooks->self, conn);
    return true;
}

static bool take_data(struct mux_conn *conn, const struct mux_frame *frame,
                      const struct mux_hooks *hooks) {
    bool fits = frame->len <= conn->room && frame->len <= queue_room(&conn->to_fd);
    if (!fits || conn->peer_ended) {
        return false;
    }
    conn->room -= (uint32_t)frame->len;
    if (conn->drain) {
        conn->owed += (uint32_t)frame->len;
        return true;
    }
    memcpy(queue_tail(&conn->to_fd), frame->data, frame->len);
    queue_grow(&conn->to_fd, frame->len);
    size_t passes =
        hooks->admit ? hooks->admit(hooks->self, conn, frame->data, frame->len) : frame->len;
    if (passes < frame->len) {
        mux_cut(conn, conn->to_fd.len - (frame->len - passes));
    }
    return true;
}

static bool take_frame(struct mux *mux, const struct mux_frame *frame,
                       const struct mux_hooks *hooks) {
    if (frame->type == MUX_TYPE_HELLO) {
        if (!mux->guest) {
            forget_all(mux, hooks);
            queue_clear(&mux->out);
            mux->last_id = 0;
            put(mux, 0, MUX_TYPE_HELLO, MUX_MAGIC, 8);
        }
        return true;
    }
    if (frame->type == MUX_TYPE_OPEN) {
        return take_open(mux, frame->id, hooks);
    }
    struct mux_conn *conn = find(mux, frame->id);
    if (!conn) {
        return true;
    }
    switch (frame->type) {
    case MUX_TYPE_DATA:
        return take_data(conn, frame, hooks);
    case MUX_TYPE_CREDIT: {
        uint32_t more = load_be32(frame->data);
        if (more > MUX_WINDOW - conn->credit) {
            return false;
        }
        conn->credit += more;
        return true;
    }
    case MUX_TYPE_END:
        conn->peer_ended = true;
        return true;
    case MUX_TYPE_RESET:
        close_conn(conn, hooks);
        return true;
    case MUX_TYPE_HELLO:
    case MUX_TYPE_OPEN:
        break;
    }
    return false;
}

// Until the other side's HELLO, everything is left over from before.
static bool skip_to_hello(struct mux *mux) {
    static const uint8_t hello[MUX_HELLO] = {
        0, 0, 0, 0, MUX_TYPE_HELLO, 0, 0, 8, 'c', 'a', 'p', 's', 'e', 'm', '-', '1'
    };
    const uint8_t *found = memmem(queue_data(&mux->in), mux->in.len, hello, sizeof hello);
    if (found) {
        queue_drop(&mux->in, (size_t)(found - queue_data(&mux->in)));
        mux->met = true;
    } else if (mux->in.len >= MUX_HELLO) {
        queue_drop(&mux->in, mux->in.len - (MUX_HELLO - 1));
    }
    return mux->met;
}

bool mux_take_frames(struct mux *mux, const struct mux_hooks *hooks) {
    if (!mux->met && !skip_to_hello(mux)) {
        return true;
    }
    // A frame may want a RESET as its answer.
    while (queue_room(&mux->out) >= MUX_HELLO) {
        struct mux_frame frame;
        size_t used = 0;
        switch (mux_frame_find(queue_data(&mux->in), mux->in.len, &frame, &used)) {
        case MUX_INCOMPLETE:
            return true;
        case MUX_BAD:
            return false;
        case MUX_COMPLETE:
            break;
        }
        if (!take_frame(mux, &frame, hooks)) {
            return false;
        }
        queue_drop(&mux->in, used);
    }
    return true;
}

// -- what goes to the other side --

// What both ends have finished is freed.
static void settle(struct mux_conn *conn, const struct mux_hooks *hooks) {
    bool written = conn->peer_ended && conn->to_fd.len == 0 && !conn->hold;
    if (written && !conn->shut && conn->fd >= 0) {
        conn->shut = true;
        shutdown(conn->fd, SHUT_WR);
    }
    bool heard = conn->shut || (conn->fd < 0 && conn->drain && conn->peer_ended);
    if (heard && conn->fd_ended && !conn->say_end) {
        close_conn(conn, hooks);
    }
}

void mux_flush(struct mux *mux, const struct mux_hooks *hooks) {
    while (mux->reset_count > 0 &&
           put(mux, mux->resets[mux->reset_count - 1], MUX_TYPE_RESET, NULL, 0)) {
        mux->reset_count--;
    }
    for (size_t i = 0; i < mux->count; i++) {
        struct mux_conn *conn = &mux->conns[i];
        if (conn->id == 0 || !say_open(mux, conn)) {
            continue;
        }
        uint8_t number[4];
        store_be32(number, conn->owed);
        // Our own bytes stand in the place of those that were skipped.
        if (conn->owed >= CREDIT_STEP && conn->extra == 0 && !conn->peer_ended &&
            put(mux, conn->id, MUX_TYPE_CREDIT, number, sizeof number)) {
            conn->room += conn->owed;
            conn->owed = 0;
        }
        if (conn->say_end && put(mux, conn->id, MUX_TYPE_END, NULL, 0)) {
            conn->say_end = false;
        }
        settle(conn, hooks);
    }
}

static bool may_read(const struct mux *mux, const struct mux_conn *conn) {
    return conn->fd >= 0 && !conn->hold && !conn->fd_ended && !conn->say_open && conn->credit > 0 &&
           mux->met && queue_room(&mux->out) > MUX_HEADER + MUX_HELLO;
}

static bool may_write(const struct mux_conn *conn) {
    return conn->fd >= 0 && !conn->hold && conn->to_fd.len > 0;
}

void mux_fill_polls(const struct mux *mux, struct pollfd *fds) {
    for (size_t i = 0; i < mux->count; i++) {
        const struct mux_conn *conn = &mux->conns[i];
        short events =
            (short)((may_read(mux, conn) ? POLLIN : 0) | (may_write(conn) ? POLLOUT : 0));
        fds[i] = (struct pollfd){ .fd = events ? conn->fd : -1, .events = events };
    }
}

// Straight into the stream: a connection has no buffer of its own for this way.
static enum io_result read_conn(struct mux *mux, struct mux_conn *conn) {
    size_t max = queue_room(&mux->out);
    if (max <= MUX_HEADER + MUX_HELLO) {
        return IO_AGAIN;
    }
    max -= MUX_HEADER + MUX_HELLO;
    max = max < MUX_DATA_MAX ? max : MUX_DATA_MAX;
    max = max < conn->credit ? max : conn->credit;
    uint8_t data[MUX_DATA_MAX];
    ssize_t n = read(conn->fd, data, max);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_LOST;
    }
    if (n == 0) {
        conn->fd_ended = conn->say_end = true;
        return IO_AGAIN;
    }
    put(mux, conn->id, MUX_TYPE_DATA, data, (size_t)n);
    conn->credit -= (uint32_t)n;
    conn->sent += (uint64_t)n;
    return IO_MOVED;
}

static enum io_result write_conn(struct mux_conn *conn) {
    size_t before = conn->to_fd.len;
    enum io_result result = queue_write(&conn->to_fd, conn->fd);
    size_t written = before - conn->to_fd.len;
    size_t own = written < conn->extra ? written : conn->extra;
    conn->extra -= (uint32_t)own;
    conn->owed += (uint32_t)(written - own);
    conn->received += written;
    return result;
}

// False: the connection is lost.
static bool move_conn(struct mux *mux, struct mux_conn *conn, short events) {
    bool lost = events & (POLLIN | POLLHUP | POLLERR) && may_read(mux, conn) &&
                read_conn(mux, conn) == IO_LOST;
    // A peer that hung up takes nothing more, and would wake poll for ever.
    lost = lost || (events & (POLLOUT | POLLHUP | POLLERR) && conn->to_fd.len > 0 && !conn->hold &&
                    write_conn(conn) == IO_LOST);
    return !lost;
}

void mux_move(struct mux *mux, const struct pollfd *fds, const struct mux_hooks *hooks) {
    for (size_t i = 0; i < mux->count; i++) {
        size_t at = (mux->next + i) % mux->count;
        struct mux_conn *conn = &mux->conns[at];
        // The slot may have a new owner since the poll.
        short events = fds[at].fd == conn->fd ? fds[at].revents : 0;
        if (conn->id == 0) {
            continue;
        }
        if (!move_conn(mux, conn, events)) {
            lose_conn(mux, conn, hooks);
        }
    }
    mux->next = (mux->next + 1) % mux->count;
}

// SPDX-License-Identifier: Apache-2.0
// Many connections over one stream of bytes: what carries the proxy's connections where the machine
// has virtio-serial and no vsock. The guest's proxy and the host compile this file.
//
// A frame is a header of 8 bytes, all big-endian: connection (4), type (1), zero (1), length (2);
// then that many bytes. Types and their content:
//
//   HELLO   the 8 bytes of MUX_MAGIC, connection 0. The guest says it when it has opened the
//   stream,
//           the host answers it. Each side forgets every connection, and skips what came before.
//   OPEN    a new connection, always from the guest, which numbers them upwards
//   DATA    1 to MUX_DATA_MAX bytes
//   CREDIT  4 bytes: so much more the other side may send. It starts with MUX_WINDOW for each way,
//           so a slow connection stops only itself
//   END     no more DATA from this side
//   RESET   the connection is over, both ways
//
// Frames of a connection that is not known are skipped: it was reset while they were under way.
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

enum {
    MUX_HEADER = 8,
    MUX_DATA_MAX = 8192,
    MUX_WINDOW = 32768,
    MUX_BUFFER = MUX_WINDOW + 128, // of a connection: a head may grow a little when it is rewritten
    MUX_LINK_BUFFER = 65536,       // of the stream, each way
    MUX_HELLO = MUX_HEADER + 8,    // a whole frame
    MUX_CONNS_MAX = 256,
};
#define MUX_MAGIC "capsem-1"

enum mux_type {
    MUX_TYPE_HELLO = 1,
    MUX_TYPE_OPEN,
    MUX_TYPE_DATA,
    MUX_TYPE_CREDIT,
    MUX_TYPE_END,
    MUX_TYPE_RESET,
};

struct mux_frame {
    uint32_t id;
    enum mux_type type;
    const uint8_t *data;
    size_t len;
};

enum mux_step {
    MUX_INCOMPLETE,
    MUX_COMPLETE, // *ret_frame, in *ret_used bytes
    MUX_BAD,      // the stream cannot be followed any further
};
enum mux_step mux_frame_find(const uint8_t *data, size_t len, struct mux_frame *ret_frame,
                             size_t *ret_used);

// One connection: a descriptor here, its other end across the stream.
struct mux_conn {
    uint32_t id;        // 0: the slot is free
    int fd;             // -1: not yet; otherwise non-blocking
    struct queue to_fd; // came from the other side
    uint32_t credit;    // what we may still send
    uint32_t room;      // what the other side may still send
    uint32_t owed;      // consumed since the last CREDIT
    uint32_t extra;     // bytes at the front of to_fd that are our own
    bool say_open;      // frames that wait for room in the stream
    bool say_end;
    bool fd_ended;           // nothing more comes from fd
    bool peer_ended;         // nothing more comes from the other side
    bool shut;               // and fd was told so
    bool hold;               // to_fd is not written yet: its owner looks at it first
    bool drain;              // what still comes is thrown away
    uint64_t sent, received; // bytes from and to fd
};

struct mux {
    struct mux_conn *conns; // lent, `count` of them, as are their queues' buffers
    size_t count;
    size_t next;                    // who is served first
    struct queue in, out;           // the stream
    uint32_t last_id;               // of an OPEN
    bool guest;                     // we are the side that opens
    bool met;                       // the other side has said HELLO
    uint32_t resets[MUX_CONNS_MAX]; // RESETs that wait for room
    size_t reset_count;
};

// At most MUX_CONNS_MAX connections. `buffers`: count * MUX_BUFFER bytes, and 2 * MUX_LINK_BUFFER
// for the stream.
void mux_init(struct mux *mux, struct mux_conn *conns, size_t count, uint8_t *buffers,
              uint8_t *link_buffers, bool guest);
// The stream is new: drops every connection, closes its descriptor, and says HELLO (the guest).
void mux_restart(struct mux *mux);

// A slot for a connection over `fd`, which it owns from then on; NULL: none is free.
struct mux_conn *mux_open(struct mux *mux, int fd);
bool mux_has_slot(const struct mux *mux);
// Bytes at the front of what goes to the other side, before any of fd's. False: no room.
bool mux_send_first(struct mux *mux, struct mux_conn *conn, const void *data, size_t len);
// Ends it at once: closes fd, and tells the other side.
void mux_reset(struct mux *mux, struct mux_conn *conn);

// Ends it politely: `data` is the last that the other side gets, what it still says is thrown away.
void mux_refuse(struct mux *mux, struct mux_conn *conn, const void *data, size_t len);
// Drops `len` bytes that came from the other side, as if they had been written.
void mux_skip(struct mux_conn *conn, size_t len);
// Keeps the first `len` of them, and throws away what follows.
void mux_cut(struct mux_conn *conn, size_t len);
// Puts `len` bytes in front of them, at most as many as were skipped and 100 more.
bool mux_put_front(struct mux_conn *conn, const void *data, size_t len);

// What happened that the owner may want to know; `opened` may be NULL (then OPEN is refused).
struct mux_hooks {
    void *self;
    void (*opened)(void *self, struct mux_conn *conn);
    void (*closed)(void *self, struct mux_conn *conn); // fd is still open; NULL: not wanted
    // How many of the bytes that came may go on; fewer than `len`: nothing that follows either.
    // NULL: all.
    size_t (*admit)(void *self, struct mux_conn *conn, const uint8_t *data, size_t len);
};
// Takes every whole frame of `in`. False: a frame is malformed.
bool mux_take_frames(struct mux *mux, const struct mux_hooks *hooks);
// What waits for room in the stream goes there, and what both sides have finished is freed. Call
// before each poll.
void mux_flush(struct mux *mux, const struct mux_hooks *hooks);
// Fills `count` entries, one a connection; and moves what they say.
void mux_fill_polls(const struct mux *mux, struct pollfd *fds);
void mux_move(struct mux *mux, const struct pollfd *fds, const struct mux_hooks *hooks);

// SPDX-License-Identifier: Apache-2.0
/* Any bytes as the shared stream of connections, from either side: buffers keep their bounds, and
 * what is refused once stays refused. */
#include <string.h>

#include "agent/lib/mux.h"
#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONNS = 8 };

static struct mux mux;
static struct mux_conn conns[CONNS];
static uint8_t buffers[CONNS * MUX_BUFFER], links[2 * MUX_LINK_BUFFER];
static size_t is_open;

static void on_opened(void *self, struct mux_conn *conn) {
    (void)self;
    conn->hold = true;
    is_open++;
}

static void on_closed(void *self, struct mux_conn *conn) {
    (void)self;
    (void)conn;
    ASSERT(is_open > 0);
    is_open--;
}

static void check(void) {
    for (size_t i = 0; i < CONNS; i++) {
        ASSERT(conns[i].credit <= MUX_WINDOW && conns[i].room <= MUX_WINDOW);
        ASSERT(conns[i].to_fd.len <= MUX_WINDOW - conns[i].room || conns[i].id == 0);
    }
    ASSERT(mux.in.len <= mux.in.cap && mux.out.len <= mux.out.cap);
}

static void feed(const uint8_t *data, size_t size, const struct mux_hooks *hooks) {
    while (size > 0) {
        size_t piece = size < 1000 ? size : 1000;
        piece = piece < queue_room(&mux.in) ? piece : queue_room(&mux.in);
        ASSERT(piece > 0);
        memcpy(queue_tail(&mux.in), data, piece);
        queue_grow(&mux.in, piece);
        data += piece;
        size -= piece;
        if (!mux_take_frames(&mux, hooks)) {
            ASSERT(!mux_take_frames(&mux, hooks));
            return;
        }
        check();
        mux_flush(&mux, hooks);
        queue_clear(&mux.out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct mux_hooks host = { NULL, on_opened, on_closed }, guest = { 0 };
    is_open = 0;
    mux_init(&mux, conns, CONNS, buffers, links, false);
    mux_restart(&mux);
    feed(data, size, &host);
    mux_init(&mux, conns, CONNS, buffers, links, true);
    mux_restart(&mux);
    for (int i = 0; i < 3; i++) {
        ASSERT(mux_open(&mux, -1) != NULL);
    }
    mux_flush(&mux, &guest);
    feed(data, size, &guest);
    return 0;
}

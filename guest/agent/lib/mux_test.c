// SPDX-License-Identifier: Apache-2.0
#include "mux.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONNS = 4 };

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    enum mux_step step;
} frames[] = {
    { "nothing", "", 0, MUX_INCOMPLETE },
    { "a cut header", "\0\0\0\1\2\0\0", 7, MUX_INCOMPLETE },
    { "open", "\0\0\0\1\2\0\0\0", 8, MUX_COMPLETE },
    { "open with content", "\0\0\0\1\2\0\0\1x", 9, MUX_BAD },
    { "open of connection 0", "\0\0\0\0\2\0\0\0", 8, MUX_BAD },
    { "data", "\0\0\0\1\3\0\0\2xy", 10, MUX_COMPLETE },
    { "cut data", "\0\0\0\1\3\0\0\2x", 9, MUX_INCOMPLETE },
    { "empty data", "\0\0\0\1\3\0\0\0", 8, MUX_BAD },
    { "data too long", "\0\0\0\1\3\0\x20\1", 8, MUX_BAD },
    { "short credit", "\0\0\0\1\4\0\0\3xyz", 11, MUX_BAD },
    { "an unknown type", "\0\0\0\1\7\0\0\0", 8, MUX_BAD },
    { "type zero", "\0\0\0\1\0\0\0\0", 8, MUX_BAD },
    { "the zero that is none", "\0\0\0\1\2\1\0\0", 8, MUX_BAD },
    { "hello", "\0\0\0\0\1\0\0\10capsem-1", 16, MUX_COMPLETE },
    { "another hello", "\0\0\0\0\1\0\0\10capsem-2", 16, MUX_BAD },
    { "hello of a connection", "\0\0\0\1\1\0\0\10capsem-1", 16, MUX_BAD },
};

static void test_frames(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct mux_frame frame;
        size_t used = 0;
        enum mux_step step =
            mux_frame_find((const uint8_t *)frames[i].bytes, frames[i].len, &frame, &used);
        if (step != frames[i].step) {
            fail_msg("%s: %d", frames[i].name, step);
        }
        assert_int_equal(used, step == MUX_COMPLETE ? frames[i].len : 0);
    }
}

struct side {
    struct mux mux;
    struct mux_conn conns[CONNS];
    uint8_t buffers[CONNS * MUX_BUFFER], link[2 * MUX_LINK_BUFFER];
    struct mux_hooks hooks;
    int far[CONNS]; // the other ends of what was opened here
    size_t opened, closed;
};

static int open_pair(int pair[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
                   fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0 &&
                   fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0
               ? 0
               : -1;
}

static void on_opened(void *self, struct mux_conn *conn) {
    struct side *side = self;
    int pair[2];
    assert_int_equal(open_pair(pair), 0);
    conn->fd = pair[0];
    side->far[side->opened++ % CONNS] = pair[1];
}

static void on_closed(void *self, struct mux_conn *conn) {
    (void)conn;
    ((struct side *)self)->closed++;
}

static struct side guest, host;

static void side_init(struct side *side, bool is_guest) {
    memset(side, 0, sizeof *side);
    mux_init(&side->mux, side->conns, CONNS, side->buffers, side->link, is_guest);
    mux_restart(&side->mux);
    side->hooks = (struct mux_hooks){ side, is_guest ? NULL : on_opened, on_closed };
}

static void carry(struct queue *from, struct queue *to) {
    size_t len = from->len < queue_room(to) ? from->len : queue_room(to);
    memcpy(queue_tail(to), queue_data(from), len);
    queue_grow(to, len);
    queue_drop(from, len);
}

static void step(struct side *side) {
    struct pollfd fds[CONNS];
    mux_flush(&side->mux, &side->hooks);
    mux_fill_polls(&side->mux, fds);
    assert_true(poll(fds, CONNS, 0) >= 0);
    mux_move(&side->mux, fds, &side->hooks);
    mux_flush(&side->mux, &side->hooks);
}

static void rounds(int count) {
    for (int i = 0; i < count; i++) {
        step(&guest);
        step(&host);
        carry(&guest.mux.out, &host.mux.in);
        carry(&host.mux.out, &guest.mux.in);
        assert_true(mux_take_frames(&guest.mux, &guest.hooks));
        assert_true(mux_take_frames(&host.mux, &host.hooks));
    }
}

static int connect_guest(struct mux_conn **ret) {
    int pair[2];
    assert_int_equal(open_pair(pair), 0);
    *ret = mux_open(&guest.mux, pair[0]);
    assert_non_null(*ret);
    return pair[1];
}

static int setup(void **state) {
    (void)state;
    side_init(&guest, true);
    side_init(&host, false);
    return 0;
}

static void say(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void hear(int fd, const char *text) {
    char buf[64] = "";
    ssize_t n = read(fd, buf, sizeof buf - 1);
    assert_true(n >= 0);
    assert_string_equal(buf, text);
}

static void test_both_ways_and_the_ends(void **state) {
    (void)state;
    struct mux_conn *conn;
    int client = connect_guest(&conn);
    assert_true(mux_send_first(&guest.mux, conn, "name\n", 5));
    say(client, "question");
    rounds(4);
    assert_int_equal(host.opened, 1);
    hear(host.far[0], "name\nquestion");
    shutdown(client, SHUT_WR);
    rounds(4);
    hear(host.far[0], "");
    say(host.far[0], "answer");
    close(host.far[0]);
    rounds(6);
    hear(client, "answer");
    hear(client, "");
    assert_int_equal(guest.closed + host.closed, 2);
    assert_true(mux_has_slot(&guest.mux) && guest.conns[0].id == 0 && host.conns[0].id == 0);
    close(client);
}

// What nobody reads stops its own connection only, and no byte is lost.
static void test_a_slow_reader_stops_only_itself(void **state) {
    (void)state;
    struct mux_conn *conn;
    int slow = connect_guest(&conn), quick = connect_guest(&conn);
    rounds(3);
    static char block[4096];
    size_t sent = 0, got = 0;
    for (int i = 0; i < 400; i++) {
        ssize_t n = write(slow, block, sizeof block);
        sent += n > 0 ? (size_t)n : 0;
        rounds(1);
    }
    assert_true(sent > MUX_WINDOW && sent < 400 * sizeof block);
    say(quick, "hello");
    rounds(4);
    hear(host.far[1], "hello");
    for (int i = 0; i < 4000 && got < sent; i++) {
        ssize_t n = read(host.far[0], block, sizeof block);
        got += n > 0 ? (size_t)n : 0;
        rounds(1);
    }
    assert_int_equal(got, sent);
    close(slow), close(quick), close(host.far[0]), close(host.far[1]);
}

static void test_a_new_start_forgets_all(void **state) {
    (void)state;
    struct mux_conn *conn;
    int client = connect_guest(&conn);
    rounds(3);
    say(client, "half of a fr");
    step(&guest);
    queue_drop(&guest.mux.out, 5); // lost with the stream
    mux_restart(&guest.mux);
    hear(client, "");
    rounds(3);
    assert_int_equal(host.closed, 1);
    assert_true(guest.mux.met);
    int again = connect_guest(&conn);
    say(again, "fresh");
    rounds(3);
    hear(host.far[1], "fresh");
    close(client), close(again), close(host.far[0]), close(host.far[1]);
}

static void test_more_than_there_are_places(void **state) {
    (void)state;
    struct mux_conn *conn;
    int clients[CONNS];
    for (int i = 0; i < CONNS; i++) {
        clients[i] = connect_guest(&conn);
    }
    assert_null(mux_open(&guest.mux, -1));
    rounds(3);
    // The host's own limit: an OPEN too many is answered with RESET.
    mux_reset(&guest.mux, &guest.conns[0]);
    carry(&guest.mux.out, &guest.mux.out);
    guest.mux.out.len = 0;
    int more = connect_guest(&conn);
    rounds(4);
    hear(more, "");
    assert_int_equal(host.opened, CONNS);
    for (int i = 0; i < CONNS; i++) {
        close(clients[i]), close(host.far[i]);
    }
    close(more);
}

static void put_in(struct side *side, const char *bytes, size_t len) {
    memcpy(queue_tail(&side->mux.in), bytes, len);
    queue_grow(&side->mux.in, len);
}

// The buffer has room for a little more than the window; what is sent has not.
static void test_no_more_than_the_window(void **state) {
    static char frame[MUX_HEADER + MUX_DATA_MAX] = {
        0, 0, 0, 1, MUX_TYPE_DATA, 0, MUX_DATA_MAX >> 8
    };
    (void)state;
    rounds(1);
    put_in(&host, "\0\0\0\1\2\0\0\0", 8);
    for (size_t sent = 0; sent < MUX_WINDOW; sent += MUX_DATA_MAX) {
        put_in(&host, frame, sizeof frame);
        assert_true(mux_take_frames(&host.mux, &host.hooks));
    }
    put_in(&host, "\0\0\0\1\3\0\0\1x", 9);
    assert_false(mux_take_frames(&host.mux, &host.hooks));
    close(host.far[0]);
}

static void test_what_makes_no_sense(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        { "\0\0\0\1\2\0\0\0\0\0\0\1\2\0\0\0", 16 },                  // opened twice
        { "\0\0\0\2\2\0\0\0\0\0\0\1\2\0\0\0", 16 },                  // numbers go upwards
        { "\0\0\0\1\2\0\0\0\0\0\0\1\4\0\0\4\0\0\0\1", 20 },          // more credit than there is
        { "\0\0\0\1\2\0\0\0\0\0\0\1\5\0\0\0\0\0\0\1\3\0\0\1x", 25 }, // data after the end
        { "\xff\xff\xff\xff\xff\xff\xff\xff", 8 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setup(state);
        rounds(1);
        put_in(&host, bad[i].bytes, bad[i].len);
        assert_false(mux_take_frames(&host.mux, &host.hooks));
    }
    // For a connection that is gone: skipped.
    setup(state);
    rounds(1);
    put_in(&host, "\0\0\0\11\3\0\0\1x", 9);
    assert_true(mux_take_frames(&host.mux, &host.hooks));
    assert_int_equal(host.mux.in.len, 0);
    // More than the window.
    rounds(1);
    static char flood[MUX_HEADER + MUX_DATA_MAX] = "\0\0\0\1\3\0\x20\0";
    put_in(&host, "\0\0\0\1\2\0\0\0", 8);
    for (size_t i = 0; i < MUX_WINDOW / MUX_DATA_MAX; i++) {
        put_in(&host, flood, sizeof flood);
        assert_true(mux_take_frames(&host.mux, &host.hooks));
    }
    put_in(&host, flood, sizeof flood);
    assert_false(mux_take_frames(&host.mux, &host.hooks));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test_setup(test_both_ways_and_the_ends, setup),
        cmocka_unit_test_setup(test_a_slow_reader_stops_only_itself, setup),
        cmocka_unit_test_setup(test_a_new_start_forgets_all, setup),
        cmocka_unit_test_setup(test_more_than_there_are_places, setup),
        cmocka_unit_test_setup(test_no_more_than_the_window, setup),
        cmocka_unit_test_setup(test_what_makes_no_sense, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

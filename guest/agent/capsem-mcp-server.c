// SPDX-License-Identifier: Apache-2.0
// capsem-mcp-server: an agent in the guest starts it as a local MCP server; it takes the lines to a
// server on the host and back. A stream to the host starts with a line that names the agent. A lost
// one is taken up again, from the next whole line on. The virtio-serial port has one user at a
// time: a second server waits for its turn.
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/meta.h"
#include "lib/queue.h"
#include "lib/transport.h"

enum {
    VSOCK_PORT = 5003,
    WAY_BUFFER = 65536,
    LAST_ANSWERS_MS = 2000, // after the end of the input
};

static struct server {
    struct transport transport;
    struct queue out, in; // to the host, from the host
    bool greeted;         // this stream has its first line
    bool mid_line_out;    // what was sent last is no whole line
    bool mid_line_in;     // nor is what came last
    bool skipping;        // the rest of a line whose start a lost host got
    bool input_ended;
    uint64_t deadline_ms; // once the input has ended and is sent; 0: not yet
    char line[META_LINE_MAX];
    size_t line_len;
    uint8_t out_buf[WAY_BUFFER], in_buf[WAY_BUFFER];
} server;

static bool is_up(void) {
    return server.transport.state == TRANSPORT_UP;
}

static void lose_host(void) {
    transport_drop(&server.transport);
    server.skipping = server.skipping || server.mid_line_out;
    server.mid_line_out = server.greeted = false;
    // A line that will never be whole ends here, rather than run into the next.
    if (server.mid_line_in && queue_room(&server.in) > 0) {
        *queue_tail(&server.in) = '\n';
        queue_grow(&server.in, 1);
    }
    server.mid_line_in = false;
}

static void skip_lost_line(void) {
    struct queue *out = &server.out;
    if (!server.skipping || out->len == 0) {
        return;
    }
    const uint8_t *end = memchr(queue_data(out), '\n', out->len);
    queue_drop(out, end ? (size_t)(end - queue_data(out)) + 1 : out->len);
    server.skipping = !end;
}

// The stream's first line fits into any socket buffer that is empty.
static void greet(void) {
    if (write(server.transport.fd, server.line, server.line_len) != (ssize_t)server.line_len) {
        lose_host();
        return;
    }
    server.greeted = true;
}

static void send_to_host(void) {
    const uint8_t *data = queue_data(&server.out);
    size_t before = server.out.len;
    if (queue_write(&server.out, server.transport.fd) == IO_LOST) {
        lose_host();
    } else if (before > server.out.len) {
        server.mid_line_out = data[before - server.out.len - 1] != '\n';
    }
}

static void take_from_host(void) {
    switch (queue_read(&server.in, server.transport.fd, SIZE_MAX)) {
    case IO_MOVED:
        server.mid_line_in = queue_data(&server.in)[server.in.len - 1] != '\n';
        transport_proven(&server.transport);
        break;
    case IO_LOST:
        if (server.deadline_ms != 0) {
            server.deadline_ms = clock_ms(); // it has said all it wanted to
        }
        lose_host();
        break;
    case IO_AGAIN:
        break;
    }
}

// False: the agent is gone. stdout may block: a pipe that is ready takes so much without (pipe(7),
// PIPE_BUF).
static bool give_to_agent(void) {
    size_t len = server.in.len < PIPE_BUF ? server.in.len : PIPE_BUF;
    ssize_t n = write(STDOUT_FILENO, queue_data(&server.in), len);
    queue_drop(&server.in, n > 0 ? (size_t)n : 0);
    return n >= 0 || errno == EINTR || errno == EAGAIN;
}

static void move_host(short events) {
    if (events && server.transport.state == TRANSPORT_CONNECTING) {
        transport_connected(&server.transport);
        return;
    }
    if (is_up() && events & POLLOUT && server.out.len > 0) {
        send_to_host();
    }
    if (is_up() && events & (POLLIN | POLLHUP | POLLERR)) {
        take_from_host();
    }
}

static void begin_end(void) {
    bool nothing_left = !is_up() || server.out.len == 0;
    if (server.input_ended && nothing_left && server.deadline_ms == 0) {
        server.deadline_ms = clock_ms() + LAST_ANSWERS_MS;
        if (is_up()) {
            shutdown(server.transport.fd, SHUT_WR); // a port has no such thing
        }
    }
}

static int wait_ms(void) {
    int retry = transport_wait_ms(&server.transport);
    if (server.deadline_ms == 0) {
        return retry;
    }
    uint64_t now = clock_ms();
    int left = now < server.deadline_ms ? (int)(server.deadline_ms - now) : 0;
    return retry >= 0 && retry < left ? retry : left;
}

// False: the end.
static bool step(void) {
    if (server.deadline_ms == 0 || server.out.len > 0) {
        transport_open(&server.transport);
    }
    if (is_up() && !server.greeted) {
        greet();
    }
    skip_lost_line();
    begin_end();
    bool over = server.deadline_ms != 0 && clock_ms() >= server.deadline_ms;
    if (over && server.in.len == 0) {
        return false;
    }
    bool connecting = server.transport.state == TRANSPORT_CONNECTING;
    bool takes = is_up() && server.greeted && queue_room(&server.in) > 1;
    bool gives = connecting || (is_up() && server.greeted && server.out.len > 0);
    short events = (short)((takes ? POLLIN : 0) | (gives ? POLLOUT : 0));
    bool reads = !server.input_ended && queue_room(&server.out) > 0;
    struct pollfd fds[] = {
        { .fd = reads ? STDIN_FILENO : -1, .events = POLLIN },
        { .fd = server.in.len > 0 ? STDOUT_FILENO : -1, .events = POLLOUT },
        { .fd = events ? server.transport.fd : -1, .events = events },
    };
    if (poll(fds, sizeof fds / sizeof fds[0], over ? LAST_ANSWERS_MS : wait_ms()) < 0) {
        return true;
    }
    if (fds[0].revents && queue_read(&server.out, STDIN_FILENO, SIZE_MAX) == IO_LOST) {
        server.input_ended = true;
    }
    if (fds[1].revents && !give_to_agent()) {
        return false;
    }
    move_host(fds[2].revents);
    return true;
}

int main(int argc, char **argv) {
    char name[META_NAME_MAX];
    transport_init(&server.transport, "capsem.mcp", VSOCK_PORT);
    if (argc == 3 && strcmp(argv[1], "--dial") == 0) {
        server.transport.dial = argv[2];
    } else if (argc != 1) {
        fputs("capsem-mcp-server: a local MCP server that is on the host\n"
              "  --dial PATH   connect to this Unix socket in place of vsock\n",
              stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    meta_process_name(getppid(), name);
    server.line_len = meta_line(name, server.line);
    server.out = (struct queue){ .buf = server.out_buf, .cap = sizeof server.out_buf };
    server.in = (struct queue){ .buf = server.in_buf, .cap = sizeof server.in_buf };
    while (step()) {
    }
    return 0;
}

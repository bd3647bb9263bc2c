// SPDX-License-Identifier: Apache-2.0
// capsem-net-proxy: runs in the guest, started by capsem-init. What programs send to any address'
// port 443 arrives here (capsem-init redirects it) and goes to the host, each connection behind a
// line that names its process. Over vsock each is a connection of its own; over the virtio-serial
// port they share one stream (lib/mux.h). One thread, one poll loop; every buffer has a fixed size,
// who finds no place waits in the listener's backlog.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/bridge.h"
#include "lib/log.h"
#include "lib/meta.h"
#include "lib/mux.h"
#include "lib/number.h"
#include "lib/transport.h"

enum {
    LISTEN_PORT = 10443,
    VSOCK_PORT = 5002,
    CONNS = MUX_CONNS_MAX,
    BACKLOG = 1024,
    ACCEPTS = 4, // in a round
    WAY_BUFFER = 16384,
    HOST_PATIENCE_MS = 30000, // a client waits so long for a host
};

// A connection that has its own way to the host.
struct direct {
    struct bridge bridge; // near_in -1: the slot is free
    struct transport transport;
    uint64_t since_ms;
    uint8_t out[WAY_BUFFER], in[WAY_BUFFER];
};

static struct proxy {
    int listener;
    bool shared; // one stream for all
    const char *dial;
    struct transport link;
    struct mux mux;
    struct mux_conn conns[CONNS];
    uint8_t buffers[CONNS * MUX_BUFFER], link_buffers[2 * MUX_LINK_BUFFER];
    struct direct directs[CONNS];
    struct pollfd fds[2 + CONNS * BRIDGE_POLLS];
} proxy;

static int listen_at(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, BACKLOG) != 0) {
        return -1;
    }
    return fd;
}

// The line goes first; empty when nobody is there.
static int accept_one(char line[META_LINE_MAX], size_t *ret_len) {
    struct sockaddr_in peer = { 0 };
    socklen_t len = sizeof peer;
    int fd = accept4(proxy.listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    char name[META_NAME_MAX];
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    meta_peer_name(peer.sin_addr.s_addr, ntohs(peer.sin_port), name);
    *ret_len = meta_line(name, line);
    return fd;
}

static int sooner(int a, int b) {
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

// -- one stream for all --

static const struct mux_hooks no_hooks;

static void accept_shared(void) {
    char line[META_LINE_MAX];
    size_t len = 0;
    // Room for OPEN and the line, so that the line is the first to go. Not all at once: to find a
    // process takes its time, and those who are there wait.
    for (int i = 0; i < ACCEPTS && mux_has_slot(&proxy.mux) &&
                    queue_room(&proxy.mux.out) > 2 * MUX_HEADER + META_LINE_MAX;
         i++) {
        int fd = accept_one(line, &len);
        if (fd < 0) {
            return;
        }
        struct mux_conn *conn = mux_open(&proxy.mux, fd);
        if (!mux_send_first(&proxy.mux, conn, line, len)) {
            mux_reset(&proxy.mux, conn);
        }
    }
}

static void lose_link(const char *why) {
    if (why) {
        log_line("%s: starting over", why);
    }
    transport_drop(&proxy.link);
    mux_restart(&proxy.mux);
}

static void move_link(short events) {
    struct mux *mux = &proxy.mux;
    if (events && proxy.link.state == TRANSPORT_CONNECTING) {
        transport_connected(&proxy.link);
        return;
    }
    bool lost = events & (POLLIN | POLLHUP | POLLERR) &&
                queue_read(&mux->in, proxy.link.fd, SIZE_MAX) == IO_LOST;
    lost = lost || (events & POLLOUT && queue_write(&mux->out, proxy.link.fd) == IO_LOST);
    if (lost) {
        lose_link(NULL);
    } else if (!mux_take_frames(mux, &no_hooks)) {
        lose_link("malformed frame from the host");
    } else if (mux->met) {
        transport_proven(&proxy.link);
    }
}

// False: a lent stream has ended.
static bool step_shared(void) {
    struct mux *mux = &proxy.mux;
    if (transport_open(&proxy.link)) {
        mux_restart(mux);
    }
    if (transport_is_over(&proxy.link)) {
        return false;
    }
    mux_flush(mux, &no_hooks);
    bool up = proxy.link.state == TRANSPORT_UP;
    short events = (short)((up && queue_room(&mux->in) > 0 ? POLLIN : 0) |
                           (!up || mux->out.len > 0 ? POLLOUT : 0));
    bool takes =
        mux->met && mux_has_slot(mux) && queue_room(&mux->out) > 2 * MUX_HEADER + META_LINE_MAX;
    proxy.fds[0] = (struct pollfd){ .fd = takes ? proxy.listener : -1, .events = POLLIN };
    proxy.fds[1] = (struct pollfd){ .fd = events ? proxy.link.fd : -1, .events = events };
    mux_fill_polls(mux, proxy.fds + 2);
    if (poll(proxy.fds, 2 + CONNS, transport_wait_ms(&proxy.link)) < 0) {
        return true;
    }
    mux_move(mux, proxy.fds + 2, &no_hooks);
    move_link(proxy.fds[1].revents);
    if (proxy.fds[0].revents && proxy.mux.met) {
        accept_shared();
    }
    return true;
}

// -- a connection of its own for each --

static void free_direct(struct direct *direct) {
    close(direct->bridge.near);
    transport_drop(&direct->transport);
    direct->bridge.near = -1;
}

static struct direct *find_free(void) {
    for (size_t i = 0; i < CONNS; i++) {
        if (proxy.directs[i].bridge.near < 0) {
            return &proxy.directs[i];
        }
    }
    return NULL;
}

static void accept_direct(void) {
    struct direct *direct = find_free();
    char line[META_LINE_MAX];
    size_t len = 0;
    int fd = direct ? accept_one(line, &len) : -1;
    if (fd < 0) {
        return;
    }
    direct->bridge = (struct bridge){
        .near = fd,
        .far = -1,
        .out.queue = { .buf = direct->out, .cap = WAY_BUFFER },
        .in.queue = { .buf = direct->in, .cap = WAY_BUFFER },
    };
    memcpy(direct->out, line, len);
    queue_grow(&direct->bridge.out.queue, len);
    transport_init(&direct->transport, NULL, VSOCK_PORT);
    direct->transport.dial = proxy.dial;
    direct->since_ms = clock_ms();
}

// Its way to the host, as far as that goes without waiting. Returns ms until the next try, or -1.
static int open_direct(struct direct *direct) {
    struct transport *transport = &direct->transport;
    transport_open(transport);
    if (transport->state != TRANSPORT_UP && clock_ms() - direct->since_ms > HOST_PATIENCE_MS) {
        log_line("no host for a connection: closing it");
        free_direct(direct);
        return -1;
    }
    direct->bridge.far = transport->state == TRANSPORT_UP ? transport->fd : -1;
    return transport_wait_ms(transport);
}

static void move_direct(struct direct *direct, const struct pollfd *fds) {
    if (direct->transport.state == TRANSPORT_CONNECTING) {
        if (fds[1].revents) {
            transport_connected(&direct->transport);
        }
        return;
    }
    if (direct->transport.state == TRANSPORT_UP &&
        bridge_move(&direct->bridge, fds) != BRIDGE_GOES_ON) {
        free_direct(direct);
    }
}

static void step_direct(void) {
    int wait_ms = -1;
    for (size_t i = 0; i < CONNS; i++) {
        struct direct *direct = &proxy.directs[i];
        struct pollfd *fds = proxy.fds + 1 + i * BRIDGE_POLLS;
        for (size_t p = 0; p < BRIDGE_POLLS; p++) {
            fds[p] = (struct pollfd){ .fd = -1 };
        }
        if (direct->bridge.near < 0) {
            continue;
        }
        wait_ms = sooner(wait_ms, open_direct(direct));
        if (direct->transport.state == TRANSPORT_UP) {
            bridge_fill_polls(&direct->bridge, fds);
        } else if (direct->transport.state == TRANSPORT_CONNECTING) {
            fds[1] = (struct pollfd){ .fd = direct->transport.fd, .events = POLLOUT };
        }
    }
    proxy.fds[0] = (struct pollfd){ .fd = find_free() ? proxy.listener : -1, .events = POLLIN };
    if (poll(proxy.fds, 1 + CONNS * BRIDGE_POLLS, wait_ms) < 0) {
        return;
    }
    for (size_t i = 0; i < CONNS; i++) {
        if (proxy.directs[i].bridge.near >= 0) {
            move_direct(&proxy.directs[i], proxy.fds + 1 + i * BRIDGE_POLLS);
        }
    }
    if (proxy.fds[0].revents) {
        accept_direct();
    }
}

// -- the start --

static const char usage[] = "capsem-net-proxy: takes connections to port 443 to the host\n"
                            "  --port N      listen here (10443)\n"
                            "  --link-fd N   share this open descriptor\n"
                            "  --dial PATH   connect to this Unix socket in place of vsock\n";

static bool parse_options(int argc, char **argv, int *port) {
    for (int i = 1; i + 1 < argc; i += 2) {
        int number = number_parse(argv[i + 1], UINT16_MAX);
        if (strcmp(argv[i], "--port") == 0 && number >= 0) {
            *port = number;
        } else if (strcmp(argv[i], "--link-fd") == 0 && number >= 0) {
            transport_lend(&proxy.link, number);
        } else if (strcmp(argv[i], "--dial") == 0) {
            proxy.dial = argv[i + 1];
        } else {
            return false;
        }
    }
    return argc % 2 == 1; // each has a value
}

int main(int argc, char **argv) {
    int port = LISTEN_PORT;
    transport_init(&proxy.link, "capsem.net", VSOCK_PORT);
    if (!parse_options(argc, argv, &port)) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    proxy.listener = listen_at((uint16_t)port);
    if (proxy.listener < 0) {
        log_line("cannot listen at 127.0.0.1 port %d: %s", port, strerror(errno));
        return 1;
    }
    for (size_t i = 0; i < CONNS; i++) {
        proxy.directs[i].bridge.near = -1;
    }
    mux_init(&proxy.mux, proxy.conns, CONNS, proxy.buffers, proxy.link_buffers, true);
    mux_restart(&proxy.mux);
    proxy.shared = proxy.link.lent || (!proxy.dial && !transport_has_vsock());
    proxy.link.only_port = true;
    if (!proxy.shared) {
        for (;;) {
            step_direct();
        }
    }
    while (step_shared()) {
    }
    return 0;
}

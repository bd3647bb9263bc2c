// SPDX-License-Identifier: Apache-2.0
/* The gate's process: one poll loop over the stream, the connections, and what they wait for. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "gate/internal.h"

enum {
    CONNS = MUX_CONNS_MAX,
    TICK_MS = 250,   /* for deadlines, while something has one */
    END_MS = 2000,   /* after the end of the stream */
    END_STEP_MS = 5, /* between two looks whether it has ended */
    FD_LINK = 3,
    FD_LOG = 4,
};

struct server {
    struct gate gate;
    struct mux mux;
    struct mux_conn mux_conns[CONNS];
    struct conn conns[CONNS];
    uint8_t buffers[CONNS * MUX_BUFFER], link_buffers[2 * MUX_LINK_BUFFER];
    struct pollfd
        fds[1 + 2 * CONNS]; /* the stream, bytes of connections, what else they wait for */
};

static struct conn *conn_of(struct server *server, const struct mux_conn *mux_conn) {
    return &server->conns[mux_conn - server->mux_conns];
}

static void on_opened(void *self, struct mux_conn *mux_conn) {
    struct server *server = self;
    conn_opened(&server->gate, conn_of(server, mux_conn), mux_conn);
}

static void on_closed(void *self, struct mux_conn *mux_conn) {
    struct server *server = self;
    conn_closed(&server->gate, conn_of(server, mux_conn));
}

static size_t on_data(void *self, struct mux_conn *mux_conn, const uint8_t *data, size_t len) {
    return conn_admit(conn_of(self, mux_conn), data, len);
}

/* Whether something has a deadline. */
static bool fill_polls(struct server *server) {
    struct mux *mux = &server->mux;
    bool waits = false;
    short events =
        (short)((queue_room(&mux->in) > 0 ? POLLIN : 0) | (mux->out.len > 0 ? POLLOUT : 0));
    server->fds[0] = (struct pollfd){ .fd = events != 0 ? FD_LINK : -1, .events = events };
    mux_fill_polls(mux, server->fds + 1);
    for (size_t i = 0; i < CONNS; i++) {
        enum conn_phase phase = server->conns[i].phase;
        waits = waits || (phase != CONN_FREE && phase != CONN_OPEN);
        server->fds[1 + CONNS + i] = conn_poll(&server->conns[i]);
    }
    return waits;
}

static bool move_link(struct server *server, const struct mux_hooks *hooks) {
    struct mux *mux = &server->mux;
    short events = server->fds[0].revents;
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 &&
        queue_read(&mux->in, FD_LINK, SIZE_MAX) == IO_LOST) {
        return false;
    }
    if ((events & POLLOUT) != 0 && queue_write(&mux->out, FD_LINK) == IO_LOST) {
        return false;
    }
    return mux_take_frames(mux, hooks);
}

static void step_conns(struct server *server) {
    for (size_t i = 0; i < CONNS; i++) {
        if (server->conns[i].phase != CONN_FREE) {
            const struct pollfd *fd = &server->fds[1 + CONNS + i];
            /* It may wait for something else by now. */
            bool ready = fd->revents != 0 && fd->fd == conn_poll(&server->conns[i]).fd;
            conn_step(&server->gate, &server->conns[i], ready);
        }
    }
}

static void serve(struct server *server, const struct gate_spec *spec) {
    const struct mux_hooks hooks = { server, on_opened, on_closed, on_data };
    server->gate = (struct gate){
        .spec = spec,
        .log = { .fd = spec->log_fd >= 0 ? FD_LOG : -1 },
        .mux = &server->mux,
        .conns = server->conns,
    };
    mux_init(&server->mux, server->mux_conns, CONNS, server->buffers, server->link_buffers, false);
    mux_restart(&server->mux);
    for (bool good = true; good;) {
        mux_flush(&server->mux, &hooks);
        bool waits = fill_polls(server);
        if (poll(server->fds, ARRAY_LEN(server->fds), waits ? TICK_MS : -1) < 0) {
            continue;
        }
        mux_move(&server->mux, server->fds + 1, &hooks);
        good = move_link(server, &hooks);
        step_conns(server);
    }
    for (size_t i = 0; i < CONNS; i++) {
        if (server->conns[i].phase != CONN_FREE) {
            conn_closed(&server->gate, &server->conns[i]);
        }
    }
}

/* Only the stream and the log, at their places: nothing of the caller's stays open here. */
static bool place_fds(const struct gate_spec *spec) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int link = fcntl(spec->link_fd, F_DUPFD_CLOEXEC, 64);
    int log = fcntl(spec->log_fd >= 0 ? spec->log_fd : null, F_DUPFD_CLOEXEC, 64);
    bool good = null >= 0 && link >= 0 && log >= 0 && os_dup_to(link, FD_LINK) >= 0 &&
                os_dup_to(log, FD_LOG) >= 0;
    for (int fd = 0; good && fd < FD_LINK; fd++) {
        good = dup2(null, fd) >= 0;
    }
    return good && fcntl(FD_LINK, F_SETFL, O_NONBLOCK) == 0 && os_close_from(FD_LOG + 1);
}

static _Noreturn void child(const struct gate_spec *spec, pid_t parent) {
    /* Mapped, because most of it is never touched. */
    struct server *server = mmap(NULL, sizeof *server, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    sigset_t none;
    setsid(); /* Ctrl-C is for the caller, who ends the machine and with it the stream */
    if (!spec->stays) {
        os_die_with_parent();
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    bool wanted = spec->stays || getppid() == parent;
    if (wanted && server != MAP_FAILED && place_fds(spec)) {
        serve(server, spec);
    }
    _exit(0);
}

bool gate_start(const struct gate_spec *spec, pid_t *ret_pid, struct err *err) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return err_sys(err, errno, "start the process of the guest's network");
    }
    if (pid == 0) {
        child(spec, parent);
    }
    *ret_pid = pid;
    return true;
}

void gate_stop(pid_t pid) {
    uint64_t deadline_ms = time_now_ms() + END_MS;
    while (time_now_ms() < deadline_ms) {
        pid_t ended = waitpid(pid, NULL, WNOHANG);
        if (ended == pid || (ended < 0 && errno != EINTR)) {
            return;
        }
        const struct timespec pause = { .tv_nsec = END_STEP_MS * 1000000L };
        nanosleep(&pause, NULL);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

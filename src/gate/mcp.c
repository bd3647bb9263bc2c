// SPDX-License-Identifier: Apache-2.0
/*
 * The host's end of the guest's capsem-mcp-server: the lines of each program in the guest go to a
 * server of its own, a command of the user's, and its lines go back. A program begins with a line
 * that holds NUL, which no JSON does; the one before it is gone then. The stream may lose the end
 * of a line when a program ends, never run two into each other.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/lib/queue.h"
#include "gate/gate.h"
#include "gate/mcp_pending.h"

enum {
    FD_LINK = 3,
    WAY_BYTES = 65536, /* each way */
    END_MS = 500,      /* for a server to end in */
    OWN_END_MS = 200,
    WHY_BYTES = 80,
    END_STEP_MS = 10,
};

static const char ended[] = "the MCP server on the host has ended";

struct relay {
    const struct gate_mcp_spec *spec;
    int errors_fd;
    pid_t pid;           /* the server, and its process group; 0: none */
    int in_fd, out_fd;   /* of the server; -1: closed */
    char why[WHY_BYTES]; /* it is not there to answer */
    bool met;            /* a program of the guest's has begun */
    bool mid_line;       /* what the guest got last is no whole line */
    struct queue from_guest, to_guest;
    struct mcp_pending pending;
    uint8_t buffers[2][WAY_BYTES];
};

static void close_fd(int *fd) {
    fd_close_auto(fd);
    *fd = -1;
}

/* ---- the server ---- */

static void end_server(struct relay *r) {
    const struct timespec pause = { .tv_nsec = END_STEP_MS * 1000000L };
    close_fd(&r->in_fd);
    close_fd(&r->out_fd);
    if (r->pid == 0) {
        return;
    }
    kill(-r->pid, SIGTERM);
    uint64_t deadline_ms = time_now_ms() + END_MS;
    while (time_now_ms() < deadline_ms && waitpid(r->pid, NULL, WNOHANG) == 0) {
        nanosleep(&pause, NULL);
    }
    /* Whatever it started too. */
    kill(-r->pid, SIGKILL);
    while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    r->pid = 0;
}

/* Its output has ended; it has a moment to do so itself, before it is made to. */
static void note_end(struct relay *r) {
    const struct timespec pause = { .tv_nsec = END_STEP_MS * 1000000L };
    siginfo_t info = { 0 };
    for (uint64_t deadline_ms = time_now_ms() + OWN_END_MS;;) {
        bool asked = waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
        if (!asked || info.si_pid != 0 || time_now_ms() >= deadline_ms) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    if (info.si_pid != 0) {
        snprintf(r->why, sizeof r->why, "%s: %s %d", ended,
                 info.si_code == CLD_EXITED ? "exit status" : "signal", info.si_status);
    }
}

static _Noreturn void run_server(const struct relay *r, const char *process, int in, int out) {
    setpgid(0, 0);
    os_die_with_parent();
    signal(SIGPIPE, SIG_DFL);
    setenv("CAPSEM_MCP_CLIENT", process, 1);
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(r->errors_fd, STDERR_FILENO) >= 0) {
        execl("/bin/sh", "sh", "-c", r->spec->command, (char *)NULL);
    }
    _exit(127);
}

/* One that cannot be started is one that has ended. */
static void start_server(struct relay *r, const char *process) {
    int in[2], out[2];
    if (os_pipe(in) != 0) {
        return;
    }
    AUTO_FD in_read = in[0], in_write = in[1];
    if (os_pipe(out) != 0) {
        return;
    }
    AUTO_FD out_read = out[0], out_write = out[1];
    pid_t pid = fork();
    if (pid < 0) {
        return;
    }
    if (pid == 0) {
        run_server(r, process, in_read, out_write);
    }
    setpgid(pid, pid); /* on both sides: whoever is first */
    r->pid = pid;
    (void)!fcntl(in_write, F_SETFL, O_NONBLOCK);
    (void)!fcntl(out_read, F_SETFL, O_NONBLOCK);
    r->in_fd = take_fd(&in_write);
    r->out_fd = take_fd(&out_read);
}

/* ---- from the guest ---- */

/* The next program gets no end of a line that was another's. */
static void begin(struct relay *r, const char *process) {
    end_server(r);
    mcp_pending_clear(&r->pending);
    queue_clear(&r->to_guest);
    if (r->mid_line) {
        *queue_tail(&r->to_guest) = '\n';
        queue_grow(&r->to_guest, 1);
    }
    snprintf(r->why, sizeof r->why, "%s", ended);
    r->met = true;
    start_server(r, process);
}

static void add_text(struct relay *r, const char *text, size_t len) {
    if (len <= queue_room(&r->to_guest)) {
        memcpy(queue_tail(&r->to_guest), text, len);
        queue_grow(&r->to_guest, len);
    }
}

/* Questions that no server will answer any more; the rest when there is room again. */
static void answer_for_nobody(struct relay *r) {
    AUTO_BUF text = BUF_INIT(MCP_ANSWER_MAX);
    while (queue_room(&r->to_guest) >= MCP_ANSWER_MAX &&
           mcp_pending_next(&r->pending, r->why, &text)) {
        add_text(r, text.ptr, text.len);
        buf_reset(&text);
    }
}

static void take_unserved(struct relay *r, size_t len) {
    mcp_pending_ask(&r->pending, (str){ (const char *)queue_data(&r->from_guest), len });
    queue_drop(&r->from_guest, len);
    answer_for_nobody(r);
}

static void give_to_server(struct relay *r, size_t len) {
    ssize_t n = write(r->in_fd, queue_data(&r->from_guest), len);
    if (n > 0) {
        mcp_pending_ask(&r->pending, (str){ (const char *)queue_data(&r->from_guest), (size_t)n });
        queue_drop(&r->from_guest, (size_t)n);
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        close_fd(&r->in_fd);
    }
}

/* Bytes in front of the next program's beginning. */
static size_t plain_len(const struct relay *r) {
    const uint8_t *data = queue_data(&r->from_guest);
    const uint8_t *nul = memchr(data, '\0', r->from_guest.len);
    return nul != NULL ? (size_t)(nul - data) : r->from_guest.len;
}

static void take_from_guest(struct relay *r) {
    char process[GATE_PROCESS_MAX + 1];
    size_t meta_len = 0;
    size_t len = plain_len(r);
    if (len > 0 && !r->met) {
        queue_drop(&r->from_guest, len);
        len = 0;
    }
    if (len > 0 && r->in_fd >= 0) {
        size_t before = r->from_guest.len;
        give_to_server(r, len);
        bool is_stuck = r->in_fd >= 0 && r->from_guest.len == before;
        if (!is_stuck || len == before) {
            return;
        }
        /* Who wrote it is gone, and the next program waits after it: it is dropped below. */
    } else if (len > 0) {
        take_unserved(r, len);
        len = plain_len(r);
    }
    /* A line that was cut by the next program's beginning is no line. */
    bool more_follows = len < r->from_guest.len;
    if (more_follows) {
        queue_drop(&r->from_guest, len);
    }
    str data = { (const char *)queue_data(&r->from_guest), r->from_guest.len };
    switch (data.len == 0 || !more_follows ? GATE_MORE
                                           : gate_meta_parse(data, process, &meta_len)) {
    case GATE_MORE:
        return;
    case GATE_WHOLE:
        queue_drop(&r->from_guest, meta_len);
        begin(r, process);
        return;
    case GATE_BAD:
        queue_drop(&r->from_guest, 1); /* the NUL */
        return;
    }
}

/* ---- the relay ---- */

/* The server died within a line: what follows begins one of its own. */
static void end_line(struct relay *r) {
    const struct queue *q = &r->to_guest;
    bool is_cut = q->len > 0 ? queue_data(q)[q->len - 1] != '\n' : r->mid_line;
    if (is_cut) {
        add_text(r, "\n", 1);
    }
}

static void take_from_server(struct relay *r) {
    size_t before = r->to_guest.len;
    enum io_result result = queue_read(&r->to_guest, r->out_fd, SIZE_MAX);
    const char *news = (const char *)queue_data(&r->to_guest) + before;
    mcp_pending_answer(&r->pending, (str){ news, r->to_guest.len - before });
    if (result == IO_LOST) {
        end_line(r);
        note_end(r);
        end_server(r);
        answer_for_nobody(r);
    }
}

static bool give_to_guest(struct relay *r) {
    size_t before = r->to_guest.len;
    const uint8_t *data = queue_data(&r->to_guest);
    if (queue_write(&r->to_guest, FD_LINK) == IO_LOST) {
        return false;
    }
    size_t given = before - r->to_guest.len;
    r->mid_line = given > 0 ? data[given - 1] != '\n' : r->mid_line;
    return true;
}

/* False: the stream has ended. */
static bool step(struct relay *r) {
    bool reads = queue_room(&r->from_guest) > 0, writes = r->to_guest.len > 0;
    bool serves = r->in_fd >= 0 && plain_len(r) > 0;
    struct pollfd fds[] = {
        { .fd = FD_LINK, .events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)) },
        { .fd = queue_room(&r->to_guest) > 0 ? r->out_fd : -1, .events = POLLIN },
        { .fd = serves ? r->in_fd : -1, .events = POLLOUT },
    };
    if (poll(fds, ARRAY_LEN(fds), -1) < 0) {
        return true;
    }
    if ((fds[0].revents & POLLOUT) != 0 && !give_to_guest(r)) {
        return false;
    }
    if (r->pid == 0) {
        answer_for_nobody(r);
    }
    if (fds[1].revents != 0) {
        take_from_server(r);
    }
    /* Full: nothing of it will be read any more, and its end must still be seen. */
    if (!reads && (fds[0].revents & (POLLHUP | POLLERR)) != 0) {
        return false;
    }
    if (reads && (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
        queue_read(&r->from_guest, FD_LINK, SIZE_MAX) == IO_LOST) {
        return false;
    }
    for (size_t before = SIZE_MAX; r->from_guest.len > 0 && r->from_guest.len != before;) {
        before = r->from_guest.len;
        take_from_guest(r);
    }
    return true;
}

static bool place_fds(const struct gate_mcp_spec *spec, int *ret_errors) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int link = fcntl(spec->link_fd, F_DUPFD_CLOEXEC, 64);
    int errors = fcntl(spec->errors_fd >= 0 ? spec->errors_fd : null, F_DUPFD_CLOEXEC, 64);
    bool good = null >= 0 && link >= 0 && errors >= 0 && os_dup_to(link, FD_LINK) >= 0 &&
                os_dup_to(errors, FD_LINK + 1) >= 0;
    for (int fd = 0; good && fd < FD_LINK; fd++) {
        good = dup2(null, fd) >= 0;
    }
    *ret_errors = FD_LINK + 1;
    return good && fcntl(FD_LINK, F_SETFL, O_NONBLOCK) == 0 && os_close_from(FD_LINK + 2);
}

static _Noreturn void child(const struct gate_mcp_spec *spec, pid_t parent) {
    struct relay *r = calloc(1, sizeof *r);
    sigset_t none;
    /* Ctrl-C is for the caller, who ends the machine and with it the stream. The same when the
     * caller is killed: QEMU dies of it, and this process must live to end the server. */
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    bool wanted = spec->stays || getppid() == parent;
    if (r != NULL && wanted && place_fds(spec, &r->errors_fd)) {
        r->spec = spec;
        r->in_fd = r->out_fd = -1;
        r->from_guest = (struct queue){ .buf = r->buffers[0], .cap = WAY_BYTES };
        r->to_guest = (struct queue){ .buf = r->buffers[1], .cap = WAY_BYTES };
        while (step(r)) {
        }
        end_server(r);
        mcp_pending_done(&r->pending);
    }
    _exit(0);
}

bool gate_mcp_start(const struct gate_mcp_spec *spec, pid_t *ret_pid, struct err *err) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return err_sys(err, errno, "start the process of the guest's MCP server");
    }
    if (pid == 0) {
        child(spec, parent);
    }
    *ret_pid = pid;
    return true;
}

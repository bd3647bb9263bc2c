// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "vm/internal.h"

enum {
    TERMINAL_BYTES = 16384,
    STREAMS = 4, /* console, errors, control, terminal */
};

static struct queue queue_new(struct arena *a, size_t cap) {
    return (struct queue){ .buf = arena_alloc(a, cap), .cap = cap };
}

void vm_machine_init(struct vm_machine *m, struct arena *a) {
    *m = (struct vm_machine){
        .pid_fd = -1,
        .console_fd = -1,
        .errors_fd = -1,
        .control_fd = -1,
        .terminal_fd = -1,
        .console = ARENA_NEW(a, struct tail),
        .errors = ARENA_NEW(a, struct tail),
        .in = queue_new(a, WIRE_HEADER + WIRE_FRAME_MAX),
        .out = queue_new(a, 2 * (WIRE_HEADER + WIRE_FRAME_MAX)),
        .to_guest = queue_new(a, TERMINAL_BYTES),
        .from_guest = queue_new(a, TERMINAL_BYTES),
    };
}

/* Our ends (0) and QEMU's (1), and the pipe that says why exec failed. */
struct ends {
    int pairs[STREAMS][2];
    int failed[2];
};

static void ends_close(struct ends *ends) {
    for (size_t i = 0; i < STREAMS; i++) {
        fd_close_auto(&ends->pairs[i][0]);
        fd_close_auto(&ends->pairs[i][1]);
    }
    fd_close_auto(&ends->failed[0]);
    fd_close_auto(&ends->failed[1]);
}

/* One that stays: QEMU listens, and we are its first client. */
static bool ends_keep(struct ends *ends, const char *dir, struct err *err) {
    static const struct {
        enum kept_socket socket;
        size_t pair;
    } kept[] = { { KEPT_CONSOLE, 0 }, { KEPT_CONTROL, 2 }, { KEPT_TERMINAL, 3 } };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        int *pair = ends->pairs[kept[i].pair];
        if (!kept_listen(dir, kept[i].socket, &pair[1], err) ||
            !kept_connect(dir, kept[i].socket, &pair[0], err)) {
            return false;
        }
    }
    return true;
}

static bool ends_open(struct ends *ends, const char *keep_dir, struct err *err) {
    if (keep_dir != NULL && !ends_keep(ends, keep_dir, err)) {
        return false;
    }
    for (size_t i = 0; i < STREAMS; i++) {
        if (ends->pairs[i][0] >= 0) {
            continue;
        }
        if (os_socket_pair(AF_UNIX, SOCK_STREAM, ends->pairs[i]) != 0) {
            return err_sys(err, errno, "create a socket pair");
        }
        if (fcntl(ends->pairs[i][0], F_SETFL, O_NONBLOCK) != 0) {
            return err_sys(err, errno, "make a socket non-blocking");
        }
    }
    if (os_pipe(ends->failed) != 0) {
        return err_sys(err, errno, "create a pipe");
    }
    return true;
}

/* Puts `fds` (-1: none) at 0, 1, 2, …: first out of each other's way, then into place, open across
 * exec. */
static bool place_fds(const int *fds, int count) {
    int high[QEMU_FD_END];
    for (int i = 0; i < count; i++) {
        if (fds[i] < 0) {
            continue;
        }
        high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
        if (high[i] < 0) {
            return false;
        }
    }
    for (int i = 0; i < count; i++) {
        if (fds[i] >= 0 && dup2(high[i], i) < 0) {
            return false;
        }
    }
    return true;
}

/* Between fork and exec: no allocation, no stdio. */
static _Noreturn void child(const char *program, const char *const *args, const struct ends *ends,
                            const struct vm_spec *spec, const struct volumes *volumes,
                            pid_t parent) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (spec->keep_dir == NULL) {
        os_die_with_parent();
    }
    /* Ctrl-C on the terminal is for us: we end QEMU. */
    setsid();
    int failed = fcntl(ends->failed[1], F_DUPFD_CLOEXEC, 64);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fds[QEMU_FD_END] = {
        null,
        ends->pairs[1][1],
        ends->pairs[1][1],
        [QEMU_CONSOLE] = ends->pairs[0][1],
        [QEMU_CONTROL] = ends->pairs[2][1],
        [QEMU_TERMINAL] = ends->pairs[3][1],
        [QEMU_NET] = spec->net_fd > 0 ? spec->net_fd : -1,
        [QEMU_MCP] = spec->mcp_fd > 0 ? spec->mcp_fd : -1,
        [QEMU_SCRATCH] = spec->scratch_fd > 0 ? spec->scratch_fd : -1,
    };
    for (size_t i = 0; i < VM_VOLUMES_MAX; i++) {
        fds[QEMU_VOLUME + i] = volumes->fds[i];
    }
    if (failed >= 0 && null >= 0 && getppid() == parent && place_fds(fds, QEMU_FD_END)) {
        execv(program, (char *const *)args);
    }
    int why = errno;
    ssize_t ignored = write(failed, &why, sizeof why);
    (void)ignored;
    _exit(127);
}

static void reap(struct vm_machine *m) {
    while (waitpid(m->pid, &m->wait_status, 0) < 0 && errno == EINTR) {
    }
    m->pid = 0;
}

bool vm_machine_start(struct vm_machine *m, const char *program, const char *const *args,
                      const struct vm_spec *spec, const struct volumes *volumes, struct err *err) {
    __attribute__((cleanup(ends_close))) struct ends ends = {
        .pairs = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } },
        .failed = { -1, -1 },
    };
    if (!ends_open(&ends, spec->keep_dir, err)) {
        return false;
    }
    m->started_ms = m->heard_ms = time_now_ms();
    pid_t parent = getpid();
    m->pid = fork();
    if (m->pid < 0) {
        m->pid = 0;
        return err_sys(err, errno, "start '%s'", program);
    }
    if (m->pid == 0) {
        child(program, args, &ends, spec, volumes, parent);
    }
    close(take_fd(&ends.failed[1]));
    int why = 0;
    if (read(ends.failed[0], &why, sizeof why) == sizeof why) {
        reap(m);
        return err_sys(err, why, "start '%s'", program);
    }
    m->pid_fd = os_process_fd(m->pid);
    if (m->pid_fd < 0) {
        int number = errno;
        vm_machine_stop(m);
        return err_sys(err, number, "watch '%s'", program);
    }
    if (spec->keep_dir != NULL && !kept_note(spec->keep_dir, m->pid, err)) {
        vm_machine_stop(m);
        return false;
    }
    m->console_fd = take_fd(&ends.pairs[0][0]);
    m->errors_fd = take_fd(&ends.pairs[1][0]);
    m->control_fd = take_fd(&ends.pairs[2][0]);
    m->terminal_fd = take_fd(&ends.pairs[3][0]);
    return true;
}

static void close_stream(int *fd) {
    fd_close_auto(fd);
    *fd = -1;
}

static bool join(struct vm_machine *m, const char *dir, bool terminal, struct err *err) {
    return kept_connect(dir, KEPT_CONTROL, &m->control_fd, err) &&
           (!terminal || kept_connect(dir, KEPT_TERMINAL, &m->terminal_fd, err));
}

bool vm_machine_attach(struct vm_machine *m, const char *dir, bool terminal, struct err *err) {
    m->started_ms = m->heard_ms = time_now_ms();
    m->stays = true;
    m->pid = kept_pid(dir);
    m->pid_fd = m->pid == 0 ? -1 : os_process_fd(m->pid);
    if (m->pid_fd < 0) {
        m->pid = 0;
        return err_set(err, "the machine is no longer running");
    }
    return join(m, dir, terminal, err);
}

bool vm_machine_rejoin(struct vm_machine *m, const char *dir, unsigned gap_ms, struct err *err) {
    const struct timespec gap = { .tv_sec = gap_ms / 1000, .tv_nsec = gap_ms % 1000 * 1000000L };
    bool terminal = m->terminal_fd >= 0;
    close_stream(&m->control_fd);
    close_stream(&m->terminal_fd);
    queue_clear(&m->in);
    queue_clear(&m->out);
    queue_clear(&m->from_guest);
    nanosleep(&gap, NULL);
    m->started_ms = time_now_ms();
    return join(m, dir, terminal, err);
}

/* Reads what is there into the tail; closes the stream at its end. */
static bool drain_text(int *fd, struct tail *tail) {
    char block[4096];
    bool heard = false;
    while (*fd >= 0) {
        ssize_t n = read(*fd, block, sizeof block);
        if (n > 0) {
            tail_add(tail, (str){ block, (size_t)n });
            heard = true;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            close_stream(fd);
        } else if (errno == EAGAIN) {
            break;
        }
    }
    return heard;
}

static void drain_texts(struct vm_machine *m) {
    if (drain_text(&m->console_fd, m->console)) {
        m->heard_ms = time_now_ms();
        m->first_ms = m->first_ms == 0 ? m->heard_ms : m->first_ms;
    }
    drain_text(&m->errors_fd, m->errors);
}

static void move_stream(int *fd, short events, struct queue *from, struct queue *to) {
    bool lost =
        (events & (POLLIN | POLLHUP | POLLERR)) != 0 && queue_read(from, *fd, SIZE_MAX) == IO_LOST;
    lost = lost || ((events & POLLOUT) != 0 && queue_write(to, *fd) == IO_LOST);
    if (lost) {
        close_stream(fd);
    }
}

/* An entry that wants nothing is left out (-1): a hung-up descriptor would wake poll for ever. */
static struct pollfd want(int fd, const struct queue *from, const struct queue *to) {
    short events = (short)((queue_room(from) > 0 ? POLLIN : 0) | (to->len > 0 ? POLLOUT : 0));
    return (struct pollfd){ .fd = events != 0 ? fd : -1, .events = events };
}

static struct pollfd watch(int fd) {
    return (struct pollfd){ .fd = fd, .events = POLLIN };
}

void vm_machine_step(struct vm_machine *m, int wait_ms, struct machine_watch *watched) {
    struct pollfd fds[] = {
        watch(m->pid_fd),
        watch(m->console_fd),
        watch(m->errors_fd),
        want(m->control_fd, &m->in, &m->out),
        want(m->terminal_fd, &m->from_guest, &m->to_guest),
        watch(watched->event_fd),
        watch(watched->input_fd),
    };
    watched->event = watched->input = false;
    if (poll(fds, ARRAY_LEN(fds), wait_ms) < 0) {
        return;
    }
    drain_texts(m);
    if (fds[3].revents != 0) {
        move_stream(&m->control_fd, fds[3].revents, &m->in, &m->out);
    }
    if (fds[4].revents != 0) {
        move_stream(&m->terminal_fd, fds[4].revents, &m->from_guest, &m->to_guest);
    }
    watched->event = fds[5].revents != 0;
    watched->input = fds[6].revents != 0;
    if (fds[0].revents != 0) {
        reap(m);
        close_stream(&m->pid_fd);
        drain_texts(m);
    }
}

bool vm_machine_is_gone(const struct vm_machine *m) {
    return m->pid == 0;
}

void vm_machine_stop(struct vm_machine *m) {
    if (m->pid > 0 && !m->stays) {
        kill(m->pid, SIGKILL);
        reap(m);
    }
    if (m->console != NULL) {
        drain_texts(m);
    }
    int *fds[] = { &m->pid_fd, &m->console_fd, &m->errors_fd, &m->control_fd, &m->terminal_fd };
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        close_stream(fds[i]);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/lanes.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#include "cli/progress.h"

enum { LINE_BYTES_MAX = 64 * 1024, POLL_MS = 100 };

/* One of a lane's two streams. */
struct lane_stream {
    int fd; /* -1: at its end */
    struct buf line;
};

enum lane_end {
    LANE_RUNS,
    LANE_DONE,
    LANE_FAILED,
    LANE_STOPPED, /* by us */
};

struct lane {
    str name;
    pid_t pid;
    struct lane_stream out;
    struct lane_stream errors;
    bool told; /* to stop */
    enum lane_end end;
};

struct lanes {
    struct cli *cli;
    struct lane *items;
    size_t count;
    size_t name_len; /* of the longest */
};

/* ---- a lane's own process ---- */

static _Noreturn void run_lane(lane_function *function, void *self, size_t index, int out,
                               int errors, pid_t parent) {
    os_die_with_parent();
    setpgid(0, 0); /* a terminal tells its whole group of Ctrl-C: here the parent does */
    interrupt_catch();
    bool ok = getppid() == parent && dup2(out, STDOUT_FILENO) >= 0 &&
              dup2(errors, STDERR_FILENO) >= 0 && function(self, index);
    fflush(NULL);
    _exit(ok ? EXIT_OK : EXIT_FAILED);
}

static bool start(struct lanes *l, size_t index, lane_function *function, void *self,
                  struct err *err) {
    struct lane *lane = &l->items[index];
    int out[2];
    int errors[2];
    if (os_pipe(out) < 0) {
        return err_sys(err, errno, "create a pipe");
    }
    if (os_pipe(errors) < 0) {
        err_sys(err, errno, "create a pipe");
        close(out[0]);
        close(out[1]);
        return false;
    }
    fflush(NULL);
    pid_t parent = getpid();
    lane->pid = fork();
    if (lane->pid == 0) {
        run_lane(function, self, index, out[1], errors[1], parent);
    }
    close(out[1]);
    close(errors[1]);
    lane->out.fd = out[0];
    lane->errors.fd = errors[0];
    return lane->pid > 0 || err_sys(err, errno, "start a process");
}

/* ---- what they print ---- */

static void print_line(const struct lanes *l, const struct lane *lane, bool is_error, str line) {
    if (!is_error) {
        printf("%.*s\n", STR_FMT(line));
        fflush(stdout);
    } else if (str_starts(line, S("{"))) { /* --progress json */
        fprintf(stderr, "%.*s\n", STR_FMT(line));
    } else {
        fprintf(stderr, "%-*.*s | %.*s\n", (int)l->name_len, STR_FMT(lane->name), STR_FMT(line));
    }
}

static void take(const struct lanes *l, const struct lane *lane, struct lane_stream *s) {
    char block[16 * 1024];
    bool is_error = s == &lane->errors;
    ssize_t n = read(s->fd, block, sizeof block);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    str piece = { block, n > 0 ? (size_t)n : 0 };
    while (piece.len > 0) {
        size_t end = str_find_char(piece, '\n', 0);
        str part = str_slice(piece, 0, end == STR_NONE ? piece.len : end);
        buf_add(&s->line, str_clip(part, s->line.max - s->line.len));
        if (end == STR_NONE) {
            return;
        }
        print_line(l, lane, is_error, buf_str(&s->line));
        buf_reset(&s->line);
        piece = str_slice(piece, end + 1, piece.len);
    }
    if (n <= 0) {
        if (s->line.len > 0) {
            print_line(l, lane, is_error, buf_str(&s->line));
        }
        close(take_fd(&s->fd));
    }
}

/* ---- watching them ---- */

/* Each cleans up after itself. */
static void stop_others(struct lanes *l) {
    for (size_t i = 0; i < l->count; i++) {
        struct lane *lane = &l->items[i];
        if (lane->pid > 0 && !lane->told) {
            lane->told = true;
            kill(lane->pid, SIGTERM);
        }
    }
}

/* Both streams are at their end. */
static void reap(struct lanes *l, struct lane *lane) {
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(lane->pid, &status, 0)) < 0 && errno == EINTR) {
    }
    lane->pid = 0;
    lane->end = ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK ? LANE_DONE
                : lane->told                                                     ? LANE_STOPPED
                                                                                 : LANE_FAILED;
    if (lane->end == LANE_FAILED && WIFSIGNALED(status)) {
        print_error(l->cli, "%.*s: killed by signal %d", STR_FMT(lane->name), WTERMSIG(status));
    }
    if (lane->end == LANE_FAILED) {
        stop_others(l);
    }
}

static bool wait_once(struct lanes *l, struct pollfd *fds) {
    size_t running = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct lane *lane = &l->items[i];
        fds[2 * i] = (struct pollfd){ .fd = lane->out.fd, .events = POLLIN };
        fds[2 * i + 1] = (struct pollfd){ .fd = lane->errors.fd, .events = POLLIN };
        running += lane->pid > 0;
    }
    if (running == 0) {
        return false;
    }
    if (interrupted) {
        stop_others(l);
    }
    if (poll(fds, (nfds_t)(2 * l->count), POLL_MS) < 0) {
        return errno == EINTR;
    }
    for (size_t i = 0; i < l->count; i++) {
        struct lane *lane = &l->items[i];
        if (fds[2 * i].revents != 0) {
            take(l, lane, &lane->out);
        }
        if (fds[2 * i + 1].revents != 0) {
            take(l, lane, &lane->errors);
        }
        if (lane->pid > 0 && lane->out.fd < 0 && lane->errors.fd < 0) {
            reap(l, lane);
        }
    }
    return true;
}

/* ---- the end ---- */

static void add_names(const struct lanes *l, enum lane_end end, const char *what,
                      struct buf *text) {
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].end == end) {
            buf_addf(text, "%s%.*s",
                     count > 0       ? ", "
                     : text->len > 0 ? "; "
                                     : "",
                     STR_FMT(l->items[i].name));
            count++;
        }
    }
    if (count > 0) {
        buf_addf(text, " %s", what);
    }
}

static bool all_done(const struct lanes *l) {
    AUTO_BUF text = BUF_INIT(LINE_BYTES_MAX);
    add_names(l, LANE_FAILED, "failed", &text);
    add_names(l, LANE_STOPPED, "stopped", &text);
    if (text.len == 0) {
        return true;
    }
    add_names(l, LANE_DONE, "done", &text);
    print_error(l->cli, "%.*s", STR_FMT(buf_str(&text)));
    return false;
}

static void free_lanes(struct lanes *l) {
    for (size_t i = 0; i < l->count; i++) {
        fd_close_auto(&l->items[i].out.fd);
        fd_close_auto(&l->items[i].errors.fd);
        buf_done(&l->items[i].out.line);
        buf_done(&l->items[i].errors.line);
    }
}

bool lanes_run(struct cli *cli, lane_function *function, void *self, const str *names,
               size_t count) {
    struct lanes l = { .cli = cli, .count = count };
    struct pollfd *fds = ARENA_ARRAY(cli->arena, struct pollfd, 2 * count);
    struct err err = ERR_INIT;
    l.items = ARENA_ARRAY(cli->arena, struct lane, count);
    for (size_t i = 0; i < count; i++) {
        l.items[i] = (struct lane){ .name = names[i],
                                    .out = { -1, BUF_INIT(LINE_BYTES_MAX) },
                                    .errors = { -1, BUF_INIT(LINE_BYTES_MAX) } };
        l.name_len = max_size(l.name_len, names[i].len);
    }
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = start(&l, i, function, self, &err);
    }
    if (!ok) {
        print_err(cli, &err);
        stop_others(&l);
    }
    while (wait_once(&l, fds)) {
    }
    ok = all_done(&l) && ok;
    free_lanes(&l);
    return ok;
}

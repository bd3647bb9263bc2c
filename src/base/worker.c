// SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/os.h"

enum { POLL_MS = 100 };

/* Shared with the child. */
struct worker_board {
    bool ok;
    struct err err;
};

static void run_child(worker_function *function, void *self, struct worker_board *board, int outfd,
                      pid_t parent) {
    os_die_with_parent();
    signal(SIGINT, SIG_IGN); /* the parent decides */
    signal(SIGPIPE, SIG_IGN);
    if (getppid() == parent) {
        board->ok = function(self, outfd, &board->err);
    }
    _exit(0);
}

bool worker_start(worker_function *function, void *self, struct worker *ret, struct err *err) {
    int fds[2];
    struct worker_board *board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED || os_pipe(fds) < 0) {
        err_sys(err, errno, "start a worker");
        if (board != MAP_FAILED) {
            munmap(board, sizeof *board);
        }
        return false;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        run_child(function, self, board, fds[1], parent);
    }
    close(fds[1]);
    if (pid < 0) {
        err_sys(err, errno, "start a worker");
        close(fds[0]);
        munmap(board, sizeof *board);
        return false;
    }
    *ret = (struct worker){ pid, fds[0], board };
    return true;
}

/* False when it is to be killed. */
static bool read_output(struct worker *w, struct buf *out, const volatile sig_atomic_t *cancelled,
                        struct err *err) {
    char block[32 * 1024];
    for (;;) {
        struct pollfd p = { .fd = w->fd, .events = POLLIN };
        if (cancelled != NULL && *cancelled != 0) {
            return err_sys(err, EINTR, "stopped");
        }
        if (poll(&p, 1, POLL_MS) <= 0) {
            continue;
        }
        ssize_t n = read(w->fd, block, sizeof block);
        if (n == 0) {
            return true;
        }
        if (n > 0 && out != NULL) {
            buf_add_bytes(out, block, (size_t)n);
        }
        if (out != NULL && out->full) {
            return err_set(err, "a worker's answer is too long");
        }
    }
}

bool worker_finish(struct worker *w, struct buf *out, const volatile sig_atomic_t *cancelled,
                   struct err *err) {
    int status;
    if (!read_output(w, out, cancelled, err)) {
        worker_done(w);
        return false;
    }
    pid_t ended;
    while ((ended = waitpid(w->pid, &status, 0)) < 0 && errno == EINTR) {
    }
    w->pid = 0;
    bool ok = w->board->ok;
    if (ended < 0) {
        ok = err_sys(err, errno, "wait for a worker");
    } else if (WIFSIGNALED(status)) {
        ok = err_set(err, "a worker was killed by signal %d", WTERMSIG(status));
        if (WTERMSIG(status) == SIGKILL) {
            err_help(err, "the kernel may have killed it to free memory ('dmesg' says so): give "
                          "this machine or this program's cgroup more memory");
        }
    } else if (!ok && err != NULL) {
        *err = w->board->err;
    }
    worker_done(w);
    return ok;
}

void worker_done(struct worker *w) {
    if (w->pid > 0) {
        kill(w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (w->board != NULL) {
        munmap(w->board, sizeof *w->board);
    }
    fd_close_auto(&w->fd);
    *w = WORKER_INIT;
}

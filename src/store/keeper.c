// SPDX-License-Identifier: Apache-2.0
/*
 * A process beside the builder: it lists the layers that are made, while the next steps run, and
 * then waits for the disk. The builder waits a little for the listings, and not for the disk: the
 * process may outlive it by some seconds. Until the disk has everything, what was made is volatile
 * (session.c); nothing but time is lost when the process is killed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "store/internal.h"

struct keeper {
    pid_t owner; /* whose it is: a process that was forked from it has none so far */
    int taskfd;  /* keys of layers go here, STORE_KEY_HEX bytes each; or end_task */
    int donefd;  /* its end: all that was told is listed */
};

enum { FIRST_FD = 3 };

/* Others may hold the pipe open: its end alone would not tell. */
static const char end_task[STORE_KEY_HEX + 1] = "----------------------------------------";

/* One key; false at the end. */
static bool next_task(int fd, char hex[STORE_KEY_HEX + 1]) {
    size_t len = 0;
    while (len < STORE_KEY_HEX) {
        ssize_t n = read(fd, hex + len, STORE_KEY_HEX - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
    }
    hex[STORE_KEY_HEX] = '\0';
    return strcmp(hex, end_task) != 0;
}

static _Noreturn void keep(struct store *s, int taskfd, int donefd) {
    char hex[STORE_KEY_HEX + 1];
    while (next_task(taskfd, hex)) {
        (void)!layer_list(s, hex); /* else it is listed at its next use */
    }
    close(donefd);
    (void)!session_sync(s);
    _exit(0);
}

/* Nothing of the builder's is held open: pipes that others read to their end, locks. The terminal's
 * signals are not meant for it. */
static bool let_go(struct store *s, int *taskfd, int *donefd) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int kept[] = { s->fd, *taskfd, *donefd };
    for (int i = 0; i < (int)ARRAY_LEN(kept); i++) {
        /* Above all places first, as a place may be one of them. */
        kept[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, FIRST_FD + (int)ARRAY_LEN(kept));
        if (kept[i] < 0) {
            return false;
        }
    }
    for (int i = 0; i < (int)ARRAY_LEN(kept); i++) {
        if (os_dup_to(kept[i], FIRST_FD + i) < 0) {
            return false;
        }
    }
    for (int i = 0; i < FIRST_FD; i++) {
        if (dup2(null, i) < 0) {
            return false;
        }
    }
    s->fd = FIRST_FD;
    *taskfd = FIRST_FD + 1;
    *donefd = FIRST_FD + 2;
    s->lockfd = -1;
    return os_close_from(FIRST_FD + (int)ARRAY_LEN(kept)) && setsid() >= 0 && chdir("/") == 0;
}

/* The child of a child: its end is nothing that the builder has to wait for. */
static bool start(struct store *s, int taskfd, int donefd) {
    pid_t pid = fork();
    if (pid == 0) {
        pid_t keeper = fork();
        if (keeper == 0) {
            signal(SIGPIPE, SIG_IGN);
            signal(SIGINT, SIG_DFL);
            signal(SIGTERM, SIG_DFL);
            if (!let_go(s, &taskfd, &donefd)) {
                _exit(1);
            }
            keep(s, taskfd, donefd);
        }
        _exit(keeper > 0 ? 0 : 1);
    }
    int status = 1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && status == 0;
}

static struct keeper *keeper_new(struct store *s) {
    int tasks[2];
    int done[2];
    if (os_pipe(tasks) < 0) {
        return NULL;
    }
    if (os_pipe(done) < 0) {
        close(tasks[0]);
        close(tasks[1]);
        return NULL;
    }
    fcntl(tasks[1], F_SETFL, O_NONBLOCK);
    bool started = start(s, tasks[0], done[1]);
    close(tasks[0]);
    close(done[1]);
    if (!started) {
        close(tasks[1]);
        close(done[0]);
        return NULL;
    }
    struct keeper *k = ARENA_NEW(s->arena, struct keeper);
    *k = (struct keeper){ getpid(), tasks[1], done[0] };
    return k;
}

static bool has_keeper(const struct store *s) {
    return s->keeper != NULL && s->keeper->owner == getpid();
}

void keeper_begin(struct store *s) {
    if (!has_keeper(s)) {
        s->keeper = keeper_new(s);
    }
}

/* A write of this size is whole or not at all; what the pipe cannot take is listed later. A keeper
 * that was killed ends nothing here. */
static void tell(const struct keeper *k, const char *task) {
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction before;
    sigaction(SIGPIPE, &ignore, &before);
    (void)!write(k->taskfd, task, STORE_KEY_HEX);
    sigaction(SIGPIPE, &before, NULL);
}

void keeper_tell(struct store *s, const char *hex) {
    keeper_begin(s);
    if (s->keeper != NULL) {
        tell(s->keeper, hex);
    }
}

void keeper_end(struct store *s, uint64_t budget_ms) {
    if (!has_keeper(s)) {
        return;
    }
    tell(s->keeper, end_task);
    close(s->keeper->taskfd);
    struct pollfd p = { .fd = s->keeper->donefd, .events = POLLIN };
    (void)!poll(&p, 1, (int)budget_ms);
    close(s->keeper->donefd);
    s->keeper = NULL;
}

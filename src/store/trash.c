// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "store/internal.h"

bool store_trash(struct store *s, const char *path, struct err *err) {
    char name[64];
    char place[128];
    store_unique_name(s, name);
    snprintf(place, sizeof place, "trash/%s", name);
    if (renameat(s->fd, path, s->fd, place) < 0 && errno != ENOENT) {
        return err_sys(err, errno, "remove '%s/%s'", s->path, path);
    }
    return true;
}

static bool empty(struct store *s, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    if (!fs_list(scratch, s->fd, "trash", &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!fs_remove_tree(s->fd, path_join(scratch, "trash", names[i]), err)) {
            return false;
        }
    }
    return true;
}

bool store_trash_empty(struct store *s, struct err *err) {
    return empty(s, err);
}

static bool has_trash(struct store *s) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    return fs_list(scratch, s->fd, "trash", &names, &count, NULL) && count > 0;
}

/* A large tree takes long to remove: a child does it, and is killed when the time is over. What
 * is left then is removed another time. */
void store_trash_some(struct store *s, uint64_t budget_ms) {
    if (!has_trash(s)) {
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct err ignored = ERR_INIT;
        os_die_with_parent();
        close(s->lockfd); /* it may outlive the parent by one file's removal */
        (void)!empty(s, &ignored);
        _exit(0);
    }
    uint64_t deadline_ms = time_now_ms() + budget_ms;
    while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
        if (time_now_ms() >= deadline_ms) {
            kill(pid,
                 SIGKILL); /* it ends after the file at hand, which may be large: not waited for */
            return;
        }
        poll(NULL, 0, 2);
    }
}

/* Locks are released when a process ends, however it ends: a work folder whose lock can be taken
 * belongs to nobody. */
static void sweep_one(struct store *s, struct arena *scratch, const char *lock_name) {
    const char *lock_path = path_join(scratch, "locks", lock_name);
    AUTO_FD fd = openat(s->fd, lock_path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return;
    }
    if (strncmp(lock_name, "tmp-", 4) == 0) {
        const char *work = path_join(scratch, "tmp", lock_name + 4);
        struct err ignored = ERR_INIT;
        (void)!store_trash(s, work, &ignored);
    }
    unlinkat(s->fd, lock_path, 0);
}

void store_sweep(struct store *s) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    struct err ignored = ERR_INIT;
    stamp_sweep(s, scratch);
    if (!fs_list(scratch, s->fd, "locks", &names, &count, &ignored)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sweep_one(s, scratch, names[i]);
    }
}

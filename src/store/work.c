// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

#include "store/internal.h"

enum { LOCK_TRIES = 20 };

static bool same_file(int fd, int dirfd, const char *path) {
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && fstatat(dirfd, path, &there, 0) == 0 &&
           mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* The lock is taken before the folder is there, so that a sweep never sees it unlocked. A sweep
 * may come between open and flock: then another name is tried. */
static int lock_fresh_name(struct store_work *w, struct store *s) {
    char path[128];
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        store_unique_name(s, w->name);
        snprintf(path, sizeof path, "locks/tmp-%s", w->name);
        AUTO_FD fd = openat(s->fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 && errno != EEXIST) {
            return -1;
        }
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && same_file(fd, s->fd, path)) {
            return take_fd(&fd);
        }
    }
    errno = EBUSY;
    return -1;
}

bool store_work_begin(struct store *s, struct store_work *w, struct err *err) {
    char path[128];
    AUTO_FD lockfd = lock_fresh_name(w, s);
    if (lockfd < 0) {
        return err_sys(err, errno, "lock a work folder in '%s'", s->path);
    }
    snprintf(path, sizeof path, "tmp/%s", w->name);
    if (mkdirat(s->fd, path, 0755) < 0) {
        return err_sys(err, errno, "create folder '%s/%s'", s->path, path);
    }
    w->fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->fd < 0) {
        return err_sys(err, errno, "open folder '%s/%s'", s->path, path);
    }
    w->store = s;
    w->lockfd = take_fd(&lockfd);
    return true;
}

void store_work_done(struct store_work *w) {
    if (w->fd < 0) {
        return;
    }
    close(take_fd(&w->fd));
    char path[128];
    snprintf(path, sizeof path, "tmp/%s", w->name);
    struct err ignored = ERR_INIT; /* what stays is swept later */
    if (unlinkat(w->store->fd, path, AT_REMOVEDIR) < 0) {
        (void)!store_trash(w->store, path, &ignored);
    }
    snprintf(path, sizeof path, "locks/tmp-%s", w->name);
    unlinkat(w->store->fd, path, 0);
    close(take_fd(&w->lockfd));
}

const char *store_work_path(const struct store_work *w, struct arena *a, const char *name) {
    return str_fmt(a, "%s/tmp/%s/%s", w->store->path, w->name, name).ptr;
}

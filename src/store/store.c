// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#include "base/clock.h"
#include "store/internal.h"

static const char *const folders[] = { "layers", "images", "mounts",  "blocks", "tmp",
                                       "trash",  "locks",  "results", "claims" };

static bool open_folders(struct store *s, const char *dir, struct err *err) {
    /* Ours alone: layers hold programs with setuid bits. */
    if (!fs_mkdir_p(AT_FDCWD, dir, 0700, err)) {
        return false;
    }
    s->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->fd < 0) {
        return err_sys(err, errno, "open folder '%s'", dir);
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(s->fd, folders[i], 0755) < 0 && errno != EEXIST) {
            return err_sys(err, errno, "create folder '%s/%s'", dir, folders[i]);
        }
    }
    s->lockfd = openat(s->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (s->lockfd < 0 || flock(s->lockfd, LOCK_SH) < 0) {
        return err_sys(err, errno, "lock '%s/lock'", dir);
    }
    char *absolute = realpath(dir, NULL);
    if (absolute == NULL) {
        return err_sys(err, errno, "open folder '%s'", dir);
    }
    s->path = str_to_c(s->arena, str_from_c(absolute));
    free(absolute);
    return true;
}

bool store_open(const char *dir, struct store **ret, struct err *err) {
    struct arena *arena = arena_new();
    struct store *s = ARENA_NEW(arena, struct store);
    s->arena = arena;
    s->fd = -1;
    s->lockfd = -1;
    if (!open_folders(s, dir, err) || !store_check_owners(s, err)) {
        err_help(err, "--cache-dir or CAPSEM_CACHE_DIR moves the store");
        fd_close_auto(&s->fd);
        fd_close_auto(&s->lockfd);
        arena_free(arena);
        return err_wrap(err, "open the store");
    }
    store_sweep(s);
    s->opened_ms = time_now_ms();
    *ret = s;
    return true;
}

/* Nobody shall wait for it: a tenth of the time that the work has taken. */
static uint64_t trash_budget_ms(const struct store *s) {
    enum { LEAST_MS = 20, MOST_MS = 1000 };
    uint64_t tenth = (time_now_ms() - s->opened_ms) / 10;
    return tenth < LEAST_MS ? LEAST_MS : tenth > MOST_MS ? MOST_MS : tenth;
}

void store_close(struct store *s) {
    digest_cache_close(s);
    /* A layer in the trash may still be mounted by a build that found it before. */
    if (flock(s->lockfd, LOCK_EX | LOCK_NB) == 0) {
        store_trash_some(s, trash_budget_ms(s));
    }
    close(s->fd);
    close(s->lockfd);
    arena_free(s->arena);
}

bool store_lock_alone(struct store *s, struct err *err) {
    if (flock(s->lockfd, LOCK_EX | LOCK_NB) == 0) {
        return true;
    }
    if (errno == EWOULDBLOCK) {
        return err_set(err, "the store '%s' is in use by another capsem-builder", s->path);
    }
    return err_sys(err, errno, "lock the store");
}

const char *store_path(const struct store *s) {
    return s->path;
}

int store_fd(const struct store *s) {
    return s->fd;
}

void store_unique_name(struct store *s, char ret[64]) {
    snprintf(ret, 64, "%d-%u-%llx", (int)getpid(), s->counter++, (unsigned long long)time_now_ms());
}

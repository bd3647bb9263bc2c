// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/clock.h"
#include "store/internal.h"

static const char *const folders[] = { "layers", "images", "mounts",  "blobs",  "blocks", "tmp",
                                       "trash",  "locks",  "results", "claims", "durable" };

/* "machines" has the guests that run. */
static bool is_known(const char *name) {
    bool known = strcmp(name, "machines") == 0;
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        known |= strcmp(name, folders[i]) == 0;
    }
    return known;
}

/* A folder that somebody uses for something else is not made a store: it would be closed to others,
 * and pruning would find things in it. */
static bool is_foreign(int fd) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    struct stat st;
    bool is_store = fs_is_dir(fd, "layers") && fs_is_dir(fd, "locks");
    if (is_store || !fs_list(scratch, fd, ".", &names, &count, NULL)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_known(names[i]) && fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode)) {
            return true;
        }
    }
    return false;
}

/* Layers hold programs with setuid bits, which are only for the root that they were made for. */
static bool keep_private(int fd, const char *dir, struct err *err) {
    enum { OTHERS = 077 };
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return err_sys(err, errno, "open folder '%s'", dir);
    }
    if ((st.st_mode & OTHERS) == 0) {
        return true;
    }
    if (is_foreign(fd)) {
        err_set(err, "'%s' is not a store: it contains other folders", dir);
        return err_help(err, "use an empty folder or one that does not exist yet");
    }
    if (fchmod(fd, 0700) == 0) {
        return true;
    }
    err_sys(err, errno, "restrict access to the store '%s'", dir);
    return err_help(err, "chmod 700 '%s'", dir);
}

static bool open_folders(struct store *s, const char *dir, struct err *err) {
    if (!fs_mkdir_p(AT_FDCWD, dir, 0700, err)) {
        return false;
    }
    s->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->fd < 0) {
        return err_sys(err, errno, "open folder '%s'", dir);
    }
    if (!keep_private(s->fd, dir, err)) {
        return false;
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
        if (err == NULL || err->help[0] == '\0') {
            (void)!err_help(err, "--cache-dir or CAPSEM_CACHE_DIR moves the store");
        }
        fd_close_auto(&s->fd);
        fd_close_auto(&s->lockfd);
        arena_free(arena);
        return err_wrap(err, "open the store");
    }
    map_init(&s->checked, arena);
    map_init(&s->inodes, arena);
    session_find(s);
    store_sweep(s);
    s->opened_ms = time_now_ms();
    *ret = s;
    return true;
}

/* No one shall wait for it: a part of the time that the work has taken. */
static uint64_t budget_ms(const struct store *s, unsigned parts, uint64_t least_ms) {
    enum { MOST_MS = 1000 };
    uint64_t part_ms = (time_now_ms() - s->opened_ms) / parts;
    return part_ms < least_ms ? least_ms : part_ms > MOST_MS ? MOST_MS : part_ms;
}

void store_close(struct store *s) {
    digest_cache_close(s);
    keeper_end(s, budget_ms(s, 100, 2));
    /* A layer in the trash may still be mounted by a build that found it before. */
    if (flock(s->lockfd, LOCK_EX | LOCK_NB) == 0) {
        mounts_sweep(s);
        store_trash_some(s, budget_ms(s, 10, 20));
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

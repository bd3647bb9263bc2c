// SPDX-License-Identifier: Apache-2.0
/*
 * Cache mounts: folders that outlive their steps. What steps write there has no listing, so one
 * that a lost power may have torn is dropped: its stamp says when it was last left, or that it is
 * being changed. mounts/.users-NAME is locked, shared, by those that use it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

#include "hash/hash.h"
#include "store/internal.h"

enum { PRIVATE_MAX = 64 };

/* An id is free text ("/var/cache/apt"): readable where it is safe, with a hash after it. */
static const char *folder_name(struct arena *a, str id, unsigned number) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    blake3_bytes(id, digest);
    hash_hex(digest, sizeof digest, hex);
    AUTO_BUF name = BUF_INIT(PATH_MAX);
    for (size_t i = 0; i < id.len && i < 48; i++) {
        buf_add_char(&name, char_is_alnum(id.ptr[i]) ? id.ptr[i] : '-');
    }
    buf_addf(&name, "-%.16s", hex);
    if (number > 0) {
        buf_addf(&name, "-%u", number);
    }
    return str_dup(a, buf_str(&name)).ptr;
}

/* Names of lock files start so that the sweep of dead work leaves them alone. */
static bool lock_folder(struct store *s, struct arena *a, const char *name, bool wait,
                        bool *ret_busy, int *ret_fd, struct err *err) {
    const char *path = str_fmt(a, "mounts/.lock-%s", name).ptr;
    AUTO_FD fd = openat(s->fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_sys(err, errno, "lock '%s/%s'", s->path, path);
    }
    *ret_busy = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0;
    if (*ret_busy && errno != EWOULDBLOCK) {
        return err_sys(err, errno, "lock '%s/%s'", s->path, path);
    }
    *ret_fd = *ret_busy ? -1 : take_fd(&fd);
    return true;
}

static bool choose(struct store *s, struct arena *a, str id, enum store_sharing sharing,
                   const char **ret_name, int *ret_lockfd, struct err *err) {
    *ret_name = folder_name(a, id, 0);
    *ret_lockfd = -1;
    bool busy = false;
    if (sharing == STORE_SHARED) {
        return true;
    }
    if (sharing == STORE_LOCKED) {
        return lock_folder(s, a, *ret_name, true, &busy, ret_lockfd, err);
    }
    for (unsigned number = 0; number < PRIVATE_MAX; number++) {
        *ret_name = folder_name(a, id, number);
        if (!lock_folder(s, a, *ret_name, false, &busy, ret_lockfd, err)) {
            return false;
        }
        if (!busy) {
            return true;
        }
    }
    return err_set(err, "more than %d steps use the private cache mount '%.*s'", PRIVATE_MAX,
                   STR_FMT(id));
}

static bool lock_as_user(struct store *s, struct arena *a, const char *name, int *ret_fd,
                         struct err *err) {
    const char *path = str_fmt(a, "mounts/.users-%s", name).ptr;
    AUTO_FD fd = openat(s->fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int result;
    do {
        result = fd < 0 ? -1 : flock(fd, LOCK_SH);
    } while (fd >= 0 && result < 0 && errno == EINTR);
    if (result < 0) {
        return err_sys(err, errno, "lock '%s/%s'", s->path, path);
    }
    *ret_fd = take_fd(&fd);
    return true;
}

static const char *stamp_of(struct arena *a, const char *name) {
    return str_fmt(a, "mounts/.stamp-%s", name).ptr;
}

/* While others use it, it is as they wrote it. */
static bool drop_torn(struct store *s, struct arena *a, const struct store_mount *m,
                      struct err *err) {
    enum stamp_state state = stamp_look(s, stamp_of(a, m->name));
    bool is_good = state == STAMP_OURS || state == STAMP_DURABLE;
    if (is_good) {
        return true;
    }
    if (flock(m->usersfd, LOCK_EX | LOCK_NB) < 0) { /* which has lost the lock that there was */
        return flock(m->usersfd, LOCK_SH) == 0 || err_sys(err, errno, "lock '%s'", m->name);
    }
    bool ok = store_trash(s, path_join(a, "mounts", m->name), err);
    return flock(m->usersfd, LOCK_SH) == 0 && ok;
}

static bool open_folder(struct store *s, struct arena *a, struct store_mount *m, struct err *err) {
    const char *path = path_join(a, "mounts", m->name);
    if (!lock_as_user(s, a, m->name, &m->usersfd, err) || !drop_torn(s, a, m, err)) {
        return false;
    }
    if (!stamp_put(s, s->fd, stamp_of(a, m->name), STAMP_CHANGING)) {
        return err_sys(err, errno, "write '%s/%s'", s->path, stamp_of(a, m->name));
    }
    m->is_fresh = mkdirat(s->fd, path, 0755) == 0;
    if (!m->is_fresh && errno != EEXIST) {
        return err_sys(err, errno, "create cache mount '%s/%s'", s->path, path);
    }
    utimensat(s->fd, path, NULL, 0);
    m->path = path_join(a, s->path, path);
    return true;
}

bool store_mount_open(struct store *s, struct arena *a, str id, enum store_sharing sharing,
                      struct store_mount *ret, struct err *err) {
    struct store_mount m = STORE_MOUNT_INIT;
    if (!choose(s, a, id, sharing, &m.name, &m.lockfd, err) || !open_folder(s, a, &m, err)) {
        fd_close_auto(&m.lockfd);
        fd_close_auto(&m.usersfd);
        return false;
    }
    *ret = m;
    return true;
}

void store_mount_close(struct store *s, struct store_mount *m) {
    if (m->path == NULL) {
        return;
    }
    AUTO_ARENA a = arena_new();
    if (flock(m->usersfd, LOCK_EX | LOCK_NB) == 0) { /* the last one */
        (void)!stamp_put(s, s->fd, stamp_of(a, m->name), os_boot_time_ns());
        keeper_begin(s);
    }
    fd_close_auto(&m->usersfd);
    fd_close_auto(&m->lockfd);
    *m = STORE_MOUNT_INIT;
}

/* Of mounts/.KIND-NAME, the part after KIND. */
static str mount_of(str name) {
    static const str kinds[] = { S_INIT(".lock-"), S_INIT(".users-"), S_INIT(".stamp-") };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_starts(name, kinds[i])) {
            return str_slice(name, kinds[i].len, name.len);
        }
    }
    return S("");
}

void mounts_sweep(struct store *s) {
    AUTO_ARENA a = arena_new();
    const char **names;
    size_t count;
    if (!fs_list(a, s->fd, "mounts", &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        str mount = mount_of(str_from_c(names[i]));
        if (mount.len > 0 && !fs_exists(s->fd, str_fmt(a, "mounts/%.*s", STR_FMT(mount)).ptr)) {
            unlinkat(s->fd, path_join(a, "mounts", names[i]), 0);
        }
    }
}

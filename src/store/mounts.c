// SPDX-License-Identifier: Apache-2.0
/* Cache mounts: folders that outlive their steps. */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

#include "hash/hash.h"
#include "store/internal.h"

enum { PRIVATE_MAX = 64 };

/* An id is free text ("/var/cache/apt"): readable where it is safe, with a hash behind it. */
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

bool store_mount_open(struct store *s, struct arena *a, str id, enum store_sharing sharing,
                      const char **ret, bool *ret_fresh, int *ret_lockfd, struct err *err) {
    const char *name;
    if (!choose(s, a, id, sharing, &name, ret_lockfd, err)) {
        return false;
    }
    const char *path = path_join(a, "mounts", name);
    *ret_fresh = mkdirat(s->fd, path, 0755) == 0;
    if (!*ret_fresh && errno != EEXIST) {
        fd_close_auto(ret_lockfd);
        *ret_lockfd = -1;
        return err_sys(err, errno, "create cache mount '%s/%s'", s->path, path);
    }
    utimensat(s->fd, path, NULL, 0);
    *ret = path_join(a, s->path, path);
    return true;
}

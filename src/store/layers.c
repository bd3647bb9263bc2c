// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

#include "store/internal.h"

enum { META_BYTES_MAX = 1024 * 1024 };

const char *store_layer_path(const struct store *s, struct arena *a, const struct store_key *key) {
    return str_fmt(a, "%s/layers/%s/fs", s->path, key->hex).ptr;
}

bool store_layer_has(const struct store *s, const struct store_key *key) {
    char path[128];
    snprintf(path, sizeof path, "layers/%s/meta.json", key->hex);
    return fs_exists(s->fd, path);
}

void store_layer_touch(const struct store *s, const struct store_key *key) {
    char path[128];
    snprintf(path, sizeof path, "layers/%s/meta.json", key->hex);
    utimensat(s->fd, path, NULL, 0);
}

bool store_layer_meta(const struct store *s, struct arena *a, const struct store_key *key,
                      str *ret_meta) {
    const char *path = str_fmt(a, "layers/%s/meta.json", key->hex).ptr;
    return fs_load(a, s->fd, path, META_BYTES_MAX, ret_meta, NULL);
}

bool store_layer_commit(struct store_work *w, const char *name, const struct store_key *key,
                        bool replace, str meta, struct err *err) {
    struct store *s = w->store;
    AUTO_ARENA scratch = arena_new();
    const char *meta_path = str_fmt(scratch, "%s/meta.json", name).ptr;
    if (!fs_store(w->fd, meta_path, meta, 0644, err)) {
        return err_wrap(err, "store layer %s", key->hex);
    }
    const char *place = str_fmt(scratch, "layers/%s", key->hex).ptr;
    /* Exchanged, the layer is never missing for other builds; the old one goes with the work. */
    if (replace && os_rename_swap(w->fd, name, s->fd, place) == 0) {
        return true;
    }
    if (renameat(w->fd, name, s->fd, place) == 0) {
        return true;
    }
    if (errno == EEXIST || errno == ENOTEMPTY) {
        return true; /* another process was first; ours goes with the work folder */
    }
    return err_sys(err, errno, "store layer %s", key->hex);
}

bool store_key_lock(struct store *s, const struct store_key *key, bool wait, int *ret_fd,
                    struct err *err) {
    char path[128];
    snprintf(path, sizeof path, "locks/key-%s", key->hex);
    for (;;) {
        AUTO_FD fd = openat(s->fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0) {
            return err_sys(err, errno, "lock '%s/%s'", s->path, path);
        }
        if (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
            *ret_fd = -1;
            return (!wait && errno == EWOULDBLOCK) ||
                   err_sys(err, errno, "lock '%s/%s'", s->path, path);
        }
        /* A sweep may have removed the file between open and flock: then nobody else sees our
         * lock, so take it again. */
        struct stat mine, there;
        if (fstat(fd, &mine) == 0 && fstatat(s->fd, path, &there, 0) == 0 &&
            mine.st_ino == there.st_ino) {
            *ret_fd = take_fd(&fd);
            return true;
        }
    }
}

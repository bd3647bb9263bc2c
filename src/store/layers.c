// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "store/internal.h"

enum { META_BYTES_MAX = 1024 * 1024 };

const char *store_layer_path(const struct store *s, struct arena *a, const struct store_key *key) {
    return str_fmt(a, "%s/layers/%s/fs", s->path, key->hex).ptr;
}

/* ---- which folder it was ---- */

static ino_t inode_of(const struct store *s, const char *hex) {
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "layers/%s", hex);
    return fstatat(s->fd, path, &st, 0) == 0 ? st.st_ino : 0;
}

static void remember(struct store *s, const char *hex) {
    ino_t *known = map_find(&s->inodes, str_from_c(hex));
    if (known == NULL) {
        known = ARENA_NEW(s->arena, ino_t);
        map_put(&s->inodes, str_dup(s->arena, str_from_c(hex)), known);
    }
    *known = inode_of(s, hex);
}

bool layer_is_the_same(const struct store *s, const char *hex) {
    const ino_t *known = map_find(&s->inodes, str_from_c(hex));
    ino_t now = inode_of(s, hex);
    return now != 0 && (known == NULL || *known == now);
}

int layers_lock(struct store *s) {
    AUTO_FD fd = openat(s->fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return take_fd(&fd);
}

/* Another process may have found what a step runs on damaged, and removed it with what it knew of:
 * a layer that is made from it now would never be found. */
static bool basis_is_there(const struct store *s, str meta) {
    json_t *root = json_loadb(meta.ptr, meta.len, 0, NULL);
    const json_t *on = json_object_get(root, "on");
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(on); i++) {
        const char *hex = json_string_value(json_array_get(on, i));
        ok = hex == NULL || !map_has(&s->inodes, str_from_c(hex)) || layer_is_the_same(s, hex);
    }
    json_decref(root);
    return ok;
}

bool store_layer_has(struct store *s, const struct store_key *key) {
    char path[128];
    if (strlen(key->hex) != STORE_KEY_HEX) {
        return false; /* the key of nothing */
    }
    snprintf(path, sizeof path, "layers/%s/stamp", key->hex);
    switch (stamp_look(s, path)) {
    case STAMP_OURS:
        remember(s, key->hex);
        return true;
    case STAMP_VOLATILE:
    case STAMP_DURABLE:
        if (!layer_read_again(s, key->hex)) {
            return false;
        }
        remember(s, key->hex);
        return true;
    case STAMP_NONE:
        break;
    }
    snprintf(path, sizeof path, "layers/%s", key->hex);
    if (fs_exists(s->fd, path)) {
        layer_drop(s, key->hex, -1, "it was not complete");
    }
    return false;
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

/* The stamp is made last: with it everything is there. */
static bool finish(struct store_work *w, struct arena *a, const char *name, str meta,
                   bool *ret_listed, struct err *err) {
    const char *stamp = path_join(a, name, "stamp");
    AUTO_FD fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open '%s'", name);
    }
    if (!fs_store(fd, "meta.json", meta, 0644, err)) {
        return false;
    }
    *ret_listed = layer_list_little(fd, meta);
    return stamp_put(w->store, w->fd, stamp, os_boot_time_ns()) ||
           err_sys(err, errno, "write '%s'", stamp);
}

bool store_layer_commit(struct store_work *w, const char *name, const struct store_key *key,
                        bool replace, str meta, struct err *err) {
    struct store *s = w->store;
    AUTO_ARENA scratch = arena_new();
    const char *place = str_fmt(scratch, "layers/%s", key->hex).ptr;
    bool listed = false;
    if (!finish(w, scratch, name, meta, &listed, err)) {
        return err_wrap(err, "store layer %s", key->hex);
    }
    AUTO_FD lock = layers_lock(s);
    (void)lock; /* held until the end, also where it could not be had */
    if (!basis_is_there(s, meta)) {
        s->basis_lost = true;
        return err_set(err, "a layer it was made from was damaged and will be rebuilt");
    }
    /* Exchanged, the layer is never missing for other builds; the old one goes with the work. */
    if ((replace && os_rename_swap(w->fd, name, s->fd, place) == 0) ||
        renameat(w->fd, name, s->fd, place) == 0) {
        remember(s, key->hex);
        layer_found_whole(s, key->hex);
        if (!listed) {
            keeper_tell(s, key->hex);
        }
        return true;
    }
    if (errno == EEXIST || errno == ENOTEMPTY) {
        return true; /* another process was first; this one goes with the work folder */
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

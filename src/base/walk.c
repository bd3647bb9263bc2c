// SPDX-License-Identifier: Apache-2.0
#include "base/walk.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"

/* A path longer than this is a loop of mounts rather than a tree. */
enum { PATH_BYTES_MAX = 16 * 1024 * 1024 };

/* A folder on the way to where the walk is. */
struct level {
    struct arena *names_arena;
    const char **names;
    size_t count;
    size_t at;       /* of the next name */
    size_t path_len; /* of the folder's own path */
    dev_t dev;
    ino_t ino;
};

struct walk {
    struct arena *arena;
    struct level *levels;
    size_t depth; /* levels in use */
    size_t cap;
    int fd;          /* of the deepest level's folder */
    bool at_root;    /* the root is still to be given */
    bool is_pending; /* the entry given last is a folder that is to be entered */
    struct buf path;
};

static bool enter(struct walk *w, const char *name, struct err *err) {
    struct level level = { .names_arena = arena_new(), .path_len = w->path.len };
    AUTO_FD fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(err, errno, "open folder '%s'", w->path.len == 0 ? name : w->path.ptr);
        arena_free(level.names_arena);
        return false;
    }
    if (!fs_list(level.names_arena, fd, ".", &level.names, &level.count, err)) {
        arena_free(level.names_arena);
        return false;
    }
    level.dev = st.st_dev;
    level.ino = st.st_ino;
    ARENA_PUSH(w->arena, w->levels, w->depth, w->cap, level);
    if (w->fd != AT_FDCWD) {
        close(w->fd);
    }
    w->fd = take_fd(&fd);
    return true;
}

bool walk_open(int dirfd, const char *path, struct walk **ret, struct err *err) {
    AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open folder '%s'", path);
    }
    struct arena *a = arena_new();
    struct walk *w = ARENA_NEW(a, struct walk);
    w->arena = a;
    w->path = BUF_INIT(PATH_BYTES_MAX);
    w->fd = take_fd(&fd);
    w->at_root = true;
    *ret = w;
    return true;
}

void walk_close(struct walk *w) {
    if (w == NULL) {
        return;
    }
    while (w->depth > 0) {
        arena_free(w->levels[--w->depth].names_arena);
    }
    if (w->fd >= 0) {
        close(w->fd);
    }
    buf_done(&w->path);
    arena_free(w->arena);
}

/* Back to the folder above, which ".." must still lead to. */
static bool leave(struct walk *w, struct err *err) {
    arena_free(w->levels[--w->depth].names_arena);
    if (w->depth == 0) {
        return true;
    }
    const struct level *above = &w->levels[w->depth - 1];
    AUTO_FD fd = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "leave folder '%s'", w->path.ptr);
    }
    if (st.st_dev != above->dev || st.st_ino != above->ino) {
        return err_set(err, "folder '%s' was moved", w->path.ptr);
    }
    close(w->fd);
    w->fd = take_fd(&fd);
    return true;
}

static enum walk_result give(struct walk *w, const char *name, struct walk_entry *ret,
                             struct err *err) {
    *ret = (struct walk_entry){ .dirfd = w->fd, .name = name, .path = buf_str(&w->path) };
    if (w->path.full) {
        err_set(err, "a path is longer than %d bytes", PATH_BYTES_MAX);
        return WALK_FAILED;
    }
    if (fstatat(w->fd, name, &ret->st, AT_SYMLINK_NOFOLLOW) < 0) {
        err_sys(err, errno, "look at '%.*s'", STR_FMT(ret->path));
        return WALK_FAILED;
    }
    w->is_pending = S_ISDIR(ret->st.st_mode);
    return WALK_ENTRY;
}

static enum walk_result give_root(struct walk *w, struct walk_entry *ret, struct err *err) {
    enum walk_result result = give(w, ".", ret, err);
    ret->path = S(".");
    w->at_root = false;
    return result;
}

/* What was given last and is a folder comes next. */
static bool enter_pending(struct walk *w, struct err *err) {
    if (!w->is_pending) {
        return true;
    }
    w->is_pending = false;
    const struct level *l = w->depth == 0 ? NULL : &w->levels[w->depth - 1];
    return enter(w, l == NULL ? "." : l->names[l->at - 1], err);
}

static void set_path(struct walk *w, const struct level *l, const char *name) {
    w->path.len = l->path_len;
    if (l->path_len > 0) {
        buf_add_char(&w->path, '/');
    }
    buf_add(&w->path, str_from_c(name));
}

enum walk_result walk_next(struct walk *w, struct walk_entry *ret, struct err *err) {
    if (w->at_root) {
        return give_root(w, ret, err);
    }
    if (!enter_pending(w, err)) {
        return WALK_FAILED;
    }
    while (w->depth > 0) {
        struct level *l = &w->levels[w->depth - 1];
        if (l->at < l->count) {
            const char *name = l->names[l->at++];
            set_path(w, l, name);
            return give(w, name, ret, err);
        }
        if (!leave(w, err)) {
            return WALK_FAILED;
        }
    }
    return WALK_END;
}

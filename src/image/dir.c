// SPDX-License-Identifier: Apache-2.0
/*
 * A tree into a folder. Everything is made below an fd of its own folder, never by a path, so no
 * link is followed and no path is too long. Times and modes of folders are set when they are left.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/internal.h"

struct level {
    const struct tree_entry *dir;
    int fd;
    size_t next; /* child */
};

struct dir_writer {
    const struct tree *tree;
    const struct image_dir_options *options;
    struct arena *scratch;
    bool is_root;
    int topfd;
    struct level *levels;
    size_t depth;
    size_t cap;
    uint64_t done_bytes;
    struct err *err;
};

enum { FOLDERS_MAX = 64 };

static struct timespec time_of(const struct dir_writer *w, const struct tree_inode *inode) {
    bool clamped = inode->mtime_s >= w->options->epoch_s;
    return (struct timespec){ clamp_time(inode->mtime_s, w->options->epoch_s),
                              clamped ? 0 : (long)inode->mtime_ns };
}

/* --- metadata --------------------------------------------------------------------------------- */

/* As an ordinary user what needs privilege is left out. */
static bool may_fail(const struct dir_writer *w, int errnum) {
    return !w->is_root && (errnum == EPERM || errnum == EACCES);
}

static bool set_xattrs(const struct dir_writer *w, const struct tree_inode *inode, int fd,
                       const char *path) {
    for (size_t i = 0; inode->xattrs != NULL && i < inode->xattrs->count; i++) {
        const struct tree_xattr *x = &inode->xattrs->items[i];
        int rc = os_set_xattr(path, fd, x->name.ptr, x->value.ptr, x->value.len);
        if (rc < 0 && !may_fail(w, errno)) {
            return err_sys(w->err, errno, "set extended attribute '%s'", x->name.ptr);
        }
    }
    return true;
}

/* Of an open file or folder. The owner first: a change of it clears setuid and capabilities. */
static bool set_open(const struct dir_writer *w, const struct tree_inode *inode, int fd) {
    if (w->is_root && fchown(fd, inode->uid, inode->gid) < 0) {
        return err_sys(w->err, errno, "set the owner");
    }
    if (fchmod(fd, inode->mode & 07777) < 0) {
        return err_sys(w->err, errno, "set the mode");
    }
    struct timespec times[2] = { time_of(w, inode), time_of(w, inode) };
    if (!set_xattrs(w, inode, fd, NULL)) {
        return false;
    }
    return futimens(fd, times) == 0 || err_sys(w->err, errno, "set the time");
}

/* Of what cannot be opened: a link, a device, a pipe. */
static bool set_by_name(const struct dir_writer *w, const struct tree_inode *inode, int dirfd,
                        const char *name) {
    if (w->is_root && fchownat(dirfd, name, inode->uid, inode->gid, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_sys(w->err, errno, "set the owner");
    }
    if (!S_ISLNK(inode->mode) && fchmodat(dirfd, name, inode->mode & 07777, 0) < 0) {
        return err_sys(w->err, errno, "set the mode");
    }
    if (inode->xattrs != NULL) {
        char path[64 + TREE_NAME_MAX];
        snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dirfd, name);
        if (!set_xattrs(w, inode, -1, path)) {
            return false;
        }
    }
    struct timespec times[2] = { time_of(w, inode), time_of(w, inode) };
    return utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) == 0 ||
           err_sys(w->err, errno, "set the time");
}

/* --- files ------------------------------------------------------------------------------------ */

static bool make_file(struct dir_writer *w, const struct tree_inode *inode, int dirfd,
                      const char *name) {
    AUTO_FD fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_sys(w->err, errno, "create");
    }
    if (!tree_copy_content(w->tree, inode, fd, w->err)) {
        return false;
    }
    w->done_bytes += inode->size;
    if (w->options->progress != NULL) {
        w->options->progress->update(w->options->progress->self, w->done_bytes,
                                     tree_content_bytes(w->tree));
    }
    return set_open(w, inode, fd);
}

static bool make_special(struct dir_writer *w, const struct tree_inode *inode, int dirfd,
                         const char *name) {
    bool device = S_ISCHR(inode->mode) || S_ISBLK(inode->mode);
    dev_t number = device ? makedev(inode->device.major, inode->device.minor) : 0;
    if (os_make_special(dirfd, name, (mode_t)(inode->mode & S_IFMT) | 0600, number) < 0) {
        return (device && may_fail(w, errno)) || err_sys(w->err, errno, "create");
    }
    return set_by_name(w, inode, dirfd, name);
}

static int open_folder(const struct dir_writer *w, const struct tree_entry *dir) {
    AUTO_FD here = fcntl(w->topfd, F_DUPFD_CLOEXEC, 3);
    str rest = tree_path(w->scratch, dir);
    while (here >= 0 && rest.len > 0) {
        str part = str_cut(&rest, '/');
        if (part.len > 0) {
            int next = openat(here, str_to_c(w->scratch, part),
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            close(here);
            here = next;
        }
    }
    return take_fd(&here);
}

/* One more name of a file that is written already: inode->user is its first. */
static bool make_link(struct dir_writer *w, const struct tree_entry *first, int dirfd,
                      const char *name) {
    AUTO_FD from = open_folder(w, first->parent);
    return (from >= 0 && linkat(from, first->name, dirfd, name, 0) == 0) ||
           err_sys(w->err, errno, "create a hard link");
}

static bool make_entry(struct dir_writer *w, const struct tree_entry *e, int dirfd) {
    struct tree_inode *inode = e->inode;
    if (inode->user != NULL) {
        return make_link(w, inode->user, dirfd, e->name);
    }
    if (inode->link_count > 1) {
        inode->user = (void *)e;
    }
    switch (inode->mode & S_IFMT) {
    case S_IFREG:
        return make_file(w, inode, dirfd, e->name);
    case S_IFLNK:
        return symlinkat(inode->target, dirfd, e->name) == 0 ? set_by_name(w, inode, dirfd, e->name)
                                                             : err_sys(w->err, errno, "create");
    case S_IFDIR:
        return mkdirat(dirfd, e->name, 0700) == 0 || err_sys(w->err, errno, "create");
    default:
        return make_special(w, inode, dirfd, e->name);
    }
}

/* --- folders ---------------------------------------------------------------------------------- */

/* Those far above are closed and opened again when it goes on in them. */
static bool push_level(struct dir_writer *w, const struct tree_entry *dir, int fd) {
    if (fd < 0) {
        return err_sys(w->err, errno, "open");
    }
    if (w->depth >= FOLDERS_MAX) {
        struct level *far = &w->levels[w->depth - FOLDERS_MAX];
        fd_close_auto(&far->fd);
        far->fd = -1;
    }
    struct level level = { .dir = dir, .fd = fd };
    ARENA_PUSH(w->scratch, w->levels, w->depth, w->cap, level);
    return true;
}

static bool enter(struct dir_writer *w, const struct tree_entry *e, int dirfd) {
    return push_level(w, e,
                      openat(dirfd, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

static bool leave(struct dir_writer *w) {
    struct level *l = &w->levels[--w->depth];
    bool ok = set_open(w, l->dir->inode, l->fd);
    fd_close_auto(&l->fd);
    return ok;
}

static const struct tree_entry *next_child(struct level *l) {
    size_t count;
    struct tree_entry *const *children = tree_children(l->dir, &count);
    return l->next < count ? children[l->next++] : NULL;
}

static bool step(struct dir_writer *w) {
    struct level *l = &w->levels[w->depth - 1];
    const struct tree_entry *at = l->dir;
    if (l->fd < 0) {
        l->fd = open_folder(w, l->dir);
    }
    const struct tree_entry *e = next_child(l);
    bool ok;
    if (e == NULL) {
        ok = leave(w);
    } else {
        at = e;
        ok = make_entry(w, e, l->fd) && (!tree_is_dir(e) || enter(w, e, l->fd)) &&
             check_cancelled(w->options->cancelled, w->err);
    }
    return ok || err_wrap(w->err, "'%s'", str_to_c(w->scratch, tree_path(w->scratch, at)));
}

/* In a user namespace the folder is for the user who is outside. */
static bool is_real_root(void) {
    struct idmaps maps;
    return geteuid() == 0 && idmaps_load(&maps, NULL) && idmap_is_whole(&maps.uids);
}

bool image_write_dir(const struct tree *t, const struct image_dir_options *options, int dirfd,
                     struct err *err) {
    struct tree_entry *root = tree_root(t);
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        e->inode->user = NULL;
    }
    struct dir_writer w = {
        .tree = t,
        .options = options,
        .scratch = arena_new(),
        .is_root = is_real_root(),
        .topfd = dirfd,
        .err = err,
    };
    bool ok = push_level(&w, root, fcntl(dirfd, F_DUPFD_CLOEXEC, 3));
    while (ok && w.depth > 0) {
        ok = step(&w);
    }
    while (w.depth > 0) {
        fd_close_auto(&w.levels[--w.depth].fd);
    }
    arena_free(w.scratch);
    return ok || err_wrap(err, "write the folder");
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A layer folder: an overlayfs upper folder merged on top of the tree. Folders are read one after
 * the other with the working folder inside, as attributes can be read by name only from there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/internal.h"

enum {
    LIST_BYTES = 64 * 1024,
    FOLDERS_MAX = 48, /* folders open at once; those above are opened again when needed */
};

/* Inodes of this layer with several names, by device and number. */
struct links {
    struct link {
        dev_t dev;
        ino_t ino;
        struct tree_inode *inode; /* NULL: free */
    } * slots;
    size_t len;
    size_t cap; /* a power of two */
};

/* A folder on the way down. */
struct frame {
    struct tree_entry *dir;
    int fd;                      /* -1: closed meanwhile */
    struct tree_entry **pending; /* folders in it that are still to be read */
    size_t pending_len;
    size_t pending_cap;
};

struct scan {
    struct tree *tree;
    struct arena *scratch;
    const char *layer; /* for messages */
    int layerfd;
    uint16_t source;
    bool as_oci; /* whiteouts become entries */
    struct xattr_reader xattrs;
    struct links links;
    struct frame *frames;
    size_t depth;
    size_t frame_cap;
    char *list;
    struct err *err;
};

/* --- hard links ------------------------------------------------------------------------------- */

static struct link *find_link(const struct links *l, dev_t dev, ino_t ino) {
    size_t at = (size_t)((ino ^ dev * 0x9E3779B97F4A7C15U) * 0xFF51AFD7ED558CCDU >> 32);
    for (;; at++) {
        struct link *slot = &l->slots[at & (l->cap - 1)];
        if (slot->inode == NULL || (slot->dev == dev && slot->ino == ino)) {
            return slot;
        }
    }
}

static void grow_links(struct scan *s) {
    struct links old = s->links;
    s->links.cap = old.cap == 0 ? 1024 : old.cap * 2;
    s->links.slots = ARENA_ARRAY(s->scratch, struct link, s->links.cap);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].inode != NULL) {
            *find_link(&s->links, old.slots[i].dev, old.slots[i].ino) = old.slots[i];
        }
    }
}

/* The inode of an earlier name of the same file, or NULL after remembering this one. */
static struct tree_inode *earlier_name(struct scan *s, const struct stat *st,
                                       struct tree_inode *inode) {
    if (s->links.len * 2 >= s->links.cap) {
        grow_links(s);
    }
    struct link *slot = find_link(&s->links, st->st_dev, st->st_ino);
    if (slot->inode != NULL) {
        return slot->inode;
    }
    *slot = (struct link){ st->st_dev, st->st_ino, inode };
    s->links.len++;
    return NULL;
}

/* --- one file --------------------------------------------------------------------------------- */

static bool failed(struct scan *s, const struct tree_entry *dir, const char *name) {
    AUTO_ARENA scratch = arena_new();
    return err_wrap(s->err, "read '%s%s/%s'", s->layer,
                    dir->parent == NULL ? "" : str_to_c(scratch, tree_path(scratch, dir)), name);
}

static void set_metadata(struct scan *s, struct tree_inode *inode, const struct stat *st,
                         const struct tree_xattrs *xattrs) {
    inode->mode = st->st_mode;
    inode->uid = st->st_uid;
    inode->gid = st->st_gid;
    inode->mtime_s = st->st_mtim.tv_sec;
    inode->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
    inode->source = s->source;
    inode->xattrs = xattrs;
}

static bool read_target(struct scan *s, int dirfd, const char *name, struct tree_inode *inode) {
    char target[TREE_LINK_MAX + 2];
    ssize_t len = readlinkat(dirfd, name, target, sizeof target);
    if (len < 0) {
        return err_sys(s->err, errno, "read symbolic link");
    }
    if (len == 0 || len > TREE_LINK_MAX) {
        return err_set(s->err, "a symbolic link of %zd bytes", len);
    }
    inode->size = (uint64_t)len;
    inode->target = str_dup(s->tree->arena, (str){ target, (size_t)len }).ptr;
    return true;
}

/* The inode of a new entry; the content of a file is found by the entry's path. */
static bool fill_inode(struct scan *s, int dirfd, const char *name, const struct stat *st,
                       const struct tree_xattrs *xattrs, struct tree_entry *e) {
    struct tree_inode *inode = e->inode;
    set_metadata(s, inode, st, xattrs);
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        inode->size = (uint64_t)st->st_size;
        inode->place = st->st_size == 0 ? TREE_NOWHERE : TREE_IN_LAYER;
        inode->origin = e;
        break;
    case S_IFLNK:
        return read_target(s, dirfd, name, inode);
    case S_IFCHR:
    case S_IFBLK:
        inode->device.major = major(st->st_rdev);
        inode->device.minor = minor(st->st_rdev);
        break;
    default: /* folders, pipes and sockets have nothing more */
        break;
    }
    return true;
}

static void push_pending(struct scan *s, struct tree_entry *dir) {
    struct frame *f = &s->frames[s->depth - 1];
    ARENA_PUSH(s->scratch, f->pending, f->pending_len, f->pending_cap, dir);
}

static bool add_new(struct scan *s, struct tree_entry *dir, int dirfd, str name,
                    const struct stat *st, const struct tree_xattrs *xattrs) {
    struct tree_inode *inode = tree_inode_new(s->tree, st->st_mode);
    struct tree_entry *e = tree_entry_new(s->tree, name, inode);
    if (st->st_nlink > 1 && !S_ISDIR(st->st_mode)) {
        struct tree_inode *earlier = earlier_name(s, st, inode);
        if (earlier != NULL) {
            e->inode = earlier;
            return tree_attach(s->tree, dir, e, s->err);
        }
    }
    /* The content's place is a path: the entry must know its folder before it is counted. */
    e->parent = dir;
    if (!fill_inode(s, dirfd, name.ptr, st, xattrs, e) || !tree_attach(s->tree, dir, e, s->err)) {
        return false;
    }
    if (S_ISDIR(st->st_mode)) {
        push_pending(s, e);
    }
    return true;
}

static bool is_whiteout(const struct stat *st, const struct overlay_marks *marks) {
    return (S_ISCHR(st->st_mode) && st->st_rdev == 0) ||
           (S_ISREG(st->st_mode) && st->st_size == 0 && marks->whiteout);
}

static void remove_children(struct scan *s, struct tree_entry *dir) {
    struct tree_dir *d = dir->inode->dir;
    while (d->count > 0) {
        tree_detach(s->tree, dir, d->count - 1);
    }
}

/* An empty file that means something (OCI image specification, "Whiteouts"). */
static bool add_mark(struct scan *s, struct tree_entry *dir, str name) {
    struct tree_inode *inode = tree_inode_new(s->tree, S_IFREG | 0644);
    inode->source = s->source;
    return tree_name_check(name, s->err) &&
           tree_attach(s->tree, dir, tree_entry_new(s->tree, name, inode), s->err);
}

static bool add_as_oci(struct scan *s, struct tree_entry *dir, int dirfd, str name,
                       const struct stat *st, const struct tree_xattrs *xattrs,
                       const struct overlay_marks *marks) {
    if (str_starts(name, S(".wh."))) {
        return err_set(s->err, "a name reserved for whiteouts in a layer");
    }
    if (is_whiteout(st, marks)) {
        return add_mark(s, dir, str_concat(s->tree->arena, S(".wh."), name));
    }
    if (!add_new(s, dir, dirfd, name, st, xattrs)) {
        return false;
    }
    if (!marks->opaque) {
        return true;
    }
    const struct frame *f = &s->frames[s->depth - 1];
    return add_mark(s, f->pending[f->pending_len - 1], S(".wh..wh..opq"));
}

static bool merge_file(struct scan *s, struct tree_entry *dir, int dirfd, str name, bool had_any) {
    struct stat st;
    const struct tree_xattrs *xattrs;
    struct overlay_marks marks;
    if (fstatat(dirfd, name.ptr, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_sys(s->err, errno, "stat");
    }
    if (!xattr_read(&s->xattrs, s->tree->arena, name.ptr, -1, &xattrs, &marks, s->err)) {
        return false;
    }
    if (marks.redirect) {
        return err_set(s->err, "a layer made with redirect_dir or metacopy");
    }
    if (s->as_oci) {
        return add_as_oci(s, dir, dirfd, name, &st, xattrs, &marks);
    }
    struct tree_dir *d = dir->inode->dir;
    ssize_t index = had_any ? dir_find_sorted(d, name) : DIR_NONE;
    struct tree_entry *old = index < 0 ? NULL : d->children[index];
    if (old != NULL && tree_is_dir(old) && S_ISDIR(st.st_mode)) {
        set_metadata(s, old->inode, &st, xattrs);
        if (marks.opaque) {
            remove_children(s, old);
        }
        push_pending(s, old);
        return true;
    }
    if (old != NULL) {
        tree_detach(s->tree, dir, (size_t)index);
    }
    return is_whiteout(&st, &marks) || add_new(s, dir, dirfd, name, &st, xattrs);
}

/* --- folders ---------------------------------------------------------------------------------- */

/* Entries of the folder that fd is; had_any: the tree already had something in it. */
static bool merge_list(struct scan *s, struct tree_entry *dir, int fd) {
    dir_seal(dir->inode->dir);
    bool had_any = dir->inode->dir->count > 0;
    struct os_listing list;
    if (!os_listing_begin(&list, fd, s->list, LIST_BYTES)) {
        return err_sys(s->err, errno, "list folder") || failed(s, dir, "");
    }
    const char *name;
    bool ok = true;
    while (ok && (name = os_listing_next(&list)) != NULL) {
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            ok = merge_file(s, dir, fd, str_from_c(name), had_any) || failed(s, dir, name);
        }
    }
    if (ok && errno != 0) {
        err_sys(s->err, errno, "list folder");
        ok = failed(s, dir, "");
    }
    os_listing_end(&list);
    return ok;
}

/* From the layer's root, part by part: for folders whose fd was closed on the way down. */
static int reopen(const struct scan *s, const struct tree_entry *dir) {
    if (dir->parent == NULL) {
        return fcntl(s->layerfd, F_DUPFD_CLOEXEC, 3);
    }
    AUTO_BUF path = BUF_INIT(SIZE_MAX);
    tree_path_relative(&path, dir);
    return tree_open_path(s->layerfd, path.ptr, O_RDONLY | O_DIRECTORY);
}

static bool enter(struct scan *s, struct tree_entry *dir) {
    int fd;
    if (s->depth == 0) {
        fd = reopen(s, dir);
    } else {
        struct frame *above = &s->frames[s->depth - 1];
        if (above->fd < 0) {
            above->fd = reopen(s, above->dir);
        }
        fd = above->fd < 0
                 ? -1
                 : openat(above->fd, dir->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0 || fchdir(fd) < 0) {
        err_sys(s->err, errno, "open folder");
        fd_close_auto(&fd);
        return failed(s, dir, "");
    }
    if (s->depth >= FOLDERS_MAX) {
        struct frame *far = &s->frames[s->depth - FOLDERS_MAX];
        fd_close_auto(&far->fd);
        far->fd = -1;
    }
    struct frame f = { .dir = dir, .fd = fd };
    ARENA_PUSH(s->scratch, s->frames, s->depth, s->frame_cap, f);
    return merge_list(s, dir, fd);
}

static void leave(struct scan *s) {
    s->depth--;
    fd_close_auto(&s->frames[s->depth].fd);
}

static bool scan_all(struct scan *s) {
    if (!enter(s, s->tree->root)) {
        return false;
    }
    while (s->depth > 0) {
        struct frame *f = &s->frames[s->depth - 1];
        if (f->pending_len == 0) {
            leave(s);
            continue;
        }
        if (!enter(s, f->pending[--f->pending_len])) {
            return false;
        }
    }
    return true;
}

static bool merge_root(struct scan *s) {
    struct stat st;
    const struct tree_xattrs *xattrs;
    struct overlay_marks marks;
    if (fstat(s->layerfd, &st) < 0) {
        return err_sys(s->err, errno, "read '%s'", s->layer);
    }
    if (!xattr_read(&s->xattrs, s->tree->arena, NULL, s->layerfd, &xattrs, &marks, s->err)) {
        return err_wrap(s->err, "read '%s'", s->layer);
    }
    /* A mount does not ask whether the root of a layer is opaque. */
    set_metadata(s, s->tree->root->inode, &st, xattrs);
    return true;
}

static bool scan_layer(struct tree *t, const char *path, int layerfd, uint16_t source, bool as_oci,
                       struct err *err) {
    AUTO_FD here = open(".", OS_FOLDER | O_CLOEXEC);
    if (here < 0) {
        return err_sys(err, errno, "open the working folder");
    }
    struct scan s = {
        .tree = t,
        .scratch = arena_new(),
        .layer = path,
        .layerfd = layerfd,
        .source = source,
        .as_oci = as_oci,
        .list = malloc(LIST_BYTES),
        .err = err,
    };
    ASSERT(s.list != NULL);
    xattr_reader_init(&s.xattrs);
    bool ok = merge_root(&s) && scan_all(&s);
    while (s.depth > 0) {
        leave(&s);
    }
    xattr_reader_done(&s.xattrs);
    free(s.list);
    arena_free(s.scratch);
    if (fchdir(here) < 0 && ok) {
        return err_sys(err, errno, "return to the working folder");
    }
    return ok;
}

static bool add_layer(struct tree *t, const char *path, bool as_oci, struct err *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open layer '%s'", path);
    }
    uint16_t source;
    if (!tree_add_source(t, fd, &source, err)) {
        close(fd);
        return false;
    }
    return scan_layer(t, path, fd, source, as_oci, err);
}

bool tree_add_layer(struct tree *t, const char *path, struct err *err) {
    return add_layer(t, path, false, err);
}

bool tree_open_layer_as_oci(const char *path, struct tree **ret, struct err *err) {
    AUTO_TREE t = tree_new();
    if (!add_layer(t, path, true, err)) {
        return false;
    }
    *ret = t;
    t = NULL;
    return true;
}

bool tree_add_layers(struct tree *t, const char *const *paths, size_t count, struct err *err) {
    for (size_t i = 0; i < count; i++) {
        if (!tree_add_layer(t, paths[i], err)) {
            return false;
        }
    }
    return true;
}

bool tree_open_layers(const char *const *paths, size_t count, struct tree **ret, struct err *err) {
    AUTO_TREE t = tree_new();
    if (!tree_add_layers(t, paths, count, err)) {
        return false;
    }
    *ret = t;
    t = NULL;
    return true;
}

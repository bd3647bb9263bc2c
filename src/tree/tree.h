// SPDX-License-Identifier: Apache-2.0
/*
 * tree/: one filesystem tree in memory: names, metadata, and where each content lies. It is made
 * of layer folders (overlayfs upper folders, lowest first), of tar streams, of entries given in
 * memory, or of all of them one on top of the other; whiteouts are applied while it grows. What
 * packs, exports or checks an image reads this and nothing else.
 *
 * Follows the kernel's overlayfs documentation for layers (whiteouts, opaque folders; layers are
 * made with redirect_dir, metacopy and index off) and the OCI layer specification for tar.
 *
 * An entry is a name in a folder; an inode is what it names. Hard links are entries that share an
 * inode. A folder has exactly one entry. The marks that overlayfs keeps for itself in a layer
 * (trusted.overlay.*; user.overlay.* in a user namespace) and security.selinux, which is the
 * host's, are not part of the tree. All else is what a mount of the layers shows.
 *
 * The tree owns everything in it and the fds it reads content from. Not for several threads, but
 * content may be read by several threads once nothing changes any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/base.h"

enum {
    TREE_NAME_MAX = 255,          /* bytes of a name */
    TREE_LINK_MAX = 4095,         /* bytes of a symbolic link's target */
    TREE_XATTR_VALUE_MAX = 65536, /* bytes */
    TREE_ENTRIES_MAX = 4000000,   /* in one tree */
    TREE_DEPTH_MAX = 4096,        /* folders in each other */
    TREE_LINKS_FOLLOWED_MAX = 40, /* symbolic links in one lookup */
    TREE_HOST_FILE_MAX = 1 << 30, /* bytes */
    TREE_SOURCES_MAX = 65535,     /* layers and tars in one tree */
};

/* Extended attributes, sorted by name. */
struct tree_xattr {
    str name; /* NUL-terminated after its length */
    str value;
};
struct tree_xattrs {
    size_t count;
    const struct tree_xattr *items;
};

/* Where the bytes of a regular file are. */
enum tree_place {
    TREE_NOWHERE,   /* size 0, or not a regular file */
    TREE_IN_LAYER,  /* a file in a layer folder */
    TREE_IN_SPOOL,  /* a piece of the tree's spool file */
    TREE_IN_MEMORY, /* bytes */
};

struct tree_inode {
    uint32_t mode; /* type and permissions, as st_mode */
    uint32_t uid;
    uint32_t gid;
    uint32_t link_count; /* entries in this tree that share the inode; 1 for a folder */
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint16_t source;                  /* which layer or tar brought it, 0-based */
    uint8_t place;                    /* enum tree_place */
    uint64_t size;                    /* bytes of a regular file or of a link's target; else 0 */
    const struct tree_xattrs *xattrs; /* NULL: none */
    union {
        struct tree_dir *dir; /* S_ISDIR */
        const char *target;   /* S_ISLNK; `size` bytes and a NUL */
        struct {              /* S_ISCHR, S_ISBLK */
            uint32_t major;
            uint32_t minor;
        } device;
        const struct tree_entry *origin; /* TREE_IN_LAYER: its path is the path in the layer */
        uint64_t offset;                 /* TREE_IN_SPOOL */
        const char *bytes;               /* TREE_IN_MEMORY */
    };
    void *user; /* for whoever works on the tree now; NULL at first */
};

struct tree_entry {
    struct tree_entry *parent; /* NULL for the root */
    struct tree_inode *inode;
    uint32_t user; /* for whoever works on the tree now */
    uint16_t name_len;
    char name[]; /* NUL-terminated; "" for the root */
};

struct tree;

static inline str tree_name(const struct tree_entry *e) {
    return (str){ e->name, e->name_len };
}
static inline bool tree_is_dir(const struct tree_entry *e) {
    return S_ISDIR(e->inode->mode);
}

/* --- making one ------------------------------------------------------------------------------- */

/* A root folder, 0755, root's, time 0, and nothing in it. */
struct tree *tree_new(void);
void tree_free(struct tree *t); /* NULL is fine */
static inline void tree_free_auto(struct tree **t) {
    tree_free(*t);
}
#define AUTO_TREE __attribute__((cleanup(tree_free_auto))) struct tree *

/*
 * One more layer on top, with the metadata of its root folder. Links are never followed. The
 * folder must stay as it is while the tree lives: contents are read from it later. The process
 * must have one thread: the working folder is changed during the call and restored.
 * False: what could not be read, or a layer with redirected folders or metadata-only copies.
 */
MUST_CHECK bool tree_add_layer(struct tree *t, const char *path, struct err *err);
/* All layers of a stack, lowest first. */
MUST_CHECK bool tree_add_layers(struct tree *t, const char *const *paths, size_t count,
                                struct err *err);
/* Layers merged into a new tree. */
MUST_CHECK bool tree_open_layers(const char *const *paths, size_t count, struct tree **ret,
                                 struct err *err);

/* One layer alone, as the OCI layer specification writes it: what it takes away is an entry
 * ".wh.NAME", a folder that hides what is below holds ".wh..wh..opq". */
MUST_CHECK bool tree_open_layer_as_oci(const char *path, struct tree **ret, struct err *err);

struct tree_tar_options {
    bool oci_whiteouts;       /* ".wh.NAME" and ".wh..wh..opq" take away what is below */
    const char *spool_folder; /* contents go to an unnamed file there */
    uint64_t max_bytes;       /* of all contents together; 0: none */
};
/*
 * A tar stream on top, plain or compressed (gzip, bzip2, xz, zstd), read to its end from a pipe or
 * a file. Missing parents are made; parents that are symbolic links are followed inside the tree;
 * names with ".." are refused; a leading slash means nothing. `name` is for messages.
 */
MUST_CHECK bool tree_add_tar(struct tree *t, int fd, const char *name,
                             const struct tree_tar_options *options, struct err *err);

/* An archive's time of modification, also where libarchive is wrong about it: of a fraction of a
 * second before 1970 it takes the fraction as one after the full second. */
struct archive_entry;
void tree_archive_time(struct archive_entry *entry, struct timespec *ret);

/* For the functions below. `mode` is without the type. */
struct tree_meta {
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    int64_t mtime_s;
};
/*
 * Each makes one entry at `path` (with or without a leading slash; parents that are missing are
 * made, 0755, root's, with the entry's time; symbolic links among them are followed inside the
 * tree) and replaces what was there, except that a folder stays and takes the new metadata.
 * Text is copied. False: an impossible path.
 */
MUST_CHECK bool tree_put_dir(struct tree *t, str path, const struct tree_meta *meta,
                             struct tree_entry **ret, struct err *err);
MUST_CHECK bool tree_put_file(struct tree *t, str path, const struct tree_meta *meta, str content,
                              struct tree_entry **ret, struct err *err);
MUST_CHECK bool tree_put_link(struct tree *t, str path, const struct tree_meta *meta, str target,
                              struct tree_entry **ret, struct err *err);
/* S_IFCHR, S_IFBLK, S_IFIFO or S_IFSOCK as `type`. */
MUST_CHECK bool tree_put_special(struct tree *t, str path, const struct tree_meta *meta,
                                 uint32_t type, uint32_t major, uint32_t minor,
                                 struct tree_entry **ret, struct err *err);
/* One more name of what `existing` names, which must not be a folder. */
MUST_CHECK bool tree_put_hard_link(struct tree *t, str path, const struct tree_entry *existing,
                                   struct tree_entry **ret, struct err *err);
/* The content of a file of the host, at most TREE_HOST_FILE_MAX bytes, read now. */
MUST_CHECK bool tree_put_host_file(struct tree *t, str path, const struct tree_meta *meta,
                                   int dirfd, const char *host_path, struct tree_entry **ret,
                                   struct err *err);
/* Sets or replaces one attribute. */
void tree_set_xattr(struct tree *t, struct tree_inode *inode, str name, str value);
/* Takes an entry, and all below it, out of the tree. Not the root. */
void tree_remove(struct tree *t, struct tree_entry *e);

/* --- reading it ------------------------------------------------------------------------------- */

struct tree_entry *tree_root(const struct tree *t);
/* Entries in it, the root included; inodes. */
size_t tree_entry_count(const struct tree *t);
size_t tree_inode_count(const struct tree *t);
/* Bytes of all regular files, hard links counted once. */
uint64_t tree_content_bytes(const struct tree *t);

/* Children of a folder, sorted by the bytes of their names; valid until it changes. */
struct tree_entry *const *tree_children(const struct tree_entry *dir, size_t *ret_count);
/* NULL when there is none. */
struct tree_entry *tree_child(const struct tree_entry *dir, str name);

enum tree_lookup {
    TREE_LITERAL,   /* no symbolic link is followed */
    TREE_NO_FOLLOW, /* all but the last part of the path */
    TREE_FOLLOW,    /* all; absolute targets and ".." stay in the tree */
};
/* NULL when there is none, or too many links. A leading slash means nothing. */
struct tree_entry *tree_find(const struct tree *t, str path, enum tree_lookup how);

/* Everything below and with `start`, folders before what is in them, in the order of names:
 *
 *     for (const struct tree_entry *e = start; e != NULL; e = tree_next(start, e))
 */
struct tree_entry *tree_next(const struct tree_entry *start, const struct tree_entry *e);

/* "/usr/bin/env"; "/" for the root. */
str tree_path(struct arena *a, const struct tree_entry *e);
/* "usr/bin/env" into a buf; "" for the root. Replaces what is in it. */
void tree_path_relative(struct buf *b, const struct tree_entry *e);

const struct tree_xattr *tree_find_xattr(const struct tree_inode *inode, str name);

/* --- contents --------------------------------------------------------------------------------- */

/* A regular file of the tree, being read. */
struct tree_content {
    int fd; /* -1 when the bytes are in memory */
    bool fd_is_ours;
    uint64_t start; /* offset in fd */
    uint64_t size;
    const char *bytes;
};
#define TREE_CONTENT_INIT ((struct tree_content){ .fd = -1 })
/* Of an inode that is a regular file. */
MUST_CHECK bool tree_open_content(const struct tree *t, const struct tree_inode *inode,
                                  struct tree_content *ret, struct err *err);
/* Exactly `len` bytes at `offset`; a file that became shorter is an error. */
MUST_CHECK bool tree_read_content(const struct tree_content *c, uint64_t offset, void *ret,
                                  size_t len, struct err *err);
/* Offset of the first byte at or after `offset` that is not in a hole; the size when all that
 * follows is. */
uint64_t tree_next_data(const struct tree_content *c, uint64_t offset);
void tree_close_content(struct tree_content *c);
#define AUTO_TREE_CONTENT __attribute__((cleanup(tree_close_content))) struct tree_content

/* All of it, at most max_bytes, NUL-terminated after its length: for small files. */
MUST_CHECK bool tree_load_content(const struct tree *t, const struct tree_inode *inode,
                                  struct arena *a, size_t max_bytes, str *ret, struct err *err);
/* Into an empty file; holes stay holes, blocks are shared where the filesystem can. */
MUST_CHECK bool tree_copy_content(const struct tree *t, const struct tree_inode *inode, int to,
                                  struct err *err);

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tree/tree.h"

/* A layer folder; tars and entries of memory have none (-1). */
struct tree_source {
    int fd;
};

struct tree {
    struct arena *arena;
    struct tree_entry *root;
    size_t entry_count;
    size_t inode_count;
    uint64_t content_bytes;
    struct tree_source *sources;
    size_t source_count;
    size_t source_cap;
    int spool; /* -1: none yet */
    uint64_t spool_end;
};

/* --- dir.c: the children of one folder -------------------------------------------------------- */

/* The first `sorted` children are in order; what was added since lies after them. */
struct tree_dir {
    struct tree_entry **children;
    size_t count;
    size_t cap;
    size_t sorted;
};

enum { DIR_NONE = -1 };
/* Index of a child, or DIR_NONE. */
ssize_t dir_find(struct tree_dir *d, str name);
/* The same, among the sorted ones only: for names that cannot be among the others. */
ssize_t dir_find_sorted(const struct tree_dir *d, str name);
/* The name must not be there. */
void dir_add(struct arena *a, struct tree_dir *d, struct tree_entry *e);
void dir_remove(struct tree_dir *d, size_t index);
/* Sorts what is not sorted yet. */
void dir_seal(struct tree_dir *d);

/* --- tree.c ----------------------------------------------------------------------------------- */

struct tree_inode *tree_inode_new(struct tree *t, uint32_t mode);
struct tree_entry *tree_entry_new(struct tree *t, str name, struct tree_inode *inode);
/* Counts the entry and its inode and makes it a child of `dir`, where the name must be free. */
MUST_CHECK bool tree_attach(struct tree *t, struct tree_entry *dir, struct tree_entry *e,
                            struct err *err);
/* Takes child `index` and all below it out of the folder. */
void tree_detach(struct tree *t, struct tree_entry *dir, size_t index);
/* Another inode for an entry that stays where it is; neither is a folder. */
void tree_replace_inode(struct tree *t, struct tree_entry *e, struct tree_inode *inode);
/* Number of the next source. */
MUST_CHECK bool tree_add_source(struct tree *t, int fd, uint16_t *ret, struct err *err);
size_t tree_depth(const struct tree_entry *e);

/* False for what cannot be a file's name: empty, ".", "..", a slash, NUL, over 255 bytes. */
MUST_CHECK bool tree_name_check(str name, struct err *err);

/* --- find.c ----------------------------------------------------------------------------------- */

/* For folders that are made on the way. */
struct tree_missing {
    int64_t mtime_s;
    uint16_t source;
};
/* As tree_find(). With `make`, missing folders are made, and err is set when that fails. */
struct tree_entry *tree_lookup(struct tree *t, str path, enum tree_lookup how,
                               const struct tree_missing *make, struct err *err);

/* --- put.c ------------------------------------------------------------------------------------ */

/*
 * The folder that holds the last part of `path`, made when missing, and that part; the name is
 * empty for the root itself. A path with ".." is refused.
 */
MUST_CHECK bool tree_find_place(struct tree *t, str path, const struct tree_missing *make,
                                struct tree_entry **ret_dir, str *ret_name, struct err *err);
/* Puts an inode at a place: replaces what is there, but a folder over a folder only brings its
 * metadata. ret may be NULL. */
MUST_CHECK bool tree_put_inode(struct tree *t, struct tree_entry *dir, str name,
                               struct tree_inode *inode, struct tree_entry **ret, struct err *err);
/* Everything but the children of a folder. */
void tree_copy_metadata(struct tree_inode *to, const struct tree_inode *from);

/* --- xattr.c ---------------------------------------------------------------------------------- */

/* What overlayfs says about a file of a layer. */
struct overlay_marks {
    bool opaque;
    bool whiteout;
    bool redirect; /* of a kind we do not read: redirected folders, metadata-only copies */
};
struct xattr_reader {
    char *names; /* XATTR_BYTES_MAX bytes each */
    char *value;
    str own; /* what names of overlayfs' marks start with */
};
enum { XATTR_BYTES_MAX = 65536 };
void xattr_reader_init(struct xattr_reader *r);
void xattr_reader_done(struct xattr_reader *r);
/* Attributes of `name` in the working folder, or of `fd` when name is NULL. */
MUST_CHECK bool xattr_read(struct xattr_reader *r, struct arena *a, const char *name, int fd,
                           const struct tree_xattrs **ret, struct overlay_marks *ret_marks,
                           struct err *err);
/* Sorted; NULL for none. Takes over the items. */
const struct tree_xattrs *xattrs_make(struct arena *a, struct tree_xattr *items, size_t count);
/* Attributes that are not taken from a tar: root's marks of overlayfs, labels of the host. */
bool xattr_is_foreign(str name);

/* --- content.c -------------------------------------------------------------------------------- */

/* Opens a path of any length below a folder without following any link. -1 and errno. */
int tree_open_path(int dirfd, const char *path, int flags);
/* The file whose piece after spool_end may be written; made at the first call. */
MUST_CHECK bool tree_spool_open(struct tree *t, const char *folder, struct err *err);

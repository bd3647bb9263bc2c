// SPDX-License-Identifier: Apache-2.0
/*
 * Inode and directory table. The inodes of a folder's children lie together, so that its listing
 * needs few headers: what is below a folder is written first, then its children's inodes, then
 * the listing, and the folder's own inode with its siblings.
 */
#include <sqfs/dir_writer.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/meta_writer.h>
#include <sqfs/xattr_writer.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

#define NO_XATTR UINT32_MAX

struct inode_writer {
    struct packer *p;
    sqfs_meta_writer_t *inodes;
    sqfs_meta_writer_t *listings; /* in memory until the inodes are written */
    sqfs_dir_writer_t *dir;
};

static inline void inode_free_auto(sqfs_inode_generic_t **n) {
    free(*n);
}
#define AUTO_INODE __attribute__((cleanup(inode_free_auto))) sqfs_inode_generic_t *

/* --- attributes ------------------------------------------------------------------------------- */

/* SquashFS stores a number in place of these; it has none for others. */
static bool xattr_fits(str name) {
    static const str prefixes[] = { S_INIT("user."), S_INIT("trusted."), S_INIT("security.") };
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (str_starts(name, prefixes[i]) && name.len > prefixes[i].len) {
            return true;
        }
    }
    return false;
}

static bool add_xattrs(struct packer *p, const struct tree_inode *inode, uint32_t *ret) {
    *ret = NO_XATTR;
    if (inode->xattrs == NULL) {
        return true;
    }
    if (!check_sqfs(p, sqfs_xattr_writer_begin(p->xattrs, 0), "attributes")) {
        return false;
    }
    for (size_t i = 0; i < inode->xattrs->count; i++) {
        const struct tree_xattr *x = &inode->xattrs->items[i];
        if (!xattr_fits(x->name)) {
            p->stats.xattrs_left_out++;
            continue;
        }
        int code = sqfs_xattr_writer_add(p->xattrs, x->name.ptr, x->value.ptr, x->value.len);
        if (!check_sqfs(p, code, x->name.ptr)) {
            return false;
        }
    }
    return check_sqfs(p, sqfs_xattr_writer_end(p->xattrs, ret), "attributes");
}

/* --- inodes ----------------------------------------------------------------------------------- */

static sqfs_inode_generic_t *inode_new(size_t payload_bytes) {
    sqfs_inode_generic_t *n = calloc(1, sizeof *n + payload_bytes + 1);
    ASSERT(n != NULL);
    n->payload_bytes_available = (uint32_t)payload_bytes;
    n->payload_bytes_used = (uint32_t)payload_bytes;
    return n;
}

static uint32_t time_u32(int64_t time_s) {
    return time_s < 0 ? 0 : time_s > UINT32_MAX ? UINT32_MAX : (uint32_t)time_s;
}

static bool fill_base(struct packer *p, const struct tree_inode *inode, sqfs_inode_generic_t *n) {
    n->base.mode = (uint16_t)(inode->mode & 07777);
    n->base.mod_time = time_u32(clamp_time(inode->mtime_s, p->options->epoch_s));
    n->base.inode_number = packed_of(inode)->number;
    return check_sqfs(p, sqfs_id_table_id_to_index(p->ids, inode->uid, &n->base.uid_idx),
                      "owner") &&
           check_sqfs(p, sqfs_id_table_id_to_index(p->ids, inode->gid, &n->base.gid_idx), "group");
}

/* Without its list of blocks: libsquashfs copies that to the stack, where the list of a file of
 * terabytes has no room. write_block_list() puts it after the inode. */
static sqfs_inode_generic_t *make_file(const struct tree_inode *inode) {
    static const struct file_data empty = { .fragment = NO_FRAGMENT };
    const struct file_data *data = packed_of(inode)->data;
    data = data == NULL ? &empty : data;
    sqfs_inode_generic_t *n = inode_new(0);
    if (inode->link_count == 1 && data->sparse_bytes == 0 && data->start <= UINT32_MAX &&
        inode->size <= UINT32_MAX) {
        n->base.type = SQFS_INODE_FILE;
        n->data.file = (sqfs_inode_file_t){
            .blocks_start = (uint32_t)data->start,
            .fragment_index = data->fragment,
            .fragment_offset = data->fragment_offset,
            .file_size = (uint32_t)inode->size,
        };
        return n;
    }
    n->base.type = SQFS_INODE_EXT_FILE;
    n->data.file_ext = (sqfs_inode_file_ext_t){
        .blocks_start = data->start,
        .file_size = inode->size,
        /* The kernel wants a file to hold something. */
        .sparse = data->sparse_bytes < inode->size ? data->sparse_bytes
                  : inode->size > 0                ? inode->size - 1
                                                   : 0,
        .nlink = inode->link_count,
        .fragment_idx = data->fragment,
        .fragment_offset = data->fragment_offset,
        .xattr_idx = NO_XATTR,
    };
    return n;
}

static sqfs_inode_generic_t *make_link(const struct tree_inode *inode) {
    sqfs_inode_generic_t *n = inode_new((size_t)inode->size);
    n->base.type = SQFS_INODE_SLINK;
    n->data.slink.nlink = inode->link_count;
    n->data.slink.target_size = (uint32_t)inode->size;
    memcpy(n->extra, inode->target, (size_t)inode->size);
    return n;
}

static sqfs_inode_generic_t *make_device(const struct tree_inode *inode, uint16_t type) {
    sqfs_inode_generic_t *n = inode_new(0);
    uint32_t minor = inode->device.minor;
    n->base.type = type;
    n->data.dev.nlink = inode->link_count;
    n->data.dev.devno = (minor & 0xFF) | (inode->device.major << 8) | ((minor & ~0xFFU) << 12);
    return n;
}

static sqfs_inode_generic_t *make_ipc(const struct tree_inode *inode, uint16_t type) {
    sqfs_inode_generic_t *n = inode_new(0);
    n->base.type = type;
    n->data.ipc.nlink = inode->link_count;
    return n;
}

static sqfs_inode_generic_t *make_inode(const struct tree_inode *inode) {
    switch (inode->mode & S_IFMT) {
    case S_IFLNK:
        return make_link(inode);
    case S_IFCHR:
        return make_device(inode, SQFS_INODE_CDEV);
    case S_IFBLK:
        return make_device(inode, SQFS_INODE_BDEV);
    case S_IFIFO:
        return make_ipc(inode, SQFS_INODE_FIFO);
    case S_IFSOCK:
        return make_ipc(inode, SQFS_INODE_SOCKET);
    default:
        ASSERT(S_ISREG(inode->mode));
        return make_file(inode);
    }
}

/* Notes where the inode is: other names point there. */
static bool write_inode(struct inode_writer *w, const struct tree_inode *inode,
                        const sqfs_inode_generic_t *n) {
    uint64_t block;
    uint32_t offset;
    sqfs_meta_writer_get_position(w->inodes, &block, &offset);
    packed_of(inode)->reference = block << 16 | offset;
    packed_of(inode)->written = true;
    return check_sqfs(w->p, sqfs_meta_writer_write_inode(w->inodes, n), "inode table");
}

static bool write_block_list(struct inode_writer *w, const struct tree_inode *inode) {
    const struct file_data *data = packed_of(inode)->data;
    if (data == NULL || data->block_count == 0) {
        return true;
    }
    size_t bytes = (size_t)data->block_count * sizeof data->sizes[0];
    return check_sqfs(w->p, sqfs_meta_writer_append(w->inodes, data->sizes, bytes), "inode table");
}

static bool write_other(struct inode_writer *w, const struct tree_inode *inode) {
    if (packed_of(inode)->written) {
        return true;
    }
    AUTO_INODE n = make_inode(inode);
    uint32_t xattr;
    if (!fill_base(w->p, inode, n) || !add_xattrs(w->p, inode, &xattr)) {
        return false;
    }
    if (xattr != NO_XATTR &&
        !check_sqfs(w->p, sqfs_inode_set_xattr_index(n, xattr), "attributes")) {
        return false;
    }
    return write_inode(w, inode, n) && write_block_list(w, inode);
}

/* --- folders ---------------------------------------------------------------------------------- */

static bool write_listing(struct inode_writer *w, struct tree_entry *const *children,
                          size_t count) {
    bool ok = check_sqfs(w->p, sqfs_dir_writer_begin(w->dir, 0), "directory table");
    for (size_t i = 0; ok && i < count; i++) {
        const struct packed *child = packed_of(children[i]->inode);
        ok = check_sqfs(w->p,
                        sqfs_dir_writer_add_entry(w->dir, children[i]->name, child->number,
                                                  child->reference,
                                                  (uint16_t)children[i]->inode->mode),
                        "directory table");
    }
    return ok && check_sqfs(w->p, sqfs_dir_writer_end(w->dir), "directory table");
}

/* The folder's inode, to be written with those of its siblings; after its listing. */
static sqfs_inode_generic_t *make_dir(struct inode_writer *w, const struct tree_entry *dir,
                                      size_t subdir_count) {
    uint32_t xattr;
    if (!add_xattrs(w->p, dir->inode, &xattr)) {
        return NULL;
    }
    /* As mksquashfs: the root's parent is one that does not exist. */
    uint32_t parent = dir->parent == NULL ? (uint32_t)tree_inode_count(w->p->tree) + 1
                                          : packed_of(dir->parent->inode)->number;
    sqfs_inode_generic_t *n = sqfs_dir_writer_create_inode(w->dir, 0, xattr, parent);
    ASSERT(n != NULL);
    uint32_t links = (uint32_t)subdir_count + 2;
    if (n->base.type == SQFS_INODE_DIR) {
        n->data.dir.nlink = links;
    } else {
        n->data.dir_ext.nlink = links;
    }
    if (!fill_base(w->p, dir->inode, n)) {
        free(n);
        return NULL;
    }
    return n;
}

static bool write_children(struct inode_writer *w, struct tree_entry *const *children, size_t count,
                           sqfs_inode_generic_t *const *subdirs) {
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        const struct tree_inode *inode = children[i]->inode;
        ok = S_ISDIR(inode->mode) ? write_inode(w, inode, *subdirs++) : write_other(w, inode);
    }
    return ok && check_cancelled(w->p->options->cancelled, w->p->err);
}

/* NULL: err is set. Calls itself as deep as the tree is, which has a limit. */
static sqfs_inode_generic_t *write_dir(struct inode_writer *w, const struct tree_entry *dir) {
    size_t count;
    struct tree_entry *const *children = tree_children(dir, &count);
    size_t subdir_count = 0;
    for (size_t i = 0; i < count; i++) {
        subdir_count += tree_is_dir(children[i]);
    }
    sqfs_inode_generic_t **subdirs = calloc(subdir_count + 1, sizeof(sqfs_inode_generic_t *));
    ASSERT(subdirs != NULL);
    bool ok = true;
    size_t done = 0;
    for (size_t i = 0; ok && i < count; i++) {
        if (tree_is_dir(children[i])) {
            subdirs[done] = write_dir(w, children[i]);
            ok = subdirs[done++] != NULL;
        }
    }
    ok = ok && write_children(w, children, count, subdirs) && write_listing(w, children, count);
    while (done > 0) {
        free(subdirs[--done]);
    }
    free(subdirs);
    return ok ? make_dir(w, dir, subdir_count) : NULL;
}

static bool write_all(struct inode_writer *w) {
    struct packer *p = w->p;
    const struct tree_entry *root = tree_root(p->tree);
    p->super.inode_table_start = p->file.size;
    AUTO_INODE n = write_dir(w, root);
    if (n == NULL || !write_inode(w, root->inode, n) ||
        !check_sqfs(p, sqfs_meta_writer_flush(w->inodes), "inode table") ||
        !check_sqfs(p, sqfs_meta_writer_flush(w->listings), "directory table")) {
        return false;
    }
    p->super.root_inode_ref = packed_of(root->inode)->reference;
    p->super.inode_count = (uint32_t)tree_inode_count(p->tree);
    p->super.directory_table_start = p->file.size;
    return check_sqfs(p, sqfs_meta_write_write_to_file(w->listings), "directory table");
}

bool pack_inodes(struct packer *p) {
    sqfs_file_t *file = &p->file.base;
    struct inode_writer w = {
        .p = p,
        .inodes = sqfs_meta_writer_create(file, p->compressor, 0),
        .listings = sqfs_meta_writer_create(file, p->compressor, SQFS_META_WRITER_KEEP_IN_MEMORY),
    };
    ASSERT(w.inodes != NULL && w.listings != NULL);
    w.dir = sqfs_dir_writer_create(w.listings, 0);
    ASSERT(w.dir != NULL);
    bool ok = write_all(&w);
    sqfs_destroy(w.dir);
    sqfs_destroy(w.listings);
    sqfs_destroy(w.inodes);
    return ok;
}

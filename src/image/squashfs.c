// SPDX-License-Identifier: Apache-2.0
/* A SquashFS 4.0 image from superblock to padding. */
#include <errno.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/super.h>
#include <sqfs/xattr_writer.h>

#include "image/internal.h"

/* The kernel reads whole pages of a device. */
enum { PADDING_BYTES = 4096 };
/* "Equal files are stored once"; libsquashfs has the name the wrong way round. */
enum { FLAG_DUPLICATES = SQFS_FLAG_NO_DUPLICATES };

bool check_cancelled(const volatile sig_atomic_t *cancelled, struct err *err) {
    return cancelled == NULL || *cancelled == 0 || err_sys(err, EINTR, "stopped");
}

bool check_sqfs(struct packer *p, int code, const char *what) {
    if (code == 0) {
        return true;
    }
    return code == SQFS_ERROR_IO && p->file.failed != 0
               ? err_sys(p->err, p->file.failed, "write the %s", what)
               : err_sqfs(p->err, code, what);
}

/* A number for each inode, those of a folder's children in a row: listings store differences. */
static void number_inodes(struct packer *p) {
    struct tree_entry *root = tree_root(p->tree);
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        e->inode->user = NULL;
    }
    struct packed *all = ARENA_ARRAY(p->arena, struct packed, tree_inode_count(p->tree));
    uint32_t last = 1;
    all[0] = (struct packed){ .first = root, .number = last };
    root->inode->user = &all[0];
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        if (!tree_is_dir(e)) {
            continue;
        }
        size_t count;
        struct tree_entry *const *children = tree_children(e, &count);
        for (size_t i = 0; i < count; i++) {
            if (children[i]->inode->user == NULL) {
                struct packed *packed = &all[last];
                *packed = (struct packed){ .first = children[i], .number = ++last };
                children[i]->inode->user = packed;
            }
        }
    }
    ASSERT(last == tree_inode_count(p->tree));
}

/* Contents are packed in tree order, which need not be the order of numbers: the first name of a
 * hard link is the one that tree order meets first. */
static void find_first_names(struct packer *p) {
    struct tree_entry *root = tree_root(p->tree);
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        if (e->inode->link_count > 1) {
            packed_of(e->inode)->first = NULL;
        }
    }
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        if (packed_of(e->inode)->first == NULL) {
            packed_of(e->inode)->first = e;
        }
    }
}

/* Without an epoch: the newest time in the tree. */
static uint32_t image_time(const struct packer *p) {
    int64_t newest = 0;
    struct tree_entry *root = tree_root(p->tree);
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        int64_t time_s = clamp_time(e->inode->mtime_s, p->options->epoch_s);
        newest = time_s > newest ? time_s : newest;
    }
    if (p->options->epoch_s != IMAGE_EPOCH_NONE) {
        newest = p->options->epoch_s;
    }
    return newest < 0 ? 0 : newest > UINT32_MAX ? UINT32_MAX : (uint32_t)newest;
}

static bool write_head(struct packer *p) {
    int code = sqfs_super_init(&p->super, p->block_bytes, image_time(p), p->codec.config.id);
    if (!check_sqfs(p, code, "superblock") ||
        !check_sqfs(p, sqfs_super_write(&p->super, &p->file.base), "superblock")) {
        return false;
    }
    code = p->compressor->write_options(p->compressor, &p->file.base);
    if (code < 0) {
        return check_sqfs(p, code, "compressor options");
    }
    p->super.flags |= FLAG_DUPLICATES;
    if (code > 0) {
        p->super.flags |= SQFS_FLAG_COMPRESSOR_OPTIONS;
    }
    return true;
}

static bool write_tail(struct packer *p) {
    sqfs_file_t *file = &p->file.base;
    if (!check_sqfs(p, sqfs_frag_table_write(p->fragments, file, &p->super, p->compressor),
                    "fragment table") ||
        !check_sqfs(p, sqfs_id_table_write(p->ids, file, &p->super, p->compressor), "id table") ||
        !check_sqfs(p, sqfs_xattr_writer_flush(p->xattrs, file, &p->super, p->compressor),
                    "attribute table")) {
        return false;
    }
    static const uint8_t zeros[PADDING_BYTES];
    p->super.bytes_used = p->file.size;
    size_t padding = (PADDING_BYTES - p->file.size % PADDING_BYTES) % PADDING_BYTES;
    return out_file_append(&p->file, zeros, padding, p->err) &&
           check_sqfs(p, sqfs_super_write(&p->super, file), "superblock") &&
           out_file_flush(&p->file, p->err) &&
           check_sqfs(p, p->file.base.truncate(file, p->file.size), "image");
}

static bool pack(struct packer *p) {
    if (!codec_open(&p->codec, p->options->cache, &p->compressor, p->err)) {
        return false;
    }
    number_inodes(p);
    find_first_names(p);
    if (!write_head(p) || !pack_data(p) || !pack_inodes(p) || !write_tail(p)) {
        return false;
    }
    p->stats.bytes = p->file.size;
    p->stats.inodes = tree_inode_count(p->tree);
    p->stats.compressed_blocks += codec_compressed(p->compressor);
    return true;
}

static bool check_options(const struct image_squashfs_options *o, struct err *err) {
    uint32_t bytes = o->block_bytes;
    if (bytes != 0 &&
        (bytes < BLOCK_BYTES_MIN || bytes > BLOCK_BYTES_MAX || (bytes & (bytes - 1)) != 0)) {
        return err_set(err, "a block size of %u bytes: it is a power of two from %d to %d", bytes,
                       BLOCK_BYTES_MIN, BLOCK_BYTES_MAX);
    }
    return true;
}

bool image_write_squashfs(struct tree *t, const struct image_squashfs_options *options, int fd,
                          struct image_squashfs_stats *ret, struct err *err) {
    if (!check_options(options, err)) {
        return false;
    }
    struct packer p = {
        .tree = t,
        .options = options,
        .block_bytes = options->block_bytes == 0 ? BLOCK_BYTES_DEFAULT : options->block_bytes,
        .threads = options->threads == 0 ? os_processors() : options->threads,
        .arena = arena_new(),
        .fragments = sqfs_frag_table_create(0),
        .ids = sqfs_id_table_create(0),
        .xattrs = sqfs_xattr_writer_create(0),
        .err = err,
    };
    ASSERT(p.fragments != NULL && p.ids != NULL && p.xattrs != NULL);
    out_file_init(&p.file, fd);
    bool ok = codec_init(&p.codec, options, err) && pack(&p);
    if (ok) {
        *ret = p.stats;
    }
    sqfs_destroy(p.compressor);
    sqfs_destroy(p.fragments);
    sqfs_destroy(p.ids);
    sqfs_destroy(p.xattrs);
    out_file_done(&p.file);
    arena_free(p.arena);
    return ok || err_wrap(err, "write the squashfs image");
}

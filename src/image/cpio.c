// SPDX-License-Identifier: Apache-2.0
/*
 * newc archives for the kernel's initramfs: Documentation/driver-api/early-userspace/
 * buffer-format.rst. A file with several names comes once for each, with its content at the last.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/internal.h"
#include "image/sink.h"

enum { HEADER_BYTES = 110, ALIGN = 4 };

struct cpio {
    const struct tree *tree;
    const struct image_cpio_options *options;
    struct sink *sink;
    uint32_t *names_left; /* by inode number: names that are still to come */
    struct buf path;
    struct err *err;
};

struct header {
    uint32_t ino;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t link_count;
    uint32_t mtime;
    uint32_t size;
    uint32_t major;
    uint32_t minor;
};

static bool write_padding(struct cpio *c) {
    static const char zeros[ALIGN];
    size_t over = (size_t)(sink_written(c->sink) % ALIGN);
    return over == 0 || sink_write(c->sink, zeros, ALIGN - over, c->err);
}

static bool write_header(struct cpio *c, const struct header *h, str name) {
    char text[HEADER_BYTES + 1];
    snprintf(text, sizeof text, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
             h->ino, h->mode, h->uid, h->gid, h->link_count, h->mtime, h->size, 0, 0, h->major,
             h->minor, (unsigned)name.len + 1, 0);
    return sink_write(c->sink, text, HEADER_BYTES, c->err) &&
           sink_write(c->sink, name.ptr, name.len + 1, c->err) && write_padding(c);
}

static bool write_content(struct cpio *c, const struct tree_inode *inode) {
    char block[64 * 1024];
    AUTO_TREE_CONTENT content = TREE_CONTENT_INIT;
    if (!tree_open_content(c->tree, inode, &content, c->err)) {
        return false;
    }
    for (uint64_t at = 0; at < inode->size; at += sizeof block) {
        size_t len = min_size(sizeof block, (size_t)(inode->size - at));
        if (!tree_read_content(&content, at, block, len, c->err) ||
            !sink_write(c->sink, block, len, c->err)) {
            return false;
        }
    }
    return write_padding(c);
}

static bool write_data(struct cpio *c, const struct tree_inode *inode, uint32_t size) {
    if (size == 0) {
        return true;
    }
    return S_ISLNK(inode->mode)
               ? sink_write(c->sink, inode->target, size, c->err) && write_padding(c)
               : write_content(c, inode);
}

static uint32_t clamp_u32(int64_t n) {
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static bool write_entry(struct cpio *c, const struct tree_entry *e, uint32_t ino) {
    const struct tree_inode *inode = e->inode;
    if (inode->size > UINT32_MAX) {
        return err_sys(c->err, EFBIG, "a file of %llu bytes in a cpio archive",
                       (unsigned long long)inode->size);
    }
    bool device = S_ISCHR(inode->mode) || S_ISBLK(inode->mode);
    bool last_name = --c->names_left[ino] == 0;
    struct header h = {
        .ino = ino,
        .mode = inode->mode,
        .uid = c->options->root_owned ? 0 : inode->uid,
        .gid = c->options->root_owned ? 0 : inode->gid,
        .link_count = inode->link_count,
        .mtime = clamp_u32(clamp_time(inode->mtime_s, c->options->epoch_s)),
        .size = last_name ? (uint32_t)inode->size : 0,
        .major = device ? inode->device.major : 0,
        .minor = device ? inode->device.minor : 0,
    };
    tree_path_relative(&c->path, e);
    str name = e->parent == NULL ? S(".") : buf_str(&c->path);
    return write_header(c, &h, name) && write_data(c, inode, h.size);
}

static bool write_all(struct cpio *c, struct arena *scratch) {
    struct tree_entry *root = tree_root(c->tree);
    uint32_t *inos = ARENA_ARRAY(scratch, uint32_t, tree_entry_count(c->tree));
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        e->inode->user = NULL;
    }
    size_t inode_count = 0;
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        if (e->inode->user == NULL) {
            inos[inode_count] = (uint32_t)inode_count + 1;
            c->names_left[inode_count + 1] = e->inode->link_count;
            e->inode->user = &inos[inode_count++];
        }
    }
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        const uint32_t *ino = e->inode->user;
        if (!write_entry(c, e, *ino)) {
            return err_wrap(c->err, "'%s'", str_to_c(scratch, tree_path(scratch, e)));
        }
    }
    struct header trailer = { .link_count = 1 };
    return write_header(c, &trailer, S("TRAILER!!!")) && sink_finish(c->sink, c->err);
}

static bool pad_file(int fd, struct err *err) {
    static const char zeros[ALIGN];
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at < 0) {
        return err_sys(err, errno, "seek");
    }
    return at % ALIGN == 0 || fs_write_all(fd, zeros, (size_t)(ALIGN - at % ALIGN), err);
}

bool image_write_cpio(const struct tree *t, const struct image_cpio_options *options, int fd,
                      struct err *err) {
    AUTO_ARENA scratch = arena_new();
    struct cpio c = {
        .tree = t,
        .options = options,
        .names_left = ARENA_ARRAY(scratch, uint32_t, tree_inode_count(t) + 1),
        .path = BUF_INIT(SIZE_MAX),
        .err = err,
    };
    bool ok = pad_file(fd, err) &&
              sink_open(fd, options->compression, options->level, &c.sink, err) &&
              write_all(&c, scratch);
    sink_close(c.sink);
    buf_done(&c.path);
    return ok || err_wrap(err, "write the cpio archive");
}

bool image_append_archive(int from, int fd, struct err *err) {
    return pad_file(fd, err) && fs_copy_fd(from, fd, err);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a tree, which becomes a SquashFS file, a tar archive and a cpio archive. The
 * SquashFS file is the same with one thread and with three, and read again, entry by entry, it is
 * the tree; the tar archive becomes a tree that gives the same archive; cpio has each entry.
 */
#include <archive.h>
#include <archive_entry.h>
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    BLOCK_BYTES = 4096,
    CONTENT_BYTES_MAX = 6 * BLOCK_BYTES, /* of one file: full blocks, an end, a hole */
    STEPS_MAX = 400,
};

/* ---- a tree of bytes ---- */

struct in {
    const uint8_t *at;
    size_t len;
    struct arena *arena;
    struct tree *tree;
};

static uint32_t take(struct in *in, size_t bytes) {
    uint32_t value = 0;
    for (; bytes > 0 && in->len > 0; bytes--, in->at++, in->len--) {
        value = value << 8 | *in->at;
    }
    return value;
}

/* Few names, so that entries meet; now and then one of odd bytes, or a long one. */
static str take_path(struct in *in) {
    char path[1024];
    size_t len = 0;
    for (uint32_t parts = 1 + take(in, 1) % 3; parts > 0; parts--) {
        uint32_t kind = take(in, 1);
        if (len > 0) {
            path[len++] = '/';
        }
        if (kind < 200) {
            path[len++] = (char)('a' + kind % 6);
        } else if (kind < 250) {
            path[len++] = (char)(take(in, 1) | 1); /* not NUL; a slash is */
        } else {
            size_t name = 1 + take(in, 1);
            memset(path + len, 'n', name);
            len += name;
        }
    }
    return str_dup(in->arena, (str){ path, len });
}

static str take_content(struct in *in) {
    static const size_t sizes[] = { 0, 1, 100, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1 };
    uint32_t kind = take(in, 1);
    size_t len = kind < 128 ? sizes[kind % ARRAY_LEN(sizes)] : take(in, 2) % CONTENT_BYTES_MAX;
    char *bytes = arena_alloc(in->arena, len + 1);
    uint32_t seed = take(in, 1);
    for (size_t i = 0; i < len && seed > 0; i++) { /* 0: zeros, which become holes */
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (char)(seed >> (kind & 1 ? 30 : 24));
    }
    return (str){ bytes, len };
}

static struct tree_meta take_meta(struct in *in) {
    static const uint32_t owners[] = { 0, 1, 1000, 65534, UINT32_MAX - 1 };
    static const int64_t times[] = { 0, 1, 1000000, INT32_MAX, UINT32_MAX };
    uint32_t bits = take(in, 2);
    return (struct tree_meta){
        .mode = bits & 07777,
        .uid = owners[bits % ARRAY_LEN(owners)],
        .gid = owners[bits / 7 % ARRAY_LEN(owners)],
        .mtime_s = times[bits / 31 % ARRAY_LEN(times)],
    };
}

/* The entry there when it has more than one name to give; else NULL. */
static const struct tree_entry *find_file(struct in *in) {
    const struct tree_entry *e = tree_find(in->tree, take_path(in), TREE_LITERAL);
    return e == NULL || tree_is_dir(e) ? NULL : e;
}

static void set_xattr(struct in *in, struct tree_inode *inode) {
    static const str names[] = { S_INIT("user.a"), S_INIT("user.bb"), S_INIT("security.capability"),
                                 S_INIT("trusted.c"), S_INIT("system.posix_acl_access") };
    str name = names[take(in, 1) % ARRAY_LEN(names)];
    tree_set_xattr(in->tree, inode, name, take_content(in));
}

static void step(struct in *in) {
    static const uint32_t types[] = { S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK };
    uint32_t what = take(in, 1);
    struct tree_meta meta = take_meta(in);
    str path = take_path(in);
    struct tree_entry *e = NULL;
    const struct tree_entry *other;
    bool made = false;
    switch (what % 7) {
    case 0:
        made = tree_put_dir(in->tree, path, &meta, &e, NULL);
        break;
    case 1:
    case 2:
        made = tree_put_file(in->tree, path, &meta, take_content(in), &e, NULL);
        break;
    case 3:
        made = tree_put_link(in->tree, path, &meta, take_path(in), &e, NULL);
        break;
    case 4:
        made = tree_put_special(in->tree, path, &meta, types[what / 7 % ARRAY_LEN(types)],
                                what >> 4, take(in, 1), &e, NULL);
        break;
    case 5:
        other = find_file(in);
        made = other != NULL && tree_put_hard_link(in->tree, path, other, &e, NULL);
        break;
    default:
        e = tree_find(in->tree, path, TREE_LITERAL);
        if (e != NULL && e != tree_root(in->tree)) {
            tree_remove(in->tree, e);
        }
        return;
    }
    if (made && what >= 128) {
        set_xattr(in, e->inode);
    }
}

/* ---- SquashFS ---- */

static str pack(struct in *in, enum image_codec codec, unsigned threads, int fd) {
    struct image_squashfs_options options = {
        .codec = codec,
        .level = 1,
        .block_bytes = BLOCK_BYTES,
        .epoch_s = IMAGE_EPOCH_NONE,
        .threads = threads,
    };
    struct image_squashfs_stats stats;
    struct err err = ERR_INIT;
    bool ok = image_write_squashfs(in->tree, &options, fd, &stats, &err);
    if (!ok) {
        fprintf(stderr, "%s\n", err.frames[0]);
    }
    ASSERT(ok && stats.inodes == tree_inode_count(in->tree));
    str bytes;
    ASSERT(lseek(fd, 0, SEEK_SET) == 0 && fs_load_fd(in->arena, fd, "it", 1 << 30, &bytes, &err));
    return bytes;
}

struct reader {
    struct in *in;
    sqfs_super_t super;
    sqfs_file_t *file;
    sqfs_compressor_t *codec;
    sqfs_id_table_t *ids;
    sqfs_dir_reader_t *dirs;
    sqfs_data_reader_t *data;
};

static void reader_open(struct reader *r, int fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    r->file = sqfs_open_file(path, SQFS_FILE_OPEN_READ_ONLY);
    ASSERT(r->file != NULL && sqfs_super_read(&r->super, r->file) == 0);
    sqfs_compressor_config_t config;
    ASSERT(sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR)r->super.compression_id,
                                       r->super.block_size, SQFS_COMP_FLAG_UNCOMPRESS) == 0);
    ASSERT(sqfs_compressor_create(&config, &r->codec) == 0);
    r->ids = sqfs_id_table_create(0);
    ASSERT(r->ids != NULL && sqfs_id_table_read(r->ids, r->file, &r->super, r->codec) == 0);
    r->dirs = sqfs_dir_reader_create(&r->super, r->codec, r->file, 0);
    r->data = sqfs_data_reader_create(r->file, r->super.block_size, r->codec, 0);
    ASSERT(r->dirs != NULL && r->data != NULL);
    ASSERT(sqfs_data_reader_load_fragment_table(r->data, &r->super) == 0);
}

static void reader_close(struct reader *r) {
    sqfs_destroy(r->data);
    sqfs_destroy(r->dirs);
    sqfs_destroy(r->ids);
    sqfs_destroy(r->codec);
    sqfs_destroy(r->file);
}

static void check_content(struct reader *r, const sqfs_inode_generic_t *n,
                          const struct tree_inode *inode) {
    sqfs_u64 size;
    str want;
    ASSERT(sqfs_inode_get_file_size(n, &size) == 0 && size == inode->size);
    ASSERT(tree_load_content(r->in->tree, inode, r->in->arena, 1 << 20, &want, NULL));
    char *got = arena_alloc(r->in->arena, want.len + 1);
    sqfs_s32 len = sqfs_data_reader_read(r->data, n, 0, got, (sqfs_u32)want.len);
    ASSERT(len == (sqfs_s32)want.len && str_eq((str){ got, want.len }, want));
}

static void check_device(const sqfs_inode_generic_t *n, const struct tree_inode *inode) {
    sqfs_u32 devno = n->base.type == SQFS_INODE_BDEV || n->base.type == SQFS_INODE_CDEV
                         ? n->data.dev.devno
                         : n->data.dev_ext.devno;
    /* as the kernel's new_encode_dev() has it */
    uint32_t minor = inode->device.minor;
    ASSERT(devno == ((minor & 0xff) | inode->device.major << 8 | (minor & ~0xffu) << 12));
}

static void check_inode(struct reader *r, const sqfs_tree_node_t *node,
                        const struct tree_inode *inode) {
    const sqfs_inode_generic_t *n = node->inode;
    ASSERT(n->base.mode == inode->mode && node->uid == inode->uid && node->gid == inode->gid);
    ASSERT(n->base.mod_time == (uint32_t)inode->mtime_s);
    if (S_ISREG(inode->mode)) {
        check_content(r, n, inode);
    } else if (S_ISLNK(inode->mode)) {
        ASSERT(str_eq((str){ (const char *)n->extra, n->data.slink.target_size },
                      (str){ inode->target, inode->size }));
    } else if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) {
        check_device(n, inode);
    }
}

/* The trees are small, and at most a few folders deep. */
static void check_node(struct reader *r, const sqfs_tree_node_t *node,
                       const struct tree_entry *e) { // NOLINT(misc-no-recursion)
    ASSERT(e != NULL);
    check_inode(r, node, e->inode);
    if (!tree_is_dir(e)) {
        return;
    }
    size_t count;
    tree_children(e, &count);
    for (const sqfs_tree_node_t *child = node->children; child != NULL; child = child->next) {
        ASSERT(count-- > 0);
        check_node(r, child, tree_child(e, str_from_c((const char *)child->name)));
    }
    ASSERT(count == 0);
}

static void try_squashfs(struct in *in, uint32_t choice) {
    static const enum image_codec codecs[] = { IMAGE_GZIP, IMAGE_LZ4, IMAGE_ZSTD };
    enum image_codec codec = codecs[choice % ARRAY_LEN(codecs)];
    AUTO_FD one = memfd_create("one", MFD_CLOEXEC);
    AUTO_FD three = memfd_create("three", MFD_CLOEXEC);
    ASSERT(str_eq(pack(in, codec, 1, one), pack(in, codec, 3, three)));
    struct reader r = { .in = in };
    reader_open(&r, one);
    sqfs_tree_node_t *root = NULL;
    ASSERT(sqfs_dir_reader_get_full_hierarchy(r.dirs, r.ids, NULL, 0, &root) == 0);
    check_node(&r, root, tree_root(in->tree));
    sqfs_dir_tree_destroy(root);
    reader_close(&r);
}

/* ---- archives ---- */

static str write_tar(struct arena *a, const struct tree *t, int fd) {
    struct image_tar_options options = { .epoch_s = IMAGE_EPOCH_NONE };
    struct err err = ERR_INIT;
    str bytes;
    bool ok = image_write_tar(t, &options, fd, &err);
    if (!ok) {
        fprintf(stderr, "%s\n", err.frames[0]);
    }
    ASSERT(ok && lseek(fd, 0, SEEK_SET) == 0 && fs_load_fd(a, fd, "it", 1 << 30, &bytes, &err));
    ASSERT(lseek(fd, 0, SEEK_SET) == 0);
    return bytes;
}

static void try_tar(struct in *in) {
    AUTO_FD fd = memfd_create("tar", MFD_CLOEXEC);
    AUTO_FD again_fd = memfd_create("again", MFD_CLOEXEC);
    AUTO_TREE again = tree_new();
    struct tree_tar_options options = { .spool_folder = "/tmp" };
    struct err err = ERR_INIT;
    str first = write_tar(in->arena, in->tree, fd);
    bool ok = tree_add_tar(again, fd, "tar", &options, &err);
    if (!ok) {
        fprintf(stderr, "%s\n", err.frames[0]);
    }
    ASSERT(ok && str_eq(write_tar(in->arena, again, again_fd), first));
}

static void try_cpio(struct in *in) {
    AUTO_FD fd = memfd_create("cpio", MFD_CLOEXEC);
    struct image_cpio_options options = { .epoch_s = IMAGE_EPOCH_NONE };
    ASSERT(image_write_cpio(in->tree, &options, fd, NULL) && lseek(fd, 0, SEEK_SET) == 0);
    struct archive *from = archive_read_new();
    archive_read_support_format_cpio(from);
    ASSERT(archive_read_open_fd(from, fd, 1 << 16) == ARCHIVE_OK);
    size_t left = tree_entry_count(in->tree);
    struct archive_entry *entry;
    while (archive_read_next_header(from, &entry) == ARCHIVE_OK) {
        ASSERT(left-- > 0);
    }
    ASSERT(left == 0);
    archive_read_free(from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    struct in in = { .at = data, .len = size, .arena = a, .tree = t };
    uint32_t choice = take(&in, 1);
    for (size_t i = 0; i < STEPS_MAX && in.len > 0; i++) {
        step(&in);
    }
    try_squashfs(&in, choice);
    try_tar(&in);
    try_cpio(&in);
    return 0;
}

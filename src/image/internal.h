// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <signal.h>
#include <sqfs/compressor.h>
#include <sqfs/io.h>

#include "hash/hash.h"
#include "image/image.h"
#include "store/blocks.h"

enum {
    BLOCK_BYTES_DEFAULT = 64 * 1024,
    BLOCK_BYTES_MIN = 4 * 1024,
    BLOCK_BYTES_MAX = 1024 * 1024,
};

/* `mtime`, not later than the epoch. */
static inline int64_t clamp_time(int64_t mtime_s, int64_t epoch_s) {
    return mtime_s < epoch_s ? mtime_s : epoch_s;
}

MUST_CHECK bool check_cancelled(const volatile sig_atomic_t *cancelled, struct err *err);

/* --- codec.c: libsquashfs' compressors -------------------------------------------------------- */

/* How blocks are compressed, and a key that stands for all that decides about the output. */
struct codec {
    sqfs_compressor_config_t config;
    uint8_t key[BLAKE3_KEY_BYTES];
};
MUST_CHECK bool codec_init(struct codec *c, const struct image_squashfs_options *options,
                           struct err *err);
/* One for each thread. Its do_block() answers from the cache where it can, and adds what it had to
 * compress; `cache` may be NULL. Destroyed with sqfs_destroy(). */
MUST_CHECK bool codec_open(const struct codec *c, struct blocks *cache, sqfs_compressor_t **ret,
                           struct err *err);
/* Blocks that an open compressor compressed and did not find. */
uint64_t codec_compressed(const sqfs_compressor_t *opened);
/* codec_lzo.c: the one that libsquashfs lacks; for sqfs_destroy(). */
sqfs_compressor_t *codec_lzo_new(const sqfs_compressor_config_t *config);
/* What a libsquashfs function's result means. */
bool err_sqfs(struct err *err, int code, const char *what);

/* --- out_file.c: what is written -------------------------------------------------------------- */

/* libsquashfs' file over an fd: appended bytes are gathered into large writes. */
struct out_file {
    sqfs_file_t base;
    int fd;
    uint64_t size;
    uint8_t *pending; /* the last `pending_len` bytes of the file, not yet written */
    size_t pending_len;
    int failed; /* errno of the first write that failed */
};
void out_file_init(struct out_file *f, int fd);
void out_file_done(struct out_file *f);
MUST_CHECK bool out_file_append(struct out_file *f, const void *data, size_t len, struct err *err);
MUST_CHECK bool out_file_flush(struct out_file *f, struct err *err);

/* --- pipeline.c: blocks through worker threads ------------------------------------------------ */

/* What a file's inode needs to know about its data. */
struct file_data {
    uint64_t start;           /* of the first stored block in the image; 0: there is none */
    uint64_t sparse_bytes;    /* in blocks of zeros, which are not stored */
    uint32_t fragment;        /* number of the fragment block, or NO_FRAGMENT */
    uint32_t fragment_offset; /* in it */
    uint32_t block_count;
    uint32_t sizes[]; /* on-disk size of each block, with SIZE_STORED; 0: zeros */
};
#define NO_FRAGMENT UINT32_MAX
#define SIZE_STORED ((uint32_t)1 << 24) /* the block is not compressed */

/* A block on its way through. */
struct job {
    struct file_data *file; /* NULL: a fragment block */
    uint32_t index;         /* of the block in its file, or of the fragment block */
    uint8_t *raw;
    uint32_t raw_len;
    bool zero; /* found to be zeros: not stored */
    uint8_t *out;
    uint32_t out_len; /* 0: does not become smaller */
    int failed;       /* result of the compressor */
    bool done;
};

struct pipeline;
struct pipeline_spec {
    const struct codec *codec;
    struct blocks *cache; /* may be NULL */
    unsigned threads;     /* at least 1 */
    uint32_t block_bytes;
    /* Called for each job in the order of submission, in the thread that submits. */
    bool (*retire)(void *self, const struct job *job, struct err *err);
    void *self;
};
MUST_CHECK bool pipeline_start(const struct pipeline_spec *spec, struct pipeline **ret,
                               struct err *err);
/* A free job to fill in; waits until there is one. NULL: err is set. */
struct job *pipeline_take(struct pipeline *p, struct err *err);
/* The one that was taken last. */
void pipeline_submit(struct pipeline *p);
/* Waits for all jobs. */
MUST_CHECK bool pipeline_drain(struct pipeline *p, struct err *err);
uint64_t pipeline_compressed(const struct pipeline *p); /* after draining */
void pipeline_stop(struct pipeline *p);                 /* NULL is fine */

/* --- squashfs.c, squashfs_data.c, squashfs_inode.c -------------------------------------------- */

/* What tree_inode.user points to during a pack. */
struct packed {
    const struct tree_entry *first; /* of its names */
    struct file_data *data;         /* of a regular file with bytes, once it is packed */
    uint64_t reference;             /* where the inode is written, once it is */
    uint32_t number;                /* from 1, the root's */
    bool written;
};
static inline struct packed *packed_of(const struct tree_inode *inode) {
    return inode->user;
}

/* A pack while it runs. */
struct packer {
    struct tree *tree;
    const struct image_squashfs_options *options;
    uint32_t block_bytes;
    unsigned threads;
    struct codec codec;
    struct out_file file;
    struct pipeline *pipeline;
    struct arena *arena;           /* of struct packed and file_data */
    sqfs_compressor_t *compressor; /* for metadata */
    sqfs_frag_table_t *fragments;
    sqfs_id_table_t *ids;
    sqfs_xattr_writer_t *xattrs;
    sqfs_super_t super;
    struct image_squashfs_stats stats;
    struct err *err;
};
/* A result of libsquashfs. */
MUST_CHECK bool check_sqfs(struct packer *p, int code, const char *what);
MUST_CHECK bool pack_data(struct packer *p);
/* Inode and directory table; attributes and ids go to the tables of the packer. */
MUST_CHECK bool pack_inodes(struct packer *p);

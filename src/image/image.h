// SPDX-License-Identifier: Apache-2.0
/*
 * image/: a tree becomes a file or a folder: a SquashFS 4.0 filesystem, a newc cpio archive (an
 * initial ramdisk), a tar archive, or a folder; layers become an OCI image layout.
 *
 * The same tree and options give the same bytes, whatever the number of threads and whatever the
 * block cache holds. Times later than `epoch_s` become it. Nothing here prints; files are written
 * to an fd that the caller opened (beside its place: fs_replace).
 *
 * image_write_squashfs() uses threads, which have ended when it returns: a process that will
 * create namespaces calls it in a child.
 */
#pragma once

#include <signal.h>

#include "base/base.h"
#include "oci/oci.h"
#include "tree/tree.h"

struct blocks;
struct sha256;

/* Called now and then by the calling thread; all of it mandatory. */
struct image_progress {
    void (*update)(void *self, uint64_t done_bytes, uint64_t total_bytes);
    void *self;
};

/* No clamping. */
#define IMAGE_EPOCH_NONE INT64_MAX

/* --- SquashFS --------------------------------------------------------------------------------- */

enum image_codec {
    IMAGE_GZIP,
    IMAGE_LZO,
    IMAGE_LZ4,
    IMAGE_XZ,
    IMAGE_ZSTD,
};
struct image_codec_row {
    const char *name; /* "zstd" */
    enum image_codec codec;
    int level_min;
    int level_max; /* 0: the codec has no levels */
};
/* NULL when there is none by this name. */
const struct image_codec_row *image_codec_find(str name);

struct image_squashfs_options {
    enum image_codec codec;
    int level;            /* clamped to what the codec has */
    uint32_t block_bytes; /* a power of two, 4 KiB to 1 MiB; 0: 64 KiB */
    int64_t epoch_s;
    unsigned threads;                       /* that compress; 0: one a CPU */
    struct blocks *cache;                   /* may be NULL; the caller commits it */
    const struct image_progress *progress;  /* may be NULL */
    const volatile sig_atomic_t *cancelled; /* set by a handler; may be NULL */
};
struct image_squashfs_stats {
    uint64_t bytes;         /* of the file */
    uint64_t content_bytes; /* read from the tree */
    uint64_t inodes;
    uint64_t blocks;            /* data and fragment blocks */
    uint64_t fragment_blocks;   /* of these */
    uint64_t compressed_blocks; /* not found in the cache */
    uint64_t duplicate_files;
    uint64_t xattrs_left_out; /* attributes that SquashFS cannot hold, such as ACLs */
};
/* Writes from offset 0 of `fd`, which must be readable too, and cuts it to length. */
MUST_CHECK bool image_write_squashfs(struct tree *t, const struct image_squashfs_options *options,
                                     int fd, struct image_squashfs_stats *ret, struct err *err);

/* --- reading a SquashFS image --------------------------------------------------------------------
 */

/* A name in an image. */
struct image_node {
    str path; /* "/usr/bin/env" */
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t inode; /* its number; several names of one file have the same */
    int64_t mtime_s;
    uint64_t bytes;        /* of a file, as it is read */
    uint64_t packed_bytes; /* its share of the image's blocks */
    size_t same;           /* so many other files have the same content */
    bool again;            /* another name of a file that has had one: packed_bytes is 0 */
    str link;              /* where a symbolic link leads */
};
struct image_reader;
/* Everything lives in the arena; image_reader_close() also after a failure. False: it cannot be
 * read, also when its codec is one that libsquashfs lacks. */
MUST_CHECK bool image_reader_open(struct arena *a, const char *path, struct image_reader **ret,
                                  struct err *err);
void image_reader_close(struct image_reader *r);
static inline void image_reader_close_auto(struct image_reader **r) {
    image_reader_close(*r);
}
#define AUTO_IMAGE_READER __attribute__((cleanup(image_reader_close_auto))) struct image_reader *
/* The root first, a folder before what is in it, names in the order of their bytes. */
const struct image_node *image_reader_nodes(const struct image_reader *r, size_t *ret_count);
/* The content of a file of at most `max` bytes; a NUL is after it. */
MUST_CHECK bool image_reader_load(const struct image_reader *r, struct arena *a, size_t node,
                                  uint64_t max, str *ret, struct err *err);
/* Have two files, of one image or two, the same content? Memory does not depend on their size. */
MUST_CHECK bool image_reader_same(struct image_reader *r, size_t node,
                                  const struct image_reader *other, size_t other_node, bool *ret,
                                  struct err *err);

/* --- cpio ------------------------------------------------------------------------------------- */

enum image_compression {
    IMAGE_PLAIN,
    IMAGE_COMPRESS_GZIP,
    IMAGE_COMPRESS_ZSTD,
};
struct image_cpio_options {
    enum image_compression compression;
    int level; /* 0: 9 for gzip, 19 for zstd */
    int64_t epoch_s;
    bool root_owned; /* uid and gid 0 for all */
};
/*
 * newc, as the kernel's initramfs documentation has it. Extended attributes are left out. Archives
 * may be put after each other, each with its trailer and its own compression: writes at the fd's
 * position, after zeros up to a multiple of 4.
 */
MUST_CHECK bool image_write_cpio(const struct tree *t, const struct image_cpio_options *options,
                                 int fd, struct err *err);
/* Copies an archive that exists after what was written, after zeros up to a multiple of 4. */
MUST_CHECK bool image_append_archive(int from, int fd, struct err *err);

/* --- tar -------------------------------------------------------------------------------------- */

struct image_tar_options {
    int64_t epoch_s;
    enum image_compression compression;
    int level;                             /* 0: as for cpio */
    struct sha256 *hash;                   /* of the archive before it is compressed; may be NULL */
    const struct image_progress *progress; /* may be NULL */
    const volatile sig_atomic_t *cancelled; /* may be NULL */
};
/* pax, sorted, with names relative to the root ("usr/bin/env"), attributes as SCHILY.xattr, without
 * sockets. Works on pipes. */
MUST_CHECK bool image_write_tar(const struct tree *t, const struct image_tar_options *options,
                                int fd, struct err *err);

/* --- OCI layout ------------------------------------------------------------------------------- */

struct image_oci_options {
    const char *const *layers; /* folders, lowest first: each becomes a layer */
    size_t layer_count;
    const str *made_by;          /* the instruction of each, for the history; NULL: not known */
    const struct oci_base *base; /* they stand on it, and it stays as it is; NULL: on nothing */
    const char *const *blobs;    /* files of the base's layers */
    const struct oci_config *config;
    str name; /* "docker.io/library/a:1"; may be empty */
    int64_t epoch_s;
    const struct image_progress *progress;  /* may be NULL */
    const volatile sig_atomic_t *cancelled; /* may be NULL */
};
struct image_oci {
    struct oci_descriptor *blobs; /* layers, lowest first, and then the config */
    size_t blob_count;
    str manifest;
    str media_type; /* of the manifest */
};
/*
 * An OCI image layout into an empty folder, with the manifest.json of a Docker archive besides:
 * what reads either reads it. Blobs are blobs/sha256/HEX. ret may be NULL.
 */
MUST_CHECK bool image_write_oci(struct arena *a, const struct image_oci_options *options, int dirfd,
                                struct image_oci *ret, struct err *err);

/* --- folder ----------------------------------------------------------------------------------- */

struct image_dir_options {
    int64_t epoch_s;
    const struct image_progress *progress;  /* may be NULL */
    const volatile sig_atomic_t *cancelled; /* may be NULL */
};
/*
 * Into an empty folder. As root everything is kept; as another user owners, devices and the
 * attributes that need privilege are left out.
 */
MUST_CHECK bool image_write_dir(const struct tree *t, const struct image_dir_options *options,
                                int dirfd, struct err *err);

// SPDX-License-Identifier: Apache-2.0
/*
 * The listing of a layer: every entry of its folder, made from what was just written. It says what
 * a look at an entry shows (mode, owner, size, times, inode) and has a digest of what only reading
 * shows. With it a layer that was damaged is told from one that is whole.
 *
 *   layers/KEY/listing   magic[16], digest of meta.json[32], entry count u64, the entries,
 *                        BLAKE3 of all before [32]
 *   an entry             mode u32, uid u32, gid u32, link u32, rdev u64, size u64, mtime i64,
 *                        ctime i64 (nanoseconds), inode u64, digest[32], path length u32, path
 *
 * Numbers are little-endian. `link` is 0, or 1 + the number of the first entry of the same file.
 * The digest is the BLAKE3 of a file's content or a link's target; with extended attributes that
 * of both. Of a file with holes it takes in where its data is.
 */
#pragma once

#include "base/base.h"
#include "hash/hash.h"

struct listing_entry {
    str path; /* below the layer's folder, "." for the folder itself */
    uint32_t mode, uid, gid, link;
    uint64_t rdev, size_bytes, inode;
    int64_t mtime_ns, ctime_ns;
    uint8_t digest[BLAKE3_OUT_BYTES];
};

struct listing {
    struct listing_entry *entries; /* in the order of a walk */
    size_t count;
    size_t cap;
    uint8_t meta[BLAKE3_OUT_BYTES]; /* of the layer's description */
};

/* How much a listing takes in at most before it gives up; 0: no limit. */
struct listing_limit {
    size_t entries;
    uint64_t bytes;
};

enum listing_result {
    LISTING_MADE,
    LISTING_OVER,   /* the limit */
    LISTING_FAILED, /* err is set */
};
/* Reads the tree DIRFD/`path`; one that is not there is empty. `ret->meta` is left alone. */
MUST_CHECK enum listing_result listing_make(struct arena *a, int dirfd, const char *path,
                                            const struct listing_limit *limit, struct listing *ret,
                                            struct err *err);

void listing_encode(const struct listing *l, struct buf *out);
/* False: it is damaged. Paths point into `bytes`. */
bool listing_decode(struct arena *a, str bytes, struct listing *ret);

/* What differs first, as "'PATH' has another size", in the arena. */
enum listing_fit {
    LISTING_FITS,
    LISTING_DIFFERS, /* *ret_what is set */
};
/* Only looks: no file is opened. */
enum listing_fit listing_look(const struct listing *l, struct arena *a, int dirfd, const char *path,
                              str *ret_what);
/* Both were made of the same content, whatever inodes it has. */
enum listing_fit listing_compare(const struct listing *l, const struct listing *now,
                                 struct arena *a, str *ret_what);
/* Reads some files, chosen at random. */
enum listing_fit listing_sample(const struct listing *l, struct arena *a, int dirfd,
                                const char *path, str *ret_what);

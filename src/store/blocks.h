// SPDX-License-Identifier: Apache-2.0
/*
 * blocks: the cache of compressed blocks. A packer asks for the compressed form of a block by the
 * keyed BLAKE3 of its bytes (the key being the codec and all that decides about its output) and
 * adds what it had to compress.
 *
 * On disk: DIR/seg-NAME, one file for each pack that brought new blocks, written beside its place
 * and renamed when the pack ends; never changed afterwards. A segment is its blocks, a sorted
 * index and a footer (segment.h). Every block carries a checksum that is verified when it is used:
 * a damaged one counts as not there. Several processes may use and prune one folder: a segment
 * that is removed while it is mapped stays readable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

enum { BLOCKS_KEY_BYTES = 32 };

/* A commit removes what was unused for longest above this. */
#define BLOCKS_KEEP_BYTES ((uint64_t)4 << 30)

struct blocks;

/* Creates the folder when missing. Damaged segments are skipped (and removed). */
MUST_CHECK bool blocks_open(int dirfd, const char *path, struct blocks **ret, struct err *err);
/* Drops what was added since the last commit. */
void blocks_close(struct blocks *b); /* NULL is fine */
static inline void blocks_close_auto(struct blocks **b) {
    blocks_close(*b);
}
#define AUTO_BLOCKS __attribute__((cleanup(blocks_close_auto))) struct blocks *

/* A block's compressed bytes. `len` 0: it does not become smaller. Valid while the cache is
 * open. */
struct block {
    const void *data;
    size_t len;
};
/* False when it is not there. May be called by several threads. */
bool blocks_find(struct blocks *b, const uint8_t key[BLOCKS_KEY_BYTES], struct block *ret);
/* Remembers a block for the commit; a key that is known already is ignored. May be called by
 * several threads. Failure (no space) only means that it will be compressed again. */
void blocks_add(struct blocks *b, const uint8_t key[BLOCKS_KEY_BYTES], const void *data,
                size_t len);
/* Makes what was added a segment, marks the segments that were of use, joins small ones and keeps
 * the folder below BLOCKS_KEEP_BYTES. Blocks handed out stay valid. Not while other threads use the
 * cache. False: what was added is forgotten; nothing that was made with it is any worse. */
MUST_CHECK bool blocks_commit(struct blocks *b, struct err *err);

struct blocks_stats {
    uint64_t hits;
    uint64_t misses;
    uint64_t added_bytes; /* compressed, this session */
    uint64_t disk_bytes;  /* of all segments */
    size_t segments;
};
struct blocks_stats blocks_stats(struct blocks *b);

/* Removes the segments that were unused for longest until at most keep_bytes are left, and all
 * older than `keep_s` seconds (0: any age). */
MUST_CHECK bool blocks_prune(int dirfd, const char *path, uint64_t keep_bytes, int64_t keep_s,
                             uint64_t *ret_removed_bytes, struct err *err);
/* Checks every block of every segment; damaged segments are removed and counted. */
MUST_CHECK bool blocks_verify(int dirfd, const char *path, size_t *ret_blocks, size_t *ret_damaged,
                              struct err *err);

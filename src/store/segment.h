// SPDX-License-Identifier: Apache-2.0
/*
 * A segment: one file of the block cache, never changed once it has its name.
 *
 *   blocks   one after the other, from offset 0
 *   index    SEGMENT_RECORD_BYTES each, sorted by key:
 *            key[32], offset u64, checksum u64, length u32, zero u32
 *   footer   SEGMENT_FOOTER_BYTES: magic[8], record count u64, offset of the index u64, zero u64
 *
 * Numbers are little-endian. A block's checksum is the BLAKE3 of its bytes, keyed with its key, so
 * that neither a damaged block nor a damaged record can give a wrong answer: both only give none.
 */
#pragma once

#include <stdatomic.h>

#include "base/base.h"
#include "store/blocks.h"

enum {
    SEGMENT_RECORD_BYTES = 56,
    SEGMENT_FOOTER_BYTES = 32,
    SEGMENT_NAME_BYTES = 64,
};

struct segment_record {
    uint8_t key[BLOCKS_KEY_BYTES];
    uint64_t offset;
    uint64_t checksum;
    uint32_t len;
};

/* An open one, mapped. */
struct segment {
    char name[SEGMENT_NAME_BYTES];
    const uint8_t *map;
    size_t size;
    const uint8_t *index; /* in the map */
    size_t count;
    _Atomic uint64_t hits; /* this session */
};

enum segment_open_result {
    SEGMENT_OPENED,
    SEGMENT_GONE,    /* removed by another process meanwhile */
    SEGMENT_DAMAGED, /* not a segment, or cut off */
    SEGMENT_FAILED,  /* err is set */
};
enum segment_open_result segment_open(int dirfd, const char *name, struct segment *ret,
                                      struct err *err);
void segment_close(struct segment *s);

/* The record at a position, without a look at the block. */
struct segment_record segment_record_at(const struct segment *s, size_t i);
/* The block of a record; false when it does not lie in the file or its checksum is wrong. */
bool segment_read(const struct segment *s, const struct segment_record *r, struct block *ret);
bool segment_find(const struct segment *s, const uint8_t key[BLOCKS_KEY_BYTES], struct block *ret);

uint64_t segment_checksum(const uint8_t key[BLOCKS_KEY_BYTES], const void *data, size_t len);

/* Sorts the records, and writes them and the footer at `offset`, the end of the blocks. */
MUST_CHECK bool segment_finish(int fd, uint64_t offset, struct segment_record *records,
                               size_t count, struct err *err);

/* Writes all of it at the offset. */
MUST_CHECK bool segment_write_at(int fd, uint64_t offset, const void *data, size_t len,
                                 struct err *err);

/* "seg-..." */
bool segment_is_name(const char *name);

/* A new file to write one into, locked and named "tmp-..."; and the rename that makes it a segment,
 * whose name is put in ret_name. */
MUST_CHECK bool segment_create(int dirfd, char ret_temp[SEGMENT_NAME_BYTES], int *ret_fd,
                               struct err *err);
MUST_CHECK bool segment_publish(int dirfd, const char *temp, char ret_name[SEGMENT_NAME_BYTES],
                                struct err *err);

/* --- upkeep.c: the folder's segments together, under its lock ----------------------------------
 */

/* Joins small segments when there are many, removes what is over BLOCKS_KEEP_BYTES and what dead
 * processes left. */
MUST_CHECK bool segments_tidy(int dirfd, struct err *err);

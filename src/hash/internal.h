// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/base.h"
#include "hash/hash.h"

/* Flags of a compression: the BLAKE3 paper, table 3. */
enum {
    FLAG_CHUNK_START = 1 << 0,
    FLAG_CHUNK_END = 1 << 1,
    FLAG_PARENT = 1 << 2,
    FLAG_ROOT = 1 << 3,
    FLAG_KEYED_HASH = 1 << 4,
    FLAG_DERIVE_KEY_CONTEXT = 1 << 5,
    FLAG_DERIVE_KEY_MATERIAL = 1 << 6,
};

enum {
    WIDTH_MAX = 16, /* inputs side by side in the widest code */
    ROUNDS = 7,
    CHUNK_BLOCKS = BLAKE3_CHUNK_BYTES / BLAKE3_BLOCK_BYTES,
};

static const uint32_t blake3_iv[8] = {
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
};

/* Which message word each step of each round takes: section 2.2's permutation, applied again and
 * again. Here, so that unrolled rounds have constant indices. */
static const uint8_t blake3_schedule[ROUNDS][16] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8 },
    { 3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1 },
    { 10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6 },
    { 12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4 },
    { 9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7 },
    { 11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13 },
};

/* --- blake3_portable.c ------------------------------------------------------------------------ */

/* The compression function; all 16 words of its output. */
void blake3_compress(const uint32_t cv[8], const uint8_t block[BLAKE3_BLOCK_BYTES],
                     uint8_t block_len, uint64_t counter, uint8_t flags, uint32_t ret[16]);
/* The same, its first 8 words over `cv`. */
void blake3_compress_cv(uint32_t cv[8], const uint8_t block[BLAKE3_BLOCK_BYTES], uint8_t block_len,
                        uint64_t counter, uint8_t flags);

/* --- hashing many inputs of equal length ------------------------------------------------------ */

/* What all inputs of one call have in common. */
struct many {
    const uint32_t *key; /* 8 words */
    size_t blocks;       /* of each input */
    uint64_t counter;    /* of the first input */
    bool count_up;       /* chunks: one more for each input; parents: always `counter` */
    uint8_t flags;       /* of every block */
    uint8_t flags_first; /* besides, of each input's first block */
    uint8_t flags_last;  /* and of its last */
};

/* Hashes exactly `width` inputs; the chaining values go to `ret`, one after the other. */
typedef void many_function(const struct many *m, const uint8_t *const *inputs,
                           uint8_t (*ret)[BLAKE3_OUT_BYTES]);

/* A code: WIDTH inputs at once. The table is sorted from wide to narrow and ends with width 1. */
struct code {
    const char *name;
    size_t width;
    many_function *many;
};

void blake3_many_portable(const struct many *m, const uint8_t *const *inputs,
                          uint8_t (*ret)[BLAKE3_OUT_BYTES]);
#if defined(__x86_64__)
many_function blake3_many_sse41;
many_function blake3_many_avx2;
many_function blake3_many_avx512;
#elif defined(__aarch64__)
many_function blake3_many_neon;
#endif

/* --- blake3_code.c ---------------------------------------------------------------------------- */

/* The codes that this CPU runs, widest first; the last has width 1. */
const struct code *blake3_codes(void);
/* For tests: at most this width from now on. */
void blake3_limit_width(size_t width);
/* Any number of inputs. */
void blake3_many(const struct many *m, const uint8_t *const *inputs, size_t count,
                 uint8_t (*ret)[BLAKE3_OUT_BYTES]);

/* --- blake3_subtree.c ------------------------------------------------------------------------- */

/*
 * The two chaining values below the top of a subtree of two chunks or more. `len` is a power of
 * two of chunks, or the last subtree of an input.
 */
void blake3_subtree(const uint32_t key[8], uint8_t flags, uint64_t chunk_number,
                    const uint8_t *data, size_t len, uint8_t ret[2][BLAKE3_OUT_BYTES]);
void blake3_parent(const uint32_t key[8], uint8_t flags,
                   const uint8_t children[2][BLAKE3_OUT_BYTES], uint8_t ret[BLAKE3_OUT_BYTES]);

/* --- blake3.c --------------------------------------------------------------------------------- */

/* Adds the chaining value of a whole subtree of `chunks` (a power of two) that begins at the
 * current chunk number, which is a multiple of it. The current chunk must be empty. */
void blake3_push(struct blake3 *b, const uint8_t cv[BLAKE3_OUT_BYTES], uint64_t chunks);
bool blake3_chunk_is_empty(const struct blake3 *b);

// SPDX-License-Identifier: Apache-2.0
/*
 * Subtrees of whole inputs in memory. Chunks are hashed as many at once as the CPU has lanes, and
 * so are their parents: a subtree gives up to that many chaining values to the one above it, not
 * one (the BLAKE3 paper, section 5.3).
 */
#include "hash/internal.h"

struct subtree {
    const uint32_t *key;
    uint8_t flags;
    size_t width;
};

/* Chunks side by side, the last one perhaps short. At most WIDTH_MAX. */
static size_t hash_chunks(const struct subtree *s, uint64_t number, const uint8_t *data, size_t len,
                          uint8_t (*ret)[BLAKE3_OUT_BYTES]) {
    const uint8_t *inputs[WIDTH_MAX];
    size_t count = len / BLAKE3_CHUNK_BYTES;
    for (size_t i = 0; i < count; i++) {
        inputs[i] = data + i * BLAKE3_CHUNK_BYTES;
    }
    struct many m = {
        .key = s->key,
        .blocks = CHUNK_BLOCKS,
        .counter = number,
        .count_up = true,
        .flags = s->flags,
        .flags_first = FLAG_CHUNK_START,
        .flags_last = FLAG_CHUNK_END,
    };
    blake3_many(&m, inputs, count, ret);
    return count;
}

/* Halves the number of chaining values; an odd last one goes up as it is. */
static size_t hash_parents(const struct subtree *s, uint8_t (*cvs)[BLAKE3_OUT_BYTES], size_t count,
                           uint8_t (*ret)[BLAKE3_OUT_BYTES]) {
    const uint8_t *inputs[WIDTH_MAX];
    size_t pairs = count / 2;
    for (size_t i = 0; i < pairs; i++) {
        inputs[i] = cvs[2 * i];
    }
    struct many m = { .key = s->key, .blocks = 1, .flags = s->flags | FLAG_PARENT };
    blake3_many(&m, inputs, pairs, ret);
    return pairs;
}

/* Chaining values of the subtree's widest level that is no wider than the lanes, at least two
 * when there are two chunks. Everything is a power of two of whole chunks here. */
static size_t hash_level(const struct subtree *s, uint64_t number, const uint8_t *data, size_t len,
                         uint8_t (*ret)[BLAKE3_OUT_BYTES]) {
    if (len <= s->width * BLAKE3_CHUNK_BYTES) {
        return hash_chunks(s, number, data, len, ret);
    }
    uint8_t below[2 * WIDTH_MAX][BLAKE3_OUT_BYTES];
    size_t half = len / 2;
    size_t count = hash_level(s, number, data, half, below);
    count += hash_level(s, number + half / BLAKE3_CHUNK_BYTES, data + half, half, below + count);
    return hash_parents(s, below, count, ret);
}

void blake3_subtree(const uint32_t key[8], uint8_t flags, uint64_t chunk_number,
                    const uint8_t *data, size_t len, uint8_t ret[2][BLAKE3_OUT_BYTES]) {
    struct subtree s = { key, flags, max_size(blake3_codes()->width, 2) };
    uint8_t level[2][WIDTH_MAX][BLAKE3_OUT_BYTES];
    size_t count = hash_level(&s, chunk_number, data, len, level[0]);
    int from = 0;
    while (count > 2) {
        count = hash_parents(&s, level[from], count, level[1 - from]);
        from = 1 - from;
    }
    memcpy(ret, level[from], 2 * BLAKE3_OUT_BYTES);
}

void blake3_parent(const uint32_t key[8], uint8_t flags,
                   const uint8_t children[2][BLAKE3_OUT_BYTES], uint8_t ret[BLAKE3_OUT_BYTES]) {
    uint32_t cv[8];
    memcpy(cv, key, sizeof cv);
    blake3_compress_cv(cv, children[0], BLAKE3_BLOCK_BYTES, 0, flags | FLAG_PARENT);
    memcpy(ret, cv, sizeof cv);
}

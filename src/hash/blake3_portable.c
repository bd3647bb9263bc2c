// SPDX-License-Identifier: Apache-2.0
/* The compression function in plain C: the BLAKE3 paper, section 2.2. */
#include "hash/internal.h"

static inline uint32_t rotate_right(uint32_t x, unsigned n) {
    return (x >> n) | (x << (32 - n));
}

static inline void mix(uint32_t v[16], int a, int b, int c, int d, uint32_t x, uint32_t y) {
    v[a] = v[a] + v[b] + x;
    v[d] = rotate_right(v[d] ^ v[a], 16);
    v[c] = v[c] + v[d];
    v[b] = rotate_right(v[b] ^ v[c], 12);
    v[a] = v[a] + v[b] + y;
    v[d] = rotate_right(v[d] ^ v[a], 8);
    v[c] = v[c] + v[d];
    v[b] = rotate_right(v[b] ^ v[c], 7);
}

static inline void permute(const uint32_t cv[8], const uint8_t *block, uint8_t block_len,
                           uint64_t counter, uint8_t flags, uint32_t v[16]) {
    uint32_t m[16];
    memcpy(m, block, sizeof m);
    memcpy(v, cv, 8 * sizeof *v);
    memcpy(v + 8, blake3_iv, 4 * sizeof *v);
    v[12] = (uint32_t)counter;
    v[13] = (uint32_t)(counter >> 32);
    v[14] = block_len;
    v[15] = flags;
#pragma GCC unroll 7
    for (int r = 0; r < ROUNDS; r++) {
        const uint8_t *s = blake3_schedule[r];
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
}

void blake3_compress(const uint32_t cv[8], const uint8_t block[BLAKE3_BLOCK_BYTES],
                     uint8_t block_len, uint64_t counter, uint8_t flags, uint32_t ret[16]) {
    uint32_t v[16];
    permute(cv, block, block_len, counter, flags, v);
    for (int i = 0; i < 8; i++) {
        ret[i] = v[i] ^ v[i + 8];
        ret[i + 8] = v[i + 8] ^ cv[i];
    }
}

void blake3_compress_cv(uint32_t cv[8], const uint8_t block[BLAKE3_BLOCK_BYTES], uint8_t block_len,
                        uint64_t counter, uint8_t flags) {
    uint32_t v[16];
    permute(cv, block, block_len, counter, flags, v);
    for (int i = 0; i < 8; i++) {
        cv[i] = v[i] ^ v[i + 8];
    }
}

void blake3_many_portable(const struct many *m, const uint8_t *const *inputs,
                          uint8_t (*ret)[BLAKE3_OUT_BYTES]) {
    uint32_t cv[8];
    memcpy(cv, m->key, sizeof cv);
    for (size_t i = 0; i < m->blocks; i++) {
        uint8_t flags = m->flags;
        flags |= i == 0 ? m->flags_first : 0;
        flags |= i + 1 == m->blocks ? m->flags_last : 0;
        blake3_compress_cv(cv, inputs[0] + i * BLAKE3_BLOCK_BYTES, BLAKE3_BLOCK_BYTES, m->counter,
                           flags);
    }
    memcpy(ret[0], cv, sizeof cv);
}

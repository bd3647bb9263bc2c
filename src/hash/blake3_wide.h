// SPDX-License-Identifier: Apache-2.0
/*
 * Hashes WIDTH inputs side by side: word i of input k is lane k of vector i. Included by one .c
 * file for each instruction set, which defines before:
 *
 *   WIDTH, TARGET (function attributes), MANY (name of the function to make),
 *   vec                       WIDTH lanes of uint32_t, a GCC vector type
 *   rotate16/12/8/7(vec)      to the right
 *   load_rows(rows, j, at)    16 bytes at `at` of the rows j, j+4, j+8, ... one after the other
 *   zip_low32, zip_high32, zip_low64, zip_high64(a, b)
 *                             interleave in each 16 byte piece, as the SSE2 unpack instructions
 */
#include "hash/internal.h"

#define INLINE static inline __attribute__((always_inline)) TARGET

/* 16 bytes at `at` of every input, turned so that ret[w] holds word w of all. */
INLINE void load_words(const uint8_t *const *inputs, size_t at, vec ret[4]) {
    vec r0 = load_rows(inputs, 0, at);
    vec r1 = load_rows(inputs, 1, at);
    vec r2 = load_rows(inputs, 2, at);
    vec r3 = load_rows(inputs, 3, at);
    vec a = zip_low32(r0, r1);
    vec b = zip_high32(r0, r1);
    vec c = zip_low32(r2, r3);
    vec d = zip_high32(r2, r3);
    ret[0] = zip_low64(a, c);
    ret[1] = zip_high64(a, c);
    ret[2] = zip_low64(b, d);
    ret[3] = zip_high64(b, d);
}

INLINE void mix(vec *a, vec *b, vec *c, vec *d, vec x, vec y) {
    *a = *a + *b + x;
    *d = rotate16(*d ^ *a);
    *c = *c + *d;
    *b = rotate12(*b ^ *c);
    *a = *a + *b + y;
    *d = rotate8(*d ^ *a);
    *c = *c + *d;
    *b = rotate7(*b ^ *c);
}

INLINE void rounds(vec v[16], const vec m[16]) {
#pragma GCC unroll 7
    for (int r = 0; r < ROUNDS; r++) {
        const uint8_t *s = blake3_schedule[r];
        mix(&v[0], &v[4], &v[8], &v[12], m[s[0]], m[s[1]]);
        mix(&v[1], &v[5], &v[9], &v[13], m[s[2]], m[s[3]]);
        mix(&v[2], &v[6], &v[10], &v[14], m[s[4]], m[s[5]]);
        mix(&v[3], &v[7], &v[11], &v[15], m[s[6]], m[s[7]]);
        mix(&v[0], &v[5], &v[10], &v[15], m[s[8]], m[s[9]]);
        mix(&v[1], &v[6], &v[11], &v[12], m[s[10]], m[s[11]]);
        mix(&v[2], &v[7], &v[8], &v[13], m[s[12]], m[s[13]]);
        mix(&v[3], &v[4], &v[9], &v[14], m[s[14]], m[s[15]]);
    }
}

INLINE vec broadcast(uint32_t x) {
    return x - (vec){ 0 };
}

TARGET void MANY(const struct many *m, const uint8_t *const *inputs,
                 uint8_t (*ret)[BLAKE3_OUT_BYTES]) {
    vec cv[8];
    for (int i = 0; i < 8; i++) {
        cv[i] = broadcast(m->key[i]);
    }
    uint32_t low[WIDTH];
    uint32_t high[WIDTH];
    for (uint32_t i = 0; i < WIDTH; i++) {
        uint64_t counter = m->counter + (m->count_up ? i : 0);
        low[i] = (uint32_t)counter;
        high[i] = (uint32_t)(counter >> 32);
    }
    for (size_t block = 0; block < m->blocks; block++) {
        uint8_t flags = m->flags;
        flags |= block == 0 ? m->flags_first : 0;
        flags |= block + 1 == m->blocks ? m->flags_last : 0;
        vec words[16];
        for (size_t i = 0; i < 4; i++) {
            load_words(inputs, block * BLAKE3_BLOCK_BYTES + i * 16, words + i * 4);
        }
        vec v[16];
        for (int i = 0; i < 8; i++) {
            v[i] = cv[i];
        }
        for (int i = 0; i < 4; i++) {
            v[8 + i] = broadcast(blake3_iv[i]);
        }
        memcpy(&v[12], low, sizeof v[12]);
        memcpy(&v[13], high, sizeof v[13]);
        v[14] = broadcast(BLAKE3_BLOCK_BYTES);
        v[15] = broadcast(flags);
        rounds(v, words);
        for (int i = 0; i < 8; i++) {
            cv[i] = v[i] ^ v[i + 8];
        }
    }
    for (size_t lane = 0; lane < WIDTH; lane++) {
        for (size_t i = 0; i < 8; i++) {
            store_le32(ret[lane] + i * 4, cv[i][lane]);
        }
    }
}

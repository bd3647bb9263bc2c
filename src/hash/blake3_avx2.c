// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define WIDTH  8
#define TARGET __attribute__((target("avx2")))
#define MANY   blake3_many_avx2

typedef uint32_t vec __attribute__((vector_size(32)));

#define INLINE_TARGET static inline __attribute__((always_inline)) TARGET

INLINE_TARGET vec rotate16(vec x) {
    const __m256i order = _mm256_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2,
                                           3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    return (vec)_mm256_shuffle_epi8((__m256i)x, order);
}
INLINE_TARGET vec rotate8(vec x) {
    const __m256i order = _mm256_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1,
                                           2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
    return (vec)_mm256_shuffle_epi8((__m256i)x, order);
}
INLINE_TARGET vec rotate12(vec x) {
    return (x >> 12) | (x << 20);
}
INLINE_TARGET vec rotate7(vec x) {
    return (x >> 7) | (x << 25);
}
INLINE_TARGET __m128i load16(const uint8_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
INLINE_TARGET vec load_rows(const uint8_t *const *rows, size_t j, size_t at) {
    __m256i low = _mm256_castsi128_si256(load16(rows[j] + at));
    return (vec)_mm256_inserti128_si256(low, load16(rows[j + 4] + at), 1);
}
INLINE_TARGET vec zip_low32(vec a, vec b) {
    return (vec)_mm256_unpacklo_epi32((__m256i)a, (__m256i)b);
}
INLINE_TARGET vec zip_high32(vec a, vec b) {
    return (vec)_mm256_unpackhi_epi32((__m256i)a, (__m256i)b);
}
INLINE_TARGET vec zip_low64(vec a, vec b) {
    return (vec)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b);
}
INLINE_TARGET vec zip_high64(vec a, vec b) {
    return (vec)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b);
}

#include "hash/blake3_wide.h"

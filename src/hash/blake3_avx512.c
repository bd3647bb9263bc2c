// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define WIDTH  16
#define TARGET __attribute__((target("avx512f")))
#define MANY   blake3_many_avx512

typedef uint32_t vec __attribute__((vector_size(64)));

#define INLINE_TARGET static inline __attribute__((always_inline)) TARGET

INLINE_TARGET vec rotate16(vec x) {
    return (vec)_mm512_ror_epi32((__m512i)x, 16);
}
INLINE_TARGET vec rotate12(vec x) {
    return (vec)_mm512_ror_epi32((__m512i)x, 12);
}
INLINE_TARGET vec rotate8(vec x) {
    return (vec)_mm512_ror_epi32((__m512i)x, 8);
}
INLINE_TARGET vec rotate7(vec x) {
    return (vec)_mm512_ror_epi32((__m512i)x, 7);
}
INLINE_TARGET __m128i load16(const uint8_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
INLINE_TARGET vec load_rows(const uint8_t *const *rows, size_t j, size_t at) {
    __m512i v = _mm512_castsi128_si512(load16(rows[j] + at));
    v = _mm512_inserti32x4(v, load16(rows[j + 4] + at), 1);
    v = _mm512_inserti32x4(v, load16(rows[j + 8] + at), 2);
    return (vec)_mm512_inserti32x4(v, load16(rows[j + 12] + at), 3);
}
INLINE_TARGET vec zip_low32(vec a, vec b) {
    return (vec)_mm512_unpacklo_epi32((__m512i)a, (__m512i)b);
}
INLINE_TARGET vec zip_high32(vec a, vec b) {
    return (vec)_mm512_unpackhi_epi32((__m512i)a, (__m512i)b);
}
INLINE_TARGET vec zip_low64(vec a, vec b) {
    return (vec)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b);
}
INLINE_TARGET vec zip_high64(vec a, vec b) {
    return (vec)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b);
}

#include "hash/blake3_wide.h"

// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#define WIDTH 4
#define TARGET
#define MANY blake3_many_neon

typedef uint32x4_t vec;

#define INLINE_TARGET static inline __attribute__((always_inline))

INLINE_TARGET vec rotate16(vec x) {
    return vreinterpretq_u32_u16(vrev32q_u16(vreinterpretq_u16_u32(x)));
}
INLINE_TARGET vec rotate12(vec x) {
    return vsriq_n_u32(vshlq_n_u32(x, 20), x, 12);
}
INLINE_TARGET vec rotate8(vec x) {
    return vsriq_n_u32(vshlq_n_u32(x, 24), x, 8);
}
INLINE_TARGET vec rotate7(vec x) {
    return vsriq_n_u32(vshlq_n_u32(x, 25), x, 7);
}
INLINE_TARGET vec load_rows(const uint8_t *const *rows, size_t j, size_t at) {
    return vreinterpretq_u32_u8(vld1q_u8(rows[j] + at));
}
INLINE_TARGET vec zip_low32(vec a, vec b) {
    return vzip1q_u32(a, b);
}
INLINE_TARGET vec zip_high32(vec a, vec b) {
    return vzip2q_u32(a, b);
}
INLINE_TARGET vec zip_low64(vec a, vec b) {
    return vreinterpretq_u32_u64(vzip1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}
INLINE_TARGET vec zip_high64(vec a, vec b) {
    return vreinterpretq_u32_u64(vzip2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

#include "hash/blake3_wide.h"

// SPDX-License-Identifier: Apache-2.0
/* Which code runs: decided at the first hash, by what the CPU says it has. */
#include <pthread.h>

#include "hash/internal.h"

enum { CODES_MAX = 4 };

static struct code codes[CODES_MAX];
static size_t code_count;
static pthread_once_t codes_once = PTHREAD_ONCE_INIT;

static void add_code(const char *name, size_t width, many_function *many) {
    codes[code_count++] = (struct code){ name, width, many };
}

static void find_codes(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
        add_code("avx512", 16, blake3_many_avx512);
    }
    if (__builtin_cpu_supports("avx2")) {
        add_code("avx2", 8, blake3_many_avx2);
    }
    if (__builtin_cpu_supports("sse4.1")) {
        add_code("sse41", 4, blake3_many_sse41);
    }
#elif defined(__aarch64__)
    add_code("neon", 4, blake3_many_neon); /* every AArch64 CPU has it */
#endif
    add_code("portable", 1, blake3_many_portable);
}

static size_t width_limit = WIDTH_MAX;

void blake3_limit_width(size_t width) {
    width_limit = width;
}

const struct code *blake3_codes(void) {
    pthread_once(&codes_once, find_codes);
    const struct code *c = codes;
    while (c->width > width_limit && c->width > 1) {
        c++;
    }
    return c;
}

const char *blake3_code_name(void) {
    return blake3_codes()->name;
}

/* Two or three inputs left are quicker in four lanes, one lane repeated, than one by one. */
static void many_padded(const struct code *c, const struct many *m, const uint8_t *const *inputs,
                        size_t count, uint8_t (*ret)[BLAKE3_OUT_BYTES]) {
    const uint8_t *padded[WIDTH_MAX];
    uint8_t outputs[WIDTH_MAX][BLAKE3_OUT_BYTES];
    for (size_t i = 0; i < c->width; i++) {
        padded[i] = inputs[min_size(i, count - 1)];
    }
    c->many(m, padded, outputs);
    memcpy(ret, outputs, count * sizeof outputs[0]);
}

void blake3_many(const struct many *m, const uint8_t *const *inputs, size_t count,
                 uint8_t (*ret)[BLAKE3_OUT_BYTES]) {
    struct many rest = *m;
    for (const struct code *c = blake3_codes(); count > 0; c++) {
        size_t done = 0;
        for (; count - done >= c->width; done += c->width) {
            c->many(&rest, inputs + done, ret + done);
            rest.counter += rest.count_up ? c->width : 0;
        }
        inputs += done;
        ret += done;
        count -= done;
        if (count > 1 && (count * 2 > c->width || c[1].width == 1)) {
            many_padded(c, &rest, inputs, count, ret);
            return;
        }
    }
}

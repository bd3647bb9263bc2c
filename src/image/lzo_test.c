// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "image/lzo.h"

enum { INPUT_MAX = 200 * 1000 };

/* --- a reader, by the kernel's Documentation/staging/lzo.rst and nothing else ------------------
 */

struct reader {
    const uint8_t *in;
    size_t in_len, at;
    uint8_t *out;
    size_t out_len;
};

static size_t take(struct reader *r) {
    assert_true(r->at < r->in_len);
    return r->in[r->at++];
}

/* "The variable length encoding using #bits is always the same" */
static size_t take_length(struct reader *r, size_t byte, unsigned bits) {
    size_t mask = ((size_t)1 << bits) - 1;
    size_t length = byte & mask;
    if (length == 0) {
        length = mask;
        size_t next;
        while ((next = take(r)) == 0) {
            length += 255;
        }
        length += next;
    }
    return length;
}

static void copy_literals(struct reader *r, size_t count) {
    while (count-- > 0) {
        assert_true(r->out_len < INPUT_MAX);
        r->out[r->out_len++] = (uint8_t)take(r);
    }
}

static void copy_match(struct reader *r, size_t length, size_t distance) {
    assert_true(distance <= r->out_len && r->out_len + length <= INPUT_MAX);
    for (; length > 0; length--, r->out_len++) {
        r->out[r->out_len] = r->out[r->out_len - distance];
    }
}

/* One instruction; returns how many literals the next one sees, or -1 at the end. */
static int step(struct reader *r, int state) {
    size_t byte = take(r), operand, length, distance;
    if (byte < 16 && state == 0) {
        copy_literals(r, 3 + take_length(r, byte, 4));
        return 4;
    }
    if (byte < 16) {
        operand = byte;
        length = state == 4 ? 3 : 2;
        distance = (take(r) << 2) + (byte >> 2) + (state == 4 ? 2049 : 1);
    } else if (byte < 64) {
        bool is_far = byte < 32;
        length = 2 + take_length(r, byte, is_far ? 3 : 5);
        operand = take(r);
        operand |= take(r) << 8;
        distance = (operand >> 2) + (is_far ? 16384 + ((byte & 8) << 11) : 1);
        if (is_far && distance == 16384) {
            return -1;
        }
    } else {
        operand = byte;
        length = byte < 128 ? 3 + (byte >> 5 & 1) : 5 + (byte >> 5 & 3);
        distance = (take(r) << 3) + (byte >> 2 & 7) + 1;
    }
    copy_match(r, length, distance);
    copy_literals(r, operand & 3);
    return (int)(operand & 3);
}

static size_t read_stream(const uint8_t *in, size_t in_len, uint8_t *out) {
    struct reader r = { .in = in, .in_len = in_len, .out = out };
    int state = 0;
    if (in[0] > 17) { /* "First byte encoding" */
        size_t literals = take(&r) - 17;
        copy_literals(&r, literals);
        state = literals < 4 ? (int)literals : 4;
    }
    while (state >= 0) {
        state = step(&r, state);
    }
    assert_int_equal(r.at, in_len);
    return r.out_len;
}

/* --- cases ------------------------------------------------------------------------------------ */

struct fixture {
    struct lzo *lzo;
    uint8_t *in, *stream, *out;
};

static int set_up(void **state) {
    struct fixture *f = malloc(sizeof *f);
    *f = (struct fixture){ lzo_new(INPUT_MAX), malloc(INPUT_MAX), malloc(2 * INPUT_MAX),
                           malloc(INPUT_MAX) };
    assert_non_null(f->lzo);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    lzo_free(f->lzo);
    free(f->in);
    free(f->stream);
    free(f->out);
    free(f);
    return 0;
}

static size_t check(struct fixture *f, size_t len, int level) {
    size_t stream_len = lzo_compress(f->lzo, level, f->in, len, f->stream, 2 * INPUT_MAX);
    assert_true(stream_len > 0);
    assert_int_equal(read_stream(f->stream, stream_len, f->out), len);
    assert_memory_equal(f->out, f->in, len);
    return stream_len;
}

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void runs_of_literals_of_every_length(void **state) {
    struct fixture *f = *state;
    uint32_t seed = 1;
    for (size_t len = 1; len < 1200; len++) {
        for (size_t i = 0; i < len; i++) {
            f->in[i] = (uint8_t)next_random(&seed);
        }
        assert_true(check(f, len, 1 + (int)(len % 9)) <= len + len / 255 + 8);
    }
}

static void matches_of_every_length_and_distance(void **state) {
    struct fixture *f = *state;
    static const size_t distances[] = { 1,     2,     7,     8,     9,     2047,  2048,
                                        2049,  3072,  3073,  16383, 16384, 16385, 32767,
                                        32768, 32769, 49150, 49151, 49152, 70000 };
    uint32_t seed = 2;
    for (size_t i = 0; i < ARRAY_LEN(distances); i++) {
        size_t distance = distances[i];
        for (size_t k = 0; k < 80; k++) {
            size_t length = k < 60 ? k + 1 : k * k - 3300, len = 0;
            while (len < distance) {
                f->in[len++] = (uint8_t)next_random(&seed);
            }
            for (size_t n = 0; n < length; n++, len++) {
                f->in[len] = f->in[len - distance];
            }
            for (size_t n = 0; n < k % 6; n++) {
                f->in[len++] = (uint8_t)next_random(&seed);
            }
            check(f, len, 1 + (int)(k % 8));
        }
    }
}

static void text_of_all_kinds(void **state) {
    struct fixture *f = *state;
    uint32_t seed = 3;
    for (unsigned round = 0; round < 400; round++) {
        size_t len = 1 + next_random(&seed) % (round % 20 == 0 ? INPUT_MAX : 4000), at = 0;
        unsigned letters = 1 + next_random(&seed) % 256;
        while (at < len) {
            size_t run = 1 + next_random(&seed) % 200;
            size_t back = at == 0 ? 0 : next_random(&seed) % (at + 1);
            for (; run > 0 && at < len; run--, at++) {
                f->in[at] = (uint8_t)(back == 0 ? next_random(&seed) % letters : f->in[at - back]);
            }
        }
        check(f, len, 1 + (int)(round % 9));
    }
}

static void zeros_become_nearly_nothing(void **state) {
    struct fixture *f = *state;
    memset(f->in, 0, INPUT_MAX);
    assert_true(check(f, INPUT_MAX, 8) < INPUT_MAX / 200);
}

static void a_higher_level_is_no_larger(void **state) {
    struct fixture *f = *state;
    uint32_t seed = 4;
    size_t len = 0;
    while (len < 100 * 1000) { /* words of a small vocabulary */
        uint32_t word = next_random(&seed) % 700;
        len += (size_t)snprintf((char *)f->in + len, 20, "%x%u ", word * word, word % 10);
    }
    size_t quick = check(f, len, 1), usual = check(f, len, 8), best = check(f, len, 9);
    assert_true(usual < quick && best <= usual && usual < len / 2);
}

static void what_does_not_fit_is_said(void **state) {
    struct fixture *f = *state;
    memset(f->in, 'x', 1000);
    memcpy(f->in + 300, "something else", 14);
    size_t needed = check(f, 1000, 8);
    for (size_t cap = 0; cap < needed; cap++) {
        uint8_t *exact = malloc(cap + 1); /* so that the sanitizer sees a byte too much */
        assert_int_equal(lzo_compress(f->lzo, 8, f->in, 1000, exact, cap), 0);
        free(exact);
    }
    assert_int_equal(lzo_compress(f->lzo, 8, f->in, 1000, f->stream, needed), needed);
    assert_int_equal(lzo_compress(f->lzo, 8, f->in, 0, f->stream, 100), 0);
    assert_null(lzo_new(LZO_INPUT_MAX + 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_of_literals_of_every_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(matches_of_every_length_and_distance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_of_all_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(zeros_become_nearly_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_higher_level_is_no_larger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

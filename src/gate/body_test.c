// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gate/internal.h"

enum { LENGTH_5, CHUNKS };

static const struct {
    int kind;
    const char *text;
    size_t passes;
    bool bad;
} bodies[] = {
    { LENGTH_5, "", 0, false },
    { LENGTH_5, "abc", 3, false },
    { LENGTH_5, "abcde", 5, false },
    { LENGTH_5, "abcdeGET / HTTP/1.1\r\n", 5, false },
    { CHUNKS, "3\r\nabc\r\n0\r\n\r\n", 13, false },
    { CHUNKS, "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n", 13, false },
    { CHUNKS, "0\r\n\r\nPOST", 5, false },
    { CHUNKS, "0000\r\n\r\nPOST", 8, false },
    { CHUNKS, "1;a=\"b\"\r\nx\r\n0\r\nT: v\r\nU: w\r\n\r\nPOST", 29, false },
    { CHUNKS, "A\r\n0123456789\r\na\r\n0123456789\r\n", 30, false },
    { CHUNKS, "2\r\nabc\r\n", 5, true },          /* longer than it said */
    { CHUNKS, "4\r\nabc\r\n0\r\n\r\n", 7, true }, /* shorter */
    { CHUNKS, "\r\n", 0, true },
    { CHUNKS, "x\r\n", 0, true },
    { CHUNKS, "0x3\r\nabc\r\n", 1, true },
    { CHUNKS, "+3\r\nabc\r\n", 0, true },
    { CHUNKS, "3 \r\nabc\r\n", 1, true },
    { CHUNKS, "3\nabc\n0\n\n", 1, true },
    { CHUNKS, "3;\nabc\r\n0\r\n\r\n", 2, true },
    { CHUNKS, "3;a\rb\r\nabc", 4, true },
    { CHUNKS, "0\r\nT: v\n\r\n", 7, true },
    { CHUNKS, "1000000000000000\r\n", 15, true }, /* 2^60 */
};

static struct gate_body make(int kind) {
    struct gate_head head = { .chunked = kind == CHUNKS, .body_bytes = 5 };
    struct gate_body body;
    gate_body_init(&body, &head);
    return body;
}

/* Whatever the pieces are in which it comes. */
static void test_bodies(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        str text = str_from_c(bodies[i].text);
        for (size_t step = 1; step <= text.len + 1; step++) {
            struct gate_body body = make(bodies[i].kind);
            size_t passed = 0;
            for (size_t at = 0; at < text.len; at += step) {
                size_t len = min_size(step, text.len - at);
                passed += gate_body_take(&body, (const uint8_t *)text.ptr + at, len);
            }
            if (passed != bodies[i].passes || gate_body_is_bad(&body) != bodies[i].bad) {
                fail_msg("%s by %zu: %zu", bodies[i].text, step, passed);
            }
        }
    }
}

static void take_text(struct gate_body *body, const char *text) {
    gate_body_take(body, (const uint8_t *)text, strlen(text));
}

/* Lines without end, and trailers without end, would never be looked at by the server. */
static void test_lines_have_an_end(void **state) {
    (void)state;
    struct gate_body extension = make(CHUNKS), trailers = make(CHUNKS);
    take_text(&extension, "1;");
    take_text(&trailers, "0\r\n");
    for (int i = 0; i < 2000; i++) {
        take_text(&extension, "abcdefgh");
        take_text(&trailers, "T: value\r\n");
    }
    assert_true(gate_body_is_bad(&extension));
    assert_true(gate_body_is_bad(&trailers));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_lines_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

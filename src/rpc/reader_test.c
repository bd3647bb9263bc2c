// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "rpc/rpc.h"

enum { MESSAGE_MAX = 24 * 1024 * 1024 };

static const struct rpc_dialect headers = { .has_headers = true, .bytes_max = MESSAGE_MAX };
static const struct rpc_dialect lines = { .bytes_max = 64 };

/* What a stream gives, an event a letter with its text: "M<...>" a message, "H" a bad header, "L" a
 * message that is too large. Fed in pieces of `step` bytes. */
static str events(struct arena *a, str stream, size_t step, struct rpc_reader *r) {
    str seen = { 0 };
    for (size_t at = 0; at < stream.len; at += step) {
        str piece = str_slice(stream, at, at + step);
        enum rpc_event event;
        str message;
        while ((event = rpc_reader_next(r, &piece, &message)) != RPC_NOTHING) {
            seen = event == RPC_MESSAGE
                       ? str_fmt(a, "%.*sM<%.*s>", STR_FMT(seen), STR_FMT(message))
                       : str_fmt(a, "%.*s%c", STR_FMT(seen), event == RPC_BAD_HEADER ? 'H' : 'L');
        }
    }
    return seen;
}

static void streams_fall_into_messages(void **state) {
    static const struct {
        const char *stream;
        const char *events;
        bool between; /* at the end */
    } cases[] = {
        { "", "", true },
        { "Content-Length: 2\r\n\r\n{}", "M<{}>", true },
        { "Content-Length: 2\r\n\r\n{}Content-Length: 3\r\n\r\nabc", "M<{}>M<abc>", true },
        { "content-type: x; y\ncontent-length:2 \n\n{}", "M<{}>", true },
        { "Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\nx", "M<>M<x>", true },
        { "Content-Length: 5\r\n\r\n{}", "", false },
        { "Content-Len", "", false },
        { "Content-Length: 5\r\n", "", false },
        { "\r\n\n\r\nContent-Length: 1\r\n\r\nx", "M<x>", true },
        { "garbage\r\n\r\nContent-Length: 1\r\n\r\nx", "HM<x>", true },
        { "Content-Length: -1\r\n\r\nContent-Length: 1\r\n\r\nx", "HM<x>", true },
        { "Content-Length: 99999999999999999999\r\n\r\nContent-Length: 1\r\n\r\nx", "HM<x>", true },
        { "Content-Length: 1e3\r\n\r\n", "H", true },
        { "Content-Length: 1000000000000\r\n\r\nabc", "", false },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step < 100; step += 7) {
            struct rpc_reader r;
            rpc_reader_init(&r, &headers);
            str seen = events(a, str_from_c(cases[i].stream), step, &r);
            if (!str_eq(seen, str_from_c(cases[i].events))) {
                fail_msg("%s: %.*s", cases[i].stream, STR_FMT(seen));
            }
            assert_int_equal(rpc_reader_is_between(&r), cases[i].between);
            rpc_reader_done(&r);
        }
    }
}

static void too_large_ones_go_by(void **state) {
    AUTO_ARENA a = arena_new();
    struct rpc_reader r;
    AUTO_BUF stream = BUF_INIT((size_t)64 << 20);
    rpc_reader_init(&r, &headers);
    buf_addf(&stream, "Content-Length: %d\r\n\r\n", MESSAGE_MAX + 1);
    buf_add_repeat(&stream, 'x', MESSAGE_MAX + 1);
    buf_add_c(&stream, "Content-Length: 1\r\n\r\ny");
    assert_true(str_eq(events(a, buf_str(&stream), 65536, &r), S("LM<y>")));
    assert_true(r.body.cap < 1000);
    rpc_reader_done(&r);
}

static void garbage_without_lines_takes_no_memory(void **state) {
    AUTO_ARENA a = arena_new();
    struct rpc_reader r;
    AUTO_BUF stream = BUF_INIT((size_t)64 << 20);
    rpc_reader_init(&r, &headers);
    buf_add_repeat(&stream, 'x', 10 << 20);
    buf_add_c(&stream, "\n\nContent-Length: 1\r\n\r\ny");
    assert_true(str_eq(events(a, buf_str(&stream), 4096, &r), S("HM<y>")));
    assert_true(r.line.cap <= 2 * RPC_HEADER_LINE_MAX + 64);
    rpc_reader_done(&r);
}

static void lines_are_messages(void **state) {
    static const struct {
        const char *stream;
        const char *events; /* E: what the end of the input gives */
        bool between;
    } cases[] = {
        { "", "", true },
        { "{}\n[]\r\n", "M<{}>M<[]\r>", true },
        { "\n \n\t\r\n1\n\n", "M<1>", true },
        { "{}\n{\"a\"", "M<{}>EM<{\"a\">", false },
        { "  ", "", false },
        { "0123456789012345678901234567890123456789012345678901234567890123456789\n1\n", "LM<1>",
          true },
        { "1\n0123456789012345678901234567890123456789012345678901234567890123456789", "M<1>EL",
          false },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step < 100; step += 7) {
            struct rpc_reader r;
            str message;
            rpc_reader_init(&r, &lines);
            str seen = events(a, str_from_c(cases[i].stream), step, &r);
            assert_int_equal(rpc_reader_is_between(&r), cases[i].between);
            enum rpc_event last = rpc_reader_end(&r, &message);
            if (last != RPC_NOTHING) {
                seen = last == RPC_MESSAGE
                           ? str_fmt(a, "%.*sEM<%.*s>", STR_FMT(seen), STR_FMT(message))
                           : str_fmt(a, "%.*sEL", STR_FMT(seen));
            }
            if (!str_eq(seen, str_from_c(cases[i].events))) {
                fail_msg("%s: %.*s", cases[i].stream, STR_FMT(seen));
            }
            rpc_reader_done(&r);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_fall_into_messages),
        cmocka_unit_test(too_large_ones_go_by),
        cmocka_unit_test(lines_are_messages),
        cmocka_unit_test(garbage_without_lines_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

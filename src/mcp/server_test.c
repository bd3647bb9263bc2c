// SPDX-License-Identifier: Apache-2.0
/* The server over files and pipes. The protocol with all its mistakes: tests/golden/test_mcp.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mcp/internal.h"

static volatile sig_atomic_t stop;

/* A file with this content, at its beginning. */
static int file_with(const char *text) {
    char name[] = "/tmp/capsem-mcp-XXXXXX";
    int fd = mkstemp(name);
    struct err err = ERR_INIT;
    assert_true(fd >= 0 && unlink(name) == 0);
    assert_true(fs_write_all(fd, text, strlen(text), &err) && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* What the server answers to all of it. */
static str serve(struct arena *a, const char *input, bool read_only) {
    AUTO_FD in = file_with(input);
    AUTO_FD out = file_with("");
    struct err err = ERR_INIT;
    str text = { 0 };
    const struct mcp_options options = {
        .cache_dir = "/nowhere", .read_only = read_only, .in_fd = in, .out_fd = out, .stop = &stop
    };
    assert_true(mcp_serve(&options, &err));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    assert_true(lseek(out, 0, SEEK_SET) == 0 && fs_load_fd(a, out, "it", 1 << 24, &text, &err));
    return text;
}

#define PING "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}"
#define EXPLAIN                                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"tools/call\",\"params\":{\"name\":\"explain\","    \
    "\"arguments\":{\"code\":\"E003\"}}}"
#define PONG "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}"

static bool has(str text, const char *words) {
    return str_find(text, str_from_c(words), 0) != STR_NONE;
}

static void what_was_asked_is_answered_before_the_end(void **state) {
    AUTO_ARENA a = arena_new();
    assert_true(str_eq(serve(a, "", false), S("")));
    assert_true(str_eq(serve(a, PING "\n" PING, false), S(PONG "\n" PONG "\n")));
    str said = serve(a, EXPLAIN "\n" PING "\n", false);
    assert_true(str_starts(said, S(PONG "\n"))); /* at once; the call takes its time */
    assert_true(
        has(said, "{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{\"content\":[{\"type\":\"text\""));
    assert_true(has(said, "\"structuredContent\":{\"code\":\"E003\","));
}

static void a_batch_is_answered_as_a_whole(void **state) {
    AUTO_ARENA a = arena_new();
    str said = serve(a, "[" EXPLAIN "," PING ",7]\n" PING "\n", false);
    str first = str_cut(&said, '\n'), second = str_cut(&said, '\n');
    assert_true(str_eq(first, S(PONG)));
    assert_true(str_starts(second, S("[" PONG ",{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":")));
    assert_true(has(second, "\"id\":8,\"result\"") && str_ends(second, S("]")));
    assert_int_equal(said.len, 0);
}

/* It had not started, or had, or there is no such call. */
static void what_is_cancelled_is_not_answered(void **state) {
    AUTO_ARENA a = arena_new();
    str said = serve(a,
                     EXPLAIN "\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                             "\"params\":{\"requestId\":8}}\n"
                             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                             "\"params\":{\"requestId\":\"8\"}}\n"
                             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}\n" PING,
                     false);
    assert_true(str_eq(said, S(PONG "\n")));
    said = serve(a,
                 "[" EXPLAIN ",{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                 "\"params\":{\"requestId\":8}}]\n",
                 false);
    assert_true(str_eq(said, S("")));
}

static void a_client_that_is_not_trusted(void **state) {
    AUTO_ARENA a = arena_new();
    static const char run[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
                              "\"name\":\"run\",\"arguments\":{}}}\n";
    assert_true(has(serve(a, run, true), "\"message\":\"unknown tool 'run'\""));
    assert_true(has(serve(a, run, false), "run takes either 'command' or 'argv'"));
}

static void told_to_stop_it_stops(void **state) {
    AUTO_ARENA a = arena_new();
    stop = SIGTERM;
    assert_true(str_eq(serve(a, PING "\n", false), S("")));
    stop = 0;
}

static void without_a_reader_it_ends(void **state) {
    AUTO_FD in = file_with(PING "\n");
    struct err err = ERR_INIT;
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(os_pipe(ends), 0);
    close(ends[0]);
    const struct mcp_options options = {
        .cache_dir = "/nowhere", .in_fd = in, .out_fd = ends[1], .stop = &stop
    };
    assert_false(mcp_serve(&options, &err));
    assert_int_equal(err.code, EPIPE);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_is_answered_before_the_end),
        cmocka_unit_test(a_batch_is_answered_as_a_whole),
        cmocka_unit_test(what_is_cancelled_is_not_answered),
        cmocka_unit_test(a_client_that_is_not_trusted),
        cmocka_unit_test(told_to_stop_it_stops),
        cmocka_unit_test(without_a_reader_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

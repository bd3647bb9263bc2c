// SPDX-License-Identifier: Apache-2.0
/* Calls of tools of the test's own: how they wait, run, tell, are stopped and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mcp/internal.h"

static void greet(struct mcp_call *call) {
    mcp_progress(call, "%s", "half \"way\"");
    mcp_progress(call, "nearly");
    mcp_give(call, json_pack("{s:s}", "hello", mcp_text(call, "name")));
}

static void give_up(struct mcp_call *call) {
    struct err err = ERR_INIT;
    err_set(&err, "no");
    err_help(&err, "try again");
    mcp_fail(call, &err);
}

static void crash(struct mcp_call *call) {
    kill(getpid(), SIGKILL);
}

static void write_too_much(struct mcp_call *call) {
    buf_add_repeat(&call->text, 'x', MCP_RESULT_BYTES_MAX + 1);
}

/* Ends when it is told to. */
static void wait_for_stop(struct mcp_call *call) {
    mcp_progress(call, "waiting");
    while (*call->cancelled == 0) {
        usleep(1000);
    }
}

/* Its messages and ours would mix. */
static void use_the_streams(struct mcp_call *call) {
    char c;
    bool reads = read(STDIN_FILENO, &c, 1) > 0;
    bool writes = write(STDOUT_FILENO, "noise", 5) == 5;
    buf_addf(&call->text, "%d %d", reads, writes);
}

#define TOOL(n, f)                                                                                 \
    {                                                                                              \
        .name = n, .run = f, .is_long = true, .params = { { .name = "name", .kind = MCP_TEXT } }   \
    }
static const struct mcp_tool greeter = TOOL("greeter", greet), giver = TOOL("giver", give_up),
                             crasher = TOOL("crasher", crash),
                             writer = TOOL("writer", write_too_much),
                             waiter = TOOL("waiter", wait_for_stop),
                             user = TOOL("user", use_the_streams);

struct fixture {
    struct mcp_options options;
    struct mcp_calls *calls;
    struct buf notes;   /* a line each */
    struct buf results; /* "ID: RESULT" a line each */
    size_t most;        /* calls that ran at once */
};

static void on_notify(void *self, str message) {
    struct fixture *f = self;
    buf_add(&f->notes, message);
    buf_add_char(&f->notes, '\n');
}

static void on_ended(void *self, const struct mcp_answer *answer, str result) {
    struct fixture *f = self;
    buf_addf(&f->results, "%lld: %.*s\n", (long long)json_integer_value(answer->id),
             STR_FMT(str_clip(result, 300)));
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->notes = BUF_INIT((size_t)1 << 20);
    f->results = BUF_INIT((size_t)1 << 20);
    f->calls = mcp_calls_new(&f->options, &(struct mcp_calls_events){ f, on_notify, on_ended });
    buf_add_c(&f->notes, "");
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    mcp_calls_free(f->calls);
    buf_done(&f->notes);
    buf_done(&f->results);
    free(f);
    return 0;
}

static void add(struct fixture *f, const struct mcp_tool *tool, int id, const char *params) {
    AUTO_JSON json = params != NULL ? json_loads(params, 0, NULL) : NULL;
    assert_true(params == NULL || json != NULL);
    assert_true(mcp_calls_add(f->calls, tool, json, (struct mcp_answer){ json_integer(id), NULL }));
}

static void step(struct fixture *f) {
    struct pollfd fds[MCP_CALLS_MAX];
    size_t running = mcp_calls_fds(f->calls, fds);
    f->most = max_size(f->most, running);
    (void)!poll(fds, (nfds_t)running, 50);
    mcp_calls_step(f->calls);
}

static void finish(struct fixture *f) {
    while (mcp_calls_count(f->calls) > 0) {
        step(f);
    }
}

static void assert_has(const struct buf *text, const char *words) {
    if (text->len == 0 || strstr(text->ptr, words) == NULL) {
        fail_msg("'%s' is not in: %s", words, text->len > 0 ? text->ptr : "");
    }
}

static void a_result_is_text_and_an_object(void **state) {
    struct fixture *f = *state;
    add(f, &greeter, 1, "{\"arguments\":{\"name\":\"you\"}}");
    finish(f);
    assert_has(&f->results, "1: {\"content\":[{\"type\":\"text\",\"text\":\"{\\n  \\\"hello\\\": "
                            "\\\"you\\\"\\n}\\n\"}],\"structuredContent\":{\"hello\":\"you\"},"
                            "\"isError\":false}");
    assert_int_equal(f->notes.len, 0); /* nobody asked for progress */
}

static void progress_has_the_clients_token(void **state) {
    struct fixture *f = *state;
    add(f, &greeter, 1,
        "{\"arguments\":{\"name\":\"x\"},\"_meta\":{\"progressToken\":\"a\\\"b\"}}");
    add(f, &greeter, 2, "{\"arguments\":{\"name\":\"x\"},\"_meta\":{\"progressToken\":{}}}");
    finish(f);
    assert_has(&f->notes, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                          "\"progressToken\":\"a\\\"b\",\"progress\":1,\"message\":\"half "
                          "\\\"way\\\"\"}}\n");
    assert_has(&f->notes, "\"progress\":2,\"message\":\"nearly\"");
}

static void failures_are_results(void **state) {
    struct fixture *f = *state;
    int ends[2], kept = dup(STDIN_FILENO);
    assert_true(os_pipe(ends) == 0 && write(ends[1], "message", 7) == 7);
    dup2(ends[0], STDIN_FILENO); /* what a client says is not for tools */
    add(f, &giver, 1, NULL);
    add(f, &crasher, 2, NULL);
    add(f, &writer, 3, NULL);
    add(f, &greeter, 4, "{\"arguments\":{\"nam\":1}}");
    add(f, &user, 5, NULL);
    finish(f);
    dup2(kept, STDIN_FILENO);
    close(kept);
    close(ends[0]);
    close(ends[1]);
    assert_has(&f->results, "1: {\"content\":[{\"type\":\"text\",\"text\":\"error: no\\nhelp: try "
                            "again\\n\"}],\"isError\":true}");
    assert_has(&f->results, "crasher: a worker was killed by signal 9");
    assert_has(&f->results, "writer: its output is larger than 33554432 bytes");
    assert_has(&f->results, "greeter: unknown argument 'nam'");
    assert_has(&f->results, "5: {\"content\":[{\"type\":\"text\",\"text\":\"0 1\"}]");
}

static void a_cancelled_call_wants_no_answer(void **state) {
    struct fixture *f = *state;
    AUTO_JSON one = json_integer(1);
    AUTO_JSON other = json_string("1");
    add(f, &waiter, 1, "{\"_meta\":{\"progressToken\":1}}");
    while (f->notes.len == 0) {
        step(f);
    }
    assert_false(mcp_calls_cancel(f->calls, other));
    assert_int_equal(mcp_calls_count(f->calls), 1);
    assert_true(mcp_calls_cancel(f->calls, one));
    assert_false(mcp_calls_cancel(f->calls, one)); /* once */
    finish(f);
    assert_string_equal(f->results.ptr, "1: \n");
}

static void only_so_many_run_at_once(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < MCP_CALLS_MAX + 3; i++) {
        add(f, &waiter, i, NULL);
    }
    for (int i = 0; i < 5; i++) {
        step(f);
    }
    assert_int_equal(f->most, MCP_CALLS_MAX);
    AUTO_JSON last = json_integer(MCP_CALLS_MAX + 2);
    assert_true(mcp_calls_cancel(f->calls, last)); /* it never starts */
    step(f);
    assert_int_equal(mcp_calls_count(f->calls), MCP_CALLS_MAX + 2);
    mcp_calls_cancel_all(f->calls);
    finish(f);
    assert_int_equal(f->most, MCP_CALLS_MAX);
}

static void too_many_are_refused(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < MCP_CALLS_MAX + MCP_WAITING_MAX; i++) {
        add(f, &waiter, i, NULL);
    }
    struct mcp_answer answer = { json_integer(0), NULL };
    assert_false(mcp_calls_add(f->calls, &waiter, NULL, answer));
    json_decref(answer.id);
}

static void freeing_kills_what_runs(void **state) {
    struct fixture *f = *state;
    add(f, &waiter, 1, NULL);
    step(f);
    mcp_calls_free(f->calls);
    f->calls = mcp_calls_new(&f->options, &(struct mcp_calls_events){ f, on_notify, on_ended });
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    assert_int_equal(f->results.len, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_result_is_text_and_an_object), TEST(progress_has_the_clients_token),
        TEST(failures_are_results),           TEST(a_cancelled_call_wants_no_answer),
        TEST(only_so_many_run_at_once),       TEST(too_many_are_refused),
        TEST(freeing_kills_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

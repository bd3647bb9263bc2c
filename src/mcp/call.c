// SPDX-License-Identifier: Apache-2.0
/* A call of a tool, in the worker process that is its own. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "mcp/internal.h"

enum { MESSAGE_BYTES_MAX = 1000, OFTEN_MS = 500, FAILURE_BYTES_MAX = 1024 * 1024 };

/* Set by the server's SIGTERM, which is how it cancels. */
static volatile sig_atomic_t told_to_stop;

static void on_stop(int number) {
    told_to_stop = number;
}

static void catch_stop(void) {
    struct sigaction action = { .sa_handler = on_stop };
    sigset_t none;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What runs in a tool must not read the client's messages, or write between ours. */
static bool leave_streams(struct err *err) {
    AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0) ||
           err_sys(err, errno, "open '/dev/null'");
}

/* ---- progress ---- */

static void send_line(const struct mcp_call *call, char letter, str message) {
    AUTO_BUF line = BUF_INIT((size_t)3 * MCP_RESULT_BYTES_MAX);
    buf_add_char(&line, letter);
    buf_add(&line, message);
    buf_add_char(&line, '\n');
    /* A server that has gone has killed us, or will. */
    (void)!fs_write_all(call->out_fd, line.ptr, line.len, NULL);
}

static void tell(struct mcp_call *call, str text) {
    AUTO_BUF params = BUF_INIT((size_t)64 * 1024);
    AUTO_BUF message = BUF_INIT((size_t)64 * 1024);
    char *token = json_dumps(call->token, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_addf(&params, "{\"progressToken\":%s,\"progress\":%llu,\"message\":", token,
             (unsigned long long)++call->told);
    free(token);
    buf_add_json(&params, str_clip(text, MESSAGE_BYTES_MAX));
    buf_add_char(&params, '}');
    rpc_add_notification(&message, "notifications/progress", buf_str(&params));
    if (!message.full && !params.full) {
        send_line(call, 'P', buf_str(&message));
    }
    call->told_ms = time_now_ms();
}

void mcp_progress(struct mcp_call *call, const char *fmt, ...) {
    if (call->token == NULL) {
        return;
    }
    AUTO_BUF text = BUF_INIT((size_t)MESSAGE_BYTES_MAX);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    tell(call, buf_str(&text));
}

void mcp_progress_often(struct mcp_call *call, str text) {
    str line = str_trim(plain_line(call->arena, str_clip(text, MESSAGE_BYTES_MAX)));
    if (call->token != NULL && line.len > 0 && time_now_ms() - call->told_ms >= OFTEN_MS) {
        tell(call, line);
    }
}

/* ---- the result ---- */

json_t *mcp_json(str text) {
    json_t *value = json_stringn(text.ptr != NULL ? text.ptr : "", text.len);
    if (value != NULL) {
        return value;
    }
    AUTO_BUF quoted = BUF_INIT((size_t)3 * MCP_RESULT_BYTES_MAX);
    buf_add_json(&quoted, text); /* with U+FFFD for what is not UTF-8 */
    value = json_loadb(quoted.ptr, quoted.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    return value != NULL ? value : json_string("");
}

void mcp_give(struct mcp_call *call, json_t *object) {
    char *text = json_dumps(object, JSON_INDENT(2));
    call->structured = object;
    buf_add_c(&call->text, text != NULL ? text : "{}");
    buf_add_char(&call->text, '\n');
    free(text);
}

void mcp_fail(struct mcp_call *call, const struct err *err) {
    AUTO_BUF text = BUF_INIT((size_t)FAILURE_BYTES_MAX);
    err_text(err, &text);
    call->failed = true;
    buf_addf(&call->text, "error: %s\n", text.len > 0 ? text.ptr : "failed");
    if (err->help[0] != '\0') {
        buf_addf(&call->text, "help: %s\n", err->help);
    }
}

void mcp_fail_make(struct mcp_call *call, struct make_failure *failure) {
    call->failed = true;
    if (*call->cancelled != 0) {
        buf_add_c(&call->text, "error: stopped; finished steps are kept\n");
        return;
    }
    add_foreign(&call->text, failure->output, false);
    if (failure->output.len > 0) {
        buf_add_char(&call->text, '\n');
    }
    if (failure->sink.len > 0) {
        diag_render(&failure->sink, &(struct diag_style){ .format = DIAG_TEXT }, &call->text);
    }
    if (err_is_set(&failure->err)) {
        mcp_fail(call, &failure->err);
    }
}

void mcp_result_text(struct buf *out, str text, const json_t *structured, bool failed) {
    buf_add_c(out, "{\"content\":[{\"type\":\"text\",\"text\":");
    buf_add_json(out, text);
    buf_add_c(out, "}]");
    if (structured != NULL && !failed) {
        char *json = json_dumps(structured, JSON_COMPACT);
        buf_addf(out, ",\"structuredContent\":%s", json != NULL ? json : "{}");
        free(json);
    }
    buf_addf(out, ",\"isError\":%s}", failed ? "true" : "false");
}

static bool too_large(struct mcp_call *call, struct err *err) {
    return call->text.full &&
           !err_set(err, "its output is larger than %d bytes", MCP_RESULT_BYTES_MAX);
}

bool mcp_call_run(void *self, int outfd, struct err *err) {
    struct mcp_call *call = self;
    AUTO_ARENA arena = arena_new();
    AUTO_BUF result = BUF_INIT((size_t)3 * MCP_RESULT_BYTES_MAX);
    catch_stop();
    if (!leave_streams(err)) {
        return false;
    }
    call->arena = arena;
    call->out_fd = outfd;
    call->cancelled = &told_to_stop;
    call->text = BUF_INIT((size_t)MCP_RESULT_BYTES_MAX);
    call->tool->run(call);
    bool good = !too_large(call, err);
    if (good) {
        mcp_result_text(&result, buf_str(&call->text), call->structured, call->failed);
        good = !result.full || err_set(err, "its result is too large");
    }
    if (good) {
        send_line(call, 'R', buf_str(&result));
    }
    json_decref(call->structured);
    buf_done(&call->text);
    return good;
}

// SPDX-License-Identifier: Apache-2.0
/* Messages of the client, and the methods that they ask for. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/internal.h"

enum {
    REPLY_BYTES_MAX = 1024 * 1024 * 1024,
    WAIT_MS = 1000, /* for what is not a descriptor: the stop flag, a call that is late */
};

static const struct rpc_dialect dialect = { .bytes_max = MCP_LINE_BYTES_MAX,
                                            .needs_jsonrpc = true };

/* The newest first; a client that names none is of the oldest. */
static const char *const protocol_versions[] = { "2025-06-18", "2025-03-26", "2024-11-05" };

/* The answers to a list of messages are a list, which is sent when it is whole. */
struct mcp_batch {
    struct buf replies; /* with commas */
    size_t waiting;     /* for calls */
    bool is_open;       /* its messages are still being read */
};

struct server {
    const struct mcp_options *options;
    struct mcp_calls *calls;
    struct rpc_reader reader;
    struct buf reply; /* of one message */
    struct buf out;   /* to be written */
    bool input_ended;
    bool output_gone;
};

/* ---- answers ---- */

static void batch_send(struct server *s, struct mcp_batch *b) {
    if (b->is_open || b->waiting > 0) {
        return;
    }
    if (b->replies.len > 0) {
        AUTO_BUF list = BUF_INIT((size_t)REPLY_BYTES_MAX);
        buf_add_char(&list, '[');
        buf_add(&list, buf_str(&b->replies));
        buf_add_char(&list, ']');
        rpc_send(&s->out, &dialect, buf_str(&list));
    }
    buf_done(&b->replies);
    free(b);
}

/* s->reply goes where it belongs. */
static void deliver(struct server *s, struct mcp_batch *batch) {
    if (s->reply.full) {
        buf_reset(&s->reply);
        s->reply.full = false;
        rpc_add_error(&s->reply, NULL, RPC_INVALID_REQUEST, "the answer is too large");
    }
    if (batch == NULL) {
        rpc_send(&s->out, &dialect, buf_str(&s->reply));
    } else {
        buf_add_c(&batch->replies, batch->replies.len > 0 ? "," : "");
        buf_add(&batch->replies, buf_str(&s->reply));
    }
    buf_reset(&s->reply);
}

static void refuse(struct server *s, const json_t *id, struct mcp_batch *batch, enum rpc_error code,
                   const char *fmt, const char *word) {
    AUTO_BUF text = BUF_INIT((size_t)MCP_LINE_BYTES_MAX);
    buf_add_c(&text, fmt);
    if (word != NULL) {
        buf_addf(&text, " '%s'", word);
    }
    rpc_add_error(&s->reply, id, code, "%s", text.ptr);
    deliver(s, batch);
}

static void give(struct server *s, const json_t *id, struct mcp_batch *batch, json_t *result) {
    char *text = json_dumps(result, JSON_COMPACT);
    rpc_add_result(&s->reply, id, str_from_c(text));
    deliver(s, batch);
    free(text);
    json_decref(result);
}

static void on_notify(void *self, str message) {
    struct server *s = self;
    rpc_send(&s->out, &dialect, message);
}

static void on_ended(void *self, const struct mcp_answer *answer, str result) {
    struct server *s = self;
    if (result.len > 0) {
        rpc_add_result(&s->reply, answer->id, result);
        deliver(s, answer->batch);
    }
    if (answer->batch != NULL) {
        answer->batch->waiting--;
        batch_send(s, answer->batch);
    }
}

/* ---- methods ---- */

static void initialize(struct server *s, const struct rpc_message *m, struct mcp_batch *batch) {
    const char *asked = json_string_value(json_object_get(m->params, "protocolVersion"));
    const char *version = protocol_versions[asked != NULL ? 0 : ARRAY_LEN(protocol_versions) - 1];
    for (size_t i = 0; asked != NULL && i < ARRAY_LEN(protocol_versions); i++) {
        version = strcmp(protocol_versions[i], asked) == 0 ? protocol_versions[i] : version;
    }
    give(s, m->id, batch,
         json_pack("{s:s, s:{s:{s:b}}, s:{s:s, s:s}}", "protocolVersion", version, "capabilities",
                   "tools", "listChanged", 0, "serverInfo", "name", "capsem-builder", "version",
                   CAPSEM_VERSION));
}

static void ping(struct server *s, const struct rpc_message *m, struct mcp_batch *batch) {
    rpc_add_result(&s->reply, m->id, S("{}"));
    deliver(s, batch);
}

static void tools_list(struct server *s, const struct rpc_message *m, struct mcp_batch *batch) {
    give(s, m->id, batch, json_pack("{s:o}", "tools", mcp_tools_list(s->options->read_only)));
}

static void tools_call(struct server *s, const struct rpc_message *m, struct mcp_batch *batch) {
    const char *name = json_string_value(json_object_get(m->params, "name"));
    const json_t *arguments = json_object_get(m->params, "arguments");
    const struct mcp_tool *tool = name != NULL ? mcp_tool_find(name, s->options->read_only) : NULL;
    if (name == NULL) {
        refuse(s, m->id, batch, RPC_INVALID_PARAMS, "'name' is not a string", NULL);
    } else if (tool == NULL) {
        refuse(s, m->id, batch, RPC_INVALID_PARAMS, "unknown tool", name);
    } else if (arguments != NULL && !json_is_object(arguments)) {
        refuse(s, m->id, batch, RPC_INVALID_PARAMS, "'arguments' is not an object", NULL);
    } else {
        json_t *id = json_incref((json_t *)(uintptr_t)m->id);
        if (mcp_calls_add(s->calls, tool, m->params, (struct mcp_answer){ id, batch })) {
            if (batch != NULL) {
                batch->waiting++;
            }
            return;
        }
        json_decref(id);
        refuse(s, m->id, batch, RPC_INVALID_REQUEST, "too many calls wait", NULL);
    }
}

static const struct method {
    const char *name;
    void (*answer)(struct server *s, const struct rpc_message *m, struct mcp_batch *batch);
} methods[] = {
    { "initialize", initialize },
    { "ping", ping },
    { "tools/list", tools_list },
    { "tools/call", tools_call },
};

/* ---- messages ---- */

static void answer_request(struct server *s, const struct rpc_message *m, struct mcp_batch *batch) {
    if (m->params != NULL && !json_is_object(m->params)) {
        refuse(s, m->id, batch, RPC_INVALID_PARAMS, "'params' is not an object", NULL);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].name, m->method) == 0) {
            methods[i].answer(s, m, batch);
            return;
        }
    }
    refuse(s, m->id, batch, RPC_METHOD_NOT_FOUND, "unknown method", m->method);
}

static void take_notification(struct server *s, const struct rpc_message *m) {
    const json_t *id = json_object_get(m->params, "requestId");
    if (strcmp(m->method, "notifications/cancelled") == 0 && id != NULL) {
        mcp_calls_cancel(s->calls, id);
    }
}

static void take_one(struct server *s, const json_t *json, struct mcp_batch *batch) {
    struct rpc_message m;
    rpc_sort(&dialect, json, &m);
    switch (m.kind) {
    case RPC_REQUEST:
        answer_request(s, &m, batch);
        break;
    case RPC_NOTIFICATION:
        take_notification(s, &m);
        break;
    case RPC_REPLY: /* we ask for nothing */
        break;
    case RPC_INVALID:
        refuse(s, m.id, batch, RPC_INVALID_REQUEST, m.problem, NULL);
        break;
    }
}

static void take_batch(struct server *s, const json_t *list) {
    if (json_array_size(list) == 0) {
        refuse(s, NULL, NULL, RPC_INVALID_REQUEST, "the batch is empty", NULL);
        return;
    }
    struct mcp_batch *b = calloc(1, sizeof *b);
    ASSERT(b != NULL);
    *b = (struct mcp_batch){ .replies = BUF_INIT((size_t)REPLY_BYTES_MAX), .is_open = true };
    for (size_t i = 0; i < json_array_size(list); i++) {
        take_one(s, json_array_get(list, i), b);
    }
    b->is_open = false;
    batch_send(s, b);
}

static void take_line(struct server *s, str line) {
    AUTO_JSON json = rpc_parse(line);
    if (json == NULL) {
        refuse(s, NULL, NULL, RPC_PARSE_ERROR, "the line is not JSON", NULL);
    } else if (json_is_array(json)) {
        take_batch(s, json);
    } else {
        take_one(s, json, NULL);
    }
}

static void take_event(struct server *s, enum rpc_event event, str message) {
    if (event == RPC_TOO_LARGE) {
        refuse(s, NULL, NULL, RPC_INVALID_REQUEST, "the line is too long", NULL);
    } else if (event == RPC_MESSAGE) {
        take_line(s, message);
    }
}

/* ---- the streams ---- */

static bool flush(struct server *s, struct err *err) {
    if (s->out.len == 0) {
        return true;
    }
    bool ok = fs_write_all(s->options->out_fd, s->out.ptr, s->out.len, err);
    s->output_gone = !ok;
    buf_reset(&s->out);
    return ok || err_wrap(err, "write to stdout");
}

static bool read_input(struct server *s, struct err *err) {
    char block[64 * 1024];
    str message = { 0 };
    enum rpc_event event;
    ssize_t n = read(s->options->in_fd, block, sizeof block);
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN || err_sys(err, errno, "read from stdin");
    }
    str piece = { block, (size_t)n };
    while ((event = rpc_reader_next(&s->reader, &piece, &message)) != RPC_NOTHING) {
        take_event(s, event, message);
        if (s->out.len > sizeof block && !flush(s, err)) {
            return false;
        }
    }
    if (n == 0) {
        event = rpc_reader_end(&s->reader, &message);
        take_event(s, event, message);
        s->input_ended = true;
    }
    return true;
}

/* Waits for a message, for a call, or for the client to be gone. */
static bool turn(struct server *s, struct err *err) {
    struct pollfd fds[2 + MCP_CALLS_MAX] = {
        { .fd = s->input_ended ? -1 : s->options->in_fd, .events = POLLIN },
        { .fd = s->options->out_fd }, /* what is told unasked: it is gone */
    };
    size_t count = 2 + mcp_calls_fds(s->calls, fds + 2);
    if (poll(fds, (nfds_t)count, WAIT_MS) < 0) {
        return errno == EINTR || err_sys(err, errno, "wait for a message");
    }
    if ((fds[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        s->output_gone = true;
        return err_sys(err, EPIPE, "write to stdout");
    }
    if (fds[0].revents != 0 && !read_input(s, err)) {
        return false;
    }
    mcp_calls_step(s->calls);
    return flush(s, err);
}

static bool is_stopped(const struct server *s) {
    return *s->options->stop != 0;
}

/* Each call cleans up after itself; nobody is told. */
static void end_calls(struct server *s) {
    struct err ignored = ERR_INIT;
    s->input_ended = true;
    mcp_calls_cancel_all(s->calls);
    while (mcp_calls_count(s->calls) > 0) {
        struct pollfd fds[MCP_CALLS_MAX];
        size_t count = mcp_calls_fds(s->calls, fds);
        (void)!poll(fds, (nfds_t)count, count > 0 ? WAIT_MS : 0);
        mcp_calls_step(s->calls);
        buf_reset(&s->out);
    }
    (void)ignored;
}

bool mcp_serve(const struct mcp_options *options, struct err *err) {
    struct server s = { .options = options,
                        .reply = BUF_INIT((size_t)REPLY_BYTES_MAX),
                        .out = BUF_INIT((size_t)2 * REPLY_BYTES_MAX) };
    const struct mcp_calls_events events = { &s, on_notify, on_ended };
    s.calls = mcp_calls_new(options, &events);
    rpc_reader_init(&s.reader, &dialect);
    bool ok = true;
    while (ok && !is_stopped(&s) && !(s.input_ended && mcp_calls_count(s.calls) == 0)) {
        ok = turn(&s, err);
    }
    end_calls(&s);
    mcp_calls_free(s.calls);
    rpc_reader_done(&s.reader);
    buf_done(&s.reply);
    buf_done(&s.out);
    return ok;
}

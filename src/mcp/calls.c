// SPDX-License-Identifier: Apache-2.0
/* Calls as the server sees them: each waits for its turn, runs in a worker, and ends. */
#include <poll.h>
#include <stdlib.h>

#include "mcp/internal.h"

enum { GRACE_MS = 20000 }; /* from being told to stop to being killed */

struct running {
    struct mcp_answer answer;
    const struct mcp_tool *tool;
    json_t *params; /* owned */
    struct mcp_call call;
    struct worker worker; /* pid 0: it has not started */
    struct rpc_reader reader;
    struct buf result;
    uint64_t end_ms; /* kill it then; 0: never */
    bool cancelled;
    bool has_ended; /* its stream has */
};

struct mcp_calls {
    const struct mcp_options *options;
    struct mcp_calls_events events;
    struct running **items; /* in the order in which they came */
    size_t count;
    size_t cap;
};

/* What a worker writes: a letter and a message a line. */
static const struct rpc_dialect worker_lines = { .bytes_max = 3 * MCP_RESULT_BYTES_MAX };

struct mcp_calls *mcp_calls_new(const struct mcp_options *options,
                                const struct mcp_calls_events *events) {
    struct mcp_calls *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->options = options;
    c->events = *events;
    return c;
}

static void running_free(struct running *r) {
    worker_done(&r->worker);
    rpc_reader_done(&r->reader);
    buf_done(&r->result);
    json_decref(r->answer.id);
    json_decref(r->params);
    free(r);
}

void mcp_calls_free(struct mcp_calls *c) {
    for (size_t i = 0; i < c->count; i++) {
        running_free(c->items[i]);
    }
    free(c->items);
    free(c);
}

size_t mcp_calls_count(const struct mcp_calls *c) {
    return c->count;
}

bool mcp_calls_add(struct mcp_calls *c, const struct mcp_tool *tool, const json_t *params,
                   struct mcp_answer answer) {
    if (c->count >= MCP_CALLS_MAX + MCP_WAITING_MAX) {
        return false;
    }
    if (c->count == c->cap) {
        c->cap = c->cap > 0 ? 2 * c->cap : 16;
        c->items = realloc(c->items, c->cap * sizeof c->items[0]);
        ASSERT(c->items != NULL);
    }
    struct running *r = calloc(1, sizeof *r);
    ASSERT(r != NULL);
    *r = (struct running){ .answer = answer,
                           .tool = tool,
                           .params = json_incref((json_t *)(uintptr_t)params),
                           .worker = WORKER_INIT,
                           .result = BUF_INIT((size_t)3 * MCP_RESULT_BYTES_MAX) };
    rpc_reader_init(&r->reader, &worker_lines);
    c->items[c->count++] = r;
    return true;
}

/* ---- stopping ---- */

static void cancel(struct running *r) {
    if (r->cancelled) {
        return;
    }
    r->cancelled = true;
    r->end_ms = time_now_ms() + GRACE_MS;
    if (r->worker.pid > 0) {
        kill(r->worker.pid, SIGTERM); /* it cleans up */
    }
}

bool mcp_calls_cancel(struct mcp_calls *c, const json_t *id) {
    for (size_t i = 0; i < c->count; i++) {
        if (json_equal(c->items[i]->answer.id, id) && !c->items[i]->cancelled) {
            cancel(c->items[i]);
            return true;
        }
    }
    return false;
}

void mcp_calls_cancel_all(struct mcp_calls *c) {
    for (size_t i = 0; i < c->count; i++) {
        cancel(c->items[i]);
    }
}

/* ---- running ---- */

static void fail(struct running *r, struct err *err) {
    AUTO_BUF text = BUF_INIT((size_t)64 * 1024);
    err_wrap(err, "%s", r->tool->name);
    err_text(err, &text);
    buf_reset(&r->result);
    mcp_result_text(&r->result, buf_str(&text), NULL, true);
    r->has_ended = true;
}

static void start(const struct mcp_calls *c, struct running *r) {
    struct err err = ERR_INIT;
    const json_t *arguments = json_object_get(r->params, "arguments");
    const json_t *token = json_object_get(json_object_get(r->params, "_meta"), "progressToken");
    r->call = (struct mcp_call){ .options = c->options,
                                 .tool = r->tool,
                                 .arguments = arguments,
                                 .token = json_is_string(token) || json_is_integer(token) ? token
                                                                                          : NULL };
    if (!mcp_arguments_check(r->tool->params, arguments, &err) ||
        !worker_start(mcp_call_run, &r->call, &r->worker, &err)) {
        fail(r, &err);
    } else if (!r->tool->is_long) {
        r->end_ms = time_now_ms() + MCP_TIMEOUT_MS;
    }
}

static void take_message(const struct mcp_calls *c, struct running *r, str message) {
    char letter = message.len > 0 ? message.ptr[0] : '\0';
    str rest = str_slice(message, 1, message.len);
    if (letter == 'P' && !r->cancelled) {
        c->events.notify(c->events.self, rest);
    } else if (letter == 'R') {
        buf_reset(&r->result);
        buf_add(&r->result, rest);
    }
}

static void end(struct running *r) {
    struct err err = ERR_INIT;
    if (!worker_finish(&r->worker, NULL, NULL, &err)) {
        fail(r, &err);
    } else if (r->result.len == 0) {
        err_set(&err, "it ended without a result");
        fail(r, &err);
    }
    r->has_ended = true;
}

static void read_worker(const struct mcp_calls *c, struct running *r) {
    char block[64 * 1024];
    str message;
    struct pollfd p = { .fd = r->worker.fd, .events = POLLIN };
    if (poll(&p, 1, 0) <= 0) {
        return;
    }
    ssize_t n = read(r->worker.fd, block, sizeof block);
    str piece = { block, n > 0 ? (size_t)n : 0 };
    while (rpc_reader_next(&r->reader, &piece, &message) == RPC_MESSAGE) {
        take_message(c, r, message);
    }
    if (n == 0) {
        end(r);
    }
}

/* Its time is over. */
static void stop_late(struct running *r) {
    struct err err = ERR_INIT;
    if (r->end_ms == 0 || r->has_ended || time_now_ms() < r->end_ms) {
        return;
    }
    worker_done(&r->worker);
    err_set(&err, "it took longer than %d seconds", MCP_TIMEOUT_MS / 1000);
    fail(r, &err);
}

size_t mcp_calls_fds(const struct mcp_calls *c, struct pollfd *ret) {
    size_t count = 0;
    for (size_t i = 0; i < c->count && count < MCP_CALLS_MAX; i++) {
        if (c->items[i]->worker.pid > 0) {
            ret[count++] = (struct pollfd){ .fd = c->items[i]->worker.fd, .events = POLLIN };
        }
    }
    return count;
}

static void start_due(struct mcp_calls *c) {
    size_t running = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct running *r = c->items[i];
        if (r->worker.pid == 0 && !r->has_ended && r->cancelled) {
            r->has_ended = true; /* it never started */
        } else if (r->worker.pid == 0 && !r->has_ended && running < MCP_CALLS_MAX) {
            start(c, r);
        }
        running += r->worker.pid > 0;
    }
}

static void remove_ended(struct mcp_calls *c) {
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct running *r = c->items[i];
        if (!r->has_ended) {
            c->items[kept++] = r;
            continue;
        }
        c->events.ended(c->events.self, &r->answer, r->cancelled ? S("") : buf_str(&r->result));
        running_free(r);
    }
    c->count = kept;
}

void mcp_calls_step(struct mcp_calls *c) {
    start_due(c);
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i]->worker.pid > 0) {
            read_worker(c, c->items[i]);
            stop_late(c->items[i]);
        }
    }
    remove_ended(c);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * The room's own: messages and methods (server.c), calls of tools as they run (calls.c), in their
 * worker (call.c); the table of tools (tools.c), their arguments (arguments.c), and what they do
 * (tool_*.c).
 */
#pragma once

#include <jansson.h>
#include <poll.h>

#include "base/worker.h"
#include "make/make.h"
#include "mcp/mcp.h"
#include "rpc/rpc.h"

static inline void mcp_json_auto(json_t **json) {
    json_decref(*json);
}
#define AUTO_JSON __attribute__((cleanup(mcp_json_auto))) json_t *

/* ---- arguments.c ---- */

enum mcp_kind {
    MCP_END, /* of the list */
    MCP_TEXT,
    MCP_WORD, /* one of `words` */
    MCP_FLAG,
    MCP_NUMBER, /* from min to max */
    MCP_LIST,   /* of texts */
};

struct mcp_param {
    const char *name;
    enum mcp_kind kind;
    const char *help;
    bool required;
    const char *alias;        /* what the first builder calls it; NULL: the same */
    const char *const *words; /* NULL-terminated; the first is the default */
    int64_t min, max;
};

/* The JSON Schema of an object with these members. */
json_t *mcp_schema(const struct mcp_param *params);
/* `arguments` may be NULL: none. */
MUST_CHECK bool mcp_arguments_check(const struct mcp_param *params, const json_t *arguments,
                                    struct err *err);

/* ---- tools.c ---- */

struct mcp_call;
enum { MCP_PARAMS_MAX = 16 };

struct mcp_tool {
    const char *name;
    const char *title;
    const char *description;
    void (*run)(struct mcp_call *call);
    bool is_long;    /* has no time limit, and tells its progress */
    bool read_only;  /* changes nothing but caches */
    bool destroys;   /* may replace what was there */
    bool idempotent; /* a second call changes nothing more */
    bool open_world; /* reaches beyond this machine */
    struct mcp_param params[MCP_PARAMS_MAX];
};

extern const struct mcp_tool mcp_tools[];
extern const size_t mcp_tool_count;

/* `read_only`: of those that change nothing. NULL: there is none of that name. */
const struct mcp_tool *mcp_tool_find(const char *name, bool read_only);
/* As tools/list answers it. */
json_t *mcp_tools_list(bool read_only);

/* ---- call.c: one call, in its worker ---- */

struct mcp_call {
    struct arena *arena;
    const struct mcp_options *options;
    const struct mcp_tool *tool;
    const json_t *arguments; /* checked; may be NULL */
    const json_t *token;     /* the client wants progress under this token; NULL: it does not */
    int out_fd;
    uint64_t told; /* notifications of progress */
    uint64_t told_ms;
    const volatile sig_atomic_t *cancelled;
    /* The result: text, the same as an object (owned; NULL: none), and whether it is a failure. */
    struct buf text;
    json_t *structured;
    bool failed;
};

/* Arguments by their names; what was not given: NULL, the first word, false, `otherwise`, empty. */
const char *mcp_text(const struct mcp_call *call, const char *name);
const char *mcp_word(const struct mcp_call *call, const char *name);
bool mcp_flag(const struct mcp_call *call, const char *name);
int64_t mcp_number(const struct mcp_call *call, const char *name, int64_t otherwise);
size_t mcp_list(const struct mcp_call *call, const char *name, const char *const **ret);

/* Tells the client what is being done now. */
void mcp_progress(struct mcp_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for what comes often, such as lines of output: at most a few in a second. */
void mcp_progress_often(struct mcp_call *call, str text);

/* The result is this object; its text is JSON. Takes the object. */
void mcp_give(struct mcp_call *call, json_t *object);
/* The call fails with "error: ..." and the way out. */
void mcp_fail(struct mcp_call *call, const struct err *err);
/* The same with all that is known. */
void mcp_fail_make(struct mcp_call *call, struct make_failure *failure);
/* Texts as JSON: never NULL, whatever the bytes are. */
json_t *mcp_json(str text);

/* The worker's function: messages to outfd, a line each, a letter before it: 'P' a whole
 * notification of progress, 'R' the result, the last one. `self` is a struct mcp_call whose first
 * members up to `token` are set. */
worker_function mcp_call_run;
/* The result of a tool as tools/call answers it. */
void mcp_result_text(struct buf *out, str text, const json_t *structured, bool failed);

/* ---- calls.c: calls as the server sees them ---- */

struct mcp_calls;

/* Where the answer to a request goes. */
struct mcp_answer {
    json_t *id;              /* owned */
    struct mcp_batch *batch; /* NULL: the answer is a message of its own */
};

/* What the calls tell the server. */
struct mcp_calls_events {
    void *self;
    /* A notification of progress, whole. */
    void (*notify)(void *self, str message);
    /* The result of a call, and where it goes: `id` is still owned by the calls. Without result the
     * call was cancelled, and wants no answer. */
    void (*ended)(void *self, const struct mcp_answer *answer, str result);
};

struct mcp_calls *mcp_calls_new(const struct mcp_options *options,
                                const struct mcp_calls_events *events);
void mcp_calls_free(struct mcp_calls *c); /* kills what runs */
/* Takes the answer; `params` are of the request. False: too many wait. */
MUST_CHECK bool mcp_calls_add(struct mcp_calls *c, const struct mcp_tool *tool,
                              const json_t *params, struct mcp_answer answer);
/* The call with that id is told to stop; true when there is one. */
bool mcp_calls_cancel(struct mcp_calls *c, const json_t *id);
void mcp_calls_cancel_all(struct mcp_calls *c);
size_t mcp_calls_count(const struct mcp_calls *c);
/* Descriptors to be polled, at most MCP_CALLS_MAX. */
size_t mcp_calls_fds(const struct mcp_calls *c, struct pollfd *ret);
/* After a poll: starts, reads, ends and kills what is due. */
void mcp_calls_step(struct mcp_calls *c);

/* ---- tool_config.c, tool_build.c, tool_size.c, tool_run.c ---- */

void mcp_validate(struct mcp_call *call);
void mcp_inspect(struct mcp_call *call);
void mcp_audit_parse(struct mcp_call *call);
void mcp_explain(struct mcp_call *call);
void mcp_build_dry_run(struct mcp_call *call);
void mcp_why(struct mcp_call *call);
void mcp_build(struct mcp_call *call);
void mcp_size(struct mcp_call *call);
void mcp_run(struct mcp_call *call);

/* GUEST, by default "guest"; NULL: the call has failed, it is not a folder. */
const char *mcp_guest(struct mcp_call *call);

// SPDX-License-Identifier: Apache-2.0
/* What a message asks, and who answers. */
#include <stdlib.h>
#include <string.h>

#include "lsp/internal.h"

enum { ANSWER_BYTES_MAX = 32 * 1024 * 1024 };

struct lsp *lsp_new(void) {
    struct lsp *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    rpc_reader_init(&s->reader, &lsp_dialect);
    return s;
}

void lsp_free(struct lsp *s) {
    if (s == NULL) {
        return;
    }
    rpc_reader_done(&s->reader);
    documents_free(s);
    guests_free(s);
    free(s);
}

/* ---- requests ---- */

static void add_root(struct lsp *s, str uri) {
    AUTO_ARENA a = arena_new();
    const char *path;
    if (uri_to_path(a, uri, &path)) {
        guests_add_root(s, path);
    }
}

static void initialize(struct lsp *s, const json_t *id, const json_t *params, struct buf *out) {
    const json_t *folders = json_object_get(params, "workspaceFolders");
    for (size_t i = 0; i < json_array_size(folders); i++) {
        add_root(s, rpc_text(json_array_get(folders, i), "uri"));
    }
    if (json_array_size(folders) == 0) {
        add_root(s, rpc_text(params, "rootUri"));
    }
    const json_t *workspace = json_object_get(json_object_get(params, "capabilities"), "workspace");
    const json_t *watched = json_object_get(workspace, "didChangeWatchedFiles");
    s->can_watch = json_is_true(json_object_get(watched, "dynamicRegistration"));
    s->phase = PHASE_RUNNING;
    send_result(out, id,
                S("{\"capabilities\":{\"positionEncoding\":\"utf-16\",\"textDocumentSync\":"
                  "{\"openClose\":true,\"change\":2,\"save\":true},\"completionProvider\":"
                  "{\"triggerCharacters\":[\".\",\"=\",\"\\\"\",\"[\",\" \"]},\"hoverProvider\":"
                  "true,\"definitionProvider\":true},\"serverInfo\":{\"name\":\"capsem-builder\","
                  "\"version\":\"" CAPSEM_VERSION "\"}}"));
}

static void shut_down(struct lsp *s, const json_t *id, const json_t *params, struct buf *out) {
    s->phase = PHASE_SHUT;
    send_result(out, id, S("null"));
}

typedef void answer_fn(struct lsp *s, const struct question *q, struct buf *out);

/* A request about a position in an open document. */
static void ask(struct lsp *s, const json_t *id, const json_t *params, answer_fn *answer,
                struct buf *out) {
    AUTO_ARENA a = arena_new();
    const char *path;
    struct lsp_position at;
    if (!uri_to_path(a, rpc_text(json_object_get(params, "textDocument"), "uri"), &path) ||
        !json_position(json_object_get(params, "position"), &at)) {
        send_error(out, id, RPC_INVALID_PARAMS, "the parameters name no position in a file");
        return;
    }
    struct question q = { .arena = a, .document = document_find(s, path) };
    if (q.document == NULL) {
        send_error(out, id, RPC_INVALID_PARAMS, "'%s' is not open", path);
        return;
    }
    q.text = buf_str(&q.document->text);
    q.offset = position_offset(q.text, at);
    AUTO_BUF json = BUF_INIT((size_t)ANSWER_BYTES_MAX);
    answer(s, &q, &json);
    send_result(out, id, json.full ? S("null") : buf_str(&json));
}

static void completion(struct lsp *s, const json_t *id, const json_t *params, struct buf *out) {
    ask(s, id, params, answer_completion, out);
}

static void hover(struct lsp *s, const json_t *id, const json_t *params, struct buf *out) {
    ask(s, id, params, answer_hover, out);
}

static void definition(struct lsp *s, const json_t *id, const json_t *params, struct buf *out) {
    ask(s, id, params, answer_definition, out);
}

static const struct request {
    const char *method;
    void (*answer)(struct lsp *s, const json_t *id, const json_t *params, struct buf *out);
} requests[] = {
    { "initialize", initialize },
    { "shutdown", shut_down },
    { "textDocument/completion", completion },
    { "textDocument/hover", hover },
    { "textDocument/definition", definition },
};

static void take_request(struct lsp *s, const json_t *id, const char *method, const json_t *params,
                         struct buf *out) {
    bool first = strcmp(method, "initialize") == 0;
    if (s->phase == PHASE_NEW && !first) {
        send_error(out, id, RPC_NOT_INITIALIZED, "'%.200s' before 'initialize'", method);
        return;
    }
    if (s->phase == PHASE_SHUT || (s->phase == PHASE_RUNNING && first)) {
        send_error(out, id, RPC_INVALID_REQUEST, "'%.200s' after '%s'", method,
                   first ? "initialize" : "shutdown");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        if (strcmp(requests[i].method, method) == 0) {
            requests[i].answer(s, id, params, out);
            return;
        }
    }
    send_error(out, id, RPC_METHOD_NOT_FOUND, "unknown method '%.200s'", method);
}

/* ---- notifications ---- */

/* From now on we may ask: to be told of files that change on the disk, all that a check reads. */
static void initialized(struct lsp *s, const json_t *params, struct buf *out) {
    if (s->can_watch) {
        send_json(out, S("{\"jsonrpc\":\"2.0\",\"id\":\"watch\",\"method\":"
                         "\"client/registerCapability\",\"params\":{\"registrations\":[{\"id\":"
                         "\"watch\",\"method\":\"workspace/didChangeWatchedFiles\","
                         "\"registerOptions\":{\"watchers\":[{\"globPattern\":"
                         "\"**/{config,artifacts,agent}/**\"}]}}]}}"));
    }
    s->can_watch = false; /* once */
}

/* Files that the client watches for us: any of them may be of a guest. */
static void did_change_files(struct lsp *s, const json_t *params, struct buf *out) {
    for (size_t i = 0; i < s->guest_count; i++) {
        s->guests[i]->is_stale = true;
    }
}

static void leave(struct lsp *s, const json_t *params, struct buf *out) {
    s->phase = s->phase == PHASE_SHUT ? PHASE_ENDED : PHASE_ENDED_EARLY;
}

static const struct notification {
    const char *method;
    void (*take)(struct lsp *s, const json_t *params, struct buf *out);
    bool any_time; /* also before 'initialize' and after 'shutdown' */
} notifications[] = {
    { "initialized", initialized, false },
    { "textDocument/didOpen", did_open, false },
    { "textDocument/didChange", did_change, false },
    { "textDocument/didSave", did_save, false },
    { "textDocument/didClose", did_close, false },
    { "workspace/didChangeWatchedFiles", did_change_files, false },
    { "exit", leave, true },
};

static void take_notification(struct lsp *s, const char *method, const json_t *params,
                              struct buf *out) {
    for (size_t i = 0; i < ARRAY_LEN(notifications); i++) {
        const struct notification *n = &notifications[i];
        if (strcmp(n->method, method) == 0 && (n->any_time || s->phase == PHASE_RUNNING)) {
            n->take(s, params, out);
        }
    }
}

/* ---- messages ---- */

static void take_message(struct lsp *s, str text, struct buf *out) {
    struct rpc_message m;
    json_t *json = rpc_parse(text);
    if (json == NULL) {
        send_error(out, NULL, RPC_PARSE_ERROR, "the message is not JSON");
        return;
    }
    rpc_sort(&lsp_dialect, json, &m);
    switch (m.kind) {
    case RPC_REQUEST:
        take_request(s, m.id, m.method, m.params, out);
        break;
    case RPC_NOTIFICATION:
        take_notification(s, m.method, m.params, out);
        break;
    case RPC_REPLY: /* we ask for nothing that matters */
        break;
    case RPC_INVALID:
        send_error(out, m.id, RPC_INVALID_REQUEST, "%s", m.problem);
        break;
    }
    json_decref(json);
}

void lsp_take(struct lsp *s, str bytes, struct buf *out) {
    while (bytes.len > 0 && lsp_state(s) == LSP_GOES_ON) {
        str message;
        switch (rpc_reader_next(&s->reader, &bytes, &message)) {
        case RPC_NOTHING:
            return;
        case RPC_MESSAGE:
            take_message(s, message, out);
            break;
        case RPC_BAD_HEADER:
            send_error(out, NULL, RPC_PARSE_ERROR, "a header without a valid Content-Length");
            break;
        case RPC_TOO_LARGE:
            send_error(out, NULL, RPC_INVALID_REQUEST, "a message of more than %d bytes",
                       LSP_MESSAGE_BYTES_MAX);
            break;
        }
    }
}

bool lsp_is_stale(const struct lsp *s) {
    for (size_t i = 0; i < s->guest_count; i++) {
        if (s->guests[i]->is_stale || !s->guests[i]->is_shown) {
            return true;
        }
    }
    return false;
}

void lsp_publish(struct lsp *s, struct buf *out) {
    for (size_t i = 0; i < s->guest_count; i++) {
        guest_publish(s, s->guests[i], out);
    }
}

enum lsp_end lsp_state(const struct lsp *s) {
    return s->phase == PHASE_ENDED         ? LSP_ENDED
           : s->phase == PHASE_ENDED_EARLY ? LSP_ENDED_EARLY
                                           : LSP_GOES_ON;
}

const char *lsp_cut_short(const struct lsp *s) {
    if (!rpc_reader_is_between(&s->reader)) {
        return "the input ends inside a message";
    }
    return s->phase == PHASE_SHUT ? NULL : "the input ends before 'shutdown'";
}

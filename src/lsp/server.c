// SPDX-License-Identifier: Apache-2.0
/* What a message asks, and who answers. */
#include <stdlib.h>
#include <string.h>

#include "lsp/internal.h"

enum { ANSWER_BYTES_MAX = 32 * 1024 * 1024 };

struct lsp *lsp_new(void) {
    struct lsp *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    reader_init(&s->reader);
    return s;
}

void lsp_free(struct lsp *s) {
    if (s == NULL) {
        return;
    }
    reader_done(&s->reader);
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
        add_root(s, json_text(json_array_get(folders, i), "uri"));
    }
    if (json_array_size(folders) == 0) {
        add_root(s, json_text(params, "rootUri"));
    }
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
    if (!uri_to_path(a, json_text(json_object_get(params, "textDocument"), "uri"), &path) ||
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

static void take_object(struct lsp *s, const json_t *message, struct buf *out) {
    const json_t *id = json_object_get(message, "id");
    const char *method = json_string_value(json_object_get(message, "method"));
    bool good_id = json_is_string(id) || json_is_integer(id);
    bool is_reply =
        json_object_get(message, "result") != NULL || json_object_get(message, "error") != NULL;
    if (method == NULL && is_reply) {
        return; /* we ask for nothing */
    }
    if (method == NULL) {
        send_error(out, good_id ? id : NULL, RPC_INVALID_REQUEST,
                   json_is_object(message) ? "'method' is not a string"
                                           : "the message is not an object");
    } else if (id == NULL) {
        take_notification(s, method, json_object_get(message, "params"), out);
    } else if (!good_id) {
        send_error(out, NULL, RPC_INVALID_REQUEST, "'id' is neither a string nor an integer");
    } else {
        take_request(s, id, method, json_object_get(message, "params"), out);
    }
}

static void take_message(struct lsp *s, str text, struct buf *out) {
    json_error_t why;
    json_t *message = json_loadb(text.ptr != NULL ? text.ptr : "", text.len,
                                 JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (message == NULL) {
        send_error(out, NULL, RPC_PARSE_ERROR, "the message is not JSON");
        return;
    }
    take_object(s, message, out);
    json_decref(message);
}

void lsp_take(struct lsp *s, str bytes, struct buf *out) {
    while (bytes.len > 0 && lsp_state(s) == LSP_GOES_ON) {
        str message;
        switch (reader_next(&s->reader, &bytes, &message)) {
        case READER_NOTHING:
            return;
        case READER_MESSAGE:
            take_message(s, message, out);
            break;
        case READER_BAD_HEADER:
            send_error(out, NULL, RPC_PARSE_ERROR, "a header without a valid Content-Length");
            break;
        case READER_TOO_LARGE:
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
    if (!reader_is_between(&s->reader)) {
        return "the input ends inside a message";
    }
    return s->phase == PHASE_SHUT ? NULL : "the input ends before 'shutdown'";
}

// SPDX-License-Identifier: Apache-2.0
/* What a message is, and what answers it. */
#include <stdarg.h>
#include <stdlib.h>

#include "rpc/rpc.h"

enum { TEXT_BYTES_MAX = 4096 };

json_t *rpc_parse(str text) {
    json_error_t why;
    return json_loadb(text.ptr != NULL ? text.ptr : "", text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL,
                      &why);
}

/* ---- what a message is ---- */

static bool is_id(const struct rpc_dialect *dialect, const json_t *id) {
    return json_is_string(id) || (dialect->integer_ids ? json_is_integer(id) : json_is_number(id));
}

static bool is_version_2(const json_t *json) {
    return str_eq(rpc_text(json, "jsonrpc"), S("2.0"));
}

static bool is_reply(const json_t *json) {
    return json_object_get(json, "result") != NULL || json_object_get(json, "error") != NULL;
}

static enum rpc_kind refuse(struct rpc_message *m, const char *problem) {
    m->problem = problem;
    return RPC_INVALID;
}

static enum rpc_kind kind_of(const struct rpc_dialect *dialect, const json_t *json,
                             struct rpc_message *m) {
    const json_t *id = json_object_get(json, "id");
    m->id = is_id(dialect, id) ? id : NULL;
    if (!json_is_object(json)) {
        return refuse(m, dialect->needs_jsonrpc ? "not a JSON-RPC 2.0 message"
                                                : "the message is not an object");
    }
    if (dialect->needs_jsonrpc && !is_version_2(json)) {
        return refuse(m, "not a JSON-RPC 2.0 message");
    }
    if (m->method == NULL) {
        return is_reply(json) ? RPC_REPLY : refuse(m, "'method' is not a string");
    }
    if (id != NULL && m->id == NULL) {
        return refuse(m, dialect->integer_ids ? "'id' is neither a string nor an integer"
                                              : "'id' is neither a string nor a number");
    }
    return id != NULL ? RPC_REQUEST : RPC_NOTIFICATION;
}

void rpc_sort(const struct rpc_dialect *dialect, const json_t *json, struct rpc_message *ret) {
    *ret = (struct rpc_message){
        .method = json_string_value(json_object_get(json, "method")),
        .params = json_object_get(json, "params"),
    };
    ret->kind = kind_of(dialect, json, ret);
}

str rpc_text(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? (str){ json_string_value(value), json_string_length(value) }
                                 : (str){ 0 };
}

/* ---- what we send ---- */

static void begin_reply(struct buf *out, const json_t *id) {
    char *text = json_dumps(id, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_addf(out, "{\"jsonrpc\":\"2.0\",\"id\":%s", text != NULL ? text : "null");
    free(text);
}

void rpc_add_result(struct buf *out, const json_t *id, str json) {
    begin_reply(out, id);
    buf_add_c(out, ",\"result\":");
    buf_add(out, json);
    buf_add_char(out, '}');
}

void rpc_add_verror(struct buf *out, const json_t *id, enum rpc_error code, const char *fmt,
                    va_list args) {
    AUTO_BUF text = BUF_INIT(TEXT_BYTES_MAX);
    begin_reply(out, id);
    buf_addf(out, ",\"error\":{\"code\":%d,\"message\":", code);
    buf_vaddf(&text, fmt, args);
    buf_add_json(out, buf_str(&text));
    buf_add_c(out, "}}");
}

void rpc_add_error(struct buf *out, const json_t *id, enum rpc_error code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    rpc_add_verror(out, id, code, fmt, args);
    va_end(args);
}

void rpc_add_notification(struct buf *out, const char *method, str params) {
    buf_addf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":", method);
    buf_add(out, params);
    buf_add_char(out, '}');
}

void rpc_send(struct buf *out, const struct rpc_dialect *dialect, str message) {
    if (dialect->has_headers) {
        buf_addf(out, "Content-Length: %zu\r\n\r\n", message.len);
        buf_add(out, message);
    } else {
        buf_add(out, message);
        buf_add_char(out, '\n');
    }
}

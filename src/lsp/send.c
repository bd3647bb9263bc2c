// SPDX-License-Identifier: Apache-2.0
/* What we send, and what we read of a request. */
#include <stdarg.h>

#include "lsp/internal.h"

enum { TEXT_BYTES_MAX = 4096, JSON_BYTES_MAX = 64 * 1024 * 1024 };

const struct rpc_dialect lsp_dialect = {
    .has_headers = true,
    .bytes_max = LSP_MESSAGE_BYTES_MAX,
    .integer_ids = true,
};

void send_json(struct buf *out, str json) {
    rpc_send(out, &lsp_dialect, json);
}

void send_result(struct buf *out, const json_t *id, str json) {
    AUTO_BUF message = BUF_INIT((size_t)JSON_BYTES_MAX);
    rpc_add_result(&message, id, json);
    send_json(out, buf_str(&message));
}

void send_error(struct buf *out, const json_t *id, enum rpc_error code, const char *fmt, ...) {
    AUTO_BUF message = BUF_INIT((size_t)JSON_BYTES_MAX);
    va_list args;
    va_start(args, fmt);
    rpc_add_verror(&message, id, code, fmt, args);
    va_end(args);
    send_json(out, buf_str(&message));
}

void send_log(struct buf *out, enum message_type type, const char *fmt, ...) {
    AUTO_BUF text = BUF_INIT(TEXT_BYTES_MAX);
    AUTO_BUF params = BUF_INIT((size_t)JSON_BYTES_MAX);
    AUTO_BUF message = BUF_INIT((size_t)JSON_BYTES_MAX);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    buf_addf(&params, "{\"type\":%d,\"message\":", type);
    buf_add_json(&params, buf_str(&text));
    buf_add_char(&params, '}');
    rpc_add_notification(&message, "window/logMessage", buf_str(&params));
    send_json(out, buf_str(&message));
}

void add_range(struct buf *out, const struct lines *lines, size_t start, size_t end) {
    struct lsp_position from = lines_position(lines, start);
    struct lsp_position to = lines_position(lines, end);
    buf_addf(out,
             "\"range\":{\"start\":{\"line\":%u,\"character\":%u},"
             "\"end\":{\"line\":%u,\"character\":%u}}",
             from.line, from.character, to.line, to.character);
}

static bool json_u32(const json_t *value, uint32_t *ret) {
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0) {
        return false;
    }
    *ret = number > INT32_MAX ? INT32_MAX : (uint32_t)number;
    return true;
}

bool json_position(const json_t *at, struct lsp_position *ret) {
    return json_u32(json_object_get(at, "line"), &ret->line) &&
           json_u32(json_object_get(at, "character"), &ret->character);
}

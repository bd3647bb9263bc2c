// SPDX-License-Identifier: Apache-2.0
/* What we send, and what we read of a request. */
#include <stdarg.h>
#include <stdlib.h>

#include "lsp/internal.h"

enum { TEXT_BYTES_MAX = 4096, JSON_BYTES_MAX = 64 * 1024 * 1024 };

void send_json(struct buf *out, str json) {
    buf_addf(out, "Content-Length: %zu\r\n\r\n", json.len);
    buf_add(out, json);
}

static void add_id(struct buf *out, const json_t *id) {
    char *text = json_dumps(id, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_addf(out, "{\"jsonrpc\":\"2.0\",\"id\":%s", text != NULL ? text : "null");
    free(text);
}

void send_result(struct buf *out, const json_t *id, str json) {
    AUTO_BUF message = BUF_INIT((size_t)JSON_BYTES_MAX);
    add_id(&message, id);
    buf_add_c(&message, ",\"result\":");
    buf_add(&message, json);
    buf_add_char(&message, '}');
    send_json(out, buf_str(&message));
}

static void add_message(struct buf *out, const char *fmt, va_list args) {
    AUTO_BUF text = BUF_INIT(TEXT_BYTES_MAX);
    buf_vaddf(&text, fmt, args);
    buf_add_json(out, buf_str(&text));
}

void send_error(struct buf *out, const json_t *id, enum rpc_error code, const char *fmt, ...) {
    AUTO_BUF message = BUF_INIT((size_t)JSON_BYTES_MAX);
    add_id(&message, id);
    buf_addf(&message, ",\"error\":{\"code\":%d,\"message\":", code);
    va_list args;
    va_start(args, fmt);
    add_message(&message, fmt, args);
    va_end(args);
    buf_add_c(&message, "}}");
    send_json(out, buf_str(&message));
}

void send_log(struct buf *out, enum message_type type, const char *fmt, ...) {
    AUTO_BUF message = BUF_INIT((size_t)JSON_BYTES_MAX);
    buf_addf(&message,
             "{\"jsonrpc\":\"2.0\",\"method\":\"window/logMessage\",\"params\":{\"type\":%d,"
             "\"message\":",
             type);
    va_list args;
    va_start(args, fmt);
    add_message(&message, fmt, args);
    va_end(args);
    buf_add_c(&message, "}}");
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

str json_text(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? (str){ json_string_value(value), json_string_length(value) }
                                 : (str){ 0 };
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

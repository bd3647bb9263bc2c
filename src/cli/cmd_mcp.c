// SPDX-License-Identifier: Apache-2.0
/* mcp: the Model Context Protocol, JSON-RPC 2.0 with a message a line, over stdin and stdout. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/mcp.h"

enum {
    LINE_BYTES_MAX = 16 * 1024 * 1024,
    REPLY_BYTES_MAX = 1024 * 1024 * 1024,
    PARSE_ERROR = -32700,
    INVALID_REQUEST = -32600,
    METHOD_NOT_FOUND = -32601,
    INVALID_PARAMS = -32602,
};

/* The newest first. */
static const char *const protocol_versions[] = { "2025-06-18", "2025-03-26", "2024-11-05" };

static void add_value(struct buf *out, const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_add_c(out, text != NULL ? text : "null");
    free(text);
}

static void begin_reply(struct buf *out, const json_t *id) {
    buf_add_c(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    add_value(out, id);
}

static void add_error(struct buf *out, const json_t *id, int code, const char *message) {
    begin_reply(out, id);
    buf_addf(out, ",\"error\":{\"code\":%d,\"message\":", code);
    buf_add_json(out, str_from_c(message));
    buf_add_c(out, "}}");
}

static void add_result(struct buf *out, const json_t *id, json_t *result) {
    begin_reply(out, id);
    buf_add_c(out, ",\"result\":");
    add_value(out, result);
    buf_add_char(out, '}');
    json_decref(result);
}

/* ---- methods ---- */

static void initialize(struct buf *out, const json_t *id, const json_t *params) {
    const char *version = protocol_versions[0];
    const char *asked = json_string_value(json_object_get(params, "protocolVersion"));
    for (size_t i = 0; asked != NULL && i < ARRAY_LEN(protocol_versions); i++) {
        version = strcmp(protocol_versions[i], asked) == 0 ? protocol_versions[i] : version;
    }
    add_result(out, id,
               json_pack("{s:s, s:{s:{}}, s:{s:s, s:s}}", "protocolVersion", version,
                         "capabilities", "tools", "serverInfo", "name", "capsem-builder", "version",
                         CAPSEM_VERSION));
}

static void ping(struct buf *out, const json_t *id, const json_t *params) {
    add_result(out, id, json_object());
}

static void tools_list(struct buf *out, const json_t *id, const json_t *params) {
    add_result(out, id, json_pack("{s:o}", "tools", mcp_tools_list()));
}

static void tools_call(struct buf *out, const json_t *id, const json_t *params) {
    AUTO_ARENA a = arena_new();
    const char *name = json_string_value(json_object_get(params, "name"));
    const json_t *arguments = json_object_get(params, "arguments");
    if (name == NULL) {
        add_error(out, id, INVALID_PARAMS, "'name' is not a string");
    } else if (!mcp_tool_known(name)) {
        add_error(out, id, INVALID_PARAMS, str_fmt(a, "unknown tool '%s'", name).ptr);
    } else if (arguments != NULL && !json_is_object(arguments)) {
        add_error(out, id, INVALID_PARAMS, "'arguments' is not an object");
    } else {
        begin_reply(out, id);
        buf_add_c(out, ",\"result\":");
        mcp_tool_call(a, name, arguments, out);
        buf_add_char(out, '}');
    }
}

static const struct method {
    const char *name;
    void (*answer)(struct buf *out, const json_t *id, const json_t *params);
} methods[] = {
    { "initialize", initialize },
    { "ping", ping },
    { "tools/list", tools_list },
    { "tools/call", tools_call },
};

/* ---- messages ---- */

static void answer_request(struct buf *out, const json_t *id, const char *name,
                           const json_t *params) {
    if (params != NULL && !json_is_object(params)) {
        add_error(out, id, INVALID_PARAMS, "'params' is not an object");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].name, name) == 0) {
            methods[i].answer(out, id, params);
            return;
        }
    }
    AUTO_BUF message = BUF_INIT(LINE_BYTES_MAX);
    buf_addf(&message, "unknown method '%s'", name);
    add_error(out, id, METHOD_NOT_FOUND, message.ptr);
}

/* One request, notification or reply; writes nothing for what wants no answer. */
static void answer_one(struct buf *out, const json_t *message) {
    const char *version = json_string_value(json_object_get(message, "jsonrpc"));
    const json_t *id = json_object_get(message, "id");
    const char *method = json_string_value(json_object_get(message, "method"));
    bool good_id = json_is_string(id) || json_is_number(id);
    if (!json_is_object(message) || version == NULL || strcmp(version, "2.0") != 0) {
        add_error(out, good_id ? id : NULL, INVALID_REQUEST, "not a JSON-RPC 2.0 message");
    } else if (method == NULL && (json_object_get(message, "result") != NULL ||
                                  json_object_get(message, "error") != NULL)) {
        return; /* a reply: we ask for nothing */
    } else if (method == NULL) {
        add_error(out, good_id ? id : NULL, INVALID_REQUEST, "'method' is not a string");
    } else if (id != NULL && !good_id) {
        add_error(out, NULL, INVALID_REQUEST, "'id' is neither a string nor a number");
    } else if (id != NULL) {
        answer_request(out, id, method, json_object_get(message, "params"));
    }
}

static void answer_batch(struct buf *out, const json_t *batch) {
    if (json_array_size(batch) == 0) {
        add_error(out, NULL, INVALID_REQUEST, "the batch is empty");
        return;
    }
    size_t start = out->len;
    for (size_t i = 0; i < json_array_size(batch); i++) {
        size_t before = out->len;
        buf_add_char(out, before == start ? '[' : ',');
        size_t opened = out->len;
        answer_one(out, json_array_get(batch, i));
        if (out->len == opened) { /* no answer: the separator goes again */
            out->len = before;
        }
    }
    if (out->len > start) {
        buf_add_char(out, ']');
    }
}

static void answer_line(struct buf *out, str line) {
    json_error_t why;
    json_t *message = json_loadb(line.ptr, line.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (message == NULL) {
        add_error(out, NULL, PARSE_ERROR, "the line is not JSON");
    } else if (json_is_array(message)) {
        answer_batch(out, message);
    } else {
        answer_one(out, message);
    }
    json_decref(message);
}

/* ---- the stream ---- */

static bool send_reply(struct buf *out) {
    if (out->full) {
        buf_reset(out);
        *out = BUF_INIT(REPLY_BYTES_MAX);
        add_error(out, NULL, INVALID_REQUEST, "the answer is too large");
    }
    if (out->len == 0) {
        return true;
    }
    buf_add_char(out, '\n');
    bool ok = fwrite(out->ptr, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
    buf_reset(out);
    return ok;
}

/* A line is complete, or the input ends behind it. */
static bool take_line(struct buf *line, struct buf *out) {
    if (line->full) {
        add_error(out, NULL, INVALID_REQUEST, "the line is too long");
    } else if (str_trim(buf_str(line)).len > 0) {
        answer_line(out, buf_str(line));
    }
    line->full = false; /* what did not fit was dropped up to here */
    buf_reset(line);
    return send_reply(out);
}

static bool take_piece(str piece, struct buf *line, struct buf *out) {
    while (piece.len > 0) {
        size_t end = str_find_char(piece, '\n', 0);
        buf_add(line, str_slice(piece, 0, end));
        if (end == STR_NONE) {
            return true;
        }
        if (!take_line(line, out)) {
            return false;
        }
        piece = str_slice(piece, end + 1, piece.len);
    }
    return true;
}

static int run(struct cli *cli, const void *options) {
    AUTO_BUF line = BUF_INIT(LINE_BYTES_MAX);
    AUTO_BUF out = BUF_INIT(REPLY_BYTES_MAX);
    char piece[64 * 1024];
    for (;;) {
        ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            print_error(cli, "mcp: read from stdin: %s", strerror(errno));
            return EXIT_FAILED;
        }
        bool ok =
            n > 0 ? take_piece((str){ piece, (size_t)n }, &line, &out) : take_line(&line, &out);
        if (!ok) {
            return EXIT_FAILED; /* main says that stdout failed */
        }
        if (n == 0) {
            return EXIT_OK;
        }
    }
}

const struct command command_mcp = {
    .name = "mcp",
    .arguments = "",
    .summary = "offer validate, inspect and more to an agent, over stdio",
    .details = "Speaks the Model Context Protocol: JSON-RPC 2.0, a message a line. Ends with its\n"
               "input. To try it: claude mcp add capsem -- capsem-builder mcp",
    .run = run,
};

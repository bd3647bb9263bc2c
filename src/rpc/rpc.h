// SPDX-License-Identifier: Apache-2.0
/*
 * rpc/: JSON-RPC 2.0 messages over a stream of bytes, for the servers of an editor (lsp/) and of an
 * agent (mcp/).
 *
 * Takes the bytes of a client in any pieces, gives messages, sorted into requests, notifications
 * and replies; and writes what answers them. Neither waits nor prints. Follows the JSON-RPC 2.0
 * specification, the base protocol of the Language Server Protocol 3.17 (a header before each
 * message) and the stdio transport of the Model Context Protocol (a message a line).
 *
 * A client may send anything: what cannot be used is an event, and reading goes on after it.
 */
#pragma once

#include <jansson.h>

#include "base/base.h"

/* How a server's protocol uses JSON-RPC. */
struct rpc_dialect {
    bool has_headers;   /* Content-Length before each message; else each is a line */
    size_t bytes_max;   /* of a message; larger ones are skipped */
    bool integer_ids;   /* an 'id' that is a number is an integer */
    bool needs_jsonrpc; /* a message without "jsonrpc": "2.0" is not valid */
};

/* ---- reader.c ---- */

enum { RPC_HEADER_LINE_MAX = 1024 };

enum rpc_event {
    RPC_NOTHING, /* all bytes were taken */
    RPC_MESSAGE,
    RPC_BAD_HEADER, /* without a usable Content-Length */
    RPC_TOO_LARGE,  /* and skipped */
};

struct rpc_reader {
    const struct rpc_dialect *dialect;
    struct buf line; /* of the header, incomplete */
    struct buf body;
    uint64_t length;  /* of the body, by its header */
    uint64_t missing; /* bytes of it */
    bool in_header;
    bool has_length;
    bool in_body;
    bool given; /* without headers: `body` was given away by the last call */
};

/* `dialect` is borrowed. */
void rpc_reader_init(struct rpc_reader *r, const struct rpc_dialect *dialect);
void rpc_reader_done(struct rpc_reader *r);
/* The next event in *bytes, which shrinks. A message is valid until the next call. Lines that are
 * empty are no messages. */
enum rpc_event rpc_reader_next(struct rpc_reader *r, str *bytes, str *ret_message);
/* The input has ended: the last line needs no line end. */
enum rpc_event rpc_reader_end(struct rpc_reader *r, str *ret_message);
/* Nothing of a message has come. */
bool rpc_reader_is_between(const struct rpc_reader *r);

/* ---- message.c ---- */

enum rpc_error {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_NOT_INITIALIZED = -32002,
};

enum rpc_kind {
    RPC_REQUEST,
    RPC_NOTIFICATION,
    RPC_REPLY, /* to something that we have asked */
    RPC_INVALID,
};

struct rpc_message {
    enum rpc_kind kind;
    const json_t *id;     /* of a request; RPC_INVALID: when it can be told; else NULL */
    const char *method;   /* RPC_REQUEST, RPC_NOTIFICATION */
    const json_t *params; /* NULL: none */
    const char *problem;  /* RPC_INVALID */
};

/* Text as JSON of any kind, owned by the caller; NULL: it is not JSON. */
json_t *rpc_parse(str text);
/* What a JSON value is as a message; *ret borrows from it. */
void rpc_sort(const struct rpc_dialect *dialect, const json_t *json, struct rpc_message *ret);

/* Appends a reply, without what separates messages. `id` NULL: not known. */
void rpc_add_result(struct buf *out, const json_t *id, str json);
void rpc_add_error(struct buf *out, const json_t *id, enum rpc_error code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void rpc_add_verror(struct buf *out, const json_t *id, enum rpc_error code, const char *fmt,
                    va_list args) __attribute__((format(printf, 4, 0)));
/* `params`: an object as JSON text. */
void rpc_add_notification(struct buf *out, const char *method, str params);
/* Appends a message with what its dialect separates messages by. */
void rpc_send(struct buf *out, const struct rpc_dialect *dialect, str message);

/* A member that is text; empty: it is not there, or not a string. */
str rpc_text(const json_t *object, const char *key);

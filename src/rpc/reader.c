// SPDX-License-Identifier: Apache-2.0
/* Messages out of the stream: headers, an empty line and a body of Content-Length bytes; or lines.
 */
#include "rpc/rpc.h"

void rpc_reader_init(struct rpc_reader *r, const struct rpc_dialect *dialect) {
    *r = (struct rpc_reader){ .dialect = dialect,
                              .line = BUF_INIT(RPC_HEADER_LINE_MAX),
                              .body = BUF_INIT(dialect->bytes_max) };
}

void rpc_reader_done(struct rpc_reader *r) {
    buf_done(&r->line);
    buf_done(&r->body);
}

bool rpc_reader_is_between(const struct rpc_reader *r) {
    if (!r->dialect->has_headers) {
        return r->given || (r->body.len == 0 && !r->body.full);
    }
    return r->in_body ? r->missing == 0 : !r->in_header && r->line.len == 0 && !r->line.full;
}

/* ---- with headers ---- */

/* One line of a header. Fields that are not ours (Content-Type) say nothing that we need. */
static void take_field(struct rpc_reader *r, str line) {
    str name = str_trim(str_cut(&line, ':'));
    uint64_t length;
    if (str_eq_nocase(name, S("content-length")) && str_to_u64(str_trim(line), &length)) {
        r->length = length;
        r->has_length = true;
    }
}

/* The empty line: a body follows, when the header says how long it is. */
static enum rpc_event end_header(struct rpc_reader *r) {
    bool good = r->has_length;
    r->in_header = false;
    r->has_length = false;
    if (!good) {
        return RPC_BAD_HEADER;
    }
    r->missing = r->length;
    r->in_body = true;
    buf_reset(&r->body);
    return RPC_NOTHING;
}

static enum rpc_event take_line(struct rpc_reader *r) {
    str line = str_trim(buf_str(&r->line));
    enum rpc_event event = RPC_NOTHING;
    if (line.len > 0 || r->line.full) {
        r->in_header = true;
        take_field(r, line);
    } else if (r->in_header) {
        event = end_header(r);
    }
    buf_reset(&r->line); /* garbage without line ends was dropped up to here */
    return event;
}

static enum rpc_event take_header(struct rpc_reader *r, str *bytes) {
    while (bytes->len > 0) {
        size_t end = str_find_char(*bytes, '\n', 0);
        buf_add(&r->line, str_slice(*bytes, 0, end));
        if (end == STR_NONE) {
            *bytes = (str){ 0 };
            return RPC_NOTHING;
        }
        *bytes = str_slice(*bytes, end + 1, bytes->len);
        enum rpc_event event = take_line(r);
        if (event != RPC_NOTHING || r->in_body) {
            return event;
        }
    }
    return RPC_NOTHING;
}

static void take_body(struct rpc_reader *r, str *bytes) {
    size_t count = (size_t)(r->missing < bytes->len ? r->missing : bytes->len);
    if (r->length <= r->dialect->bytes_max) { /* a larger one goes by unseen */
        buf_add(&r->body, str_slice(*bytes, 0, count));
    }
    r->missing -= count;
    *bytes = str_slice(*bytes, count, bytes->len);
}

static enum rpc_event next_body(struct rpc_reader *r, str *bytes, str *ret_message) {
    if (r->in_body && r->missing == 0) { /* the last call gave this body away */
        r->in_body = false;
    }
    while (bytes->len > 0) {
        if (!r->in_body) {
            enum rpc_event event = take_header(r, bytes);
            if (event == RPC_BAD_HEADER) {
                return event;
            }
            if (!r->in_body) {
                continue;
            }
        }
        take_body(r, bytes);
        if (r->missing == 0) {
            *ret_message = buf_str(&r->body);
            return r->length <= r->dialect->bytes_max ? RPC_MESSAGE : RPC_TOO_LARGE;
        }
    }
    return RPC_NOTHING;
}

/* ---- lines ---- */

/* What the last call gave away goes. */
static void begin_line(struct rpc_reader *r) {
    if (r->given) {
        r->body.full = false; /* what did not fit was dropped up to here */
        buf_reset(&r->body);
        r->given = false;
    }
}

static enum rpc_event end_line(struct rpc_reader *r, str *ret_message) {
    r->given = true;
    if (r->body.full) {
        return RPC_TOO_LARGE;
    }
    *ret_message = buf_str(&r->body);
    return str_trim(*ret_message).len > 0 ? RPC_MESSAGE : RPC_NOTHING;
}

static enum rpc_event next_line(struct rpc_reader *r, str *bytes, str *ret_message) {
    enum rpc_event event = RPC_NOTHING;
    while (event == RPC_NOTHING && bytes->len > 0) {
        begin_line(r);
        size_t end = str_find_char(*bytes, '\n', 0);
        buf_add(&r->body, str_slice(*bytes, 0, end));
        *bytes = end == STR_NONE ? (str){ 0 } : str_slice(*bytes, end + 1, bytes->len);
        event = end == STR_NONE ? RPC_NOTHING : end_line(r, ret_message);
    }
    return event;
}

enum rpc_event rpc_reader_next(struct rpc_reader *r, str *bytes, str *ret_message) {
    return r->dialect->has_headers ? next_body(r, bytes, ret_message)
                                   : next_line(r, bytes, ret_message);
}

enum rpc_event rpc_reader_end(struct rpc_reader *r, str *ret_message) {
    begin_line(r);
    return r->dialect->has_headers || rpc_reader_is_between(r) ? RPC_NOTHING
                                                               : end_line(r, ret_message);
}

// SPDX-License-Identifier: Apache-2.0
/* Messages out of the stream: headers, an empty line, a body of Content-Length bytes. */
#include "lsp/internal.h"

void reader_init(struct reader *r) {
    *r = (struct reader){ .line = BUF_INIT(READER_LINE_MAX),
                          .body = BUF_INIT((size_t)LSP_MESSAGE_BYTES_MAX) };
}

void reader_done(struct reader *r) {
    buf_done(&r->line);
    buf_done(&r->body);
}

bool reader_is_between(const struct reader *r) {
    return r->in_body ? r->missing == 0 : !r->in_header && r->line.len == 0 && !r->line.full;
}

/* One line of a header. Fields that are not ours (Content-Type) say nothing that we need. */
static void take_field(struct reader *r, str line) {
    str name = str_trim(str_cut(&line, ':'));
    uint64_t length;
    if (str_eq_nocase(name, S("content-length")) && str_to_u64(str_trim(line), &length)) {
        r->length = length;
        r->has_length = true;
    }
}

/* The empty line: a body follows, when the header says how long it is. */
static enum reader_event end_header(struct reader *r) {
    bool good = r->has_length;
    r->in_header = false;
    r->has_length = false;
    if (!good) {
        return READER_BAD_HEADER;
    }
    r->missing = r->length;
    r->in_body = true;
    buf_reset(&r->body);
    return READER_NOTHING;
}

static enum reader_event take_line(struct reader *r) {
    str line = str_trim(buf_str(&r->line));
    enum reader_event event = READER_NOTHING;
    if (line.len > 0 || r->line.full) {
        r->in_header = true;
        take_field(r, line);
    } else if (r->in_header) {
        event = end_header(r);
    }
    buf_reset(&r->line); /* garbage without line ends was dropped up to here */
    return event;
}

static enum reader_event take_header(struct reader *r, str *bytes) {
    while (bytes->len > 0) {
        size_t end = str_find_char(*bytes, '\n', 0);
        buf_add(&r->line, str_slice(*bytes, 0, end));
        if (end == STR_NONE) {
            *bytes = (str){ 0 };
            return READER_NOTHING;
        }
        *bytes = str_slice(*bytes, end + 1, bytes->len);
        enum reader_event event = take_line(r);
        if (event != READER_NOTHING || r->in_body) {
            return event;
        }
    }
    return READER_NOTHING;
}

static void take_body(struct reader *r, str *bytes) {
    size_t count = (size_t)(r->missing < bytes->len ? r->missing : bytes->len);
    if (r->length <= LSP_MESSAGE_BYTES_MAX) { /* a larger one goes by unseen */
        buf_add(&r->body, str_slice(*bytes, 0, count));
    }
    r->missing -= count;
    *bytes = str_slice(*bytes, count, bytes->len);
}

enum reader_event reader_next(struct reader *r, str *bytes, str *ret_message) {
    if (r->in_body && r->missing == 0) { /* the last call gave this body away */
        r->in_body = false;
    }
    while (bytes->len > 0) {
        if (!r->in_body) {
            enum reader_event event = take_header(r, bytes);
            if (event == READER_BAD_HEADER) {
                return event;
            }
            if (!r->in_body) {
                continue;
            }
        }
        take_body(r, bytes);
        if (r->missing == 0) {
            *ret_message = buf_str(&r->body);
            return r->length <= LSP_MESSAGE_BYTES_MAX ? READER_MESSAGE : READER_TOO_LARGE;
        }
    }
    return READER_NOTHING;
}

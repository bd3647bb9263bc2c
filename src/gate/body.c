// SPDX-License-Identifier: Apache-2.0
/*
 * Where the body of an HTTP/1 request ends (RFC 9112, 6 and 7.1), as its bytes pass. Whatever
 * follows is another request, and for another name perhaps. Chunks are read strictly: a server that
 * reads a line of them otherwise would see an end where we see none.
 */
#include "gate/internal.h"

enum {
    DIGITS_MAX = 15,      /* of a chunk's size: no overflow */
    LINE_MAX_BYTES = 512, /* a chunk's size with its extensions, a trailer */
    TRAILERS_MAX = 8192,
};

/* What the next byte of a chunked body belongs to. */
enum chunk_part {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_END,
    CHUNK_BAD,
};

void gate_body_init(struct gate_body *body, const struct gate_head *head) {
    *body = (struct gate_body){
        .chunked = head->chunked,
        .left = head->chunked ? 0 : head->body_bytes,
        .part = CHUNK_SIZE,
    };
}

bool gate_body_is_bad(const struct gate_body *body) {
    return body->chunked && body->part == CHUNK_BAD;
}

/* No line of a body holds these: the CR and LF that end it are looked at before. */
static bool is_text(uint8_t c) {
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static enum chunk_part take_size(struct gate_body *body, uint8_t c) {
    int digit = char_hex((char)c);
    if (digit >= 0) {
        body->left = body->left << 4 | (unsigned)digit;
        return ++body->line <= DIGITS_MAX ? CHUNK_SIZE : CHUNK_BAD;
    }
    if (body->line == 0) {
        return CHUNK_BAD;
    }
    return c == '\r' ? CHUNK_SIZE_LF : c == ';' ? CHUNK_EXTENSION : CHUNK_BAD;
}

static enum chunk_part take_extension(struct gate_body *body, uint8_t c) {
    if (c == '\r') {
        return CHUNK_SIZE_LF;
    }
    return is_text(c) && ++body->line <= LINE_MAX_BYTES ? CHUNK_EXTENSION : CHUNK_BAD;
}

static enum chunk_part take_size_lf(struct gate_body *body, uint8_t c) {
    body->line = 0;
    if (c != '\n') {
        return CHUNK_BAD;
    }
    return body->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
}

static enum chunk_part take_trailer(struct gate_body *body, uint8_t c) {
    if (c == '\r') {
        return CHUNK_TRAILER_LF;
    }
    bool fits = ++body->line <= LINE_MAX_BYTES && ++body->trailers <= TRAILERS_MAX;
    return is_text(c) && fits ? CHUNK_TRAILER : CHUNK_BAD;
}

/* An empty line ends the trailers, and the body. */
static enum chunk_part take_trailer_lf(struct gate_body *body, uint8_t c) {
    bool empty = body->line == 0;
    body->line = 0;
    return c != '\n' ? CHUNK_BAD : empty ? CHUNK_END : CHUNK_TRAILER;
}

static enum chunk_part take_byte(struct gate_body *body, uint8_t c) {
    switch ((enum chunk_part)body->part) {
    case CHUNK_SIZE:
        return take_size(body, c);
    case CHUNK_EXTENSION:
        return take_extension(body, c);
    case CHUNK_SIZE_LF:
        return take_size_lf(body, c);
    case CHUNK_DATA_CR:
        return c == '\r' ? CHUNK_DATA_LF : CHUNK_BAD;
    case CHUNK_DATA_LF:
        return c == '\n' ? CHUNK_SIZE : CHUNK_BAD;
    case CHUNK_TRAILER:
        return take_trailer(body, c);
    case CHUNK_TRAILER_LF:
        return take_trailer_lf(body, c);
    case CHUNK_DATA:
    case CHUNK_END:
    case CHUNK_BAD:
        break;
    }
    return CHUNK_BAD;
}

static size_t take_counted(struct gate_body *body, size_t len) {
    size_t n = body->left < len ? (size_t)body->left : len;
    body->left -= n;
    return n;
}

size_t gate_body_take(struct gate_body *body, const uint8_t *data, size_t len) {
    if (!body->chunked) {
        return take_counted(body, len);
    }
    size_t at = 0;
    while (at < len && body->part != CHUNK_END && body->part != CHUNK_BAD) {
        if (body->part == CHUNK_DATA) {
            at += take_counted(body, len - at);
            body->part = body->left == 0 ? CHUNK_DATA_CR : CHUNK_DATA;
            continue;
        }
        body->part = take_byte(body, data[at]);
        at += body->part != CHUNK_BAD;
    }
    return at;
}

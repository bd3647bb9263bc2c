// SPDX-License-Identifier: Apache-2.0
/* The server name of a TLS ClientHello (RFC 8446, 4.1.2 and 5.1; RFC 6066, 3), which may be spread
 * over several records. */
#include "gate/internal.h"

enum {
    RECORD_HANDSHAKE = 22,
    RECORD_HEADER = 5,
    RECORD_MAX = 16384,
    HANDSHAKE_CLIENT_HELLO = 1,
    HANDSHAKE_HEADER = 4,
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_ENCRYPTED_HELLO = 0xfe0d, /* RFC 9849 */
    NAME_HOST = 0,
    RANDOM_BYTES = 32,
};

/* What is left of a structure. */
struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static size_t take_number(struct reader *r, size_t width) {
    size_t number = 0;
    if ((size_t)(r->end - r->at) < width) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < width; i++) {
        number = number << 8 | *r->at++;
    }
    return number;
}

static void skip(struct reader *r, size_t len) {
    if ((size_t)(r->end - r->at) < len) {
        r->bad = true;
        return;
    }
    r->at += len;
}

/* A vector whose length has `width` bytes. */
static struct reader take_vector(struct reader *r, size_t width) {
    size_t len = take_number(r, width);
    struct reader inner = { r->at, r->at, r->bad };
    skip(r, len);
    inner.end = r->at;
    inner.bad = r->bad;
    return inner;
}

static bool is_empty(const struct reader *r) {
    return r->at == r->end;
}

/* RFC 6066: one name of a kind; host names are the only kind there is. */
static bool read_server_name(struct reader extension, char ret[GATE_NAME_MAX + 1]) {
    struct reader list = take_vector(&extension, 2);
    if (list.bad || !is_empty(&extension) || is_empty(&list)) {
        return false;
    }
    size_t kind = take_number(&list, 1);
    struct reader name = take_vector(&list, 2);
    if (list.bad || kind != NAME_HOST || !is_empty(&list)) {
        return false;
    }
    return gate_name_clean((str){ (const char *)name.at, (size_t)(name.end - name.at) }, ret);
}

static enum gate_step read_hello(struct reader hello, struct gate_head *ret, const char **ret_why) {
    bool found = false;
    skip(&hello, 2 + RANDOM_BYTES);
    take_vector(&hello, 1); /* session */
    take_vector(&hello, 2); /* cipher suites */
    take_vector(&hello, 1); /* compression */
    struct reader extensions = take_vector(&hello, 2);
    *ret_why = "the TLS hello is damaged";
    if (hello.bad || !is_empty(&hello)) {
        return GATE_BAD;
    }
    while (!is_empty(&extensions)) {
        size_t type = take_number(&extensions, 2);
        struct reader extension = take_vector(&extensions, 2);
        if (extensions.bad) {
            return GATE_BAD;
        }
        /* The name that counts is in it, for the server alone. One that hides nothing ("GREASE")
         * looks the same. */
        if (type == EXTENSION_ENCRYPTED_HELLO) {
            *ret_why = "the TLS hello hides its server's name (ECH)";
            return GATE_BAD;
        }
        if (type != EXTENSION_SERVER_NAME) {
            continue;
        }
        /* A second one could be meant for the server, the first for us. */
        if (found || !read_server_name(extension, ret->name)) {
            *ret_why = "the TLS hello has no usable server name";
            return GATE_BAD;
        }
        found = true;
    }
    *ret_why = "the TLS hello names no server";
    return found ? GATE_WHOLE : GATE_BAD;
}

/* The handshake's bytes without the records' headers. */
static enum gate_step join_records(str data, uint8_t *out, size_t cap, size_t *ret_len,
                                   const char **ret_why) {
    const uint8_t *at = (const uint8_t *)data.ptr, *end = at + data.len;
    *ret_len = 0;
    while (end - at >= RECORD_HEADER) {
        size_t len = (size_t)at[3] << 8 | at[4];
        if (at[0] != RECORD_HANDSHAKE || at[1] != 3 || len == 0 || len > RECORD_MAX) {
            *ret_why = "the TLS hello is damaged";
            return GATE_BAD;
        }
        size_t there = min_size(len, (size_t)(end - at) - RECORD_HEADER);
        if (there > cap - *ret_len) {
            *ret_why = "the TLS hello is too long";
            return GATE_BAD;
        }
        memcpy(out + *ret_len, at + RECORD_HEADER, there);
        *ret_len += there;
        at += RECORD_HEADER + there;
        if (*ret_len >= HANDSHAKE_HEADER) {
            size_t body = (size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3];
            if (out[0] != HANDSHAKE_CLIENT_HELLO || body > cap - HANDSHAKE_HEADER) {
                *ret_why = out[0] != HANDSHAKE_CLIENT_HELLO ? "it is TLS without a hello"
                                                            : "the TLS hello is too long";
                return GATE_BAD;
            }
            if (*ret_len - HANDSHAKE_HEADER >= body) {
                *ret_len = HANDSHAKE_HEADER + body;
                return GATE_WHOLE;
            }
        }
        if (there < len) {
            break;
        }
    }
    return GATE_MORE;
}

enum gate_step tls_head_parse(str data, struct gate_head *ret, const char **ret_why) {
    uint8_t hello[GATE_HEAD_MAX];
    size_t len;
    ret->protocol = GATE_TLS;
    ret->port = 443;
    ret->want = GATE_ANY;
    enum gate_step step = join_records(data, hello, sizeof hello, &len, ret_why);
    if (step != GATE_WHOLE) {
        return step;
    }
    struct reader body = { hello + HANDSHAKE_HEADER, hello + len, false };
    return read_hello(body, ret, ret_why);
}

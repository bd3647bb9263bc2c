// SPDX-License-Identifier: Apache-2.0
/*
 * The head of an HTTP/1 request (RFC 9112). Read strictly: what two programs could read differently
 * is refused, because the server must see the name that we saw.
 */
#include "gate/internal.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

/* RFC 9110, 5.6.2 */
static bool is_token(str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!char_is_alnum(s.ptr[i]) && memchr("!#$%&'*+-.^_`|~", s.ptr[i], 15) == NULL) {
            return false;
        }
    }
    return s.len > 0;
}

/* One line of the head without its CRLF. False: there is none, or it holds what no line does. */
static bool take_line(str *rest, str *ret) {
    size_t end = str_find(*rest, S("\r\n"), 0);
    if (end == STR_NONE) {
        return false;
    }
    *ret = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end + 2, rest->len);
    for (size_t i = 0; i < ret->len; i++) {
        unsigned char c = (unsigned char)ret->ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool reads(const char *method) {
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

static bool read_request_line(str line, struct gate_head *ret, const char **ret_why) {
    str method = str_cut(&line, ' ');
    str target = str_cut(&line, ' ');
    bool known = str_eq(line, S("HTTP/1.1")) || str_eq(line, S("HTTP/1.0"));
    if (!is_token(method) || method.len >= GATE_METHOD_MAX || !known) {
        *ret_why = "it is not an HTTP request";
        return false;
    }
    /* A whole URL, or CONNECT's host and port, would name another host than Host does. */
    if (!str_starts(target, S("/")) && !str_eq(target, S("*"))) {
        *ret_why = "the HTTP request is addressed to a proxy";
        return false;
    }
    memcpy(ret->method, method.ptr, method.len);
    ret->method[method.len] = '\0';
    ret->want = reads(ret->method) ? GATE_GET : GATE_POST;
    ret->old = str_eq(line, S("HTTP/1.0"));
    return true;
}

static bool read_host(str value, struct gate_head *ret) {
    uint64_t port = HTTP_PORT;
    size_t colon = str_find_char(value, ':', 0);
    if (colon != STR_NONE) {
        str digits = str_slice(value, colon + 1, value.len);
        if (!str_to_u64(digits, &port) || (port != HTTP_PORT && port != HTTPS_PORT)) {
            return false;
        }
        value = str_slice(value, 0, colon);
    }
    ret->port = (uint16_t)port;
    return gate_name_clean(value, ret->name);
}

/* RFC 9112, 6.3: a length that two programs could read differently hides a second request. */
static bool read_length(str value, struct gate_head *ret) {
    bool canonical = value.len == 1 || !str_starts(value, S("0"));
    return canonical && str_to_u64(value, &ret->body_bytes);
}

/* A server that takes one of these for the method does something else than we see. */
static bool is_override(str name) {
    static const str names[] = { S_INIT("X-HTTP-Method-Override"), S_INIT("X-HTTP-Method"),
                                 S_INIT("X-Method-Override"), S_INIT("X-Original-Method") };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* What of a head may be there once. */
struct seen {
    bool host, length, encoding;
};

/* False: the request is refused; *ret_why says why where the caller's words do not. */
static bool read_field(str name, str value, struct seen *seen, struct gate_head *ret,
                       const char **ret_why) {
    if (str_eq_nocase(name, S("Host"))) {
        *ret_why = "the HTTP request has no usable Host";
        bool first = !seen->host;
        seen->host = true;
        return first && read_host(value, ret);
    }
    if (str_eq_nocase(name, S("Content-Length"))) {
        *ret_why = "the HTTP request has no usable Content-Length";
        bool first = !seen->length && !seen->encoding;
        seen->length = true;
        return first && read_length(value, ret);
    }
    if (str_eq_nocase(name, S("Transfer-Encoding"))) {
        *ret_why = "the HTTP request has no usable Transfer-Encoding";
        bool first = !seen->length && !seen->encoding;
        seen->encoding = ret->chunked = true;
        return first && str_eq_nocase(value, S("chunked"));
    }
    if (is_override(name)) {
        ret->want = GATE_BOTH;
    }
    return true;
}

static bool read_fields(str rest, struct gate_head *ret, const char **ret_why) {
    str line;
    struct seen seen = { 0 };
    const char *damaged = "the HTTP request is damaged";
    *ret_why = damaged;
    while (take_line(&rest, &line) && line.len > 0) {
        str value = line;
        str name = str_cut(&value, ':');
        if (!is_token(name) || value.ptr == NULL) {
            return false;
        }
        if (!read_field(name, str_trim(value), &seen, ret, ret_why)) {
            return false;
        }
        *ret_why = damaged;
    }
    if (line.len > 0 || rest.len > 0) {
        return false; /* a line that is none */
    }
    *ret_why = "the HTTP request has no Host";
    return seen.host;
}

enum gate_step http_head_parse(str data, struct gate_head *ret, const char **ret_why) {
    ret->protocol = GATE_HTTP;
    size_t end = str_find(data, S("\r\n\r\n"), 0);
    str head = end == STR_NONE ? data : str_slice(data, 0, end + 4), line;
    if (end == STR_NONE) {
        return GATE_MORE;
    }
    ret->len = head.len;
    *ret_why = "it is not an HTTP request";
    if (!take_line(&head, &line) || !read_request_line(line, ret, ret_why) ||
        !read_fields(head, ret, ret_why)) {
        return GATE_BAD;
    }
    /* RFC 9112, 6.1: a server may ignore the encoding there. */
    if (ret->chunked && ret->old) {
        *ret_why = "the HTTP request has no usable Transfer-Encoding";
        return GATE_BAD;
    }
    if (reads(ret->method) && (ret->chunked || ret->body_bytes > 0)) {
        *ret_why = "a read-only HTTP request has a body";
        return GATE_BAD;
    }
    return GATE_WHOLE;
}

/* Fields of the client's connection, which is not the server's. */
static bool is_of_connection(str line) {
    static const str names[] = { S_INIT("Connection"), S_INIT("Keep-Alive"),
                                 S_INIT("Proxy-Connection"), S_INIT("Upgrade"),
                                 S_INIT("HTTP2-Settings") };
    str name = str_cut(&line, ':');
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool put(char *out, size_t cap, size_t *len, str text) {
    if (text.len > cap - *len) {
        return false;
    }
    memmove(out + *len, text.ptr, text.len);
    *len += text.len;
    return true;
}

bool gate_http_rewrite(str head, char *out, size_t cap, size_t *ret_len) {
    size_t len = 0;
    str line;
    while (take_line(&head, &line) && line.len > 0) {
        if (!is_of_connection(line) &&
            (!put(out, cap, &len, line) || !put(out, cap, &len, S("\r\n")))) {
            return false;
        }
    }
    *ret_len = len;
    return put(out, cap, ret_len, S("Connection: close\r\n\r\n"));
}

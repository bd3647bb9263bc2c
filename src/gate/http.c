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

static bool read_request_line(str line, struct gate_head *ret, const char **ret_why) {
    str method = str_cut(&line, ' ');
    str target = str_cut(&line, ' ');
    bool known = str_eq(line, S("HTTP/1.1")) || str_eq(line, S("HTTP/1.0"));
    if (!is_token(method) || method.len >= GATE_METHOD_MAX || !known) {
        *ret_why = "it is no HTTP request";
        return false;
    }
    /* A whole URL, or CONNECT's host and port, would name another host than Host does. */
    if (!str_starts(target, S("/")) && !str_eq(target, S("*"))) {
        *ret_why = "the HTTP request is one for a proxy";
        return false;
    }
    memcpy(ret->method, method.ptr, method.len);
    ret->method[method.len] = '\0';
    bool reads =
        str_eq(method, S("GET")) || str_eq(method, S("HEAD")) || str_eq(method, S("OPTIONS"));
    ret->want = reads ? GATE_GET : GATE_POST;
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

static bool read_fields(str rest, struct gate_head *ret, const char **ret_why) {
    str line;
    bool has_host = false;
    *ret_why = "the HTTP request is damaged";
    while (take_line(&rest, &line) && line.len > 0) {
        str value = line;
        str name = str_cut(&value, ':');
        if (!is_token(name) || value.ptr == NULL) {
            return false;
        }
        value = str_trim(value);
        if (str_eq_nocase(name, S("Host"))) {
            if (has_host || !read_host(value, ret)) {
                *ret_why = "the HTTP request has no usable Host";
                return false;
            }
            has_host = true;
        }
        ret->has_body = ret->has_body || str_eq_nocase(name, S("Transfer-Encoding")) ||
                        (str_eq_nocase(name, S("Content-Length")) && !str_eq(value, S("0")));
    }
    if (line.len > 0 || rest.len > 0) {
        return false; /* a line that is none */
    }
    *ret_why = "the HTTP request has no Host";
    return has_host;
}

enum gate_step http_head_parse(str data, struct gate_head *ret, const char **ret_why) {
    ret->protocol = GATE_HTTP;
    size_t end = str_find(data, S("\r\n\r\n"), 0);
    str head = end == STR_NONE ? data : str_slice(data, 0, end + 4), line;
    if (end == STR_NONE) {
        return GATE_MORE;
    }
    ret->len = head.len;
    *ret_why = "it is no HTTP request";
    if (!take_line(&head, &line) || !read_request_line(line, ret, ret_why) ||
        !read_fields(head, ret, ret_why)) {
        return GATE_BAD;
    }
    if (ret->want == GATE_GET && ret->has_body) {
        *ret_why = "an HTTP request that reads has a body";
        return GATE_BAD;
    }
    return GATE_WHOLE;
}

/* Fields of the client's connection, which is not the server's. */
static bool is_of_connection(str line) {
    static const str names[] = { S_INIT("Connection"), S_INIT("Keep-Alive"),
                                 S_INIT("Proxy-Connection"), S_INIT("Upgrade") };
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

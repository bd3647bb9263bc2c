// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as what a client of the language server sends. An input is a script, a line each:
 *     #@ METHOD PARAMS        a message, framed as it should be; an id for what asks something
 * and everything else goes to the server as it is. `&` in PARAMS is the URI of the document. What
 * the server says is well-formed: each answer is JSON of the announced length.
 */
#include <jansson.h>

#include "lsp/lsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_BYTES_MAX = 256 * 1024 * 1024 };

/* A folder that is not there: the server reads nothing of this machine. */
static const str document = S_INIT("file:///nowhere/config/build.toml");

static void check_answers(str out) {
    while (out.len > 0) {
        static const str name = S_INIT("Content-Length: ");
        uint64_t length;
        ASSERT(str_starts(out, name));
        size_t end = str_find(out, S("\r\n\r\n"), 0);
        ASSERT(end != STR_NONE && str_to_u64(str_slice(out, name.len, end), &length));
        ASSERT(length <= out.len - end - 4);
        json_t *json = json_loadb(out.ptr + end + 4, length, JSON_ALLOW_NUL, NULL);
        ASSERT(json != NULL);
        json_decref(json);
        out = str_slice(out, end + 4 + length, out.len);
    }
}

static void take(struct lsp *server, str bytes) {
    AUTO_BUF out = BUF_INIT((size_t)OUT_BYTES_MAX);
    lsp_take(server, bytes, &out);
    lsp_publish(server, &out);
    ASSERT(!out.full && !lsp_is_stale(server));
    check_answers(buf_str(&out));
}

static void add_uri(struct buf *out, str params) {
    for (size_t i = 0; i < params.len; i++) {
        if (params.ptr[i] == '&') {
            buf_add_json(out, document);
        } else {
            buf_add_char(out, params.ptr[i]);
        }
    }
}

/* "METHOD PARAMS" */
static void tell(struct lsp *server, str line) {
    str method = str_cut(&line, ' ');
    bool asks = str_find(method, S("did"), 0) == STR_NONE && !str_eq(method, S("exit"));
    AUTO_BUF body = BUF_INIT(1 << 20);
    AUTO_BUF message = BUF_INIT(1 << 20);
    buf_addf(&body, "{\"jsonrpc\":\"2.0\"%s,\"method\":", asks ? ",\"id\":1" : "");
    buf_add_json(&body, method);
    buf_add_c(&body, ",\"params\":");
    add_uri(&body, line);
    buf_add_char(&body, '}');
    buf_addf(&message, "Content-Length: %zu\r\n\r\n", body.len);
    buf_add(&message, buf_str(&body));
    take(server, buf_str(&message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct lsp *server = lsp_new();
    str rest = { (const char *)data, size };
    while (rest.len > 0) {
        str line = str_cut(&rest, '\n');
        if (str_starts(line, S("#@ "))) {
            tell(server, str_slice(line, 3, line.len));
        } else {
            take(server, line);
            take(server, S("\n"));
        }
    }
    lsp_cut_short(server);
    lsp_free(server);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gate/internal.h"

/* -- HTTP -- */

static const struct {
    const char *text;
    enum gate_step step;
    const char *name;
    enum gate_want want;
} requests[] = {
    { "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", GATE_WHOLE, "a.example", GATE_GET },
    { "HEAD /x HTTP/1.0\r\nhost:A.EXAMPLE.:80\r\n\r\n", GATE_WHOLE, "a.example", GATE_GET },
    { "POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc", GATE_WHOLE,
      "a.example", GATE_POST },
    { "DELETE /x HTTP/1.1\r\nHost: a.example\r\n\r\n", GATE_WHOLE, "a.example", GATE_POST },
    { "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", GATE_WHOLE, "a.example", GATE_GET },
    { "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n", GATE_WHOLE, "a.example",
      GATE_GET },
    { "GET / HTTP/1.1\r\nHost: a.example\r\n", GATE_MORE, "", 0 },
    { "GE", GATE_MORE, "", 0 },
    { "GET / HTTP/1.1\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", GATE_BAD, "", 0 },
    { "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", GATE_BAD, "", 0 },
    { "CONNECT b.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: a.example:22\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: a.example/b\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: a.example\n\nGET / HTTP/1.1\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: a.example\r\n Host: b.example\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/2.0\r\nHost: a.example\r\n\r\n", GATE_BAD, "", 0 },
    { "GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n", GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nTransfer-Encoding: "
      "chunked\r\n\r\n",
      GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nContent-Length: "
      "4\r\n\r\n",
      GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
      GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4, 4\r\n\r\n", GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: +4\r\n\r\n", GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 04\r\n\r\n", GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: \r\n\r\n", GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 99999999999999999999\r\n\r\n",
      GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\r\n\r\n", GATE_BAD, "",
      0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
      "chunked\r\n\r\n",
      GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", GATE_BAD,
      "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", GATE_BAD, "",
      0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: identity\r\n\r\n", GATE_BAD, "",
      0 },
    { "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n", GATE_BAD, "", 0 },
    { "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 00\r\n\r\n", GATE_BAD, "", 0 },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: Chunked\r\n\r\n", GATE_WHOLE,
      "a.example", GATE_POST },
    { "GET / HTTP/1.1\r\nHost: a.example\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", GATE_WHOLE,
      "a.example", GATE_BOTH },
    { "POST / HTTP/1.1\r\nHost: a.example\r\nx-http-method: GET\r\n\r\n", GATE_WHOLE, "a.example",
      GATE_BOTH },
    { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", GATE_BAD, "", 0 },
    { "SSH-2.0-x\r\n\r\n", GATE_BAD, "", 0 },
    { "\1\2\3", GATE_BAD, "", 0 },
    { "", GATE_MORE, "", 0 },
};

static void test_http(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct gate_head head;
        const char *why = NULL;
        enum gate_step step = gate_head_parse(str_from_c(requests[i].text), &head, &why);
        if (step != requests[i].step || (step == GATE_BAD && why == NULL)) {
            fail_msg("%s: %d %s", requests[i].text, step, why);
        }
        if (step == GATE_WHOLE) {
            assert_string_equal(head.name, requests[i].name);
            assert_int_equal(head.want, requests[i].want);
            assert_int_equal(head.port, 80);
        }
    }
}

static void test_http_for_the_server(void **state) {
    (void)state;
    char out[256];
    size_t len;
    str head =
        S("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x\r\nupgrade: h2c\r\nA: b\r\n\r\n");
    assert_true(gate_http_rewrite(head, out, sizeof out, &len));
    str want = S("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nConnection: close\r\n\r\n");
    assert_int_equal(len, want.len);
    assert_memory_equal(out, want.ptr, len);
    assert_false(gate_http_rewrite(head, out, 30, &len));
}

static void test_a_head_without_end(void **state) {
    (void)state;
    static char flood[GATE_HEAD_MAX];
    struct gate_head head;
    const char *why;
    memset(flood, 'A', sizeof flood);
    assert_int_equal(gate_head_parse((str){ flood, sizeof flood - 1 }, &head, &why), GATE_MORE);
    assert_int_equal(gate_head_parse((str){ flood, sizeof flood }, &head, &why), GATE_BAD);
}

/* -- TLS -- */

struct bytes {
    uint8_t data[20000];
    size_t len;
};

static void add(struct bytes *b, const void *data, size_t len) {
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void add_number(struct bytes *b, size_t number, int width) {
    while (width-- > 0) {
        b->data[b->len++] = (uint8_t)(number >> (8 * width));
    }
}

static void add_server_name(struct bytes *b, const char *name, size_t len) {
    add_number(b, 0, 2);
    add_number(b, len + 5, 2);
    add_number(b, len + 3, 2);
    add_number(b, 0, 1);
    add_number(b, len, 2);
    add(b, name, len);
}

/* A hello with an extension of another kind and the given server names. */
static struct bytes make_hello(const char *const *names, size_t padding) {
    static const uint8_t zeros[16384];
    struct bytes extensions = { .len = 0 }, body = { .len = 0 }, hello = { .len = 0 };
    add_number(&extensions, 21, 2);
    add_number(&extensions, padding, 2);
    add(&extensions, zeros, padding);
    for (; *names != NULL; names++) {
        add_server_name(&extensions, *names, strlen(*names));
    }
    add_number(&body, 0x0303, 2);
    add(&body, zeros, 32);
    add_number(&body, 0, 1);
    add_number(&body, 2, 2), add_number(&body, 0x1301, 2);
    add_number(&body, 1, 1), add_number(&body, 0, 1);
    add_number(&body, extensions.len, 2);
    add(&body, extensions.data, extensions.len);
    add_number(&hello, 1, 1);
    add_number(&hello, body.len, 3);
    add(&hello, body.data, body.len);
    return hello;
}

static struct bytes in_records(const struct bytes *hello, size_t size) {
    struct bytes out = { .len = 0 };
    for (size_t at = 0; at < hello->len; at += size) {
        size_t len = min_size(size, hello->len - at);
        add_number(&out, 22, 1), add_number(&out, 0x0301, 2), add_number(&out, len, 2);
        add(&out, hello->data + at, len);
    }
    return out;
}

static enum gate_step parse(const struct bytes *b, size_t len, struct gate_head *head) {
    const char *why = NULL;
    enum gate_step step = gate_head_parse((str){ (const char *)b->data, len }, head, &why);
    assert_true(step != GATE_BAD || why != NULL);
    return step;
}

static void test_tls(void **state) {
    (void)state;
    struct gate_head head;
    for (size_t size = 1; size < 200; size += 13) {
        struct bytes hello = make_hello((const char *const[]){ "WWW.Example.org", NULL }, 30);
        struct bytes records = in_records(&hello, size);
        for (size_t len = 0; len < records.len; len++) {
            assert_int_equal(parse(&records, len, &head), GATE_MORE);
        }
        assert_int_equal(parse(&records, records.len, &head), GATE_WHOLE);
        assert_string_equal(head.name, "www.example.org");
        assert_true(head.protocol == GATE_TLS && head.port == 443 && head.want == GATE_ANY);
    }
}

static void test_tls_names(void **state) {
    (void)state;
    static const struct {
        const char *const names[3];
    } bad[] = {
        { { NULL } },         { { "a.example", "b.example" } },
        { { "10.0.0.1" } },   { { "1" } },
        { { "a..example" } }, { { ".example" } },
        { { "a b" } },        { { "" } },
        { { "a.example/" } }, { { "::1" } },
    };
    struct gate_head head;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct bytes hello = make_hello(bad[i].names, 0);
        struct bytes records = in_records(&hello, 16384);
        assert_int_equal(parse(&records, records.len, &head), GATE_BAD);
    }
}

static void test_tls_damaged(void **state) {
    (void)state;
    struct gate_head head;
    struct bytes hello = make_hello((const char *const[]){ "a.example", NULL }, 9);
    struct bytes good = in_records(&hello, 16384);
    /* No change of a byte makes another name of it, or more than a part. */
    for (size_t i = 0; i < good.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct bytes changed = good;
            changed.data[i] ^= (uint8_t)(1 << bit);
            enum gate_step step = parse(&changed, changed.len, &head);
            assert_true(step != GATE_WHOLE || strlen(head.name) == 9);
        }
    }
    struct bytes large = make_hello((const char *const[]){ "a.example", NULL }, 16000);
    struct bytes records = in_records(&large, 16384);
    assert_int_equal(parse(&records, records.len, &head), GATE_WHOLE);
    /* One that announces more than anybody needs is refused at once. */
    struct bytes huge = in_records(&hello, 16384);
    huge.data[6] = 1;
    assert_int_equal(parse(&huge, 12, &head), GATE_BAD);
}

/* Whether it hides a name or only looks so cannot be seen. */
static void test_tls_encrypted_hello(void **state) {
    (void)state;
    struct gate_head head;
    struct bytes hello = make_hello((const char *const[]){ "a.example", NULL }, 40);
    struct bytes padded = in_records(&hello, 16384);
    assert_int_equal(parse(&padded, padded.len, &head), GATE_WHOLE);
    /* The padding's type, which comes first of all extensions. */
    size_t type = 5 + 4 + 2 + 32 + 1 + 4 + 2 + 2;
    assert_int_equal(padded.data[type + 1], 21);
    padded.data[type] = 0xfe;
    padded.data[type + 1] = 0x0d;
    assert_int_equal(parse(&padded, padded.len, &head), GATE_BAD);
}

/* -- the first line -- */

static void test_meta(void **state) {
    (void)state;
    static const struct {
        str text;
        enum gate_step step;
        const char *name;
    } lines[] = {
        { S_INIT("\0CAPSEM_META:curl\nrest"), GATE_WHOLE, "curl" },
        { S_INIT("\0CAPSEM_META:\n"), GATE_WHOLE, "" },
        { S_INIT("\0CAPSEM_META:cu"), GATE_MORE, NULL },
        { S_INIT("\0CAP"), GATE_MORE, NULL },
        { S_INIT(""), GATE_MORE, NULL },
        { S_INIT("CAPSEM_META:x\n"), GATE_BAD, NULL },
        { S_INIT("\0CAPSEM_MEAT:x\n"), GATE_BAD, NULL },
        { S_INIT(
              "\0CAPSEM_META:a234567890123456789012345678901234567890123456789012345678901234567"),
          GATE_BAD, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        char name[GATE_PROCESS_MAX + 1];
        size_t len = 0;
        assert_int_equal(gate_meta_parse(lines[i].text, name, &len), lines[i].step);
        if (lines[i].name != NULL) {
            assert_string_equal(name, lines[i].name);
            assert_int_equal(len, 14 + strlen(name));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_http_for_the_server),
        cmocka_unit_test(test_a_head_without_end),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_names),
        cmocka_unit_test(test_tls_damaged),
        cmocka_unit_test(test_tls_encrypted_hello),
        cmocka_unit_test(test_meta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

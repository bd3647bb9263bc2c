// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "rpc/rpc.h"

static const struct rpc_dialect loose = { .has_headers = true, .integer_ids = true };
static const struct rpc_dialect strict = { .needs_jsonrpc = true };

static void messages_are_sorted(void **state) {
    static const struct {
        const char *text;
        enum rpc_kind loose, strict;
        const char *problem; /* of `strict`, when it is not valid */
    } cases[] = {
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}", RPC_REQUEST, RPC_REQUEST, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"m\"}", RPC_REQUEST, RPC_REQUEST, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"m\"}", RPC_INVALID, RPC_REQUEST, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}", RPC_INVALID, RPC_INVALID,
          "'id' is neither a string nor a number" },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", RPC_NOTIFICATION, RPC_NOTIFICATION, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", RPC_REPLY, RPC_REPLY, NULL },
        { "{\"jsonrpc\":\"2.0\",\"error\":{}}", RPC_REPLY, RPC_REPLY, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID, RPC_INVALID, "'method' is not a string" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":[]}", RPC_INVALID, RPC_INVALID,
          "'method' is not a string" },
        { "{\"id\":1,\"method\":\"m\"}", RPC_REQUEST, RPC_INVALID, "not a JSON-RPC 2.0 message" },
        { "{\"jsonrpc\":\"2.0\\u0000\",\"id\":1,\"method\":\"m\"}", RPC_REQUEST, RPC_INVALID,
          "not a JSON-RPC 2.0 message" },
        { "[]", RPC_INVALID, RPC_INVALID, "not a JSON-RPC 2.0 message" },
        { "7", RPC_INVALID, RPC_INVALID, "not a JSON-RPC 2.0 message" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rpc_message one, two;
        json_t *json = rpc_parse(str_from_c(cases[i].text));
        assert_non_null(json);
        rpc_sort(&loose, json, &one);
        rpc_sort(&strict, json, &two);
        if (one.kind != cases[i].loose || two.kind != cases[i].strict) {
            fail_msg("%s: %d %d", cases[i].text, one.kind, two.kind);
        }
        if (cases[i].problem != NULL) {
            assert_string_equal(two.problem, cases[i].problem);
        }
        json_decref(json);
    }
}

static void what_is_not_json_is_none(void **state) {
    static const char *const texts[] = { "", "{", "{} x", "nul", "\"\xff\"" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_null(rpc_parse(str_from_c(texts[i])));
    }
    assert_null(rpc_parse((str){ 0 }));
}

static void an_invalid_message_keeps_its_id(void **state) {
    struct rpc_message m;
    json_t *json = rpc_parse(S("{\"jsonrpc\":\"1.0\",\"id\":\"x\",\"method\":\"m\"}"));
    rpc_sort(&strict, json, &m);
    assert_int_equal(m.kind, RPC_INVALID);
    assert_string_equal(json_string_value(m.id), "x");
    json_decref(json);
}

static void replies_are_json(void **state) {
    AUTO_BUF out = BUF_INIT((size_t)65536);
    json_t *id = json_string("a\"b");
    rpc_add_result(&out, id, S("[1]"));
    assert_string_equal(out.ptr, "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"result\":[1]}");
    buf_reset(&out);
    rpc_add_error(&out, NULL, RPC_PARSE_ERROR, "'%s'", "\"\x01");
    assert_string_equal(out.ptr, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
                                 "\"message\":\"'\\\"\\u0001'\"}}");
    buf_reset(&out);
    rpc_add_notification(&out, "n/m", S("{}"));
    assert_string_equal(out.ptr, "{\"jsonrpc\":\"2.0\",\"method\":\"n/m\",\"params\":{}}");
    json_decref(id);
}

static void messages_are_separated(void **state) {
    AUTO_BUF out = BUF_INIT((size_t)65536);
    rpc_send(&out, &loose, S("{}"));
    rpc_send(&out, &strict, S("{}"));
    assert_string_equal(out.ptr, "Content-Length: 2\r\n\r\n{}{}\n");
}

static void text_is_only_text(void **state) {
    json_t *json = rpc_parse(S("{\"a\":\"x\\u0000y\",\"b\":1}"));
    assert_true(str_eq(rpc_text(json, "a"), S("x\0y")));
    assert_int_equal(rpc_text(json, "b").len, 0);
    assert_int_equal(rpc_text(json, "c").len, 0);
    assert_int_equal(rpc_text(NULL, "c").len, 0);
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_sorted),
        cmocka_unit_test(what_is_not_json_is_none),
        cmocka_unit_test(an_invalid_message_keeps_its_id),
        cmocka_unit_test(replies_are_json),
        cmocka_unit_test(messages_are_separated),
        cmocka_unit_test(text_is_only_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

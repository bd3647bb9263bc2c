// SPDX-License-Identifier: Apache-2.0
#include "toml/test.h"

static const char document[] = "title = \"x\"\n"
                               "[ server . \"a b\" ] # comment\n"
                               "port=0x1F\n"
                               "  tags = [ 'one', \"two\" ]\n"
                               "point = { x = 1, y.z = -2.5 }\n"
                               "[[list]]\n"
                               "when = 1979-05-27 07:32:00z\n"
                               "[[list]]\n"
                               "text = \"\"\"\nfirst\n\\u00e9\"\"\"\n";

static void every_key_and_value_has_its_span(void **state) {
    (void)state;
    static const struct {
        str path;
        const char *key;   /* its raw text; NULL: has none */
        const char *value; /* raw text */
    } cases[] = {
        { S_INIT("title"), "title", "\"x\"" },
        { S_INIT("server"), "server", "server" }, /* implicit: where it is named */
        { S_INIT("server.a b"), "\"a b\"", "[ server . \"a b\" ]" },
        { S_INIT("server.a b.port"), "port", "0x1F" },
        { S_INIT("server.a b.tags"), "tags", "[ 'one', \"two\" ]" },
        { S_INIT("server.a b.tags.0"), NULL, "'one'" },
        { S_INIT("server.a b.tags.1"), NULL, "\"two\"" },
        { S_INIT("server.a b.point"), "point", "{ x = 1, y.z = -2.5 }" },
        { S_INIT("server.a b.point.x"), "x", "1" },
        { S_INIT("server.a b.point.y"), "y", "y" },
        { S_INIT("server.a b.point.y.z"), "z", "-2.5" },
        { S_INIT("list"), "list", "list" },
        { S_INIT("list.0"), NULL, "[[list]]" },
        { S_INIT("list.0.when"), "when", "1979-05-27 07:32:00z" },
        { S_INIT("list.1.text"), "text", "\"\"\"\nfirst\n\\u00e9\"\"\"" },
    };
    AUTO_PARSED p;
    parsed_init(&p, str_from_c(document));
    assert_true(p.doc->ok);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct toml_node *node = parsed_at(&p, cases[i].path);
        if (node == NULL) {
            fail_msg("%s is not there", cases[i].path.ptr);
        }
        expect_str(parsed_slice(&p, toml_span(p.doc, node)), str_from_c(cases[i].value),
                   cases[i].path.ptr);
        if (cases[i].key != NULL) {
            expect_str(parsed_slice(&p, toml_key_span(p.doc, node)), str_from_c(cases[i].key),
                       cases[i].path.ptr);
        }
    }
}

static void a_header_moves_an_implicit_table(void **state) {
    (void)state;
    AUTO_PARSED p;
    parsed_init(&p, S("[a.b]\n[a]\nx=1\n"));
    const struct toml_node *a = parsed_at(&p, S("a"));
    expect_str(parsed_slice(&p, toml_span(p.doc, a)), S("[a]"), "span");
    assert_int_equal(toml_key_span(p.doc, a).start, 7);
    assert_int_equal(toml_count(p.doc, a), 2);
}

static void decoded_offsets_map_back_to_the_source(void **state) {
    (void)state;
    static const struct {
        str text; /* of "s = ..." */
        size_t offset;
        uint32_t want; /* in `text` */
    } cases[] = {
        { S_INIT("s = \"abc\""), 0, 5 },
        { S_INIT("s = \"abc\""), 2, 7 },
        { S_INIT("s = \"abc\""), 3, 8 },  /* the closing quote */
        { S_INIT("s = \"abc\""), 99, 8 }, /* past it */
        { S_INIT("s = 'a\\nb'"), 2, 7 },
        { S_INIT("s = \"a\\nb\""), 1, 6 },
        { S_INIT("s = \"a\\nb\""), 2, 8 },
        { S_INIT("s = \"\\u00e9x\""), 1, 5 }, /* inside the two bytes of é */
        { S_INIT("s = \"\\u00e9x\""), 2, 11 },
        { S_INIT("s = \"\"\"\nab\ncd\"\"\""), 0, 8 },
        { S_INIT("s = \"\"\"\nab\ncd\"\"\""), 3, 11 },
        { S_INIT("s = \"\"\"a\\\n   b\"\"\""), 1, 13 },
        { S_INIT("s = '''a\r\nb'''"), 2, 10 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_PARSED p;
        parsed_init(&p, cases[i].text);
        assert_true(p.doc->ok);
        struct span raw = toml_span(p.doc, parsed_at(&p, S("s")));
        assert_int_equal(toml_string_offset(cases[i].text, raw, cases[i].offset), cases[i].want);
    }
}

static void strings_are_decoded(void **state) {
    (void)state;
    static const struct {
        str text;
        str want;
    } cases[] = {
        { S_INIT("s = \"\""), S_INIT("") },
        { S_INIT("s = \"\\b\\t\\n\\f\\r\\\"\\\\\""), S_INIT("\b\t\n\f\r\"\\") },
        { S_INIT("s = \"a\\u0000b\""), S_INIT("a\0b") },
        { S_INIT("s = \"\\U0001F600\""), S_INIT("\xF0\x9F\x98\x80") },
        { S_INIT("s = '''\n''two'' '''"), S_INIT("''two'' ") },
        { S_INIT("s = \"\"\"x\"\"\"\"\""), S_INIT("x\"\"") },
        { S_INIT("s = \"\"\"one\r\ntwo\"\"\""), S_INIT("one\ntwo") },
        { S_INIT("s = \"a long text without escapes\ttab\""),
          S_INIT("a long text without escapes\ttab") },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_PARSED p;
        parsed_init(&p, cases[i].text);
        assert_true(p.doc->ok);
        expect_str(toml_string(p.doc, parsed_at(&p, S("s"))), cases[i].want, cases[i].text.ptr);
    }
}

static void dates_are_normalised(void **state) {
    (void)state;
    AUTO_PARSED p;
    parsed_init(&p, S("a=1979-05-27 07:32:00.5z\nb=1979-05-27t07:32:00\nc=07:32:00\n"));
    assert_int_equal(parsed_at(&p, S("a"))->kind, TOML_DATETIME);
    expect_str(toml_datetime(p.doc, parsed_at(&p, S("a"))), S("1979-05-27T07:32:00.5Z"), "a");
    assert_int_equal(parsed_at(&p, S("b"))->kind, TOML_LOCAL_DATETIME);
    expect_str(toml_datetime(p.doc, parsed_at(&p, S("b"))), S("1979-05-27T07:32:00"), "b");
    assert_int_equal(parsed_at(&p, S("c"))->kind, TOML_LOCAL_TIME);
}

static void large_tables_keep_order_and_find(void **state) {
    (void)state;
    AUTO_BUF text = BUF_INIT(1 << 20);
    for (int i = 0; i < 5000; i++) {
        buf_addf(&text, "\"k\\u0065y%d\" = %d\n", i, i);
    }
    AUTO_PARSED p;
    parsed_init(&p, buf_str(&text));
    assert_true(p.doc->ok);
    const struct toml_node *n = toml_first(p.doc, toml_root(p.doc));
    for (int i = 0; i < 5000; i++, n = toml_next(p.doc, n)) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        expect_str(toml_key(p.doc, n), str_from_c(key), "order");
        assert_ptr_equal(toml_find(p.doc, toml_root(p.doc), str_from_c(key)), n);
    }
    assert_null(n);
    assert_null(toml_find(p.doc, toml_root(p.doc), S("key5000")));
}

static void integers_have_64_bits(void **state) {
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        { "a = 9223372036854775807", true, INT64_MAX },
        { "a = 9223372036854775808", false, 0 },
        { "a = -9223372036854775808", true, INT64_MIN },
        { "a = -9223372036854775809", false, 0 },
        { "a = 18446744073709551615", false, 0 },
        { "a = 0x7fffffffffffffff", true, INT64_MAX },
        { "a = 0x8000000000000000", false, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_PARSED p;
        parsed_init(&p, str_from_c(cases[i].text));
        print_message("%s\n", cases[i].text);
        assert_int_equal(p.doc->ok, cases[i].good);
        if (cases[i].good) {
            assert_int_equal(toml_first(p.doc, toml_root(p.doc))->integer, cases[i].value);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_and_value_has_its_span),
        cmocka_unit_test(integers_have_64_bits),
        cmocka_unit_test(a_header_moves_an_implicit_table),
        cmocka_unit_test(decoded_offsets_map_back_to_the_source),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(dates_are_normalised),
        cmocka_unit_test(large_tables_keep_order_and_find),
    };
    return cmocka_run_group_tests_name("toml spans", tests, NULL, NULL);
}

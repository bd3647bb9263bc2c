// SPDX-License-Identifier: Apache-2.0
#include "toml/test.h"

/* After each mistake the parser finds the next one, and says nothing that is not so. */
static void mistakes_do_not_hide_each_other(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *messages;
        const char *good; /* a key that must have been read all the same */
    } cases[] = {
        { "a = zstd\nb = True\nc = 1\n",
          "1:5 expected a value, found 'zstd'\n2:5 expected a value, found 'True'\n", "c" },
        { "a = [1, x,\n 'b' 'c'\n]\nd = 1\n",
          "1:9 expected a value, found 'x'\n2:6 expected ',' or ']', found '''\n", "d" },
        { "a = [1,\n2\nkey = 1\n[t]\nx = 1\n", "1:5 the array is not closed: ']' is missing\n",
          "key" },
        { "a = [\n'x',\n[package.x]\ny = 1\n", "1:5 the array is not closed: ']' is missing\n",
          "package.x.y" },
        { "a = [\n[true],\n['b'],\n[inf]\n]\n", "", "a" },
        { "a = \"open\nb = 1\n", "1:5 the string is not closed: \" is missing\n", "b" },
        { "a = \"\"\"open\ntext = no\n[t]\nb = 1\n",
          "1:5 the string is not closed: \"\"\" is missing\n", "t.b" },
        { "a = \"bad \\q and \\u12\"\nb = 1\n",
          "1:10 invalid escape '\\q'\n1:17 '\\u' needs 4 hexadecimal digits\n", "b" },
        { "a = { b = 1,\n c = 2,\n}\nd = 1\n", "1:5 an inline table must be on one line\n", "d" },
        { "a = { b = 1\nc = 2\n", "1:5 an inline table must be on one line\n", NULL },
        { "a = { b = 1 c = 2 }\nd = 1\n", "1:13 expected ',' or '}', found 'c'\n", "d" },
        { "a = [{ b = ! }, { c = 1 }]\nd = 1\n", "1:12 expected a value, found '!'\n", "d" },
        { "[a\nx = 1\n[b]\ny = 1\n", "1:3 expected ']', found the end of the line\n", "a.x" },
        { "[a b]\nx = 1\n[c]\ny = 1\n", "1:4 expected ']', found 'b'\n", "c.y" },
        { "[a]\nx = 1\n[a]\ny = !\n[b]\nz = 1\n",
          "3:2 'a' is defined twice: a table has one header\n4:5 expected a value, found '!'\n",
          "b.z" },
        { "x = 1\nx = 2 3\ny = 1\n",
          "2:1 'x' is defined twice\n2:7 expected the end of the line, found '3'\n", "y" },
        { "my key = 1\n= 2\nz = 1\n",
          "1:4 expected '=' after the key, found 'key'\n2:1 expected a key, found '='\n", "z" },
        { "a = 1 # bad \x01 comment\nb = 2\n",
          "1:13 the control character U+0001 is not allowed in a comment\n", "b" },
        { "a = 'caf\xE9'\nb = 2 # \xFF\n",
          "1:9 the byte 0xE9 is not valid UTF-8 here\n2:9 the byte 0xFF is not valid UTF-8 here\n",
          "b" },
        { "a = 2024-02-30\nb = 25:00:00\nc = 0777\nd = 1__0\n",
          "1:5 the month does not have this day\n2:5 the time of day is out of range\n"
          "3:5 a number cannot start with 0\n"
          "4:5 an underscore in a number must be between two digits\n",
          "d" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_PARSED p;
        parsed_init(&p, str_from_c(cases[i].text));
        AUTO_BUF got = BUF_INIT(1 << 16);
        buf_add_c(&got, "");
        parsed_messages(&p, &got);
        expect_str(buf_str(&got), str_from_c(cases[i].messages), cases[i].text);
        if (cases[i].good != NULL) {
            assert_non_null(parsed_at(&p, str_from_c(cases[i].good)));
        }
        assert_int_equal(p.doc->ok, cases[i].messages[0] == '\0');
    }
}

static void a_broken_value_keeps_its_key(void **state) {
    (void)state;
    AUTO_PARSED p;
    parsed_init(&p, S("[t]\nlevel = high\nlist = [1, oops]\n"));
    assert_int_equal(parsed_at(&p, S("t.level"))->kind, TOML_INVALID);
    assert_int_equal(parsed_at(&p, S("t.list"))->kind, TOML_INVALID);
    assert_int_equal(parsed_at(&p, S("t"))->flags & TOML_INCOMPLETE, 0);
    assert_false(p.doc->lost_sections);
}

static void a_lost_key_or_header_is_known(void **state) {
    (void)state;
    AUTO_PARSED p;
    parsed_init(&p, S("[t]\n!level = 1\n[]\nx = 1\n"));
    assert_true((parsed_at(&p, S("t"))->flags & TOML_INCOMPLETE) != 0);
    assert_true(p.doc->lost_sections);
    assert_null(parsed_at(&p, S("t.x")));
}

static void duplicates_point_at_the_first(void **state) {
    (void)state;
    AUTO_PARSED p;
    parsed_init(&p, S("a = 1\nb = 2\na = 3\n"));
    assert_int_equal(p.sink.len, 1);
    assert_int_equal(p.sink.items[0].note_span.start, 0);
    assert_int_equal(p.sink.items[0].span.start, 12);
    assert_int_equal(parsed_at(&p, S("a"))->integer, 1);
}

static void binary_files_get_one_message(void **state) {
    (void)state;
    AUTO_PARSED elf;
    parsed_init(&elf, S("\x7F"
                        "ELF\x02\x01\x01\0\xF0\xFF\n\0\n=\n=\n"));
    assert_int_equal(elf.sink.len, 1);
    AUTO_PARSED wide;
    parsed_init(&wide, S("\xFF\xFE"
                         "a\0=\0"));
    assert_int_equal(wide.sink.len, 1);
    assert_true(wide.sink.items[0].help.len > 0);
}

static void a_text_has_its_share_of_messages(void **state) {
    (void)state;
    AUTO_BUF text = BUF_INIT(1 << 20);
    for (int i = 0; i < 10000; i++) {
        buf_add_c(&text, "= 1\n");
    }
    AUTO_PARSED p;
    parsed_init(&p, buf_str(&text));
    assert_int_equal(p.sink.len, TOML_ERRORS_MAX);
    assert_int_equal(p.sink.items[0].note.len, 0);
    assert_true(p.sink.items[TOML_ERRORS_MAX - 1].note.len > 0); /* that there may be more */
    assert_true(p.doc->lost_sections);
}

static void long_names_are_cut_between_characters(void **state) {
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        AUTO_BUF text = BUF_INIT(1 << 20);
        for (int line = 0; line < 2; line++) {
            buf_add_char(&text, '"');
            buf_add_repeat(&text, 'x', shift);
            for (int i = 0; i < 100; i++) {
                buf_add_c(&text, "\xF0\x9F\x98\x80");
            }
            buf_add_c(&text, "\" = 1\n");
        }
        AUTO_PARSED p;
        parsed_init(&p, buf_str(&text));
        assert_int_equal(p.sink.len, 1);
        assert_true(str_is_utf8(p.sink.items[0].message, NULL));
        assert_true(p.sink.items[0].message.len < 200);
    }
}

static void nesting_has_a_limit(void **state) {
    (void)state;
    static const struct {
        const char *opening;
        const char *closing;
    } cases[] = { { "a = ", "" }, { "[", "]" }, { "", " = 1" } };
    static const char *const parts[] = { "[", "a.", "a." };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF text = BUF_INIT(1 << 22);
        buf_add_c(&text, cases[i].opening);
        for (int n = 0; n < 1000000; n++) {
            buf_add_c(&text, parts[i]);
        }
        buf_addf(&text, "x%s\nb = 1\n", cases[i].closing);
        AUTO_PARSED p;
        parsed_init(&p, buf_str(&text));
        assert_int_equal(p.sink.len, 1);
        assert_true(str_starts(p.sink.items[0].message, S("nested deeper than 256 levels")));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_do_not_hide_each_other),
        cmocka_unit_test(a_broken_value_keeps_its_key),
        cmocka_unit_test(a_lost_key_or_header_is_known),
        cmocka_unit_test(duplicates_point_at_the_first),
        cmocka_unit_test(binary_files_get_one_message),
        cmocka_unit_test(a_text_has_its_share_of_messages),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(nesting_has_a_limit),
    };
    return cmocka_run_group_tests_name("toml recovery", tests, NULL, NULL);
}

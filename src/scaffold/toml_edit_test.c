// SPDX-License-Identifier: Apache-2.0
/* Tables taken out of a text of which the rest stays as it is. */
#include "base/testing.h"

#include "scaffold/internal.h"

/* The text without the tables that a dotted path of two names stands for. */
static const char *without(struct arena *a, const char *text, const char *table,
                           const char *const *keys, size_t count) {
    struct sources sources;
    struct diag_sink sink;
    struct toml_edits edits = { 0 };
    const struct toml_node *drop[4];
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    struct toml *doc = toml_parse(a, &sink, sources_add(&sources, S("t"), str_from_c(text)));
    assert_true(doc->ok);
    const struct toml_node *parent = toml_find(doc, toml_root(doc), str_from_c(table));
    assert_non_null(parent);
    for (size_t i = 0; i < count; i++) {
        drop[i] = toml_find(doc, parent, str_from_c(keys[i]));
        assert_non_null(drop[i]);
    }
    return toml_edit_drop(&edits, doc, drop, count)
               ? str_to_c(a, toml_edit_apply(&edits, a, str_from_c(text)))
               : "refused";
}

static void a_table_goes_with_what_is_above_and_in_it(void **state) {
    static const struct {
        const char *text;
        const char *left;
    } cases[] = {
        { "[t.a]\nx = 1\n\n[t.b]\ny = 2\n", "[t.b]\ny = 2\n" },
        { "# of b\n[t.b]\ny = 2\n# of a\n# too\n[t.a]\nx = 1\n", "# of b\n[t.b]\ny = 2\n" },
        { "# file\n\n# of a\n[t.a]\nx = 1 # a\n[t.a.sub]\nz = 3\n# of b\n[t.b]\n",
          "# file\n\n# of b\n[t.b]\n" },
        { "[t.b]\ny = 2\n[t.a]\nx = 1", "[t.b]\ny = 2\n" },
        { "[t]\na.x = 1\n[t.b]\n", "refused" },
        { "[t]\na = { x = 1 }\n[t.b]\n", "refused" },
    };
    static const char *const keys[] = { "a" };
    (void)state;
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].text);
        assert_string_equal(without(a, cases[i].text, "t", keys, 1), cases[i].left);
    }
}

static void several_go_at_once(void **state) {
    static const char *const keys[] = { "a", "c" };
    (void)state;
    AUTO_ARENA a = arena_new();
    const char *left =
        without(a, "[t.a]\nx = 1\n# of b\n[t.b]\ny = 2\n[t.c]\nz = 3\n[u]\nv = 4\n", "t", keys, 2);
    assert_string_equal(left, "# of b\n[t.b]\ny = 2\n[u]\nv = 4\n");
}

static void edits_come_in_any_order(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct toml_edits edits = { 0 };
    toml_edit_replace(&edits, a, 4, 5, S("five"));
    toml_edit_replace(&edits, a, 0, 1, S("one"));
    toml_edit_replace(&edits, a, 2, 2, S("+"));
    assert_string_equal(str_to_c(a, toml_edit_apply(&edits, a, S("12345"))), "one2+34five");
}

static void text_is_quoted_as_it_is_read(void **state) {
    static const char *const texts[] = { "", "a b", "\"", "\\", "a\nb\tc", "\x01\x7f", "\xc3\xa9" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO_ARENA a = arena_new();
        struct sources sources;
        struct diag_sink sink;
        sources_init(&sources, a);
        diag_sink_init(&sink, a, &sources);
        str text = str_concat(a, S("x = "), toml_quote(a, str_from_c(texts[i])));
        struct toml *doc = toml_parse(a, &sink, sources_add(&sources, S("t"), text));
        assert_true(doc->ok);
        const struct toml_node *value = toml_first(doc, toml_root(doc));
        assert_string_equal(str_to_c(a, toml_string(doc, value)), texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_goes_with_what_is_above_and_in_it),
        cmocka_unit_test(several_go_at_once),
        cmocka_unit_test(edits_come_in_any_order),
        cmocka_unit_test(text_is_quoted_as_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

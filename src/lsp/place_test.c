// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lsp/internal.h"

/* The cursor is where the text has a '|'. */
static struct place find(struct arena *a, const char *marked, str *ret_text) {
    str all = str_from_c(marked);
    size_t at = str_find_char(all, '|', 0);
    assert_true(at != STR_NONE);
    *ret_text = str_concat(a, str_slice(all, 0, at), str_slice(all, at + 1, all.len));
    struct place place;
    place_find(*ret_text, at, &place);
    assert_true(place.kind == PLACE_NONE || (place.start <= at && at <= place.end));
    return place;
}

static str path_text(struct arena *a, const struct place *place) {
    str text = { 0 };
    for (size_t i = 0; i < place->path_len; i++) {
        text = str_fmt(a, "%.*s%s%.*s", STR_FMT(text), i > 0 ? "/" : "", STR_FMT(place->path[i]));
    }
    return text;
}

static const struct {
    const char *text;
    enum place_kind kind;
    const char *path;
    const char *covered; /* the text from start to end */
    bool in_list;
} cases[] = {
    /* keys of statements */
    { "|", PLACE_KEY, "", "", false },
    { "ab|c = 1", PLACE_KEY, "", "abc", false },
    { "[a.b]\n|\nc = 1", PLACE_KEY, "a/b", "", false },
    { "[a.b]\nx = 1\nco|", PLACE_KEY, "a/b", "co", false },
    { "[a]\nb.c.d| = 1", PLACE_KEY, "a/b/c", "d", false },
    { "[a]\nb.|", PLACE_KEY, "a/b", "", false },
    { "[a]\nb. | = 1", PLACE_KEY, "a/b", "", false },
    { "[a]\n\"q k|\" = 1", PLACE_KEY, "a", "\"q k\"", false },
    { "[a]\nx = 1\n[b]\ny = 2\n|", PLACE_KEY, "b", "", false },
    { "[[a.b]]\nx = 1\n|", PLACE_KEY, "a/b", "", false },
    { "[a]\n|[b]", PLACE_KEY, "a", "", false },
    { "[a]\nx = 1 |", PLACE_NONE, "", "", false },
    { "[a]\nx = 1  |\n", PLACE_NONE, "", "", false },
    { "[a]\nx |= 1", PLACE_NONE, "", "", false },
    { "[a]\nx y| = 1", PLACE_NONE, "", "", false },
    { "[a]\nx = 1 # c|omment", PLACE_NONE, "", "", false },
    { "# comment|\n[a]", PLACE_NONE, "", "", false },
    /* headers */
    { "[|", PLACE_HEADER, "", "", false },
    { "[a|]", PLACE_HEADER, "", "a", false },
    { "[a.b|.c]", PLACE_HEADER, "a", "b", false },
    { "[a.|]", PLACE_HEADER, "a", "", false },
    { "[[a.b|", PLACE_HEADER, "a", "b", false },
    { "[a]|", PLACE_NONE, "", "", false },
    /* values */
    { "[a]\nx =|", PLACE_VALUE, "a/x", "", false },
    { "[a]\nx = |\n", PLACE_VALUE, "a/x", "", false },
    { "[a]\nx = tr|ue\n", PLACE_VALUE, "a/x", "true", false },
    { "[a]\nx = \"zs|\ny = 1", PLACE_VALUE, "a/x", "\"zs", false },
    { "[a]\nx = \"z\\\"s|\"\n", PLACE_VALUE, "a/x", "\"z\\\"s\"", false },
    { "[a]\nx = \"\"\"\n[b]\n|\n\"\"\"\n", PLACE_VALUE, "a/x", "\"\"\"\n[b]\n\n\"\"\"", false },
    { "[a]\nx = '''\n[b]\n'''\n|", PLACE_KEY, "a", "", false },
    { "x = [|]", PLACE_VALUE, "x", "", true },
    { "x = [\"a\", |]", PLACE_VALUE, "x", "", true },
    { "x = [\n  \"a|\",\n]", PLACE_VALUE, "x", "\"a\"", true },
    { "x = [\n  \"a\", # [b]\n]\n|", PLACE_KEY, "", "", false },
    /* brackets that were not closed end where a statement begins */
    { "[a]\nx = [\n  1,\ny = |\n", PLACE_VALUE, "a/y", "", false },
    { "[a]\nx = [\n  1,\n[b]\n|\n", PLACE_KEY, "b", "", false },
    /* inline tables */
    { "x = { | }", PLACE_KEY, "x", "", false },
    { "x = {|}", PLACE_KEY, "x", "", false },
    { "x = { a = 1, b|", PLACE_KEY, "x", "b", false },
    { "x = { a.b = | }", PLACE_VALUE, "x/a/b", "", false },
    { "x = [ { a = 1 }, { b| = 2 } ]", PLACE_KEY, "x", "b", false },
    { "x = { a = { b = \"v|\" } }", PLACE_VALUE, "x/a/b", "\"v\"", false },
    { "x = { a = 1\ny| = 2", PLACE_KEY, "", "y", false },
    { "\xEF\xBB\xBF|a = 1", PLACE_KEY, "", "a", false },
};

static void offsets_have_a_place(void **state) {
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str text;
        struct place place = find(a, cases[i].text, &text);
        if (place.kind != cases[i].kind) {
            fail_msg("%s: kind %d", cases[i].text, place.kind);
        }
        if (place.kind == PLACE_NONE) {
            continue;
        }
        str path = path_text(a, &place);
        str covered = str_slice(text, place.start, place.end);
        if (!str_eq(path, str_from_c(cases[i].path)) ||
            !str_eq(covered, str_from_c(cases[i].covered)) || place.in_list != cases[i].in_list) {
            fail_msg("%s: path %.*s, covers '%.*s', in a list: %d", cases[i].text, STR_FMT(path),
                     STR_FMT(covered), place.in_list);
        }
    }
}

static void words_come_without_quotes(void **state) {
    AUTO_ARENA a = arena_new();
    str text;
    assert_true(str_eq(find(a, "\"q k|\" = 1", &text).word, S("q k")));
    assert_true(str_eq(find(a, "'q|", &text).word, S("q")));
    assert_true(str_eq(find(a, "ba|re = 1", &text).word, S("bare")));
    assert_true(find(a, "[[x|]]", &text).is_array_header);
    assert_false(find(a, "[x|]", &text).is_array_header);
}

/* Deep nesting and any cut of a text end, whatever they find. */
static void any_text_ends(void **state) {
    AUTO_ARENA a = arena_new();
    static const char text[] =
        "[a.\"b\"]\nx = [ { y = 'z', w = \"\"\"q\"\"\" }, [1, 2] ] # c\n[[d]]\n";
    for (size_t len = 0; len < sizeof text; len++) {
        for (size_t at = 0; at <= len; at++) {
            struct place place;
            place_find((str){ text, len }, at, &place);
            assert_true(place.kind == PLACE_NONE || (place.start <= at && at <= place.end));
            assert_true(place.end <= len);
        }
    }
    size_t size = 100000;
    char *deep = arena_alloc(a, size);
    struct place place;
    memset(deep, '[', size);
    memcpy(deep, "x = ", 4);
    place_find((str){ deep, size }, size, &place);
    assert_int_equal(place.kind, PLACE_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_have_a_place),
        cmocka_unit_test(words_come_without_quotes),
        cmocka_unit_test(any_text_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

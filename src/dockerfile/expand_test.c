// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dockerfile/dockerfile.h"

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct dockerfile_expander expander;
    size_t lookups;
};

static bool find(void *self, str name, str *ret) {
    static const struct {
        str name;
        str value;
    } variables[] = {
        { S_INIT("A"), S_INIT("foobarbaz") },    { S_INIT("EMPTY"), S_INIT("") },
        { S_INIT("SP"), S_INIT(" a  b ") },      { S_INIT("P"), S_INIT("/usr/local/lib.so.1") },
        { S_INIT("U"), S_INIT("h\xC3\xA9llo") }, { S_INIT("S"), S_INIT("a*b?c\\d") },
    };
    struct fixture *f = self;
    f->lookups++;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        if (str_eq(variables[i].name, name)) {
            *ret = variables[i].value;
            return true;
        }
    }
    return false;
}

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){ .arena = arena_new() };
    sources_init(&f.sources, f.arena);
    diag_sink_init(&f.sink, f.arena, &f.sources);
    f.expander = (struct dockerfile_expander){
        .arena = f.arena, .sink = &f.sink, .escape = '\\', .find = find, .self = &f
    };
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    arena_free(f->arena);
    return 0;
}

static struct dockerfile_word word_of(struct fixture *f, const char *text) {
    uint32_t source = sources_add(&f->sources, S("Dockerfile"), str_from_c(text));
    return (struct dockerfile_word){ str_from_c(text), { source, 0, (uint32_t)strlen(text) } };
}

static void check(struct fixture *f, const char *text, const char *wanted) {
    str got;
    if (!dockerfile_expand(&f->expander, word_of(f, text), &got)) {
        fail_msg("'%s': %.*s", text, STR_FMT(f->sink.items[f->sink.len - 1].message));
    }
    if (!str_eq(got, str_from_c(wanted))) {
        fail_msg("'%s': got '%.*s', wanted '%s'", text, STR_FMT(got), wanted);
    }
}

static void patterns_cut_prefixes_and_suffixes(void **state) {
    struct fixture *f = *state;
    check(f, "${A#f*b}", "arbaz"); /* the examples of the reference */
    check(f, "${A##f*b}", "az");
    check(f, "${A%b*}", "foobar");
    check(f, "${A%%b*}", "foo");
    check(f, "${A/ba/fo}", "fooforbaz");
    check(f, "${A//ba/fo}", "fooforfoz");
    check(f, "${P##*/}", "lib.so.1");
    check(f, "${P%/*}", "/usr/local");
    check(f, "${P#*/}", "usr/local/lib.so.1");
    check(f, "${P%%.*}", "/usr/local/lib");
    check(f, "${A#?}", "oobarbaz");
    check(f, "${A#nothing}", "foobarbaz");
    check(f, "${A#}", "foobarbaz");
    check(f, "${A##*}", "");
    check(f, "${A%%*}", "");
    check(f, "${U#h?}", "llo"); /* a character, not a byte */
    check(f, "${U/?l/-}", "h-lo");
    check(f, "${UNSET#x}", "");
    check(f, "${A#$EMPTY}", "foobarbaz");
    check(f, "${A#${UNSET:-foo}}", "barbaz");
}

static void patterns_replace(void **state) {
    struct fixture *f = *state;
    check(f, "${A/o/0}", "f0obarbaz");
    check(f, "${A//o/0}", "f00barbaz");
    check(f, "${A//b?/}", "foorz");
    check(f, "${A/b*/X}", "fooX"); /* the longest match at the first place */
    check(f, "${A//*/X}", "X");
    check(f, "${EMPTY//*/X}", "X");
    check(f, "${A/x/y}", "foobarbaz");
    check(f, "${A//ba/$P}", "foo/usr/local/lib.so.1r/usr/local/lib.so.1z");
    check(f, "${P//\\//-}", "-usr-local-lib.so.1");
    check(f, "${S/\\*/star}", "astarb?c\\d");
    check(f, "${S/\\?/q}", "a*bqc\\d");
    check(f, "${S//\\\\/}", "a*b?cd");
}

static void escapes_and_quotes(void **state) {
    struct fixture *f = *state;
    check(f, "\\$A", "$A");
    check(f, "\"\\$A\\q\"", "$A\\q");
    check(f, "'$A'", "$A");
    check(f, "a\\ b", "a b");
    check(f, "pre\"$A\"'x'post", "prefoobarbazxpost");
    check(f, "${EMPTY:-\"a } b\"}", "a } b");
    check(f, "${A:+x\\}y}", "x}y");
    f->expander.escape = '`';
    check(f, "C:\\dir`$A\\$A", "C:\\dir$A\\foobarbaz");
    check(f, "\"a`\"b\\\"", "a\"b\\");
}

static void lists_split_what_is_not_quoted(void **state) {
    struct fixture *f = *state;
    str *words;
    size_t count;
    assert_true(
        dockerfile_expand_words(&f->expander, word_of(f, "x$SP\"$SP\"y z"), &words, &count));
    assert_int_equal(count, 5);
    assert_true(str_eq(words[0], S("x")));
    assert_true(str_eq(words[1], S("a")));
    assert_true(str_eq(words[2], S("b")));
    assert_true(str_eq(words[3], S(" a  b y")));
    assert_true(str_eq(words[4], S("z")));
    assert_true(dockerfile_expand_words(&f->expander, word_of(f, "$EMPTY ''"), &words, &count));
    assert_int_equal(count, 0);
}

static void lookups_are_seen(void **state) {
    struct fixture *f = *state;
    check(f, "$A${EMPTY:+$P}${UNSET:-$S}\\$A'$A'", "foobarbaza*b?c\\d$A$A");
    assert_int_equal(f->lookups, 5); /* A EMPTY P UNSET S */
}

static void heredocs_keep_quotes(void **state) {
    struct fixture *f = *state;
    struct dockerfile_heredoc h = { .expand = true,
                                    .chomp = true,
                                    .body_span = SPAN_NONE,
                                    .body = S("\t\"$A\" 'x' \\$A\n\t\ty\n") };
    str got;
    assert_true(dockerfile_expand_heredoc(&f->expander, &h, &got));
    assert_true(str_eq(got, S("\"foobarbaz\" 'x' $A\ny\n")));
    h.expand = h.chomp = false;
    assert_true(dockerfile_expand_heredoc(&f->expander, &h, &got));
    assert_true(str_eq(got, h.body));
}

static void mistakes_point_into_the_word(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text;
        const char *message;
        uint32_t start;
        uint32_t end;
    } cases[] = {
        { "ab'c", "the single quote is not closed", 2, 3 },
        { "ab\"$A", "the double quote is not closed", 2, 3 },
        { "x${A", "the '}' is missing", 1, 4 },
        { "x${A:-b", "the '}' is missing", 1, 7 },
        { "x${}y", "no variable name in ${}", 1, 4 },
        { "${A=b}", "unknown modifier in ${A=", 0, 4 },
        { "${A:#b}", "unknown modifier in ${A:#", 0, 5 },
        { "${A^^}", "unknown modifier in ${A^", 0, 4 },
        { "${A/x}", "the second '/' is missing in the substitution", 0, 6 },
        { "${UNSET?}", "UNSET is not set", 0, 9 },
        { "${EMPTY:?}", "EMPTY must not be empty", 0, 10 },
        { "${UNSET?say $A}", "UNSET: say foobarbaz", 0, 15 },
        { "${A#x\\", "the '}' is missing", 0, 6 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str got;
        f->sink.len = 0;
        assert_false(dockerfile_expand(&f->expander, word_of(f, cases[i].text), &got));
        assert_int_equal(f->sink.len, 1);
        const struct diag *d = &f->sink.items[0];
        if (!str_eq(d->message, str_from_c(cases[i].message))) {
            fail_msg("'%s': %.*s", cases[i].text, STR_FMT(d->message));
        }
        assert_int_equal(d->span.start, cases[i].start);
        assert_int_equal(d->span.end, cases[i].end);
    }
}

static void too_much_is_refused(void **state) {
    struct fixture *f = *state;
    AUTO_BUF text = BUF_INIT(2 * 1024 * 1024);
    str got;
    for (int i = 0; i < 200000; i++) {
        buf_add_c(&text, "$A");
    }
    struct dockerfile_word word = { buf_str(&text), SPAN_NONE };
    assert_false(dockerfile_expand(&f->expander, word, &got));

    buf_reset(&text);
    for (int i = 0; i < 100000; i++) {
        buf_add_c(&text, "${UNSET:-");
    }
    word.text = buf_str(&text);
    assert_false(dockerfile_expand(&f->expander, word, &got));

    buf_reset(&text);
    buf_add_c(&text, "${A##");
    buf_add_repeat(&text, '*', 1000000);
    for (int i = 0; i < 5; i++) {
        buf_add_c(&text, "}${A##*a*b*c*d}");
    }
    word.text = buf_str(&text);
    assert_true(dockerfile_expand(&f->expander, word, &got));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(patterns_cut_prefixes_and_suffixes),
        CASE(patterns_replace),
        CASE(escapes_and_quotes),
        CASE(lists_split_what_is_not_quoted),
        CASE(lookups_are_seen),
        CASE(heredocs_keep_quotes),
        CASE(mistakes_point_into_the_word),
        CASE(too_much_is_refused),
    };
    return cmocka_run_group_tests_name("expand", tests, NULL, NULL);
}

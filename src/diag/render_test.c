// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "diag/internal.h"

/* One source `f.toml`, one diagnostic at the first occurrence of `mark` in it. */
struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct buf out;
};

static int setup(void **state) {
    static struct fixture f;
    f.arena = arena_new();
    sources_init(&f.sources, f.arena);
    diag_sink_init(&f.sink, f.arena, &f.sources);
    f.out = BUF_INIT(1024 * 1024);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    buf_done(&f->out);
    arena_free(f->arena);
    return 0;
}

static struct span span_at(struct fixture *f, uint32_t source, const char *mark) {
    size_t at = str_find(f->sources.items[source]->text, str_from_c(mark), 0);
    assert_true(at != STR_NONE);
    return (struct span){ source, (uint32_t)at, (uint32_t)(at + strlen(mark)) };
}

static struct diag *report_at(struct fixture *f, const char *text, const char *mark,
                              const char *message) {
    uint32_t source = sources_add(&f->sources, S("f.toml"), str_from_c(text));
    return diag_report(&f->sink, "E003", span_at(f, source, mark), "%s", message);
}

static void check(struct fixture *f, enum diag_format format, size_t width, const char *wanted) {
    buf_reset(&f->out);
    diag_render(&f->sink, &(struct diag_style){ .format = format, .width = width }, &f->out);
    assert_string_equal(f->out.ptr, wanted);
}

static void text_shows_the_line_and_a_caret(void **state) {
    struct fixture *f = *state;
    report_at(f, "[build]\n\n\ncompression_level = 99\n", "99",
              "compression_level must be from 1 to 22, not 99");
    check(f, DIAG_TEXT, 0,
          "error: [E003] f.toml:4:21: compression_level must be from 1 to 22, not 99\n"
          "  4 | compression_level = 99\n"
          "    |                     ^^\n");
    check(f, DIAG_SHORT, 0,
          "f.toml:4:21: error: [E003] compression_level must be from 1 to 22, not 99\n");
}

static void notes_have_their_own_place(void **state) {
    struct fixture *f = *state;
    uint32_t first = sources_add(&f->sources, S("ai/a.toml"), S("\n\n\n\n\n\n\n\n\n[claude]\n"));
    uint32_t second = sources_add(&f->sources, S("ai/b.toml"), S("[claude]\n"));
    struct diag *d = diag_report(&f->sink, "E008", span_at(f, second, "claude"),
                                 "'claude' is defined in two files");
    diag_note(&f->sink, d, span_at(f, first, "claude"), "first defined here");
    diag_help(&f->sink, d, "rename one of them");
    diag_report(&f->sink, "W001", SPAN_NONE, "no registry");
    check(f, DIAG_TEXT, 0,
          "error: [E008] ai/b.toml:1:2: 'claude' is defined in two files\n"
          "   1 | [claude]\n"
          "     |  ^^^^^^\n"
          "note: ai/a.toml:10:2: first defined here\n"
          "  10 | [claude]\n"
          "     |  ^^^^^^\n"
          "help: rename one of them\n"
          "\n"
          "warning: [W001] no registry\n");
    check(f, DIAG_SHORT, 0,
          "ai/b.toml:1:2: error: [E008] 'claude' is defined in two files\n"
          "warning: [W001] no registry\n");
}

static void a_missing_path_has_no_source_line(void **state) {
    struct fixture *f = *state;
    uint32_t path = sources_add_path(&f->sources, S("guest/config"));
    diag_report(&f->sink, "E001", (struct span){ path, 0, 0 }, "no such folder");
    check(f, DIAG_TEXT, 0, "error: [E001] guest/config: no such folder\n");
}

static void tabs_and_wide_characters_keep_the_caret_in_place(void **state) {
    struct fixture *f = *state;
    report_at(f, "\tx\t= bad", "bad", "tabs");
    check(f, DIAG_TEXT, 0,
          "error: [E003] f.toml:1:6: tabs\n"
          "  1 |     x   = bad\n"
          "    |           ^^^\n");
    f->sink.len = 0;
    /* two wide letters, an e with a combining accent, then the mark with a wide letter in it */
    report_at(f, "\xED\x95\x9C\xEA\xB8\x80 e\xCC\x81 [\xED\x95\x9C]", "[\xED\x95\x9C]", "wide");
    check(f, DIAG_TEXT, 0,
          "error: [E003] f.toml:1:7: wide\n"
          "  1 | \xED\x95\x9C\xEA\xB8\x80 e\xCC\x81 [\xED\x95\x9C]\n"
          "    |        ^^^^\n");
}

static void an_empty_span_is_one_caret(void **state) {
    struct fixture *f = *state;
    uint32_t source = sources_add(&f->sources, S("f.toml"), S("key =\nx"));
    diag_report(&f->sink, "E002", (struct span){ source, 5, 5 }, "a value is missing");
    diag_report(&f->sink, "E002", (struct span){ source, 7, 7 }, "at the end");
    check(f, DIAG_TEXT, 0,
          "error: [E002] f.toml:1:6: a value is missing\n"
          "  1 | key =\n"
          "    |      ^\n"
          "\n"
          "error: [E002] f.toml:2:2: at the end\n"
          "  2 | x\n"
          "    |  ^\n");
}

static void spans_of_several_lines_show_them(void **state) {
    struct fixture *f = *state;
    report_at(f, "RUN one && \\\n    two && \\\n\n    three\nEND\n",
              "RUN one && \\\n    two && \\\n\n    three", "the command failed");
    check(f, DIAG_TEXT, 0,
          "error: [E003] f.toml:1:1: the command failed\n"
          "  1 | RUN one && \\\n"
          "    | ^^^^^^^^^^^^\n"
          "  2 |     two && \\\n"
          "  3 |\n"
          "  4 |     three\n");
    f->sink.len = 0;
    report_at(f, "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "2\n3\n4\n5\n6\n7\n8\n", "long");
    check(f, DIAG_TEXT, 0,
          "error: [E003] f.toml:2:1: long\n"
          "  2 | 2\n"
          "    | ^\n"
          "  3 | 3\n"
          "  4 | 4\n"
          "  5 | 5\n"
          "    | ...\n"
          "  8 | 8\n");
}

static void long_lines_are_cut_around_the_span(void **state) {
    struct fixture *f = *state;
    report_at(f,
              "begin 0123456789 0123456789 0123456789 0123456789 MARK 0123456789 0123456789 "
              "0123456789 0123456789 end",
              "MARK", "middle");
    check(f, DIAG_TEXT, 46,
          "error: [E003] f.toml:1:51: middle\n"
          "  1 | ...789 0123456789 MARK 0123456789 012...\n"
          "    |                   ^^^^\n");
    f->sink.len = 0;
    report_at(f, "MARK 0123456789 0123456789 0123456789 0123456789 end", "MARK", "start");
    check(f, DIAG_TEXT, 46,
          "error: [E003] f.toml:1:1: start\n"
          "  1 | MARK 0123456789 0123456789 0123456789...\n"
          "    | ^^^^\n");
    f->sink.len = 0;
    report_at(f, "begin 0123456789 0123456789 0123456789 0123456789 MARK", "MARK", "end");
    check(f, DIAG_TEXT, 46,
          "error: [E003] f.toml:1:51: end\n"
          "  1 | ...0123456789 0123456789 0123456789 MARK\n"
          "    |                                     ^^^^\n");
}

static void very_long_lines_are_only_looked_at_around_the_span(void **state) {
    struct fixture *f = *state;
    enum { SIDE = 300000 };
    char *text = arena_alloc(f->arena, 2 * SIDE + 5);
    memset(text, 'x', 2 * SIDE + 4);
    memcpy(text + SIDE, "MARK", 4);
    report_at(f, text, "MARK", "far");
    check(f, DIAG_TEXT, 46,
          "error: [E003] f.toml:1:300001: far\n"
          "  1 | ...xxxxxxxxxxxxxxxMARKxxxxxxxxxxxxxxx...\n"
          "    |                   ^^^^\n");
    f->sink.len = 0;
    report_at(f, text, text, "wide");
    check(f, DIAG_TEXT, 46,
          "error: [E003] f.toml:1:1: wide\n"
          "  1 | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\n"
          "    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n");
}

static void secrets_are_never_shown(void **state) {
    struct fixture *f = *state;
    struct diag *d = report_at(f, "token = \"sk-ant-0123456789abc\"\n", "\"sk-ant-0123456789abc\"",
                               "looks like a secret");
    d->secret = true;
    diag_note(&f->sink, d, d->span, "it is in the image");
    static const enum diag_format formats[] = { DIAG_TEXT, DIAG_SHORT, DIAG_JSON, DIAG_SARIF };
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        buf_reset(&f->out);
        diag_render(&f->sink, &(struct diag_style){ .format = formats[i] }, &f->out);
        assert_non_null(strstr(f->out.ptr, "looks like a secret"));
        assert_null(strstr(f->out.ptr, "sk-ant"));
    }
}

static void nothing_that_steers_a_terminal_is_printed(void **state) {
    struct fixture *f = *state;
    report_at(f, "x = \x1B[31m\x01\xE2\x80\xAE\xFF!", "!", "a\nb\x1B[0m\xFFz\t");
    check(f, DIAG_TEXT, 0,
          "error: [E003] f.toml:1:13: a\\nb\\x1b[0m\xEF\xBF\xBDz\\t\n"
          "  1 | x = \xEF\xBF\xBD[31m\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD!\n"
          "    |             ^\n");
}

static void colour_marks_severity_place_and_caret(void **state) {
    struct fixture *f = *state;
    report_at(f, "a = 1\n", "1", "no");
    diag_render(&f->sink, &(struct diag_style){ .color = true }, &f->out);
    assert_string_equal(f->out.ptr, "\033[1;31merror:\033[0m [E003] \033[1mf.toml:1:5:\033[0m no\n"
                                    "\033[34m  1 |\033[0m a = 1\n"
                                    "\033[34m    |\033[0m     \033[1;31m^\033[0m\n");
}

static void json_is_one_object_a_line(void **state) {
    struct fixture *f = *state;
    struct diag *d = report_at(f, "\xC3\xA9 = \"\xC3\xA9\"\n", "\"\xC3\xA9\"", "say \"no\" \xFF");
    diag_help(&f->sink, d, "yes");
    d = diag_report(&f->sink, "W001", SPAN_NONE, "no registry");
    diag_note(&f->sink, d, SPAN_NONE, "see the manual");
    check(f, DIAG_JSON, 0,
          "{\"code\":\"E003\",\"severity\":\"error\",\"file\":\"f.toml\",\"line\":1,\"column\":5,"
          "\"end_line\":1,\"end_column\":8,\"message\":\"say \\\"no\\\" \xEF\xBF\xBD\","
          "\"help\":\"yes\"}\n"
          "{\"code\":\"W001\",\"severity\":\"warning\",\"file\":null,\"line\":null,"
          "\"column\":null,\"end_line\":null,\"end_column\":null,\"message\":\"no registry\","
          "\"help\":null,\"note\":{\"file\":null,\"line\":null,\"column\":null,"
          "\"end_line\":null,\"end_column\":null,\"message\":\"see the manual\"}}\n");
}

static const char *string_at(json_t *value, const char *key) {
    return json_string_value(json_object_get(value, key));
}

static void sarif_names_rules_and_places(void **state) {
    struct fixture *f = *state;
    uint32_t source = sources_add(&f->sources, S("guest config/a.toml"), S("one\ntwo\n"));
    struct diag *d = diag_report(&f->sink, "E003", (struct span){ source, 4, 7 }, "bad");
    diag_help(&f->sink, d, "good");
    diag_note(&f->sink, d, (struct span){ source, 0, 3 }, "here too");
    diag_render(&f->sink, &(struct diag_style){ .format = DIAG_SARIF }, &f->out);

    json_t *log = json_loads(f->out.ptr, 0, NULL);
    assert_non_null(log);
    assert_string_equal(string_at(log, "version"), "2.1.0");
    json_t *run = json_array_get(json_object_get(log, "runs"), 0);
    json_t *result = json_array_get(json_object_get(run, "results"), 0);
    assert_string_equal(string_at(result, "ruleId"), "E003");
    assert_string_equal(string_at(result, "level"), "error");
    assert_string_equal(string_at(json_object_get(result, "message"), "text"), "bad\nhelp: good");
    json_t *rules =
        json_object_get(json_object_get(json_object_get(run, "tool"), "driver"), "rules");
    size_t index = (size_t)json_integer_value(json_object_get(result, "ruleIndex"));
    assert_string_equal(string_at(json_array_get(rules, index), "id"), "E003");

    json_t *place = json_object_get(json_array_get(json_object_get(result, "locations"), 0),
                                    "physicalLocation");
    assert_string_equal(string_at(json_object_get(place, "artifactLocation"), "uri"),
                        "guest%20config/a.toml");
    json_t *region = json_object_get(place, "region");
    assert_int_equal(json_integer_value(json_object_get(region, "startLine")), 2);
    assert_int_equal(json_integer_value(json_object_get(region, "endColumn")), 4);
    json_t *related = json_array_get(json_object_get(result, "relatedLocations"), 0);
    assert_string_equal(string_at(json_object_get(related, "message"), "text"), "here too");
    json_decref(log);
}

static void no_diagnostics_render_as_nothing_or_an_empty_log(void **state) {
    struct fixture *f = *state;
    diag_render(&f->sink, &(struct diag_style){ .format = DIAG_TEXT }, &f->out);
    diag_render(&f->sink, &(struct diag_style){ .format = DIAG_JSON }, &f->out);
    assert_int_equal(f->out.len, 0);
    diag_render(&f->sink, &(struct diag_style){ .format = DIAG_SARIF }, &f->out);
    json_t *log = json_loads(f->out.ptr, 0, NULL);
    json_t *run = json_array_get(json_object_get(log, "runs"), 0);
    assert_int_equal(json_array_size(json_object_get(run, "results")), 0);
    json_decref(log);
}

static void widths_follow_unicode(void **state) {
    (void)state;
    static const struct {
        uint32_t code;
        size_t width;
    } cases[] = {
        { 'a', 1 },    { 0xE9, 1 },    { 0x301, 0 },   { 0x200B, 0 },   { 0x4E2D, 2 },
        { 0xAC00, 2 }, { 0x1F600, 2 }, { 0xFF21, 2 },  { 0xFFFD, 1 },   { 0x2014, 1 },
        { 0x3000, 2 }, { 0xFE0F, 0 },  { 0x20000, 2 }, { 0x10FFFF, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(char_width(cases[i].code), cases[i].width);
    }
    assert_true(char_is_control(0x1B) && char_is_control(0x85) && char_is_control(0x202E));
    assert_false(char_is_control('~') || char_is_control(0xA0) || char_is_control(0x4E2D));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(text_shows_the_line_and_a_caret),
        CASE(notes_have_their_own_place),
        CASE(a_missing_path_has_no_source_line),
        CASE(tabs_and_wide_characters_keep_the_caret_in_place),
        CASE(an_empty_span_is_one_caret),
        CASE(spans_of_several_lines_show_them),
        CASE(long_lines_are_cut_around_the_span),
        CASE(very_long_lines_are_only_looked_at_around_the_span),
        CASE(secrets_are_never_shown),
        CASE(nothing_that_steers_a_terminal_is_printed),
        CASE(colour_marks_severity_place_and_caret),
        CASE(json_is_one_object_a_line),
        CASE(sarif_names_rules_and_places),
        CASE(no_diagnostics_render_as_nothing_or_an_empty_log),
        cmocka_unit_test(widths_follow_unicode),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <string.h>

#include "diag/diag.h"

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
};

static int setup(void **state) {
    static struct fixture f;
    f.arena = arena_new();
    sources_init(&f.sources, f.arena);
    diag_sink_init(&f.sink, f.arena, &f.sources);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    arena_free(f->arena);
    return 0;
}

static void the_order_is_severity_code_file_position(void **state) {
    struct fixture *f = *state;
    uint32_t b = sources_add(&f->sources, S("b.toml"), S("0123456789"));
    uint32_t a = sources_add(&f->sources, S("a.toml"), S("0123456789"));
    diag_report(&f->sink, "W001", (struct span){ a, 0, 1 }, "seventh");
    diag_report(&f->sink, "E004", (struct span){ a, 0, 1 }, "sixth");
    diag_report(&f->sink, "E003", (struct span){ b, 2, 3 }, "fourth");
    diag_report(&f->sink, "E003", (struct span){ b, 2, 3 }, "fifth");
    diag_report(&f->sink, "E003", (struct span){ a, 5, 6 }, "third");
    diag_report(&f->sink, "E003", (struct span){ a, 1, 2 }, "second");
    diag_report(&f->sink, "E003", SPAN_NONE, "first");
    diag_sort(&f->sink);
    static const char *const wanted[] = { "first", "second", "third",  "fourth",
                                          "fifth", "sixth",  "seventh" };
    assert_int_equal(f->sink.len, ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_true(str_eq(f->sink.items[i].message, str_from_c(wanted[i])));
    }
    assert_int_equal(f->sink.errors, 6);
    assert_int_equal(f->sink.warnings, 1);
}

static void too_many_are_counted_but_not_kept(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < DIAG_MAX + 7; i++) {
        struct diag *d = diag_report(&f->sink, "E002", SPAN_NONE, "number %d", i);
        diag_note(&f->sink, d, SPAN_NONE, "note %d", i);
        diag_help(&f->sink, d, "help %d", i);
    }
    assert_int_equal(f->sink.len, DIAG_MAX);
    assert_true(str_eq(f->sink.items[DIAG_MAX - 1].message, S("number 9999")));
    assert_true(str_eq(f->sink.items[DIAG_MAX - 1].help, S("help 9999")));
    assert_int_equal(f->sink.errors, DIAG_MAX + 7);
}

static void notes_and_help_are_kept(void **state) {
    struct fixture *f = *state;
    struct diag *d = diag_report(&f->sink, "E008", SPAN_NONE, "twice");
    assert_false(span_is_set(d->note_span));
    diag_note(&f->sink, d, (struct span){ 0, 1, 2 }, "first %s", "here");
    diag_help(&f->sink, d, "remove %d", 1);
    assert_true(str_eq(d->note, S("first here")));
    assert_true(str_eq(d->help, S("remove 1")));
    assert_int_equal(d->note_span.start, 1);
    assert_null(d->more);
    diag_note(&f->sink, d, (struct span){ 0, 3, 4 }, "second");
    diag_note(&f->sink, d, SPAN_NONE, "third");
    assert_true(str_eq(d->note, S("first here")));
    assert_true(str_eq(d->more->note, S("second")));
    assert_int_equal(d->more->span.start, 3);
    assert_true(str_eq(d->more->next->note, S("third")));
    assert_null(d->more->next->next);
}

static void codes_are_in_order_and_complete(void **state) {
    (void)state;
    for (size_t i = 0; i < diag_codes_count; i++) {
        const struct diag_code *code = &diag_codes[i];
        assert_int_equal(strlen(code->name), 4);
        assert_true(isdigit(code->name[1]) && isdigit(code->name[2]) && isdigit(code->name[3]));
        assert_int_equal(code->name[0], code->severity == DIAG_ERROR ? 'E' : 'W');
        assert_true(i == 0 || strcmp(diag_codes[i - 1].name, code->name) < 0);
        assert_true(strlen(code->title) > 0 && strlen(code->explanation) > 0);
        assert_ptr_equal(diag_code_find(str_from_c(code->name)), code);
    }
    assert_ptr_equal(diag_code_find(S("e003")), diag_code_find(S("E003")));
    assert_null(diag_code_find(S("E999")));
    assert_null(diag_code_find(S("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_order_is_severity_code_file_position, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_are_counted_but_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(notes_and_help_are_kept, setup, teardown),
        cmocka_unit_test(codes_are_in_order_and_complete),
    };
    return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "diag/diag.h"

static void codes_are_found_or_guessed(void **state) {
    static const struct {
        const char *given, *problem; /* NULL: it is a code */
    } cases[] = {
        { "E003", NULL },
        { "e003", NULL },
        { "E3", "unknown code 'E3', did you mean 'E003'?" },
        { "W9999", "unknown code 'W9999', did you mean 'W" },
        { "what ever", "unknown code 'what ever'; codes have the form E" },
        { "", "unknown code ''" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        const struct diag_code *code;
        bool good = diag_code_get(str_from_c(cases[i].given), &code, &err);
        assert_int_equal(good, cases[i].problem == NULL);
        if (good) {
            assert_string_equal(code->name, "E003");
        } else if (strstr(err.frames[0], cases[i].problem) == NULL) {
            fail_msg("%s", err.frames[0]);
        }
    }
}

static void formats_for_people_are_counted(void **state) {
    AUTO_ARENA a = arena_new();
    struct sources sources;
    struct diag_sink sink;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    for (int i = 0; diag_format_words[i] != NULL; i++) {
        AUTO_BUF out = BUF_INIT((size_t)65536);
        const struct diag_style style = { .format = diag_format_of(diag_format_words[i]) };
        assert_int_equal(style.format, i);
        diag_render_findings(&sink, &style, "guest", &out);
        bool people = style.format == DIAG_TEXT || style.format == DIAG_SHORT;
        bool counted = out.len > 0 && strstr(out.ptr, "guest: no errors, no warnings\n") != NULL;
        assert_int_equal(people, counted);
    }
}

static void one_is_not_several(void **state) {
    AUTO_ARENA a = arena_new();
    AUTO_BUF out = BUF_INIT((size_t)65536);
    struct sources sources;
    struct diag_sink sink;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    diag_report(&sink, "E002", SPAN_NONE, "x");
    diag_report(&sink, "W014", SPAN_NONE, "y");
    diag_report(&sink, "W014", SPAN_NONE, "z");
    diag_render_findings(&sink, &(struct diag_style){ .format = DIAG_SHORT }, "g", &out);
    assert_non_null(strstr(out.ptr, "\ng: 1 error, 2 warnings\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_found_or_guessed),
        cmocka_unit_test(formats_for_people_are_counted),
        cmocka_unit_test(one_is_not_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

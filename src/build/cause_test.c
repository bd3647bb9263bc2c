// SPDX-License-Identifier: Apache-2.0
/* Every row of cause.c with what the tool printed, shortened; it is included for its rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "build/cause.c"
#include "build/cause_cases.h"

static void what_tools_print_becomes_a_cause(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA arena = arena_new();
        struct build_cause got = build_cause_find(arena, str_from_c(cases[i].output), S("make"), 1);
        if (!str_eq(got.what, str_from_c(cases[i].want)) || got.help.len == 0) {
            fail_msg("%s: got '%.*s' and not '%s'", cases[i].output, STR_FMT(got.what),
                     cases[i].want);
        }
    }
}

static void every_row_has_a_case(void **state) {
    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(cases) && !found; i++) {
            AUTO_ARENA arena = arena_new();
            struct captures captures;
            struct lines lines = split(arena, str_from_c(cases[i].output));
            const struct cause_row *last = find_last(&lines);
            found = last != NULL && find_first_of_tool(&lines, last->tool, &captures) == &rows[r];
        }
        if (!found) {
            fail_msg("no case for '%s'", rows[r].pattern);
        }
    }
}

static void what_is_not_known_stays_so(void **state) {
    (void)state;
    static const char *const outputs[] = {
        "",
        "oh no\n",
        "all tests passed\n",
        "npm error code 1\nnpm error command failed\n",
        "usage: x [-h]\nx: error: unrecognized arguments: --y\n",
        "make: *** [Makefile:2: all] Error 1\n",
        "reading list: 3 found, 0 not found\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(outputs); i++) {
        AUTO_ARENA arena = arena_new();
        struct build_cause got = build_cause_find(arena, str_from_c(outputs[i]), S("make"), 1);
        if (got.what.len > 0) {
            fail_msg("%s: got '%.*s'", outputs[i], STR_FMT(got.what));
        }
    }
}

static void a_status_alone_tells_of_its_program(void **state) {
    (void)state;
    static const struct {
        const char *command;
        int status;
        const char *want;
    } silent[] = {
        { "curl -fs http://x/y -o y", 22, "the server answers curl with an error (22)" },
        { "set -e; /usr/bin/curl -s x", 6, "curl cannot resolve the host" },
        { "wget -q http://x/y", 8, "the server answers wget with an error" },
        { "wget -q http://x/y", 22, "" },
        { "apt-get install curl-dev", 22, "" },
        { "libcurl -x", 6, "" },
        { "make", 7, "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
        AUTO_ARENA arena = arena_new();
        struct build_cause got =
            build_cause_find(arena, S(""), str_from_c(silent[i].command), silent[i].status);
        assert_string_equal(str_to_c(arena, got.what), silent[i].want);
    }
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        AUTO_ARENA arena = arena_new();
        str command = str_fmt(arena, "x; %s", statuses[i].program);
        struct build_cause got = build_cause_find(arena, S(""), command, statuses[i].status);
        assert_string_equal(str_to_c(arena, got.what), statuses[i].what);
    }
}

static void later_lines_say_which_tool_it_was(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    static const str output = S_INIT("W: Failed to fetch x  Could not resolve 'm.invalid'\n"
                                     "\033[1mwarning\033[0m\n"
                                     "a.c:1:10: \033[31mfatal error: \033[0mx.h: No such file or "
                                     "directory\n"
                                     "make: *** [Makefile:2: a] Error 1\n");
    struct build_cause got = build_cause_find(arena, output, S("make"), 2);
    assert_string_equal(str_to_c(arena, got.what), "the compiler finds no header 'x.h'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_tools_print_becomes_a_cause),
        cmocka_unit_test(every_row_has_a_case),
        cmocka_unit_test(what_is_not_known_stays_so),
        cmocka_unit_test(a_status_alone_tells_of_its_program),
        cmocka_unit_test(later_lines_say_which_tool_it_was),
    };
    return cmocka_run_group_tests_name("cause", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "timing.h"

static size_t parse(const char *text, struct timing_stage stages[TIMING_STAGES_MAX]) {
    // Without the NUL, so that a sanitizer sees a read after the end.
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    size_t count = timing_parse(copy, len, stages);
    free(copy);
    return count;
}

static void stages_are_read_in_order(void **state) {
    struct timing_stage stages[TIMING_STAGES_MAX];
    size_t count = parse("{\"name\": \"squashfs\", \"duration_ms\": 12}\n"
                         "{\"duration_ms\":345,\"name\":\"overlayfs\"}",
                         stages);
    assert_int_equal(count, 2);
    assert_string_equal(stages[0].name, "squashfs");
    assert_int_equal(stages[0].duration_ms, 12);
    assert_string_equal(stages[1].name, "overlayfs");
    assert_int_equal(stages[1].duration_ms, 345);
}

static void other_lines_are_skipped(void **state) {
    static const char *const lines[] = {
        "",
        "\n\n",
        "text",
        "{\"name\": \"x\"}",
        "{\"duration_ms\": 3}",
        "{\"name\": 5, \"duration_ms\": 3}",
        "{\"name\": \"x\", \"duration_ms\": -3}",
        "{\"name\": \"\", \"duration_ms\": 3}",
        "{\"name\": \"unclosed",
        "{\"name\":",
        "{\"name\": \"a name that is far too long for a stage\", \"duration_ms\": 3}",
        "{\"name\": \"a\\\"b\", \"duration_ms\": 3}",
    };
    struct timing_stage stages[TIMING_STAGES_MAX];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (parse(lines[i], stages) != 0) {
            fail_msg("'%s'", lines[i]);
        }
    }
}

static void there_are_at_most_so_many(void **state) {
    char text[100 * 32] = "";
    size_t len = 0;
    static const char line[] = "{\"name\":\"s\",\"duration_ms\":1}\n";
    for (int i = 0; i < 100; i++) {
        memcpy(text + len, line, sizeof line);
        len += sizeof line - 1;
    }
    struct timing_stage stages[TIMING_STAGES_MAX];
    assert_int_equal(parse(text, stages), TIMING_STAGES_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_are_read_in_order),
        cmocka_unit_test(other_lines_are_skipped),
        cmocka_unit_test(there_are_at_most_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diag/diag.h"

static void secrets_are_masked_and_nothing_else(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *masked;
    } cases[] = {
        { "", "" },
        { "nothing to see", "nothing to see" },
        { "a sk-ant-0123456789 b", "a ***************** b" },
        { "sk-ant-012345678", "sk-ant-012345678" },
        { "x=AIza_-34567890;", "x=**************;" },
        { "sk-abcdefghijklmnopqrst", "***********************" },
        { "sk-abcdefghij-lmnopqrst", "sk-abcdefghij-lmnopqrst" },
        { "ghp_abcdefghijklmnopqrst ghp_abcdefghijklmnopqrst",
          "************************ ************************" },
        { "glpat-0123456789", "****************" },
        { "Bearer \tabcdefghij.klmnopqrs_t", "****** \t**********************" },
        { "Bearer abc", "Bearer abc" },
        { "Bearerabcdefghijklmnopqrst", "Bearerabcdefghijklmnopqrst" },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str text = str_from_c(cases[i].text);
        assert_string_equal(str_to_c(a, secret_mask(a, text)), cases[i].masked);
    }
}

static void messages_never_show_secrets(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct sources sources;
    struct diag_sink sink;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    uint32_t source =
        sources_add(&sources, S("f"), S("key = ghp_abcdefghijklmnopqrst # \xC3\xA9 here\n"));
    struct diag *d = diag_report(&sink, "E002", (struct span){ source, 6, 30 }, "found '%s'",
                                 "ghp_abcdefghijklmnopqrst");
    diag_help(&sink, d, "write \"%s\"", "ghp_abcdefghijklmnopqrst");
    for (int format = DIAG_TEXT; format <= DIAG_SARIF; format++) {
        AUTO_BUF out = BUF_INIT(1 << 20);
        diag_render(&sink, &(struct diag_style){ .format = (enum diag_format)format }, &out);
        assert_int_equal(str_find(buf_str(&out), S("ghp_a"), 0), STR_NONE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_masked_and_nothing_else),
        cmocka_unit_test(messages_never_show_secrets),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assets/assets.h"

static void text_has_sections_and_lines(void **state) {
    (void)state;
    const struct assets_tool_version system[] = {
        { .key = S("node"), .output = S("v22.1.0\n") },
        { .key = S("git"), .output = S("\n  \n git version 2.39\nmore\n") },
        { .key = S("odd"), .output = S("a\tb\x1B[0m\x7F") },
        { .key = S("gone"), .output = S("sh: gone: not found"), .failed = true },
        { .key = S("mute"), .output = S("") },
    };
    const struct assets_tool_version clis[] = {
        { .key = S("claude"), .output = S("1.0 (Claude Code)"), .required = true },
    };
    const struct assets_tool_section sections[] = {
        { S("System"), system, ARRAY_LEN(system) },
        { S("Python"), NULL, 0 },
        { S("AI CLIs"), clis, ARRAY_LEN(clis) },
    };
    AUTO_BUF out = BUF_INIT(10000);
    assets_tool_versions_text(sections, ARRAY_LEN(sections), &out);
    assert_string_equal(out.ptr, "# System\n"
                                 "node=v22.1.0\n"
                                 "git=git version 2.39\n"
                                 "odd=a b[0m\n"
                                 "gone=N/A\n"
                                 "mute=\n"
                                 "# AI CLIs\n"
                                 "claude=1.0 (Claude Code)\n");
    assert_null(assets_tool_versions_missing(sections, ARRAY_LEN(sections)));
}

static void required_tools_must_answer(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct assets_tool_version tool;
        bool missing;
    } cases[] = {
        { "answers", { S_INIT("x"), S_INIT("1.2\n"), false, true }, false },
        { "failed", { S_INIT("x"), S_INIT("1.2\n"), true, true }, true },
        { "says nothing", { S_INIT("x"), S_INIT(" \n\n"), false, true }, true },
        { "says N/A", { S_INIT("x"), S_INIT("N/A\n"), false, true }, true },
        { "not required", { S_INIT("x"), S_INIT(""), true, false }, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct assets_tool_section section = { S("AI CLIs"), &cases[i].tool, 1 };
        bool missing = assets_tool_versions_missing(&section, 1) == &cases[i].tool;
        if (missing != cases[i].missing) {
            fail_msg("%s", cases[i].name);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_sections_and_lines),
        cmocka_unit_test(required_tools_must_answer),
    };
    return cmocka_run_group_tests_name("tool_versions", tests, NULL, NULL);
}

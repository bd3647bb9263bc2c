// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mcp/internal.h"

static const char *const words[] = { "one", "two", "three", NULL };
static const struct mcp_tool tool = {
    .name = "t",
    .params = { { .name = "text", .help = "h", .kind = MCP_TEXT, .required = true, .alias = "old" },
                { .name = "word", .help = "h", .kind = MCP_WORD, .words = words },
                { .name = "flag", .help = "h", .kind = MCP_FLAG },
                { .name = "number", .help = "h", .kind = MCP_NUMBER, .min = 1, .max = 9 },
                { .name = "list", .help = "h", .kind = MCP_LIST } },
};

static void arguments_are_checked(void **state) {
    static const struct {
        const char *json, *problem; /* NULL: none */
    } cases[] = {
        { "{'text':'a'}", NULL },
        { "{'old':'a'}", NULL },
        { "{'old':'a','text':null,'word':null}", NULL },
        { "{'text':'','word':'three','flag':true,'number':9,'list':['x','']}", NULL },
        { "{}", "the argument 'text' is missing" },
        { "{'text':null}", "the argument 'text' is missing" },
        { "{'text':'a','old':'b'}", "the arguments 'text' and 'old' set the same value" },
        { "{'text':7}", "the argument 'text' is not a string" },
        { "{'text':'a\\u0000'}", "the argument 'text' holds a NUL character" },
        { "{'text':'a','what':1}", "unknown argument 'what'" },
        { "{'text':'a','word':'four'}",
          "the argument 'word' cannot be 'four'; it is one, two or three" },
        { "{'text':'a','word':1}", "the argument 'word' is not a string" },
        { "{'text':'a','flag':'yes'}", "the argument 'flag' is not a boolean" },
        { "{'text':'a','number':0}", "the argument 'number' is not an integer from 1 to 9" },
        { "{'text':'a','number':10}", "the argument 'number' is not an integer from 1 to 9" },
        { "{'text':'a','number':1.5}", "the argument 'number' is not an integer from 1 to 9" },
        { "{'text':'a','list':'x'}", "the argument 'list' is not an array" },
        { "{'text':'a','list':['x',1]}", "the argument 'list' is not a string" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[200];
        struct err err = ERR_INIT;
        snprintf(text, sizeof text, "%s", cases[i].json);
        for (char *c = text; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        AUTO_JSON json = json_loads(text, JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        bool good = mcp_arguments_check(tool.params, json, &err);
        if (good != (cases[i].problem == NULL)) {
            fail_msg("%s: %s", text, err.frames[0]);
        }
        if (!good) {
            assert_string_equal(err.frames[0], cases[i].problem);
        }
    }
    struct err err = ERR_INIT;
    assert_false(mcp_arguments_check(tool.params, NULL, &err));
    assert_true(mcp_arguments_check(tool.params + 1, NULL, &err));
}

static void what_was_not_given_has_a_default(void **state) {
    AUTO_ARENA a = arena_new();
    AUTO_JSON json = json_pack("{s:s, s:s, s:[s, s]}", "old", "x", "word", "two", "list", "1", "2");
    struct mcp_call call = { .arena = a, .tool = &tool, .arguments = json };
    const char *const *items;
    assert_string_equal(mcp_text(&call, "text"), "x");
    assert_string_equal(mcp_word(&call, "word"), "two");
    assert_int_equal(mcp_list(&call, "list", &items), 2);
    assert_string_equal(items[1], "2");
    assert_null(items[2]);
    call.arguments = NULL;
    assert_null(mcp_text(&call, "text"));
    assert_string_equal(mcp_word(&call, "word"), "one");
    assert_false(mcp_flag(&call, "flag"));
    assert_int_equal(mcp_number(&call, "number", 4), 4);
    assert_int_equal(mcp_list(&call, "list", &items), 0);
    assert_null(items[0]);
}

static void a_schema_says_all_of_it(void **state) {
    AUTO_JSON schema = mcp_schema(tool.params);
    const json_t *p = json_object_get(schema, "properties");
    assert_int_equal(json_object_size(p), 6); /* with the alias */
    const json_t *word = json_object_get(p, "word");
    assert_int_equal(json_array_size(json_object_get(word, "enum")), 3);
    assert_string_equal(json_string_value(json_object_get(word, "default")), "one");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(p, "number"), "maximum")),
                     9);
    /* of two names neither is required */
    assert_int_equal(json_array_size(json_object_get(schema, "required")), 0);
    assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
}

static void tools_that_change_something_can_be_left_out(void **state) {
    assert_non_null(mcp_tool_find("build", false));
    assert_null(mcp_tool_find("build", true));
    assert_null(mcp_tool_find("run", true));
    assert_null(mcp_tool_find("nothing", false));
    AUTO_JSON all = mcp_tools_list(false);
    AUTO_JSON some = mcp_tools_list(true);
    assert_int_equal(json_array_size(all), mcp_tool_count);
    for (size_t i = 0; i < mcp_tool_count; i++) {
        const struct mcp_tool *t = &mcp_tools[i];
        assert_ptr_equal(mcp_tool_find(t->name, true), t->read_only ? t : NULL);
        assert_false(t->read_only && (t->destroys || t->is_long || t->open_world));
        assert_int_equal(t->params[MCP_PARAMS_MAX - 1].kind, MCP_END);
    }
    assert_int_equal(json_array_size(some), mcp_tool_count - 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(what_was_not_given_has_a_default),
        cmocka_unit_test(a_schema_says_all_of_it),
        cmocka_unit_test(tools_that_change_something_can_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

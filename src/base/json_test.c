// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

static void strings_are_valid_json(void **state) {
    (void)state;
    static const struct {
        str text;
        const char *json;
    } cases[] = {
        { S_INIT(""), "\"\"" },
        { S_INIT("plain \xC3\xA9 text"), "\"plain \xC3\xA9 text\"" },
        { S_INIT("a\"b\\c"), "\"a\\\"b\\\\c\"" },
        { S_INIT("\n\r\t"), "\"\\n\\r\\t\"" },
        { S_INIT("\0x\x1F\x7F"), "\"\\u0000x\\u001f\\u007f\"" },
        { S_INIT("\xC2\x9B\xC2\xA0\xE2\x80\xA8"), "\"\\u009b\xC2\xA0\\u2028\"" },
        { S_INIT("\xFF"
                 "a\xC3"),
          "\"\xEF\xBF\xBD"
          "a\xEF\xBF\xBD\"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF out = BUF_INIT(1000);
        buf_add_json(&out, cases[i].text);
        assert_string_equal(out.ptr, cases[i].json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_valid_json),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

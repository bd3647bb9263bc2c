// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/csv.h"

static void fields_may_be_quoted(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *want; /* key>value, a space after each; or what is wrong */
    } cases[] = {
        { "type=tar,dest=a", "type>tar dest>a " },
        { "type=tar,\"dest=a,b\"", "type>tar dest>a,b " },
        { "\"dest=say \"\"x\"\", y\",TYPE=Tar", "dest>say \"x\", y type>Tar " },
        { "\"a=\"", "a> " },
        { "a=b=c", "a>b=c " },
        { "a", "a> " },
        { "a,", "a> > " },
        { "", "> " },
        { "\"a=b", "has a quote that is not closed" },
        { "\"a=b\"\"", "has a quote that is not closed" },
        { "\"", "has a quote that is not closed" },
        { "dest=\"a,b\"", "contains a quote: quote the whole of 'name=value'" },
        { "\"a=b\"c", "continues after a closing quote: quote the whole of 'name=value'" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA arena = arena_new();
        AUTO_BUF got = BUF_INIT(1024);
        str rest = str_from_c(cases[i].text);
        while (rest.ptr != NULL) {
            str key;
            str value;
            const char *wrong = csv_cut_pair(arena, &rest, &key, &value);
            if (wrong != NULL) {
                got.len = 0;
                buf_add_c(&got, wrong);
                break;
            }
            buf_addf(&got, "%.*s>%.*s ", STR_FMT(key), STR_FMT(value));
        }
        if (!str_eq(buf_str(&got), str_from_c(cases[i].want))) {
            fail_msg("'%s': got '%.*s'", cases[i].text, STR_FMT(buf_str(&got)));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_may_be_quoted),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}

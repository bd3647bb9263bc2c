// SPDX-License-Identifier: Apache-2.0
/* What names stand for: YAML of devices, RUN as it is shown. */
#include "base/testing.h"
#include "embedded/devices_yaml.h"
#include "embedded/internal.h"

#include <jansson.h>

/* ---- YAML ---- */

static void yaml_becomes_json(void **state) {
    static const struct {
        const char *yaml;
        const char *json;
    } cases[] = {
        { "a: 1\nb: [x, 'y']\n", "{\"a\": \"1\", \"b\": [\"x\", \"y\"]}" },
        { "a: ~\nb: 'null'\nc:\n", "{\"a\": null, \"b\": \"null\", \"c\": null}" },
        { "- &x {k: v}\n- *x\n", "[{\"k\": \"v\"}, {\"k\": \"v\"}]" },
        { "", "null" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        json_t *got = yaml_load(str_from_c(cases[i].yaml), &err);
        json_t *wanted = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
        print_message("%s", cases[i].yaml);
        assert_non_null(got);
        assert_true(json_equal(got, wanted));
        json_decref(got);
        json_decref(wanted);
    }
}

static void yaml_that_is_wrong_or_a_bomb_is_refused(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    assert_null(yaml_load(S("a: [\n"), &err));
    assert_non_null(strstr(err.frames[0], "line "));
    assert_null(yaml_load(S("? [a]\n: b\n"), &err));
    AUTO_BUF deep = BUF_INIT(4096);
    for (int i = 0; i < 100; i++) {
        buf_add_char(&deep, '[');
    }
    for (int i = 0; i < 100; i++) {
        buf_add_char(&deep, ']');
    }
    assert_null(yaml_load(buf_str(&deep), &err));
    AUTO_BUF bomb = BUF_INIT(4096);
    buf_add_c(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        buf_addf(&bomb, "a%d: &a%d [", i, i);
        for (int n = 0; n < 10; n++) {
            buf_addf(&bomb, "%s*a%d", n > 0 ? ", " : "", i - 1);
        }
        buf_add_c(&bomb, "]\n");
    }
    assert_null(yaml_load(buf_str(&bomb), &err));
}

/* ---- RUN ---- */

static void a_run_is_shown_without_what_says_nothing(void **state) {
    static const struct {
        const char *text;
        const char *shown;
    } cases[] = {
        { "RUN make all", "RUN make all" },
        { "RUN --mount=type=cache,target=/x --network=none make", "RUN make" },
        { "RUN <<EOF\n#!/bin/sh\nset -eu\n\n# why\nmake\nEOF", "RUN make ..." },
        { "RUN <<EOF\nset -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update\nEOF",
          "RUN apt-get update ..." },
        { "USER me", "USER me" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA a = arena_new();
        struct sources sources;
        struct diag_sink sink;
        const struct dockerfile *file;
        sources_init(&sources, a);
        diag_sink_init(&sink, a, &sources);
        str text = str_fmt(a, "FROM scratch\n%s\n", cases[i].text);
        assert_true(dockerfile_parse(a, &sink, sources_add(&sources, S("D"), text), &file));
        str shown = shown_text(a, file->stages[0].instructions[0]);
        assert_string_equal(str_to_c(a, shown), cases[i].shown);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_becomes_json),
        cmocka_unit_test(yaml_that_is_wrong_or_a_bomb_is_refused),
        cmocka_unit_test(a_run_is_shown_without_what_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

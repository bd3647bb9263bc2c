// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "docker/internal.h"

/* What is after "FROM base\n", and what an engine gets for it. */
static const struct {
    const char *text;
    const char *wanted;
} cases[] = {
    { "RUN make\n", "RUN make\n" },
    { "RUN cat << EOF >/f\nx\nEOF\n", "RUN [\"/bin/sh\", \"-c\", \"cat << EOF >/f\\nx\\nEOF\"]\n" },
    { "RUN <<EOF\n#!/bin/awk -f\nBEGIN {}\nEOF\n", "RUN <<EOF\n#!/bin/awk -f\nBEGIN {}\nEOF\n" },
    { "RUN --network=none <<- 'E F'\n\t#!/bin/awk -f\n\t\tBEGIN {}\n\tE F\n",
      "RUN --network=none <<'E F'\n#!/bin/awk -f\nBEGIN {}\nE F\n" },
    { "COPY << a.txt b /\nx\na.txt\nUSER a\n", "COPY <<a.txt b /\nx\na.txt\nUSER a\n" },
    { "ADD <<- \"a\" <<b /\n\tx\n\ta\nb\n", "ADD <<-\"a\" <<b /\n\tx\n\ta\nb\n" },
};

static void heredocs_are_as_older_frontends_know_them(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA arena = arena_new();
        struct sources sources;
        struct diag_sink sink;
        sources_init(&sources, arena);
        diag_sink_init(&sink, arena, &sources);
        const struct dockerfile *file;
        const struct host_files host = { 0 };
        const struct base_names bases = { 0 };
        str text = str_fmt(arena, "FROM base AS a\n%s", cases[i].text);
        assert_true(
            dockerfile_parse(arena, &sink, sources_add(&sources, S("Dockerfile"), text), &file));
        str got = rewrite(arena, file, text, &host, &bases);
        str wanted = str_fmt(arena, "FROM base AS a\n%s", cases[i].wanted);
        if (!str_eq(got, wanted)) {
            fail_msg("got '%.*s' and not '%.*s'", STR_FMT(got), STR_FMT(wanted));
        }
        assert_true(
            dockerfile_parse(arena, &sink, sources_add(&sources, S("Dockerfile"), got), &file));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heredocs_are_as_older_frontends_know_them),
    };
    return cmocka_run_group_tests_name("rewrite", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lsp/internal.h"

static void files_have_paths(void **state) {
    static const struct {
        const char *uri;
        const char *path; /* NULL: refused */
    } cases[] = {
        { "file:///a/b.toml", "/a/b.toml" },
        { "FILE:///a", "/a" },
        { "file://localhost/a", "/a" },
        { "file:/a", "/a" },
        { "file:///a%20b/%C3%A4.toml", "/a b/\xC3\xA4.toml" },
        { "file:///a/../b//c/.", "/b/c" },
        { "file:///", "/" },
        { "file://host/a", NULL },
        { "file:////a", NULL },
        { "file:///a%2", NULL },
        { "file:///a%", NULL },
        { "file:///a%zz", NULL },
        { "file:///a%00b", NULL },
        { "file:///a?b", NULL },
        { "file:///a#b", NULL },
        { "file:///a\nb", NULL },
        { "untitled:Untitled-1", NULL },
        { "file:relative", NULL },
        { "", NULL },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *path;
        bool ok = uri_to_path(a, str_from_c(cases[i].uri), &path);
        if (ok != (cases[i].path != NULL)) {
            fail_msg("%s", cases[i].uri);
        }
        if (ok) {
            assert_string_equal(path, cases[i].path);
        }
    }
}

static void paths_have_uris(void **state) {
    AUTO_ARENA a = arena_new();
    const char *back;
    static const char path[] = "/a b/\xC3\xA4%#?:~_-.toml";
    str uri = uri_from_path(a, str_from_c(path));
    assert_true(str_eq(uri, S("file:///a%20b/%C3%A4%25%23%3F%3A~_-.toml")));
    assert_true(uri_to_path(a, uri, &back));
    assert_string_equal(back, path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_have_paths),
        cmocka_unit_test(paths_have_uris),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "assets/internal.h"

static void put(struct tree *t, const char *path, uint32_t mode) {
    struct tree_meta meta = { .mode = mode };
    struct tree_entry *e;
    assert_true(tree_put_file(t, str_from_c(path), &meta, S("x"), &e, NULL));
}

static void what_must_not_be_is_found(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    struct tree_meta setgid = { .mode = 02775 };
    struct tree_entry *e;
    put(t, "usr/bin/plain", 0755);
    put(t, "usr/bin/su", 04755);
    put(t, "usr/bin/wall", 02755);
    put(t, "run/capsem/apt.conf", 0644);
    assert_true(tree_put_dir(t, S("var/mail"), &setgid, &e, NULL));
    assert_true(tree_put_link(t, S("etc"), &setgid, S("usr"), &e, NULL));
    static const char *const forbidden[] = { "/run/capsem", "/etc/bin", "/nowhere" };
    struct asset_gates gates = { .forbidden = forbidden, .forbidden_count = 3 };
    struct asset_finding *found;
    size_t count;
    assets_check_tree(t, &gates, a, &found, &count);
    assert_int_equal(count, 3);
    assert_string_equal(found[0].name, "/usr/bin/su");
    assert_string_equal(found[0].what, "is setuid");
    assert_string_equal(found[1].name, "/usr/bin/wall");
    assert_string_equal(found[1].what, "is setgid");
    assert_string_equal(found[2].name, "/run/capsem");
    gates.allow_setuid = true;
    assets_check_tree(t, &gates, a, &found, &count);
    assert_int_equal(count, 1);
}

static void findings_have_a_limit(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    for (int i = 0; i < 1000; i++) {
        char path[16];
        snprintf(path, sizeof path, "f%d", i);
        put(t, path, 06755);
    }
    struct asset_gates gates = { 0 };
    struct asset_finding *found;
    size_t count;
    assets_check_tree(t, &gates, a, &found, &count);
    assert_int_equal(count, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_must_not_be_is_found),
        cmocka_unit_test(findings_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

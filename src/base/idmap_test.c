// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "base/idmap.h"
#include <cmocka.h>

static void parses_what_the_kernel_prints(void **state) {
    (void)state;
    struct idmap m;
    assert_true(idmap_parse(S("         0       1000          1\n"
                              "         1     100000      65536\n"),
                            &m));
    assert_int_equal(m.len, 2);
    assert_int_equal(m.ranges[1].outside, 100000);
    assert_true(idmap_has(&m, 0));
    assert_true(idmap_has(&m, 65536));
    assert_false(idmap_has(&m, 65537));
    assert_false(idmap_is_whole(&m));
    assert_false(idmap_is_single(&m));
    assert_true(idmap_parse(S("0 1000 1\n"), &m));
    assert_true(idmap_is_single(&m));
    assert_false(idmap_has(&m, 1));
    assert_true(idmap_parse(S("0 0 4294967295\n"), &m));
    assert_true(idmap_is_whole(&m));
    assert_true(idmap_parse(S("0 0 65536\n"), &m));
    assert_false(idmap_is_whole(&m));
    assert_true(idmap_parse(S("0 0 4294967295\n"), &m));
    assert_false(idmap_has(&m, UINT32_MAX)); /* (uid_t)-1 is no id */
}

static void refuses_what_is_no_map(void **state) {
    (void)state;
    static const char *const texts[] = { "0 0\n", "a b c\n", "0 0 4294967296\n", "0 -1 1\n", "\n" };
    struct idmap m;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_false(idmap_parse(str_from_c(texts[i]), &m));
    }
}

static void says_how_to_get_more(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    assert_false(idmaps_refuse("etc/shadow", 0, 42, &err));
    assert_string_equal(err.frames[0], "'etc/shadow' cannot belong to 0:42: these IDs are "
                                       "not available to an unprivileged user here");
    assert_non_null(strstr(err.help, "uidmap"));
}

static void describes_maps(void **state) {
    (void)state;
    struct idmaps m;
    AUTO_BUF out = BUF_INIT(4096);
    assert_true(idmap_parse(S("0 0 4294967295\n"), &m.uids));
    m.gids = m.uids;
    idmaps_describe(&m, &out);
    assert_string_equal(out.ptr, "all\n");
    assert_true(idmap_parse(S("0 7 1\n1 100 20\n"), &m.uids));
    AUTO_BUF mapped = BUF_INIT(4096);
    idmaps_describe(&m, &mapped);
    assert_string_equal(mapped.ptr, "uid 0 7 1\nuid 1 100 20\ngid 0 0 4294967295\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_the_kernel_prints),
        cmocka_unit_test(refuses_what_is_no_map),
        cmocka_unit_test(says_how_to_get_more),
        cmocka_unit_test(describes_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "assets/fixture_test.h"

static const char *const all_three[ASSET_COUNT] = { "initrd", "rootfs", "kernel" };

static void damage_nothing(struct fixture *f) {
    assert_true(fs_exists(f->dirfd, "B3SUMS"));
}
static void damage_content(struct fixture *f) {
    put(f, "x86_64/vmlinuz", "kerneL");
}
static void damage_remove(struct fixture *f) {
    assert_int_equal(unlinkat(f->dirfd, "x86_64/initrd.img", 0), 0);
}
static void damage_kind(struct fixture *f) {
    damage_remove(f);
    assert_int_equal(os_make_special(f->dirfd, "x86_64/initrd.img", S_IFIFO | 0644, 0), 0);
}
static void damage_unlisted(struct fixture *f) {
    assert_int_equal(mkdirat(f->dirfd, "arm64", 0755), 0);
    put(f, "arm64/vmlinuz", "x");
}
static void damage_line(struct fixture *f) {
    put(f, "B3SUMS", str_fmt(f->arena, "%sgarbage\n", content(f, "B3SUMS")).ptr);
}
static void damage_twice(struct fixture *f) {
    const char *sums = content(f, "B3SUMS");
    put(f, "B3SUMS", str_fmt(f->arena, "%s%s", sums, strstr(sums, "rootfs") + 16).ptr);
}
static void damage_escape(struct fixture *f) {
    const char *sums = content(f, "B3SUMS");
    put(f, "B3SUMS", str_fmt(f->arena, "%s%.64s  ../vmlinuz\n", sums, sums).ptr);
}
static void damage_manifest(struct fixture *f) {
    put(f, "manifest.json", "{\"latest\": \"1\", \"releases\": {}}");
}
static void damage_json(struct fixture *f) {
    put(f, "manifest.json", "{");
}
static void damage_no_manifest(struct fixture *f) {
    assert_int_equal(unlinkat(f->dirfd, "manifest.json", 0), 0);
}

static void findings_name_what_is_wrong(void **state) {
    static const struct {
        void (*damage)(struct fixture *f);
        const char *name; /* NULL: nothing is found */
        const char *what;
    } cases[] = {
        { damage_nothing, NULL, NULL },
        { damage_content, "x86_64/vmlinuz", "does not match its checksum" },
        { damage_remove, "x86_64/initrd.img", "is missing" },
        { damage_kind, "x86_64/initrd.img", "is not a regular file" },
        { damage_unlisted, "arm64/vmlinuz", "is not in B3SUMS" },
        { damage_line, "B3SUMS", "line 4 is not a checksum and an asset name" },
        { damage_twice, "x86_64/vmlinuz", "appears twice in B3SUMS" },
        { damage_escape, "B3SUMS", "line 4 is not a checksum and an asset name" },
        { damage_manifest, "manifest.json", "does not agree with B3SUMS" },
        { damage_json, "manifest.json", "is not JSON" },
        { damage_no_manifest, "manifest.json", "is missing" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(fs_remove_tree(f->dirfd, "x86_64", NULL));
        assert_true(fs_remove_tree(f->dirfd, "arm64", NULL));
        struct assets_commit c = { .version = S("1") };
        assert_true(commit(f, "x86_64", all_three, &c, NULL));
        cases[i].damage(f);
        struct asset_finding *findings = NULL;
        size_t count = 99;
        assert_true(assets_verify(f->dir, 1, f->arena, &findings, &count, NULL));
        assert_int_equal(count, cases[i].name != NULL);
        if (count == 1) {
            assert_string_equal(findings[0].name, cases[i].name);
            assert_string_equal(findings[0].what, cases[i].what);
        }
    }
}

static void no_sums_is_an_error(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct asset_finding *findings = NULL;
    size_t count = 0;
    assert_false(assets_verify(f->dir, 1, f->arena, &findings, &count, &err));
    assert_int_equal(err.code, ENOENT);
    assert_false(assets_verify("/nowhere/at/all", 1, f->arena, &findings, &count, &err));
    assert_non_null(strstr(err.frames[0], "/nowhere/at/all"));
}

static void lines_of_our_form_parse(void **state) {
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
    static const struct {
        str line;
        bool ok;
    } cases[] = {
        { S_INIT(HEX64 "  x86_64/vmlinuz"), true },
        { S_INIT(HEX64 "  arm64/rootfs.squashfs"), true },
        { S_INIT(HEX64 " *x86_64/vmlinuz"), false },
        { S_INIT(HEX64 " x86_64/vmlinuz"), false },
        { S_INIT(HEX64 "  x86_64/vmlinux"), false },
        { S_INIT(HEX64 "  x86_64/a/vmlinuz"), false },
        { S_INIT(HEX64 "  /vmlinuz"), false },
        { S_INIT(HEX64 "  vmlinuz"), false },
        { S_INIT(HEX64), false },
        { S_INIT("0" HEX64 "  x86_64/vmlinuz"), false },
        { S_INIT("zz112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF  x/vmlinuz"),
          false },
        { S_INIT("\\" HEX64 "  x86_64/vmlinuz"), false },
        { S_INIT(""), false },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct asset_sum row;
        if (asset_sum_parse(f->arena, cases[i].line, &row) != cases[i].ok) {
            fail_msg("%.*s", STR_FMT(cases[i].line));
        }
    }
    struct asset_sum row;
    assert_true(asset_sum_parse(f->arena, cases[1].line, &row));
    assert_string_equal(row.arch, "arm64");
    assert_int_equal(row.asset, ASSET_ROOTFS);
    assert_int_equal(row.digest[1], 0x11);
    assert_int_equal(row.digest[31], 0xFF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(findings_name_what_is_wrong),
        TEST(no_sums_is_an_error),
        TEST(lines_of_our_form_parse),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}

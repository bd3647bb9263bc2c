// SPDX-License-Identifier: Apache-2.0
#include "run/test_guest.h"

#include <sys/stat.h>

#include "hash/hash.h"

static void files_have_a_place_in_the_ramdisk(void **state) {
    static const struct {
        const char *path, *place; /* NULL: it does not ride there */
        uint32_t mode;
    } cases[] = {
        { "capsem-init", "init", 0755 },
        { "bin/capsem-pty-agent", "deploy/usr/local/bin/capsem-pty-agent", 0555 },
        { "banner.txt", "deploy/etc/capsem-banner.txt", 0644 },
        { "capsem-doctor", "deploy/usr/local/bin/capsem-doctor", 0755 },
        { "capsem-ca.crt", NULL, 0 },
        { "unknown", NULL, 0 },
    };
    struct fixture *f = *state;
    put_guest(f, "");
    load_guest(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *place;
        uint32_t mode = 0;
        bool goes =
            run_repack_place(f->arena, &f->config, str_from_c(cases[i].path), &place, &mode);
        assert_int_equal(goes, cases[i].place != NULL);
        if (goes) {
            assert_string_equal(place, cases[i].place);
            assert_int_equal(mode, cases[i].mode);
        }
    }
}

#define HEADER                                                                                     \
    "070701"                                                                                       \
    "0123456789012345678901234567890123456789012345678901234567890123456789"                       \
    "0123456789012345678901234567890123"
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* newc: the name with its NUL, padded to a multiple of 4. */
#define MARKED                                                                                     \
    "BUIL" HEADER RUN_MARKER "\0"                                                                  \
    "\0"

static void the_builds_archive_is_found_again(void **state) {
    static const struct {
        str ramdisk;
        size_t built; /* 0: all of it */
    } cases[] = {
        { S_INIT("BUILT"), 0 },
        { S_INIT(MARKED "4 " DIGEST), 4 },
        { S_INIT(MARKED "4000 " DIGEST), 0 },
        { S_INIT(MARKED "x " DIGEST), 0 },
        /* the words alone are not an archive */
        { S_INIT(RUN_MARKER "\0"
                            "\0"
                            "1 " DIGEST),
          0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str digest;
        str built = run_built_archive(cases[i].ramdisk, &digest);
        size_t len = cases[i].built > 0 ? cases[i].built : cases[i].ramdisk.len;
        assert_int_equal(built.len, len);
        assert_int_equal(digest.len, cases[i].built > 0 ? 64 : 0);
    }
    assert_int_equal(sizeof HEADER - 1, 110);
}

static bool repack(struct fixture *f, struct make_failure *failure) {
    struct run_result times = { 0 };
    *failure = (struct make_failure){ .output = S(""), .err = ERR_INIT };
    return run_repack(&f->work, "x86_64", &times, failure) && times.has_repacked;
}

/* Three artifacts, and assets whose build.json knows them all. */
static void put_assets(struct fixture *f) {
    static const char *const paths[] = { "capsem-init", "capsem-bashrc", "diagnostics/x" };
    AUTO_BUF rows = BUF_INIT((size_t)4096);
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    uint8_t digest[BLAKE3_OUT_BYTES];
    blake3_bytes(S("one"), digest);
    hash_hex(digest, sizeof digest, hex);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        put(f, str_fmt(f->arena, "guest/artifacts/%s", paths[i]).ptr, "one");
        buf_addf(&rows, "%s{\"kind\":\"file\",\"name\":\"%s\",\"digest\":\"%s\"}", i > 0 ? "," : "",
                 paths[i], hex);
    }
    put(f, "assets/x86_64/initrd.img", "BUILT AS");
    put(f, "assets/x86_64/build.json",
        str_fmt(f->arena,
                "{\"templates\":{\"kernel\":{\"inputs\":[%s]},\"rootfs\":{\"inputs\":[%s]}}}",
                rows.ptr, rows.ptr)
            .ptr);
}

/* From the first boot to one with nothing changed any more: as `build` left it, to the byte. */
static void a_changed_file_rides_and_leaves_again(void **state) {
    struct fixture *f = *state;
    struct make_failure failure;
    struct stat one, two;
    put_guest(f, "");
    put_assets(f);
    f->request.guest = in(f, "guest");
    assert_true(repack(f, &failure));
    assert_true(str_eq(get(f, "assets/x86_64/initrd.img"), S("BUILT AS")));
    assert_false(fs_exists(AT_FDCWD, in(f, "assets/B3SUMS")));

    put(f, "guest/artifacts/capsem-bashrc", "two");
    assert_true(repack(f, &failure));
    str ramdisk = get(f, "assets/x86_64/initrd.img"), digest;
    assert_true(str_eq(run_built_archive(ramdisk, &digest), S("BUILT AS")));
    assert_int_equal(digest.len, 64);
    assert_true(str_find(ramdisk, S("deploy/etc/capsem-bashrc"), 0) != STR_NONE);
    assert_true(str_find(ramdisk, S("diagnostics"), 0) == STR_NONE);
    assert_true(fs_exists(AT_FDCWD, in(f, "assets/B3SUMS")));

    assert_int_equal(stat(in(f, "assets/x86_64/initrd.img"), &one), 0);
    assert_true(repack(f, &failure)); /* nothing is written again */
    assert_int_equal(stat(in(f, "assets/x86_64/initrd.img"), &two), 0);
    assert_int_equal(one.st_ino, two.st_ino);

    put(f, "guest/artifacts/capsem-bashrc", "three");
    assert_true(repack(f, &failure));
    str other = get(f, "assets/x86_64/initrd.img"), other_digest;
    assert_true(str_eq(run_built_archive(other, &other_digest), S("BUILT AS")));
    assert_false(str_eq(digest, other_digest));

    put(f, "guest/artifacts/capsem-bashrc", "one");
    assert_true(repack(f, &failure));
    assert_true(str_eq(get(f, "assets/x86_64/initrd.img"), S("BUILT AS")));
}

static void a_failure_says_what_was_done(void **state) {
    struct fixture *f = *state;
    struct make_failure failure;
    put_guest(f, "");
    f->request.guest = in(f, "guest");
    assert_false(repack(f, &failure));
    assert_says(&failure.err, "repack the ramdisk");
    assert_string_equal(failure.err.help, "build the assets first: capsem-builder build");
    put_guest(f, "broken =\n");
    assert_false(repack(f, &failure));
    assert_true(failure.sink.errors > 0);
    assert_false(err_is_set(&failure.err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        UNIT_TEST(files_have_a_place_in_the_ramdisk),
        UNIT_TEST(the_builds_archive_is_found_again),
        UNIT_TEST(a_changed_file_rides_and_leaves_again),
        UNIT_TEST(a_failure_says_what_was_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

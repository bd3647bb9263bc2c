// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "hash/internal.h"

/* The input of the published test vectors: bytes 0 to 250, again and again. */
static uint8_t *pattern(size_t len) {
    uint8_t *p = malloc(len + 1);
    for (size_t i = 0; i < len; i++) {
        p[i] = (uint8_t)(i % 251);
    }
    return p;
}

static const char key[] = "whats the Elvish word for friend";

static const struct {
    size_t len;
    const char *hash;
} vectors[] = {
    { 0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262" },
    { 1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213" },
    { 64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98" },
    { 65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee" },
    { 1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11" },
    { 1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7" },
    { 1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444" },
    { 2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a" },
    { 5121, "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff" },
    { 31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47" },
    { 102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085" },
};

static const char hash_1025[] = "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444f4"
                                "c4a22b4b399155358a994e52bf255de60035742ec71bd08ac275a1b51cc6bfe33"
                                "2b0ef84b409108cda080e6269ed4b3e2c3f7d722aa4cdc98d16deb554e5627be8f"
                                "955c98e1d5f9565a9194cad0c4285f93700062d9595adb992ae68ff12800ab67a";
static const char keyed_1025[] = "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69";
static const char derived_1025[] =
    "effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb";

static void assert_hash(const uint8_t hash[BLAKE3_OUT_BYTES], const char *hex) {
    char got[2 * BLAKE3_OUT_BYTES + 1];
    hash_hex(hash, BLAKE3_OUT_BYTES, got);
    assert_string_equal(got, hex);
}

static void assert_final(const struct blake3 *b, const char *hex) {
    uint8_t hash[BLAKE3_OUT_BYTES];
    blake3_final(b, hash);
    assert_hash(hash, hex);
}

static const size_t widths[] = { 1, 4, 8, 16 };

static void vectors_in_every_code(void **state) {
    (void)state;
    uint8_t *input = pattern(102400);
    for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
        blake3_limit_width(widths[w]);
        for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
            uint8_t hash[BLAKE3_OUT_BYTES];
            blake3_bytes((str){ (char *)input, vectors[i].len }, hash);
            assert_hash(hash, vectors[i].hash);
        }
    }
    blake3_limit_width(WIDTH_MAX);
    free(input);
}

static void keyed_derived_and_extended(void **state) {
    (void)state;
    uint8_t *input = pattern(1025);
    struct blake3 b;
    blake3_init_keyed(&b, (const uint8_t *)key);
    blake3_update(&b, input, 1025);
    assert_final(&b, keyed_1025);
    blake3_init_derive_key(&b, S("BLAKE3 2019-12-27 16:29:52 test vectors context"));
    blake3_update(&b, input, 1025);
    assert_final(&b, derived_1025);

    uint8_t expected[131];
    assert_true(hash_unhex(str_from_c(hash_1025), expected, sizeof expected));
    blake3_init(&b);
    blake3_update(&b, input, 1025);
    for (size_t offset = 0; offset < sizeof expected; offset++) {
        uint8_t got[131];
        blake3_final_xof(&b, offset, got, sizeof expected - offset);
        assert_memory_equal(got, expected + offset, sizeof expected - offset);
    }
    free(input);
}

/* The result does not depend on how the input is cut, and final changes nothing. */
static void any_cut_gives_the_same(void **state) {
    (void)state;
    static const size_t cuts[] = { 1, 63, 64, 65, 1000, 1024, 1025, 2048, 4096, 7777, 65536 };
    size_t len = 102400;
    uint8_t *input = pattern(len);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct blake3 b;
        blake3_init(&b);
        for (size_t at = 0; at < len; at += cuts[i]) {
            uint8_t ignored[BLAKE3_OUT_BYTES];
            blake3_final(&b, ignored);
            blake3_update(&b, input + at, min_size(cuts[i], len - at));
        }
        assert_final(&b, vectors[ARRAY_LEN(vectors) - 1].hash);
    }
    free(input);
}

static void every_length_agrees_with_plain_code(void **state) {
    (void)state;
    uint8_t *input = pattern(70000);
    for (size_t len = 0; len < 70000; len += len < 3000 ? 61 : 509) {
        uint8_t wide[BLAKE3_OUT_BYTES];
        uint8_t plain[BLAKE3_OUT_BYTES];
        blake3_bytes((str){ (char *)input, len }, wide);
        blake3_limit_width(1);
        blake3_bytes((str){ (char *)input, len }, plain);
        blake3_limit_width(WIDTH_MAX);
        assert_memory_equal(wide, plain, sizeof wide);
    }
    free(input);
}

static int memory_file(const void *data, size_t len) {
    int fd = os_open_unnamed("/tmp");
    assert_true(fd >= 0);
    assert_true(fs_write_all(fd, data, len, NULL));
    return fd;
}

static void threads_and_files_agree(void **state) {
    (void)state;
    static const size_t lens[] = { 0,       1,       524288,  524289,      786432,
                                   1048576, 1048577, 3000000, 8 * 1048576, 9000001 };
    uint8_t *input = pattern(9000001);
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        uint8_t expected[BLAKE3_OUT_BYTES];
        uint8_t got[BLAKE3_OUT_BYTES];
        blake3_bytes((str){ (char *)input, lens[i] }, expected);
        AUTO_FD fd = memory_file(input, lens[i]);
        for (unsigned threads = 0; threads < 4; threads++) {
            struct blake3 b;
            blake3_init(&b);
            blake3_update_threads(&b, input, lens[i], threads);
            blake3_final(&b, got);
            assert_memory_equal(got, expected, sizeof got);
            assert_true(blake3_fd_threads(fd, threads, got, NULL));
            assert_memory_equal(got, expected, sizeof got);
        }
    }
    free(input);
}

static void pipes_and_what_is_no_file(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "\0\1\2", 1), 1);
    close(ends[1]);
    uint8_t hash[BLAKE3_OUT_BYTES];
    assert_true(blake3_fd(ends[0], hash, NULL));
    assert_hash(hash, vectors[1].hash);
    close(ends[0]);

    struct err err = ERR_INIT;
    assert_false(blake3_file(AT_FDCWD, "/", hash, &err));
    assert_non_null(strstr(err.frames[0], "'/' is not a regular file"));
    assert_false(blake3_file(AT_FDCWD, "/nothing/here", hash, &err));
    assert_int_equal(err.code, ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_in_every_code),
        cmocka_unit_test(keyed_derived_and_extended),
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(every_length_agrees_with_plain_code),
        cmocka_unit_test(threads_and_files_agree),
        cmocka_unit_test(pipes_and_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "hash/internal.h"

/* FIPS 180-4's examples. */
static const struct {
    str text;
    const char *hash;
} cases[] = {
    { S_INIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { S_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { S_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void sha256_of_text_and_files(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t digest[SHA256_BYTES];
        char hex[2 * SHA256_BYTES + 1];
        sha256_bytes(cases[i].text, digest);
        hash_hex(digest, sizeof digest, hex);
        assert_string_equal(hex, cases[i].hash);

        AUTO_FD fd = os_open_unnamed("/tmp");
        assert_true(fs_write_all(fd, cases[i].text.ptr, cases[i].text.len, NULL));
        uint8_t again[SHA256_BYTES];
        assert_true(sha256_fd(fd, again, NULL));
        assert_memory_equal(again, digest, sizeof digest);
    }
}

/* In pieces of a read, and from where the file is. */
static void a_long_file_is_read_to_its_end(void **state) {
    static char text[200000];
    uint8_t digest[SHA256_BYTES];
    uint8_t again[SHA256_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * 7 % 251);
    }
    sha256_bytes((str){ text, sizeof text }, digest);
    AUTO_FD fd = os_open_unnamed("/tmp");
    assert_true(fs_write_all(fd, text, sizeof text, NULL));
    assert_true(sha256_fd(fd, again, NULL));
    assert_memory_equal(again, digest, sizeof digest);
}

static void hex_goes_both_ways(void **state) {
    (void)state;
    uint8_t bytes[3] = { 9, 9, 9 };
    assert_false(hash_unhex(S("0g0000"), bytes, 3));
    assert_false(hash_unhex(S("0000"), bytes, 3));
    assert_false(hash_unhex(S("00000000"), bytes, 3));
    assert_int_equal(bytes[0], 9);
    assert_true(hash_unhex(S("00fFa1"), bytes, 3));
    assert_int_equal(bytes[1], 255);
    char hex[7];
    hash_hex(bytes, 3, hex);
    assert_string_equal(hex, "00ffa1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_text_and_files),
        cmocka_unit_test(a_long_file_is_read_to_its_end),
        cmocka_unit_test(hex_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

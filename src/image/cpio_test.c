// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>
#include <zstd.h>

#include "image/fixture_test.h"

static str write_cpio(struct arena *a, const struct tree *t, enum image_compression compression) {
    AUTO_FD fd = memory_fd();
    struct image_cpio_options options = { .compression = compression, .epoch_s = 900 };
    assert_true(image_write_cpio(t, &options, fd, NULL));
    return content_of_fd(a, fd);
}

/* A field of the header at `at`: number i of thirteen. */
static uint32_t field(str archive, size_t at, size_t i) {
    uint32_t n = 0;
    for (size_t k = 0; k < 8; k++) {
        int digit = char_hex(archive.ptr[at + 6 + 8 * i + k]);
        assert_true(digit >= 0);
        n = n * 16 + (uint32_t)digit;
    }
    return n;
}

enum { INO, MODE, UID, GID, LINKS, MTIME, SIZE, RMAJOR = 9, RMINOR, NAME_BYTES };

static size_t align4(size_t n) {
    return (n + 3) & ~(size_t)3;
}

/* Offset of the entry `name`, from `at` on; STR_NONE after the trailer. */
static size_t find_entry(str archive, const char *name, size_t at) {
    for (;;) {
        assert_true(str_starts(str_slice(archive, at, archive.len), S("070701")));
        const char *found = archive.ptr + at + 110;
        if (strcmp(found, name) == 0) {
            return at;
        }
        if (strcmp(found, "TRAILER!!!") == 0) {
            return STR_NONE;
        }
        at = align4(at + 110 + field(archive, at, NAME_BYTES)) + align4(field(archive, at, SIZE));
    }
}

static void headers_say_what_the_tree_says(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    str archive = write_cpio(a, t, IMAGE_PLAIN);
    assert_int_equal(find_entry(archive, ".", 0), 0);
    assert_int_equal(field(archive, 0, MODE), S_IFDIR | 0755);
    assert_int_equal(field(archive, 0, MTIME), 5);
    size_t null = find_entry(archive, "dev/null", 0);
    assert_int_equal(field(archive, null, MODE), S_IFCHR | 0644);
    assert_int_equal(field(archive, null, RMAJOR), 1);
    assert_int_equal(field(archive, null, RMINOR), 3);
    assert_int_equal(field(archive, null, MTIME), 900);
    assert_int_equal(field(archive, null, UID), 7);
    size_t link = find_entry(archive, "etc/short", 0);
    assert_memory_equal(archive.ptr + align4(link + 110 + sizeof "etc/short"), "small", 5);
    assert_int_equal(field(archive, find_entry(archive, "usr/attributes", 0), MTIME), 0);
    assert_true(find_entry(archive, "TRAILER!!!", 0) + 124 == archive.len);
}

static void hard_links_have_their_content_once(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    str archive = write_cpio(a, t, IMAGE_PLAIN);
    static const char *const names[] = { "a-third-name", "usr/large", "usr/link-of-large" };
    size_t ino = field(archive, find_entry(archive, names[0], 0), INO);
    for (size_t i = 0; i < 3; i++) {
        size_t at = find_entry(archive, names[i], 0);
        assert_int_equal(field(archive, at, INO), ino);
        assert_int_equal(field(archive, at, LINKS), 3);
        assert_int_equal(field(archive, at, SIZE), i == 2 ? 300000 : 0);
    }
}

static void compressed_it_is_the_same(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    str archive = write_cpio(a, t, IMAGE_PLAIN);
    char *back = arena_alloc(a, archive.len + 1);

    str zstd = write_cpio(a, t, IMAGE_COMPRESS_ZSTD);
    assert_int_equal(ZSTD_decompress(back, archive.len, zstd.ptr, zstd.len), archive.len);
    assert_memory_equal(back, archive.ptr, archive.len);

    str gzip = write_cpio(a, t, IMAGE_COMPRESS_GZIP);
    z_stream z = { .next_in = (Bytef *)gzip.ptr,
                   .avail_in = (uInt)gzip.len,
                   .next_out = (Bytef *)back,
                   .avail_out = (uInt)archive.len };
    memset(back, 0, archive.len);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    inflateEnd(&z);
    assert_memory_equal(back, archive.ptr, archive.len);
    assert_true(str_eq(gzip, write_cpio(a, t, IMAGE_COMPRESS_GZIP)));
}

static void archives_stand_behind_each_other(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    fixture_file(t, "one", S("1"));
    str one = write_cpio(a, t, IMAGE_COMPRESS_ZSTD);
    AUTO_FD first = memory_fd();
    AUTO_FD all = memory_fd();
    assert_true(fs_write_all(first, one.ptr, one.len, NULL));
    lseek(first, 0, SEEK_SET);
    assert_true(image_append_archive(first, all, NULL));
    struct image_cpio_options options = { .epoch_s = 900, .root_owned = true };
    assert_true(image_write_cpio(t, &options, all, NULL));
    str both = content_of_fd(a, all);
    assert_true(str_starts(both, one));
    size_t second = align4(one.len);
    for (size_t i = one.len; i < second; i++) {
        assert_int_equal(both.ptr[i], 0);
    }
    str rest = str_slice(both, second, both.len);
    assert_int_equal(field(rest, find_entry(rest, "one", 0), UID), 0);
}

static void a_file_too_large_is_an_error(void **state) {
    (void)state;
    AUTO_TREE t = tree_new();
    struct tree_entry *e = fixture_file(t, "huge", S("x"));
    e->inode->size = (uint64_t)1 << 32;
    AUTO_FD fd = memory_fd();
    struct image_cpio_options options = { .epoch_s = 900 };
    struct err err = ERR_INIT;
    assert_false(image_write_cpio(t, &options, fd, &err));
    assert_int_equal(err.code, EFBIG);
    assert_string_equal(err.frames[1], "'/huge'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_say_what_the_tree_says),
        cmocka_unit_test(hard_links_have_their_content_once),
        cmocka_unit_test(compressed_it_is_the_same),
        cmocka_unit_test(archives_stand_behind_each_other),
        cmocka_unit_test(a_file_too_large_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

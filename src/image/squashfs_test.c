// SPDX-License-Identifier: Apache-2.0
/* What does not need a kernel that mounts the result: tests/integration/test_image.py does that. */
#include "image/fixture_test.h"

static const struct image_squashfs_options plain = {
    .codec = IMAGE_ZSTD,
    .level = 3,
    .epoch_s = 900,
    .threads = 1,
};

static str pack(struct arena *a, struct tree *t, const struct image_squashfs_options *options,
                struct image_squashfs_stats *stats) {
    AUTO_FD fd = memory_fd();
    struct err err = ERR_INIT;
    assert_true(fs_write_all(fd, "what was there before", 21, NULL));
    bool ok = image_write_squashfs(t, options, fd, stats, &err);
    if (!ok) {
        print_message("%s\n", err.frames[0]);
    }
    assert_true(ok);
    str image = content_of_fd(a, fd);
    assert_int_equal(image.len, stats->bytes);
    assert_int_equal(image.len % 4096, 0);
    return image;
}

static void threads_do_not_show(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    for (unsigned i = 0; i < 150; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%u", i);
        fixture_file(t, name, fixture_bytes(a, i * 400, i));
    }
    static const enum image_codec codecs[] = { IMAGE_GZIP, IMAGE_LZO, IMAGE_LZ4, IMAGE_XZ,
                                               IMAGE_ZSTD };
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct image_squashfs_options options = plain;
        options.codec = codecs[c];
        options.level = 1;
        struct image_squashfs_stats stats;
        str first = pack(a, t, &options, &stats);
        for (unsigned threads = 2; threads < 5; threads++) {
            options.threads = threads;
            assert_true(str_eq(first, pack(a, t, &options, &stats)));
        }
    }
}

static void the_cache_does_not_show(void **state) {
    (void)state;
    char path[] = "/tmp/image-test-XXXXXX";
    assert_non_null(mkdtemp(path));
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    struct image_squashfs_options options = plain;
    struct image_squashfs_stats stats;
    str without = pack(a, t, &options, &stats);
    uint64_t all = stats.compressed_blocks;
    assert_true(all >= stats.blocks);

    static const uint64_t compressed[] = { 1, 0, 0 }; /* of all blocks, first, then */
    for (size_t i = 0; i < ARRAY_LEN(compressed); i++) {
        assert_true(blocks_open(AT_FDCWD, path, &options.cache, NULL));
        assert_true(str_eq(without, pack(a, t, &options, &stats)));
        assert_true(compressed[i] != 0 ? stats.compressed_blocks > 0
                                       : stats.compressed_blocks == 0);
        assert_true(blocks_commit(options.cache, NULL));
        blocks_close(options.cache);
    }
    /* Another level knows nothing of these blocks. */
    options.level = 1;
    assert_true(blocks_open(AT_FDCWD, path, &options.cache, NULL));
    pack(a, t, &options, &stats);
    assert_int_equal(stats.compressed_blocks, all);
    blocks_close(options.cache);

    /* One more small file: all but its fragment block and the metadata are known. */
    options.level = plain.level;
    assert_true(blocks_open(AT_FDCWD, path, &options.cache, NULL));
    fixture_file(t, "etc/new", S("new"));
    pack(a, t, &options, &stats);
    assert_true(stats.compressed_blocks > 0 && stats.compressed_blocks < 8);
    blocks_close(options.cache);
    assert_true(fs_remove_tree(AT_FDCWD, path, NULL));
}

static void statistics_tell_what_was_done(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    struct image_squashfs_stats stats;
    pack(a, t, &plain, &stats);
    assert_int_equal(stats.inodes, tree_inode_count(t));
    assert_int_equal(stats.content_bytes, tree_content_bytes(t));
    assert_int_equal(stats.duplicate_files, 1);
    assert_int_equal(stats.xattrs_left_out, 1);
    /* 5 blocks of the large file, 1 that is a block exactly, the end of the zeros, fragments. */
    assert_int_equal(stats.blocks, 5 + 1 + 1 + stats.fragment_blocks);
}

static void holes_are_not_read(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    char path[] = "/tmp/image-test-XXXXXX";
    assert_non_null(mkdtemp(path));
    AUTO_FD dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FD file = openat(dir, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    off_t size = (off_t)1 << 40; /* its list of blocks alone is 64 MiB */
    bool sparse = ftruncate(file, size) == 0 && pwrite(file, "x", 1, size / 2) == 1;
    const char *layers[] = { path };
    AUTO_TREE t = NULL;
    assert_true(tree_open_layers(layers, 1, &t, NULL));
    struct image_squashfs_stats stats = { 0 };
    str image = sparse ? pack(a, t, &plain, &stats) : S("");
    assert_true(fs_remove_tree(AT_FDCWD, path, NULL));
    if (!sparse) {
        skip(); /* the file system has no files of that size */
    }
    assert_int_equal(stats.blocks, 1);
    assert_true(image.len < 1 << 20);
}

static void progress(void *self, uint64_t done_bytes, uint64_t total_bytes) {
    uint64_t *last = self;
    assert_true(done_bytes > *last && done_bytes <= total_bytes);
    *last = done_bytes;
}

static void progress_goes_up(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    fixture_file(t, "big", fixture_bytes(a, 5 << 20, 1));
    fixture_file(t, "big-too", fixture_bytes(a, 5 << 20, 1));
    uint64_t last = 0;
    struct image_progress p = { progress, &last };
    struct image_squashfs_options options = plain;
    options.progress = &p;
    struct image_squashfs_stats stats;
    pack(a, t, &options, &stats);
    assert_true(last > 9 << 20);
}

static void what_cannot_be_is_an_error(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = fixture_tree(a);
    struct image_squashfs_stats stats;
    AUTO_FD fd = memory_fd();
    struct image_squashfs_options options = plain;
    static const uint32_t sizes[] = { 1, 2048, 65537, 2 << 20 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        options.block_bytes = sizes[i];
        assert_false(image_write_squashfs(t, &options, fd, &stats, NULL));
    }
    options = plain;
    volatile sig_atomic_t cancelled = 1;
    options.cancelled = &cancelled;
    struct err err = ERR_INIT;
    assert_false(image_write_squashfs(t, &options, fd, &stats, &err));
    assert_int_equal(err.code, EINTR);

    AUTO_FD readonly = open("/dev/null", O_RDONLY | O_CLOEXEC);
    err = ERR_INIT;
    assert_false(image_write_squashfs(t, &plain, readonly, &stats, &err));
    assert_int_equal(err.code, EBADF);
    assert_null(image_codec_find(S("brotli")));
    assert_int_equal(image_codec_find(S("xz"))->codec, IMAGE_XZ);
}

static void levels_are_clamped(void **state) {
    (void)state;
    static const struct {
        enum image_codec codec;
        int level;
        uint32_t effective;
    } cases[] = {
        { IMAGE_ZSTD, 99, 22 }, { IMAGE_ZSTD, -5, 1 }, { IMAGE_GZIP, 22, 9 },
        { IMAGE_XZ, 15, 9 },    { IMAGE_LZO, 15, 9 },  { IMAGE_LZ4, 15, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct image_squashfs_options options = plain;
        options.codec = cases[i].codec;
        options.level = cases[i].level;
        struct codec c;
        assert_true(codec_init(&c, &options, NULL));
        assert_int_equal(c.config.level, cases[i].effective);
    }
}

static size_t find_node(const struct image_node *nodes, size_t count, const char *path) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(nodes[i].path, str_from_c(path))) {
            return i;
        }
    }
    fail_msg("no node %s", path);
    return 0;
}

static void an_image_is_read_back(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_TREE t = tree_new();
    AUTO_FD fd = memory_fd();
    struct err err = ERR_INIT;
    struct image_squashfs_stats stats;
    AUTO_IMAGE_READER r = NULL;
    size_t count;
    str text;
    bool same;
    str large = fixture_bytes(a, 200000, 2);
    fixture_file(t, "small/a", fixture_bytes(a, 10, 1));
    fixture_file(t, "large/deep/er/b", large);
    fixture_file(t, "large/twin", large);
    fixture_file(t, "loose", fixture_bytes(a, 5, 4));
    assert_true(image_write_squashfs(t, &plain, fd, &stats, &err));
    const char *path = str_fmt(a, "/proc/self/fd/%d", fd).ptr;
    assert_true(image_reader_open(a, path, &r, &err));
    const struct image_node *nodes = image_reader_nodes(r, &count);
    assert_true(str_eq(nodes[0].path, S("/")));
    size_t b = find_node(nodes, count, "/large/deep/er/b");
    size_t twin = find_node(nodes, count, "/large/twin");
    size_t loose = find_node(nodes, count, "/loose");
    assert_int_equal(nodes[b].bytes, 200000);
    assert_int_equal(nodes[b].same, 1); /* the blocks are there once, and each has half of them */
    assert_int_equal(nodes[b].packed_bytes, nodes[twin].packed_bytes);
    assert_true(nodes[b].packed_bytes > 0 && nodes[b].packed_bytes < stats.bytes);
    assert_true(image_reader_load(r, a, b, 200000, &text, &err));
    assert_true(str_eq(text, large));
    assert_false(image_reader_load(r, a, b, 199999, &text, &err));
    assert_true(image_reader_same(r, b, r, twin, &same, &err) && same);
    assert_true(image_reader_same(r, b, r, loose, &same, &err) && !same);
    struct image_reader *cut = NULL;
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_false(image_reader_open(a, path, &cut, &err));
    image_reader_close(cut);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(an_image_is_read_back),
        cmocka_unit_test(the_cache_does_not_show),
        cmocka_unit_test(statistics_tell_what_was_done),
        cmocka_unit_test(progress_goes_up),
        cmocka_unit_test(holes_are_not_read),
        cmocka_unit_test(what_cannot_be_is_an_error),
        cmocka_unit_test(levels_are_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

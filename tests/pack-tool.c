// SPDX-License-Identifier: Apache-2.0
/*
 * Packs layer folders (lowest first) in every format, for tests/integration/test_image.py and
 * bench/pack:
 *
 *     pack-tool [--squashfs OUT] [--tar OUT] [--cpio OUT] [--dir OUT] [OPTION VALUE]... LAYER...
 *
 * Prints one JSON object: what image_write_squashfs() says, and milliseconds of wall clock and CPU.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "image/image.h"
#include "store/blocks.h"

struct options {
    const char *squashfs, *tar, *cpio, *dir, *cache; /* paths, NULL: not wanted */
    const char *codec, *cpio_compression;
    uint64_t level, cpio_level, block_bytes, threads;
    int64_t epoch_s;
};

static const struct {
    const char *name;
    size_t offset;
    enum { TEXT, NUMBER, SIGNED } kind;
} option_rows[] = {
    { "--squashfs", offsetof(struct options, squashfs), TEXT },
    { "--tar", offsetof(struct options, tar), TEXT },
    { "--cpio", offsetof(struct options, cpio), TEXT },
    { "--dir", offsetof(struct options, dir), TEXT },
    { "--cache", offsetof(struct options, cache), TEXT },
    { "--codec", offsetof(struct options, codec), TEXT },
    { "--cpio-compression", offsetof(struct options, cpio_compression), TEXT },
    { "--epoch", offsetof(struct options, epoch_s), SIGNED },
    { "--level", offsetof(struct options, level), NUMBER },
    { "--cpio-level", offsetof(struct options, cpio_level), NUMBER },
    { "--block", offsetof(struct options, block_bytes), NUMBER },
    { "--threads", offsetof(struct options, threads), NUMBER },
};

static bool parse_option(struct options *o, const char *name, const char *value) {
    for (size_t i = 0; i < ARRAY_LEN(option_rows); i++) {
        if (strcmp(option_rows[i].name, name) == 0 && value != NULL) {
            void *field = (char *)o + option_rows[i].offset;
            switch (option_rows[i].kind) {
            case TEXT:
                *(const char **)field = value;
                return true;
            case NUMBER:
                return str_to_u64(str_from_c(value), field);
            case SIGNED:
                return str_to_i64(str_from_c(value), field);
            }
        }
    }
    return false;
}

static int create(const char *path, struct err *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        err_sys(err, errno, "open '%s'", path);
    }
    return fd;
}

static bool write_squashfs(struct tree *t, const struct options *o,
                           struct image_squashfs_stats *ret, struct err *err) {
    const struct image_codec_row *codec = image_codec_find(str_from_c(o->codec));
    if (codec == NULL) {
        return err_set(err, "no codec '%s'", o->codec);
    }
    AUTO_FD fd = create(o->squashfs, err);
    AUTO_BLOCKS cache = NULL;
    if (fd < 0 || (o->cache != NULL && !blocks_open(AT_FDCWD, o->cache, &cache, err))) {
        return false;
    }
    struct image_squashfs_options options = {
        .codec = codec->codec,
        .level = (int)o->level,
        .block_bytes = (uint32_t)o->block_bytes,
        .epoch_s = o->epoch_s,
        .threads = (unsigned)o->threads,
        .cache = cache,
    };
    return image_write_squashfs(t, &options, fd, ret, err) &&
           (cache == NULL || blocks_commit(cache, err));
}

static bool write_tar(const struct tree *t, const struct options *o, struct err *err) {
    AUTO_FD fd = create(o->tar, err);
    struct image_tar_options options = { .epoch_s = o->epoch_s };
    return fd >= 0 && image_write_tar(t, &options, fd, err);
}

static bool write_cpio(const struct tree *t, const struct options *o, struct err *err) {
    static const char *const names[] = {
        [IMAGE_PLAIN] = "plain",
        [IMAGE_COMPRESS_GZIP] = "gzip",
        [IMAGE_COMPRESS_ZSTD] = "zstd",
    };
    struct image_cpio_options options = { .epoch_s = o->epoch_s, .level = (int)o->cpio_level };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], o->cpio_compression) == 0) {
            options.compression = (enum image_compression)i;
        }
    }
    AUTO_FD fd = create(o->cpio, err);
    return fd >= 0 && image_write_cpio(t, &options, fd, err);
}

static bool write_dir(const struct tree *t, const struct options *o, struct err *err) {
    struct image_dir_options options = { .epoch_s = o->epoch_s };
    if (!fs_mkdir_p(AT_FDCWD, o->dir, 0755, err)) {
        return false;
    }
    AUTO_FD fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open '%s'", o->dir);
    }
    return image_write_dir(t, &options, fd, err);
}

static unsigned long cpu_ms(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (unsigned long)((r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
                           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000);
}

static long peak_kib(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_maxrss;
}

static bool run(const struct options *o, const char *const *layers, size_t count, struct err *err) {
    uint64_t start = time_now_ms();
    AUTO_TREE t = NULL;
    if (!tree_open_layers(layers, count, &t, err)) {
        return false;
    }
    uint64_t read = time_now_ms();
    struct image_squashfs_stats s = { 0 };
    if ((o->squashfs != NULL && !write_squashfs(t, o, &s, err)) ||
        (o->tar != NULL && !write_tar(t, o, err)) || (o->cpio != NULL && !write_cpio(t, o, err)) ||
        (o->dir != NULL && !write_dir(t, o, err))) {
        return false;
    }
    printf("{\"entries\": %zu, \"bytes\": %llu, \"blocks\": %llu, \"fragment_blocks\": %llu, "
           "\"compressed_blocks\": %llu, \"duplicate_files\": %llu, \"xattrs_left_out\": %llu, "
           "\"tree_ms\": %llu, \"wall_ms\": %llu, \"cpu_ms\": %lu, \"peak_kib\": %ld}\n",
           tree_entry_count(t), (unsigned long long)s.bytes, (unsigned long long)s.blocks,
           (unsigned long long)s.fragment_blocks, (unsigned long long)s.compressed_blocks,
           (unsigned long long)s.duplicate_files, (unsigned long long)s.xattrs_left_out,
           (unsigned long long)(read - start), (unsigned long long)(time_now_ms() - start),
           cpu_ms(), peak_kib());
    return true;
}

int main(int argc, char **argv) {
    struct options o = {
        .codec = "zstd", .level = 15, .epoch_s = IMAGE_EPOCH_NONE, .cpio_compression = "plain"
    };
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i += 2) {
        if (!parse_option(&o, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            fprintf(stderr, "pack-tool: what is '%s'?\n", argv[i]);
            return 2;
        }
    }
    struct err err = ERR_INIT;
    if (!run(&o, (const char *const *)argv + i, (size_t)(argc - i), &err)) {
        AUTO_BUF text = BUF_INIT(1 << 16);
        err_text(&err, &text);
        fprintf(stderr, "pack-tool: %s\n", text.ptr);
        return 1;
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * libsquashfs' compressors, wrapped: a block is first looked for in the cache of compressed
 * blocks. The wrapper is a compressor itself, so data and metadata blocks go through the same
 * door.
 */
#include <sqfs/error.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

/* Sorted as the enum. */
static const struct image_codec_row codec_rows[] = {
    { "gzip", IMAGE_GZIP, SQFS_GZIP_MIN_LEVEL, SQFS_GZIP_MAX_LEVEL },
    { "lzo", IMAGE_LZO, 1, SQFS_LZO_MAX_LEVEL },
    { "lz4", IMAGE_LZ4, 0, 0 },
    { "xz", IMAGE_XZ, 1, SQFS_XZ_MAX_LEVEL },
    { "zstd", IMAGE_ZSTD, SQFS_ZSTD_MIN_LEVEL, SQFS_ZSTD_MAX_LEVEL },
};
static const SQFS_COMPRESSOR codec_ids[] = {
    [IMAGE_GZIP] = SQFS_COMP_GZIP, [IMAGE_LZO] = SQFS_COMP_LZO,   [IMAGE_LZ4] = SQFS_COMP_LZ4,
    [IMAGE_XZ] = SQFS_COMP_XZ,     [IMAGE_ZSTD] = SQFS_COMP_ZSTD,
};

const struct image_codec_row *image_codec_find(str name) {
    for (size_t i = 0; i < ARRAY_LEN(codec_rows); i++) {
        if (str_eq(str_from_c(codec_rows[i].name), name)) {
            return &codec_rows[i];
        }
    }
    return NULL;
}

static const struct {
    int code;
    const char *text;
} sqfs_errors[] = {
    { SQFS_ERROR_ALLOC, "out of memory" },
    { SQFS_ERROR_IO, "input or output failed" },
    { SQFS_ERROR_COMPRESSOR, "the compressor failed" },
    { SQFS_ERROR_INTERNAL, "libsquashfs reported an internal error" },
    { SQFS_ERROR_CORRUPTED, "damaged data" },
    { SQFS_ERROR_UNSUPPORTED, "not supported by libsquashfs" },
    { SQFS_ERROR_OVERFLOW, "a number is too large for the format" },
    { SQFS_ERROR_OUT_OF_BOUNDS, "out of bounds" },
    { SQFS_ERROR_ARG_INVALID, "not possible with these options" },
};

bool err_sqfs(struct err *err, int code, const char *what) {
    for (size_t i = 0; i < ARRAY_LEN(sqfs_errors); i++) {
        if (sqfs_errors[i].code == code) {
            return err_set(err, "%s: %s", what, sqfs_errors[i].text);
        }
    }
    return err_set(err, "%s: libsquashfs error %d", what, code);
}

/* --- the wrapper ------------------------------------------------------------------------------ */

struct cached {
    sqfs_compressor_t base;
    sqfs_compressor_t *inner;
    struct blocks *cache;
    uint8_t key[BLAKE3_KEY_BYTES];
    uint64_t compressed;
    uint8_t *scratch; /* larger than any block becomes: a codec may fail when it runs out */
    uint32_t scratch_bytes;
};

static void cached_destroy(sqfs_object_t *object) {
    struct cached *c = (struct cached *)object;
    sqfs_destroy(c->inner);
    free(c->scratch);
    free(c);
}

static void cached_configuration(const sqfs_compressor_t *cmp, sqfs_compressor_config_t *cfg) {
    const struct cached *c = (const struct cached *)cmp;
    c->inner->get_configuration(c->inner, cfg);
}

static int cached_write_options(sqfs_compressor_t *cmp, sqfs_file_t *file) {
    struct cached *c = (struct cached *)cmp;
    return c->inner->write_options(c->inner, file);
}

static int cached_read_options(sqfs_compressor_t *cmp, sqfs_file_t *file) {
    struct cached *c = (struct cached *)cmp;
    return c->inner->read_options(c->inner, file);
}

static sqfs_s32 give(const void *data, size_t len, sqfs_u8 *out, sqfs_u32 out_bytes) {
    if (len == 0 || len > out_bytes) {
        return 0;
    }
    memcpy(out, data, len);
    return (sqfs_s32)len;
}

static sqfs_s32 cached_do_block(sqfs_compressor_t *cmp, const sqfs_u8 *in, sqfs_u32 size,
                                sqfs_u8 *out, sqfs_u32 out_bytes) {
    struct cached *c = (struct cached *)cmp;
    uint8_t key[BLAKE3_OUT_BYTES];
    if (c->cache != NULL) {
        struct blake3 hash;
        struct block known;
        blake3_init_keyed(&hash, c->key);
        blake3_update(&hash, in, size);
        blake3_final(&hash, key);
        if (blocks_find(c->cache, key, &known)) {
            return give(known.data, known.len, out, out_bytes);
        }
    }
    c->compressed++;
    sqfs_s32 len = c->inner->do_block(c->inner, in, size, c->scratch, c->scratch_bytes);
    if (len < 0) {
        return len;
    }
    size_t useful = (uint32_t)len < size ? (size_t)len : 0;
    if (c->cache != NULL) {
        blocks_add(c->cache, key, c->scratch, useful);
    }
    return give(c->scratch, useful, out, out_bytes);
}

uint64_t codec_compressed(const sqfs_compressor_t *opened) {
    return ((const struct cached *)opened)->compressed;
}

bool codec_open(const struct codec *c, struct blocks *cache, sqfs_compressor_t **ret,
                struct err *err) {
    sqfs_compressor_t *inner;
    int code = 0;
    if (c->config.id == SQFS_COMP_LZO) {
        inner = codec_lzo_new(&c->config);
    } else {
        code = sqfs_compressor_create(&c->config, &inner);
    }
    if (code != 0) {
        return err_sqfs(err, code, sqfs_compressor_name_from_id(c->config.id));
    }
    struct cached *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    w->base = (sqfs_compressor_t){
        .base = { cached_destroy, NULL },
        .get_configuration = cached_configuration,
        .write_options = cached_write_options,
        .read_options = cached_read_options,
        .do_block = cached_do_block,
    };
    w->inner = inner;
    w->cache = cache;
    memcpy(w->key, c->key, sizeof w->key);
    w->scratch_bytes = c->config.block_size + c->config.block_size / 8 + 4096;
    w->scratch = malloc(w->scratch_bytes);
    ASSERT(w->scratch != NULL);
    *ret = &w->base;
    return true;
}

/* --- options and key -------------------------------------------------------------------------- */

static int clamp_level(const struct image_codec_row *row, int level) {
    level = level < row->level_min ? row->level_min : level;
    return level > row->level_max ? row->level_max : level;
}

/*
 * The cache must not mix the output of two versions of a compression library, and they do not all
 * tell their version: so the key holds, besides the parameters, what a sample becomes.
 */
static bool make_key(struct codec *c, struct err *err) {
    enum { SAMPLE_BYTES = BLOCK_BYTES_MIN };
    uint8_t sample[SAMPLE_BYTES];
    uint8_t out[2 * SAMPLE_BYTES];
    uint32_t state = 1;
    for (size_t i = 0; i < SAMPLE_BYTES; i++) { /* neither text nor noise: matches of all lengths */
        state = state * 1664525 + 1013904223;
        size_t back = 1 + (state >> 20) % 500;
        sample[i] = i > back && state >> 29 != 0 ? sample[i - back] : (uint8_t)(state >> 24);
    }
    sqfs_compressor_t *probe;
    if (!codec_open(c, NULL, &probe, err)) {
        return false;
    }
    sqfs_s32 len = probe->do_block(probe, sample, SAMPLE_BYTES, out, sizeof out);
    sqfs_destroy(probe);
    if (len < 0) {
        return err_sqfs(err, len, sqfs_compressor_name_from_id(c->config.id));
    }
    struct blake3 hash;
    blake3_init_derive_key(&hash, S("capsem-builder 2026 squashfs block cache"));
    blake3_update(&hash, &c->config, sizeof c->config);
    blake3_update(&hash, out, (size_t)len);
    blake3_final(&hash, c->key);
    return true;
}

bool codec_init(struct codec *c, const struct image_squashfs_options *options, struct err *err) {
    const struct image_codec_row *row = &codec_rows[options->codec];
    memset(c, 0, sizeof *c); /* all of it is part of the key */
    uint16_t flags = options->codec == IMAGE_LZ4 ? SQFS_COMP_FLAG_LZ4_HC : 0;
    uint32_t block_bytes = options->block_bytes == 0 ? BLOCK_BYTES_DEFAULT : options->block_bytes;
    int code =
        sqfs_compressor_config_init(&c->config, codec_ids[options->codec], block_bytes, flags);
    if (code != 0) {
        return err_sqfs(err, code, row->name);
    }
    if (row->level_max > 0) {
        c->config.level = (uint32_t)clamp_level(row, options->level);
    }
    return make_key(c, err);
}

// SPDX-License-Identifier: Apache-2.0
/* LZO as one of libsquashfs' compressors: the library has the interface, and not the codec. */
#include <sqfs/block.h>
#include <sqfs/error.h>
#include <sqfs/super.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"
#include "image/lzo.h"

struct lzo_compressor {
    sqfs_compressor_t base;
    sqfs_compressor_config_t config;
    struct lzo *lzo;
};

static void lzo_destroy(sqfs_object_t *object) {
    struct lzo_compressor *c = (struct lzo_compressor *)object;
    lzo_free(c->lzo);
    free(c);
}

static void lzo_configuration(const sqfs_compressor_t *cmp, sqfs_compressor_config_t *cfg) {
    *cfg = ((const struct lzo_compressor *)cmp)->config;
}

/* Behind the superblock, as a metadata block that is not compressed: algorithm and level, unless
 * they are what readers take for granted. Only `unsquashfs -s` looks at it. */
static int lzo_write_options(sqfs_compressor_t *cmp, sqfs_file_t *file) {
    enum { OPTIONS_BYTES = 8, BLOCK_STORED = 0x8000 };
    const struct lzo_compressor *c = (const struct lzo_compressor *)cmp;
    if (c->config.level == SQFS_LZO_DEFAULT_LEVEL) {
        return 0;
    }
    uint8_t block[2 + OPTIONS_BYTES] = { OPTIONS_BYTES, BLOCK_STORED >> 8 };
    store_le32(block + 2, SQFS_LZO1X_999);
    store_le32(block + 6, c->config.level);
    int code = file->write_at(file, sizeof(sqfs_super_t), block, sizeof block);
    return code < 0 ? code : (int)sizeof block;
}

static int lzo_read_options(sqfs_compressor_t *cmp, sqfs_file_t *file) {
    (void)cmp;
    (void)file;
    return SQFS_ERROR_UNSUPPORTED;
}

static sqfs_s32 lzo_do_block(sqfs_compressor_t *cmp, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
                             sqfs_u32 out_bytes) {
    struct lzo_compressor *c = (struct lzo_compressor *)cmp;
    size_t len = lzo_compress(c->lzo, (int)c->config.level, in, size, out, out_bytes);
    return len < size ? (sqfs_s32)len : 0;
}

sqfs_compressor_t *codec_lzo_new(const sqfs_compressor_config_t *config) {
    struct lzo_compressor *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->base = (sqfs_compressor_t){
        .base = { lzo_destroy, NULL },
        .get_configuration = lzo_configuration,
        .write_options = lzo_write_options,
        .read_options = lzo_read_options,
        .do_block = lzo_do_block,
    };
    c->config = *config;
    /* Metadata blocks go through it too, whatever the size of data blocks. */
    c->lzo = lzo_new(max_size(config->block_size, SQFS_META_BLOCK_SIZE));
    ASSERT(c->lzo != NULL);
    return &c->base;
}

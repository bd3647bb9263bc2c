// SPDX-License-Identifier: Apache-2.0
#include "image/sink.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum {
    IN_BYTES = 256 * 1024,
    OUT_BYTES = 256 * 1024,
    GZIP_LEVEL = 9,
    GZIP_LEVEL_MAX = 9,
    GZIP_WINDOW = 15 + 16, /* 16: with gzip's header, which holds no name and no time */
    GZIP_MEMORY = 9,
    ZSTD_LEVEL = 19,
};

struct sink {
    int fd;
    enum image_compression compression;
    uint8_t *in; /* gathered, not yet compressed */
    size_t in_len;
    uint64_t written;
    struct sha256 *hash; /* may be NULL */
    uint8_t *out;
    ZSTD_CCtx *zstd;
    z_stream gzip;
    bool gzip_open;
};

bool sink_open(int fd, enum image_compression compression, int level, struct sink **ret,
               struct err *err) {
    struct sink *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    s->fd = fd;
    s->compression = compression;
    s->in = malloc(IN_BYTES);
    s->out = malloc(OUT_BYTES);
    ASSERT(s->in != NULL && s->out != NULL);
    bool ok = true;
    switch (compression) {
    case IMAGE_PLAIN:
        break;
    case IMAGE_COMPRESS_GZIP:
        level = level == 0 ? GZIP_LEVEL : level > GZIP_LEVEL_MAX ? GZIP_LEVEL_MAX : level;
        ok = deflateInit2(&s->gzip, level, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                          Z_DEFAULT_STRATEGY) == Z_OK;
        s->gzip_open = ok;
        break;
    case IMAGE_COMPRESS_ZSTD:
        s->zstd = ZSTD_createCCtx();
        level = level == 0 ? ZSTD_LEVEL : level > ZSTD_maxCLevel() ? ZSTD_maxCLevel() : level;
        ok = s->zstd != NULL &&
             !ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, level)) &&
             !ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1));
        break;
    }
    if (!ok) {
        sink_close(s);
        return err_set(err, "start the compressor");
    }
    *ret = s;
    return true;
}

void sink_close(struct sink *s) {
    if (s == NULL) {
        return;
    }
    if (s->gzip_open) {
        deflateEnd(&s->gzip);
    }
    ZSTD_freeCCtx(s->zstd);
    free(s->in);
    free(s->out);
    free(s);
}

static bool flush_gzip(struct sink *s, bool last, struct err *err) {
    s->gzip.next_in = s->in;
    s->gzip.avail_in = (uInt)s->in_len;
    int rc;
    do {
        s->gzip.next_out = s->out;
        s->gzip.avail_out = OUT_BYTES;
        rc = deflate(&s->gzip, last ? Z_FINISH : Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return err_set(err, "compress: zlib error %d", rc);
        }
        if (!fs_write_all(s->fd, s->out, OUT_BYTES - s->gzip.avail_out, err)) {
            return false;
        }
    } while (s->gzip.avail_out == 0 || (last && rc != Z_STREAM_END));
    return true;
}

static bool flush_zstd(struct sink *s, bool last, struct err *err) {
    ZSTD_inBuffer in = { s->in, s->in_len, 0 };
    size_t left;
    do {
        ZSTD_outBuffer out = { s->out, OUT_BYTES, 0 };
        left = ZSTD_compressStream2(s->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            return err_set(err, "compress: %s", ZSTD_getErrorName(left));
        }
        if (!fs_write_all(s->fd, s->out, out.pos, err)) {
            return false;
        }
    } while (in.pos < in.size || (last && left > 0));
    return true;
}

static bool flush(struct sink *s, bool last, struct err *err) {
    bool ok = false;
    if (s->hash != NULL) {
        sha256_update(s->hash, s->in, s->in_len);
    }
    switch (s->compression) {
    case IMAGE_PLAIN:
        ok = fs_write_all(s->fd, s->in, s->in_len, err);
        break;
    case IMAGE_COMPRESS_GZIP:
        ok = flush_gzip(s, last, err);
        break;
    case IMAGE_COMPRESS_ZSTD:
        ok = flush_zstd(s, last, err);
        break;
    }
    s->in_len = 0;
    return ok;
}

bool sink_write(struct sink *s, const void *data, size_t len, struct err *err) {
    const uint8_t *p = data;
    s->written += len;
    while (len > 0) {
        if (s->in_len == IN_BYTES && !flush(s, false, err)) {
            return false;
        }
        size_t take = min_size(len, IN_BYTES - s->in_len);
        memcpy(s->in + s->in_len, p, take);
        s->in_len += take;
        p += take;
        len -= take;
    }
    return true;
}

bool sink_finish(struct sink *s, struct err *err) {
    return flush(s, true, err);
}

void sink_set_hash(struct sink *s, struct sha256 *hash) {
    s->hash = hash;
}

uint64_t sink_written(const struct sink *s) {
    return s->written;
}

// SPDX-License-Identifier: Apache-2.0
/* A layer's blob while it arrives: counted, hashed, decompressed, hashed again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "hash/hash.h"
#include "images/internal.h"

enum {
    BLOCK_BYTES = 256 * 1024,
    /* What a layer may unpack to: no real one is packed better. */
    UNPACKED_FREE_BYTES = 64 * 1024 * 1024,
    UNPACKED_RATIO_MAX = 200,
};

enum coding {
    CODING_UNKNOWN,
    CODING_PLAIN,
    CODING_GZIP,
    CODING_ZSTD,
};

struct layer_stream {
    int fd;
    int keepfd;
    enum coding coding;
    uint64_t blob_bytes; /* come so far */
    uint64_t tar_bytes;
    uint64_t tar_max;
    struct sha256 blob_hash;
    struct sha256 tar_hash;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool at_start;        /* of a compressed piece: the stream may end here */
    bool at_end;          /* of the blob */
    const uint8_t *input; /* not decoded yet */
    size_t input_len;
    uint8_t in[BLOCK_BYTES];
    uint8_t out[BLOCK_BYTES];
};

struct layer_stream *layer_stream_open(int fd, uint64_t size_bytes, int keepfd) {
    struct layer_stream *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    s->fd = fd;
    s->keepfd = keepfd;
    s->at_start = true;
    if (!mul_u64(size_bytes, UNPACKED_RATIO_MAX, &s->tar_max) ||
        !add_u64(s->tar_max, UNPACKED_FREE_BYTES, &s->tar_max)) {
        s->tar_max = UINT64_MAX;
    }
    sha256_init(&s->blob_hash);
    sha256_init(&s->tar_hash);
    return s;
}

void layer_stream_close(struct layer_stream *s) {
    if (s->coding == CODING_GZIP) {
        inflateEnd(&s->gzip);
    }
    ZSTD_freeDStream(s->zstd);
    sha256_done(&s->blob_hash);
    sha256_done(&s->tar_hash);
    free(s);
}

/* More input after what there is; at_end when there is none. */
static bool fill(struct layer_stream *s, struct err *err) {
    memmove(s->in, s->input, s->input_len);
    s->input = s->in;
    ssize_t n;
    do {
        n = read(s->fd, s->in + s->input_len, sizeof s->in - s->input_len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return err_sys(err, errno, "read the layer");
    }
    if (!fs_write_all(s->keepfd, s->in + s->input_len, (size_t)n, err)) {
        return err_wrap(err, "keep the layer's blob");
    }
    sha256_update(&s->blob_hash, s->in + s->input_len, (size_t)n);
    s->blob_bytes += (uint64_t)n;
    s->input_len += (size_t)n;
    s->at_end = n == 0;
    return true;
}

/* By its first bytes: registries are not careful with media types. */
static bool find_coding(struct layer_stream *s, struct err *err) {
    static const uint8_t gzip_magic[] = { 0x1F, 0x8B };
    static const uint8_t zstd_magic[] = { 0x28, 0xB5, 0x2F, 0xFD };
    s->input = s->in;
    while (s->input_len < sizeof zstd_magic && !s->at_end) {
        if (!fill(s, err)) {
            return false;
        }
    }
    s->coding = CODING_PLAIN;
    if (s->input_len >= sizeof gzip_magic && memcmp(s->input, gzip_magic, sizeof gzip_magic) == 0) {
        s->coding = CODING_GZIP;
        ASSERT(inflateInit2(&s->gzip, 16 + MAX_WBITS) == Z_OK);
    } else if (s->input_len >= sizeof zstd_magic &&
               memcmp(s->input, zstd_magic, sizeof zstd_magic) == 0) {
        s->coding = CODING_ZSTD;
        s->zstd = ZSTD_createDStream();
        ASSERT(s->zstd != NULL);
    }
    return true;
}

static void consume(struct layer_stream *s, size_t len) {
    s->input += len;
    s->input_len -= len;
}

/* RFC 1952: members may follow each other. */
static bool decode_gzip(struct layer_stream *s, size_t *ret, struct err *err) {
    if (s->at_start && s->input_len > 0 && s->blob_bytes > s->input_len) {
        inflateReset(&s->gzip);
    }
    s->gzip.next_in = (uint8_t *)(uintptr_t)s->input;
    s->gzip.avail_in = (unsigned)s->input_len;
    s->gzip.next_out = s->out;
    s->gzip.avail_out = sizeof s->out;
    int rc = inflate(&s->gzip, Z_NO_FLUSH);
    consume(s, s->input_len - s->gzip.avail_in);
    *ret = sizeof s->out - s->gzip.avail_out;
    s->at_start = rc == Z_STREAM_END;
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ||
           err_set(err, "the compressed data is damaged");
}

static bool decode_zstd(struct layer_stream *s, size_t *ret, struct err *err) {
    ZSTD_inBuffer in = { s->input, s->input_len, 0 };
    ZSTD_outBuffer out = { s->out, sizeof s->out, 0 };
    size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);
    consume(s, in.pos);
    *ret = out.pos;
    s->at_start = rc == 0;
    return !ZSTD_isError(rc) || err_set(err, "the compressed data is damaged");
}

static bool decode(struct layer_stream *s, size_t *ret, struct err *err) {
    switch (s->coding) {
    case CODING_GZIP:
        return decode_gzip(s, ret, err);
    case CODING_ZSTD:
        return decode_zstd(s, ret, err);
    case CODING_PLAIN:
    case CODING_UNKNOWN:
        break;
    }
    *ret = min_size(s->input_len, sizeof s->out);
    memcpy(s->out, s->input, *ret);
    consume(s, *ret);
    return true;
}

bool layer_stream_read(struct layer_stream *s, const void **ret, size_t *ret_len, struct err *err) {
    size_t len = 0;
    if (s->coding == CODING_UNKNOWN && !find_coding(s, err)) {
        return false;
    }
    while (len == 0) {
        if (s->input_len == 0 && !s->at_end && !fill(s, err)) {
            return false;
        }
        bool was_at_end = s->at_end && s->input_len == 0;
        if (was_at_end && (s->at_start || s->coding == CODING_PLAIN)) {
            break;
        }
        if (!decode(s, &len, err)) {
            return false;
        }
        if (len == 0 && was_at_end) {
            return err_set(err, "the compressed data ends too early");
        }
    }
    s->tar_bytes += len;
    if (s->tar_bytes > s->tar_max) {
        return err_set(err, "it unpacks to more than %llu bytes, too many for a layer of its size",
                       (unsigned long long)s->tar_max);
    }
    sha256_update(&s->tar_hash, s->out, len);
    *ret = s->out;
    *ret_len = len;
    return true;
}

static bool check(struct sha256 *hash, str wanted, const char *what, struct err *err) {
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256_final(hash, digest);
    hash_hex(digest, sizeof digest, hex);
    return str_eq(str_slice(wanted, S("sha256:").len, wanted.len), str_from_c(hex)) ||
           err_set(err, "%s has the digest sha256:%s, not %.*s", what, hex, STR_FMT(wanted));
}

bool layer_stream_finish(struct layer_stream *s, const struct layer_source *source,
                         struct err *err) {
    const void *block;
    size_t len;
    do {
        if (!layer_stream_read(s, &block, &len, err)) {
            return false;
        }
    } while (len > 0);
    if (s->blob_bytes != source->size_bytes) {
        return err_set(err, "it has %llu bytes, not %llu", (unsigned long long)s->blob_bytes,
                       (unsigned long long)source->size_bytes);
    }
    return check(&s->blob_hash, source->blob_digest, "the download", err) &&
           check(&s->tar_hash, source->diff_id, "its content", err);
}

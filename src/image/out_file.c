// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sqfs/error.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

enum { PENDING_BYTES = 1 << 20 };

static int write_at(struct out_file *f, uint64_t offset, const void *data, size_t len) {
    const uint8_t *p = data;
    while (len > 0) {
        ssize_t n = pwrite(f->fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            f->failed = f->failed == 0 ? errno : f->failed;
            return SQFS_ERROR_IO;
        }
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int flush(struct out_file *f) {
    int code = write_at(f, f->size - f->pending_len, f->pending, f->pending_len);
    f->pending_len = 0;
    return code;
}

static int append(struct out_file *f, const void *data, size_t len) {
    int code = 0;
    if (f->pending_len + len > PENDING_BYTES) {
        code = flush(f);
    }
    if (code == 0 && len > PENDING_BYTES) {
        code = write_at(f, f->size, data, len);
    } else if (code == 0) {
        memcpy(f->pending + f->pending_len, data, len);
        f->pending_len += len;
    }
    f->size += len;
    return code;
}

/* libsquashfs appends, and writes the superblock over what it wrote first. */
static int file_write_at(sqfs_file_t *file, sqfs_u64 offset, const void *data, size_t len) {
    struct out_file *f = (struct out_file *)file;
    if (offset == f->size) {
        return append(f, data, len);
    }
    int code = flush(f);
    if (code == 0) {
        code = write_at(f, offset, data, len);
        f->size = offset + len > f->size ? offset + len : f->size;
    }
    return code;
}

static int file_read_at(sqfs_file_t *file, sqfs_u64 offset, void *data, size_t len) {
    struct out_file *f = (struct out_file *)file;
    int code = flush(f);
    for (uint8_t *p = data; code == 0 && len > 0;) {
        ssize_t n = pread(f->fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? SQFS_ERROR_IO : SQFS_ERROR_OUT_OF_BOUNDS;
        }
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return code;
}

static sqfs_u64 file_get_size(const sqfs_file_t *file) {
    return ((const struct out_file *)file)->size;
}

static int file_truncate(sqfs_file_t *file, sqfs_u64 size) {
    struct out_file *f = (struct out_file *)file;
    int code = flush(f);
    if (code == 0 && ftruncate(f->fd, (off_t)size) < 0) {
        f->failed = errno;
        return SQFS_ERROR_IO;
    }
    f->size = size;
    return code;
}

static void file_destroy(sqfs_object_t *object) {
    (void)object; /* belongs to the packer */
}

void out_file_init(struct out_file *f, int fd) {
    *f = (struct out_file){
        .base = { .base = { file_destroy, NULL },
                  .read_at = file_read_at,
                  .write_at = file_write_at,
                  .get_size = file_get_size,
                  .truncate = file_truncate },
        .fd = fd,
        .pending = malloc(PENDING_BYTES),
    };
    ASSERT(f->pending != NULL);
}

void out_file_done(struct out_file *f) {
    free(f->pending);
}

bool out_file_append(struct out_file *f, const void *data, size_t len, struct err *err) {
    return append(f, data, len) == 0 || err_sys(err, f->failed, "write");
}

bool out_file_flush(struct out_file *f, struct err *err) {
    return flush(f) == 0 || err_sys(err, f->failed, "write");
}

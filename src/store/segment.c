// SPDX-License-Identifier: Apache-2.0
#include "store/segment.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>

#include "hash/hash.h"

static const char magic[8] = "capblk\0\1";

bool segment_is_name(const char *name) {
    return strncmp(name, "seg-", 4) == 0 && strlen(name) < SEGMENT_NAME_BYTES;
}

uint64_t segment_checksum(const uint8_t key[BLOCKS_KEY_BYTES], const void *data, size_t len) {
    struct blake3 b;
    uint8_t out[BLAKE3_OUT_BYTES];
    static_assert((int)BLOCKS_KEY_BYTES == (int)BLAKE3_KEY_BYTES,
                  "a block's key is the checksum's key");
    blake3_init_keyed(&b, key);
    blake3_update(&b, data, len);
    blake3_final(&b, out);
    return load_le64(out);
}

/* --- reading -------------------------------------------------------------------------------- */

/* Is there a footer that describes exactly this file? */
static bool find_index(struct segment *s) {
    if (s->size < SEGMENT_FOOTER_BYTES) {
        return false;
    }
    const uint8_t *footer = s->map + s->size - SEGMENT_FOOTER_BYTES;
    uint64_t count = load_le64(footer + 8);
    uint64_t offset = load_le64(footer + 16);
    uint64_t bytes, end;
    if (memcmp(footer, magic, sizeof magic) != 0 || !mul_u64(count, SEGMENT_RECORD_BYTES, &bytes) ||
        !add_u64(offset, bytes, &end) || end != s->size - SEGMENT_FOOTER_BYTES) {
        return false;
    }
    s->index = s->map + offset;
    s->count = (size_t)count;
    return true;
}

enum segment_open_result segment_open(int dirfd, const char *name, struct segment *ret,
                                      struct err *err) {
    AUTO_FD fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        if (errno == ENOENT) {
            return SEGMENT_GONE;
        }
        err_sys(err, errno, "open block cache '%s'", name);
        return errno == ELOOP ? SEGMENT_DAMAGED : SEGMENT_FAILED;
    }
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < SEGMENT_FOOTER_BYTES) {
        return SEGMENT_DAMAGED;
    }
    *ret = (struct segment){ .size = (size_t)st.st_size };
    void *map = mmap(NULL, ret->size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        err_sys(err, errno, "map block cache '%s'", name);
        return SEGMENT_FAILED;
    }
    ret->map = map;
    memcpy(ret->name, name, strlen(name) + 1);
    if (!find_index(ret)) {
        segment_close(ret);
        return SEGMENT_DAMAGED;
    }
    return SEGMENT_OPENED;
}

void segment_close(struct segment *s) {
    if (s->map != NULL) {
        munmap((void *)s->map, s->size);
        s->map = NULL;
    }
}

static const uint8_t *key_at(const struct segment *s, size_t i) {
    return s->index + i * SEGMENT_RECORD_BYTES;
}

struct segment_record segment_record_at(const struct segment *s, size_t i) {
    const uint8_t *p = key_at(s, i);
    struct segment_record r = {
        .offset = load_le64(p + BLOCKS_KEY_BYTES),
        .checksum = load_le64(p + BLOCKS_KEY_BYTES + 8),
        .len = load_le32(p + BLOCKS_KEY_BYTES + 16),
    };
    memcpy(r.key, p, BLOCKS_KEY_BYTES);
    return r;
}

bool segment_read(const struct segment *s, const struct segment_record *r, struct block *ret) {
    uint64_t end;
    if (!add_u64(r->offset, r->len, &end) || end > (uint64_t)(s->index - s->map)) {
        return false;
    }
    const uint8_t *data = s->map + r->offset;
    if (segment_checksum(r->key, data, r->len) != r->checksum) {
        return false;
    }
    *ret = (struct block){ data, r->len };
    return true;
}

/* The first 32 bits as a number: keys are hashes, so it says about where to look. */
static uint64_t key_prefix(const uint8_t *key) {
    return (uint64_t)key[0] << 24 | (uint64_t)key[1] << 16 | (uint64_t)key[2] << 8 | key[3];
}

/* Where the prefix would lie if those between `least` and `most` were evenly spread. */
static size_t guess(size_t low, size_t high, uint64_t prefix, uint64_t least, uint64_t most) {
    if (prefix <= least || most <= least) { /* the second in a damaged index alone */
        return low;
    }
    uint64_t span = high - low;
    uint64_t at = (prefix - least) * span / (most - least + 1);
    return low + (size_t)(at < span ? at : span - 1);
}

bool segment_find(const struct segment *s, const uint8_t key[BLOCKS_KEY_BYTES], struct block *ret) {
    enum { GUESSES_MAX = 12 }; /* by value; then by halving, which needs no even spread */
    uint64_t prefix = key_prefix(key), least = 0, most = UINT32_MAX;
    size_t low = 0, high = s->count; /* it is in [low, high) if anywhere */
    for (unsigned tries = 0; low < high; tries++) {
        size_t mid = tries < GUESSES_MAX && high - low < UINT32_MAX
                         ? guess(low, high, prefix, least, most)
                         : low + (high - low) / 2;
        const uint8_t *found = key_at(s, mid);
        int order = memcmp(key, found, BLOCKS_KEY_BYTES);
        if (order == 0) {
            struct segment_record r = segment_record_at(s, mid);
            return segment_read(s, &r, ret);
        }
        if (order < 0) {
            high = mid;
            most = key_prefix(found);
        } else {
            low = mid + 1;
            least = key_prefix(found);
        }
    }
    return false;
}

/* --- writing -------------------------------------------------------------------------------- */

bool segment_write_at(int fd, uint64_t offset, const void *data, size_t len, struct err *err) {
    const char *p = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "write the block cache");
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

static int compare_records(const void *a, const void *b) {
    const struct segment_record *x = a, *y = b;
    return memcmp(x->key, y->key, BLOCKS_KEY_BYTES);
}

static void encode_record(const struct segment_record *r, uint8_t *out) {
    memcpy(out, r->key, BLOCKS_KEY_BYTES);
    store_le64(out + BLOCKS_KEY_BYTES, r->offset);
    store_le64(out + BLOCKS_KEY_BYTES + 8, r->checksum);
    store_le32(out + BLOCKS_KEY_BYTES + 16, r->len);
    store_le32(out + BLOCKS_KEY_BYTES + 20, 0);
}

bool segment_finish(int fd, uint64_t offset, struct segment_record *records, size_t count,
                    struct err *err) {
    enum { BATCH = 512 };
    static_assert(SEGMENT_RECORD_BYTES == BLOCKS_KEY_BYTES + 24, "a record is what is encoded");
    uint8_t batch[BATCH * SEGMENT_RECORD_BYTES];
    qsort(records, count, sizeof *records, compare_records);
    uint64_t at = offset;
    for (size_t i = 0; i < count; i += BATCH) {
        size_t n = min_size(BATCH, count - i);
        for (size_t k = 0; k < n; k++) {
            encode_record(&records[i + k], batch + k * SEGMENT_RECORD_BYTES);
        }
        if (!segment_write_at(fd, at, batch, n * SEGMENT_RECORD_BYTES, err)) {
            return false;
        }
        at += n * SEGMENT_RECORD_BYTES;
    }
    uint8_t footer[SEGMENT_FOOTER_BYTES] = { 0 };
    memcpy(footer, magic, sizeof magic);
    store_le64(footer + 8, count);
    store_le64(footer + 16, offset);
    return segment_write_at(fd, at, footer, sizeof footer, err);
}

/* Unique among the processes of all machines that may share the folder, near enough. */
static void unique_name(const char *prefix, char ret[SEGMENT_NAME_BYTES]) {
    static _Atomic unsigned counter;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(ret, SEGMENT_NAME_BYTES, "%s-%08llx%08lx-%x-%x", prefix,
             (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec, (unsigned)getpid(),
             counter++);
}

bool segment_create(int dirfd, char ret_temp[SEGMENT_NAME_BYTES], int *ret_fd, struct err *err) {
    unique_name("tmp", ret_temp);
    AUTO_FD fd = openat(dirfd, ret_temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return err_sys(err, errno, "make '%s' in the block cache", ret_temp);
    }
    *ret_fd = take_fd(&fd);
    return true;
}

bool segment_publish(int dirfd, const char *temp, char ret_name[SEGMENT_NAME_BYTES],
                     struct err *err) {
    unique_name("seg", ret_name);
    if (os_rename_new(dirfd, temp, dirfd, ret_name) < 0) {
        return err_sys(err, errno, "rename '%s' in the block cache", temp);
    }
    return true;
}

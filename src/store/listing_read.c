// SPDX-License-Identifier: Apache-2.0
#include "store/listing_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/listing.h"

enum {
    BLOCK_BYTES = 128 * 1024,
    XATTR_BYTES_MAX = 64 * 1024,
    SAMPLE_FILES = 8,
    SAMPLE_BYTES = 4 * 1024 * 1024,
    SAMPLE_TRIES = 32,
};

/* ---- content ---- */

static bool read_range(int fd, struct blake3 *b, off_t from, off_t to, struct err *err) {
    char block[BLOCK_BYTES];
    while (from < to) {
        size_t want = min_size(sizeof block, (size_t)(to - from));
        ssize_t n = pread(fd, block, want, from);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_sys(err, n < 0 ? errno : EIO, "read");
        }
        blake3_update(b, block, (size_t)n);
        from += n;
    }
    return true;
}

static void update_u64(struct blake3 *b, uint64_t n) {
    unsigned char bytes[8];
    store_le64(bytes, n);
    blake3_update(b, bytes, sizeof bytes);
}

/* The data with the places where it is: a file of many exbibytes may have little. */
static bool read_sparse(int fd, struct blake3 *b, off_t size, struct err *err) {
    off_t at = 0;
    while (at < size) {
        off_t from = lseek(fd, at, SEEK_DATA);
        if (from < 0) {
            return errno == ENXIO || err_sys(err, errno, "read");
        }
        off_t to = lseek(fd, from, SEEK_HOLE);
        if (to < 0) {
            return err_sys(err, errno, "read");
        }
        update_u64(b, (uint64_t)from);
        update_u64(b, (uint64_t)(to - from));
        if (!read_range(fd, b, from, to, err)) {
            return false;
        }
        at = to;
    }
    return true;
}

static bool has_holes(const struct stat *st) {
    return st->st_blocks * 512 < st->st_size && st->st_size > BLOCK_BYTES;
}

static bool read_file(int fd, const struct stat *st, struct blake3 *b, struct err *err) {
    return has_holes(st) ? read_sparse(fd, b, st->st_size, err)
                         : read_range(fd, b, 0, st->st_size, err);
}

static bool read_link(int dirfd, const char *name, struct blake3 *b, struct err *err) {
    char target[PATH_MAX];
    ssize_t n = readlinkat(dirfd, name, target, sizeof target);
    if (n < 0) {
        return err_sys(err, errno, "read");
    }
    blake3_update(b, target, (size_t)n);
    return true;
}

/* ---- extended attributes ---- */

static int compare_names(const void *x, const void *y) {
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* File systems list them in orders of their own. */
static bool read_attributes(int fd, const char *path, struct blake3 *b, bool *ret_any,
                            struct err *err) {
    char list[XATTR_BYTES_MAX];
    *ret_any = false;
    ssize_t len = os_list_xattrs(path, fd, list, sizeof list);
    if (len <= 0) {
        return len == 0 || errno == ENOTSUP || errno == EPERM ||
               err_sys(err, errno, "read the attributes");
    }
    AUTO_ARENA a = arena_new();
    const char **names = NULL;
    size_t count = 0;
    size_t cap = 0;
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(list + at) + 1) {
        const char *name = list + at;
        ARENA_PUSH(a, names, count, cap, name);
    }
    qsort(names, count, sizeof *names, compare_names);
    char *value = arena_alloc_raw(a, XATTR_BYTES_MAX);
    update_u64(b, count);
    for (size_t i = 0; i < count; i++) {
        ssize_t n = os_get_xattr(path, fd, names[i], value, XATTR_BYTES_MAX);
        if (n < 0) {
            return err_sys(err, errno, "read the attribute '%s'", names[i]);
        }
        update_u64(b, strlen(names[i]));
        blake3_update(b, names[i], strlen(names[i]));
        update_u64(b, (uint64_t)n);
        blake3_update(b, value, (size_t)n);
    }
    *ret_any = true;
    return true;
}

/* What cannot be opened without harm, a link, a pipe or a device, is named by way of its folder. */
static bool read_attributes_of(int dirfd, const char *name, int fd, struct blake3 *b, bool *ret_any,
                               struct err *err) {
    if (fd >= 0) {
        return read_attributes(fd, NULL, b, ret_any, err);
    }
    char path[NAME_MAX + 64];
    *ret_any = false;
    return !os_path_at(dirfd, name, path, sizeof path) ||
           read_attributes(-1, path, b, ret_any, err);
}

bool listing_read(int dirfd, const char *name, const struct stat *st, uint8_t ret[BLAKE3_OUT_BYTES],
                  struct err *err) {
    AUTO_FD fd = -1;
    bool any;
    struct blake3 content;
    struct blake3 all;
    blake3_init(&content);
    if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) {
        fd = openat(dirfd, name,
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (S_ISDIR(st->st_mode) ? O_DIRECTORY : 0));
        if (fd < 0) {
            return err_sys(err, errno, "open");
        }
    }
    if (S_ISREG(st->st_mode) && !read_file(fd, st, &content, err)) {
        return false;
    }
    if (S_ISLNK(st->st_mode) && !read_link(dirfd, name, &content, err)) {
        return false;
    }
    blake3_final(&content, ret);
    blake3_init(&all);
    blake3_update(&all, ret, BLAKE3_OUT_BYTES);
    if (!read_attributes_of(dirfd, name, fd, &all, &any, err)) {
        return false;
    }
    if (any) {
        blake3_final(&all, ret);
    }
    return true;
}

/* ---- a sample ---- */

static bool sample_fits(const struct listing_entry *e, int rootfd) {
    AUTO_ARENA a = arena_new();
    uint8_t digest[BLAKE3_OUT_BYTES];
    struct stat st;
    const char *dir = str_to_c(a, path_dir(e->path));
    const char *name = str_to_c(a, path_base(e->path));
    AUTO_FD fd = os_open_beneath(rootfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENAMETOOLONG;
    }
    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           listing_read(fd, name, &st, digest, NULL) &&
           memcmp(digest, e->digest, sizeof digest) == 0;
}

enum listing_fit listing_sample(const struct listing *l, struct arena *a, int dirfd,
                                const char *path, str *ret_what) {
    AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t bytes = 0;
    size_t files = 0;
    uint64_t dice = os_boot_time_ns();
    if (fd < 0 || l->count == 0) {
        return LISTING_FITS;
    }
    for (size_t i = 0; i < SAMPLE_TRIES && files < SAMPLE_FILES; i++) {
        dice = dice * 6364136223846793005U + 1442695040888963407U;
        const struct listing_entry *e = &l->entries[(dice >> 33) % l->count];
        if (!S_ISREG(e->mode) || e->size_bytes > SAMPLE_BYTES - bytes) {
            continue;
        }
        bytes += e->size_bytes;
        files++;
        if (!sample_fits(e, fd)) {
            *ret_what = str_fmt(a, "'%.*s' has different content", STR_FMT(e->path));
            return LISTING_DIFFERS;
        }
    }
    return LISTING_FITS;
}

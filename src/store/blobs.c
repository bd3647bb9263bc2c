// SPDX-License-Identifier: Apache-2.0
/* Layers of images as their registry has them, compressed: they cannot be made again byte for byte.
 * Whoever takes one compares its digest, so nothing of this needs to be on the disk before its
 * name is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hash/hash.h"
#include "store/internal.h"

/* "blobs/HEX" below the store. */
static const char *relative_path(struct arena *a, str digest) {
    size_t colon = str_find_char(digest, ':', 0);
    return str_fmt(a, "blobs/%.*s",
                   STR_FMT(str_slice(digest, colon == STR_NONE ? 0 : colon + 1, digest.len)))
        .ptr;
}

bool store_blob_has(const struct store *s, str digest, uint64_t size_bytes) {
    AUTO_ARENA scratch = arena_new();
    struct stat st;
    return fstatat(s->fd, relative_path(scratch, digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (uint64_t)st.st_size == size_bytes;
}

const char *store_blob_path(const struct store *s, struct arena *a, str digest) {
    return path_join(a, store_path(s), relative_path(a, digest));
}

void store_blob_touch(const struct store *s, str digest) {
    AUTO_ARENA scratch = arena_new();
    (void)utimensat(s->fd, relative_path(scratch, digest), NULL, AT_SYMLINK_NOFOLLOW);
}

bool store_blob_commit(struct store_work *w, const char *name, str digest, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    return renameat(w->fd, name, w->store->fd, relative_path(scratch, digest)) == 0 ||
           err_sys(err, errno, "keep the blob %.*s", STR_FMT(digest));
}

bool store_blob_remove(struct store *s, str digest, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    return store_trash(s, relative_path(scratch, digest), err);
}

const char *store_blob_check(struct store *s, struct arena *a, const char *name) {
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    AUTO_FD fd = openat(s->fd, path_join(a, "blobs", name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || !sha256_fd(fd, digest, NULL)) {
        return "cannot be read";
    }
    hash_hex(digest, sizeof digest, hex);
    return strcmp(hex, name) == 0 ? NULL : "its content does not match its name";
}

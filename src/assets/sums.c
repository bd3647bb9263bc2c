// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "assets/internal.h"
#include "hash/hash.h"

const char *const asset_names[ASSET_COUNT] = {
    [ASSET_INITRD] = "initrd.img",
    [ASSET_ROOTFS] = "rootfs.squashfs",
    [ASSET_KERNEL] = "vmlinuz",
};

bool asset_arch_is_valid(str arch) {
    for (size_t i = 0; i < arch.len; i++) {
        char c = arch.ptr[i];
        if (!char_is_alnum(c) && c != '_' && (i == 0 || (c != '.' && c != '-'))) {
            return false;
        }
    }
    return arch.len > 0 && arch.len <= NAME_MAX;
}

int asset_by_name(str name) {
    for (int i = 0; i < ASSET_COUNT; i++) {
        if (str_eq(name, str_from_c(asset_names[i]))) {
            return i;
        }
    }
    return -1;
}

const struct asset_sum *asset_sums_find(const struct asset_sums *sums, const char *arch,
                                        enum asset asset) {
    for (size_t i = 0; i < sums->len; i++) {
        if (sums->rows[i].asset == asset && strcmp(sums->rows[i].arch, arch) == 0) {
            return &sums->rows[i];
        }
    }
    return NULL;
}

bool asset_archs(struct arena *a, int dirfd, const char ***ret, size_t *ret_count,
                 struct err *err) {
    const char **names = NULL;
    size_t count = 0;
    if (!fs_list(a, dirfd, ".", &names, &count, err)) {
        return err_wrap(err, "list the assets");
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        if (asset_arch_is_valid(str_from_c(names[i])) &&
            fstatat(dirfd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
            names[kept++] = names[i];
        }
    }
    *ret = names;
    *ret_count = kept;
    return true;
}

enum lookup { LOOKUP_FOUND, LOOKUP_NONE, LOOKUP_FAILED };

/* O_NONBLOCK: a pipe of that name must not hang us. */
static enum lookup hash_file(struct arena *a, int dirfd, const struct asset_digests *digests,
                             struct asset_sum *row, struct err *err) {
    const char *path = path_join(a, row->arch, asset_names[row->asset]);
    AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        return LOOKUP_NONE;
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(err, errno, "open '%s'", path);
        return LOOKUP_FAILED;
    }
    if (!S_ISREG(st.st_mode)) {
        err_set(err, "'%s' is not a regular file", path);
        return LOOKUP_FAILED;
    }
    row->size_bytes = (uint64_t)st.st_size;
    if (!digests->digest(digests->self, fd, row->digest, err)) {
        err_wrap(err, "hash '%s'", path);
        return LOOKUP_FAILED;
    }
    return LOOKUP_FOUND;
}

bool asset_sums_collect(struct arena *a, int dirfd, const struct asset_sums *fresh,
                        const struct asset_digests *digests, struct asset_sums *ret,
                        struct err *err) {
    struct asset_sums sums = { 0 };
    const char **archs = NULL;
    size_t count = 0;
    if (!asset_archs(a, dirfd, &archs, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count * ASSET_COUNT; i++) {
        struct asset_sum row = { .arch = archs[i / ASSET_COUNT], .asset = i % ASSET_COUNT };
        const struct asset_sum *known = asset_sums_find(fresh, row.arch, row.asset);
        if (known != NULL) {
            ARENA_PUSH(a, sums.rows, sums.len, sums.cap, *known);
            continue;
        }
        enum lookup found = hash_file(a, dirfd, digests, &row, err);
        if (found == LOOKUP_FAILED) {
            return false;
        }
        if (found == LOOKUP_FOUND) {
            ARENA_PUSH(a, sums.rows, sums.len, sums.cap, row);
        }
    }
    *ret = sums;
    return true;
}

void asset_sums_text(const struct asset_sums *sums, struct buf *out) {
    for (size_t i = 0; i < sums->len; i++) {
        char hex[2 * ASSET_DIGEST_BYTES + 1];
        hash_hex(sums->rows[i].digest, ASSET_DIGEST_BYTES, hex);
        buf_addf(out, "%s  %s/%s\n", hex, sums->rows[i].arch, asset_names[sums->rows[i].asset]);
    }
}

bool asset_sum_parse(struct arena *a, str line, struct asset_sum *ret) {
    enum { HEX = 2 * ASSET_DIGEST_BYTES };
    str arch = str_slice(line, HEX + 2, line.len);
    size_t slash = str_find_char(arch, '/', 0);
    struct asset_sum row;
    if (slash == STR_NONE || !hash_unhex(str_slice(line, 0, HEX), row.digest, sizeof row.digest) ||
        !str_eq(str_slice(line, HEX, HEX + 2), S("  "))) {
        return false;
    }
    int asset = asset_by_name(str_slice(arch, slash + 1, arch.len));
    arch = str_slice(arch, 0, slash);
    if (asset < 0 || !asset_arch_is_valid(arch)) {
        return false;
    }
    row.arch = str_to_c(a, arch);
    row.asset = (enum asset)asset;
    row.size_bytes = 0;
    *ret = row;
    return true;
}

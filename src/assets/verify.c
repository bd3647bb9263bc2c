// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "assets/internal.h"
#include "hash/hash.h"

struct verify {
    struct arena *arena;
    int dirfd;
    unsigned threads;
    struct asset_sums sums; /* of B3SUMS; sizes of the files */
    struct asset_finding *findings;
    size_t count;
    size_t cap;
};

static void found(struct verify *v, const char *name, const char *what) {
    struct asset_finding finding = { .name = name, .what = what };
    ARENA_PUSH(v->arena, v->findings, v->count, v->cap, finding);
}

static const char *sum_path(struct verify *v, const struct asset_sum *row) {
    return path_join(v->arena, row->arch, asset_names[row->asset]);
}

static void parse_lines(struct verify *v, str text) {
    for (size_t number = 1; text.len > 0; number++) {
        struct asset_sum row;
        if (!asset_sum_parse(v->arena, str_cut(&text, '\n'), &row)) {
            found(v, "B3SUMS",
                  str_fmt(v->arena, "line %zu is not a checksum and an asset name", number).ptr);
        } else if (asset_sums_find(&v->sums, row.arch, row.asset) != NULL) {
            found(v, sum_path(v, &row), "appears twice in B3SUMS");
        } else {
            ARENA_PUSH(v->arena, v->sums.rows, v->sums.len, v->sums.cap, row);
        }
    }
}

static void check_file(struct verify *v, struct asset_sum *row) {
    const char *path = sum_path(v, row);
    AUTO_FD fd = openat(v->dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    struct err err = ERR_INIT;
    uint8_t digest[ASSET_DIGEST_BYTES];
    if (fd < 0 || fstat(fd, &st) < 0) {
        found(v, path,
              errno == ENOENT ? "is missing" : str_fmt(v->arena, "%s", strerror(errno)).ptr);
    } else if (!S_ISREG(st.st_mode)) {
        found(v, path, "is not a regular file");
    } else if (!blake3_fd_threads(fd, v->threads, digest, &err)) {
        found(v, path, str_fmt(v->arena, "%s", err.frames[0]).ptr);
    } else if (memcmp(digest, row->digest, sizeof digest) != 0) {
        found(v, path, "does not match its checksum");
    } else {
        row->size_bytes = (uint64_t)st.st_size;
    }
}

static bool check_unlisted(struct verify *v, struct err *err) {
    const char **archs = NULL;
    size_t count = 0;
    if (!asset_archs(v->arena, v->dirfd, &archs, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count * ASSET_COUNT; i++) {
        struct asset_sum row = { .arch = archs[i / ASSET_COUNT], .asset = i % ASSET_COUNT };
        const char *path = sum_path(v, &row);
        if (asset_sums_find(&v->sums, row.arch, row.asset) == NULL && fs_exists(v->dirfd, path)) {
            found(v, path, "is not in B3SUMS");
        }
    }
    return true;
}

/* The manifest of these sums, with the version that it names, is the one that is there. */
static bool check_manifest(struct verify *v, struct err *err) {
    str there = { 0 };
    str wanted = { 0 };
    struct err unread = ERR_INIT;
    if (!fs_load(v->arena, v->dirfd, "manifest.json", MANIFEST_BYTES_MAX, &there, &unread)) {
        found(v, "manifest.json",
              unread.code == ENOENT ? "is missing" : str_fmt(v->arena, "%s", unread.frames[0]).ptr);
        return true;
    }
    struct asset_manifest m = asset_manifest_load(v->arena, v->dirfd);
    if (!asset_manifest_text(v->arena, &v->sums, &m, &wanted, err)) {
        return false;
    }
    AUTO_JSON a = json_loadb(there.ptr, there.len, 0, NULL);
    AUTO_JSON b = json_loadb(wanted.ptr, wanted.len, 0, NULL);
    if (a == NULL) {
        found(v, "manifest.json", "is not JSON");
    } else if (!json_equal(a, b)) {
        found(v, "manifest.json", "does not agree with B3SUMS");
    }
    return true;
}

bool assets_verify(const char *dir, unsigned threads, struct arena *a, struct asset_finding **ret,
                   size_t *ret_count, struct err *err) {
    AUTO_FD dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0) {
        return err_sys(err, errno, "open folder '%s'", dir);
    }
    struct verify v = { .arena = a, .dirfd = dirfd, .threads = threads };
    str text = { 0 };
    if (!fs_load(a, dirfd, "B3SUMS", SUMS_BYTES_MAX, &text, err)) {
        return err_wrap(err, "verify the assets in '%s'", dir);
    }
    parse_lines(&v, text);
    for (size_t i = 0; i < v.sums.len; i++) {
        check_file(&v, &v.sums.rows[i]);
    }
    /* A damaged file has no size to compare; the sums say enough then. */
    if (!check_unlisted(&v, err) || (v.count == 0 && !check_manifest(&v, err))) {
        return err_wrap(err, "verify the assets in '%s'", dir);
    }
    *ret = v.findings;
    *ret_count = v.count;
    return true;
}

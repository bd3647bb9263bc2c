// SPDX-License-Identifier: Apache-2.0
/* What the tests of this room share: a folder of their own, files in it, commits with little text.
 * Included after cmocka. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assets/internal.h"
#include "hash/hash.h"

struct fixture {
    struct arena *arena;
    char dir[64]; /* new, empty */
    int dirfd;
};

static inline int fixture_begin(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = arena_new();
    memcpy(f->dir, "/tmp/capsem-assets-XXXXXX", sizeof "/tmp/capsem-assets-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    f->dirfd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = f;
    return f->dirfd < 0;
}

static inline int fixture_end(void **state) {
    struct fixture *f = *state;
    close(f->dirfd);
    bool ok = fs_remove_tree(AT_FDCWD, f->dir, NULL);
    arena_free(f->arena);
    free(f);
    return ok ? 0 : -1;
}

/* Content of a file; fails the test when it cannot be read. */
static inline const char *content(struct fixture *f, const char *path) {
    struct err err = ERR_INIT;
    str text = { 0 };
    if (!fs_load(f->arena, f->dirfd, path, 1 << 20, &text, &err)) {
        fail_msg("%s", err.frames[0]);
    }
    return str_to_c(f->arena, text);
}

static inline void put(struct fixture *f, const char *path, const char *text) {
    assert_true(fs_store(f->dirfd, path, str_from_c(text), 0644, NULL));
}

static inline const char *hex_of(struct fixture *f, const char *text) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char *hex = arena_alloc(f->arena, 2 * sizeof digest + 1);
    blake3_bytes(str_from_c(text), digest);
    hash_hex(digest, sizeof digest, hex);
    return hex;
}

/* texts[asset] NULL: the asset is not written. */
static inline bool commit(struct fixture *f, const char *arch, const char *const texts[ASSET_COUNT],
                          const struct assets_commit *c, struct err *err) {
    AUTO_ASSETS_UPDATE u = NULL;
    if (!assets_update_begin(f->dir, arch, &u, err)) {
        return false;
    }
    for (enum asset asset = 0; asset < ASSET_COUNT; asset++) {
        int fd = -1;
        if (texts[asset] == NULL) {
            continue;
        }
        if (!assets_update_open(u, asset, &fd, err) ||
            !fs_write_all(fd, texts[asset], strlen(texts[asset]), err)) {
            return false;
        }
    }
    return assets_update_commit(u, c, err);
}

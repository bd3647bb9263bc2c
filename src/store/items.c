// SPDX-License-Identifier: Apache-2.0
/* What is in the store, for people who want to know or to make room. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "store/internal.h"

/* Bytes on disk of a tree; files with several names are counted at each. */
static uint64_t disk_bytes(int dirfd, const char *name) {
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return 0;
    }
    uint64_t bytes = (uint64_t)st.st_blocks * 512;
    if (!S_ISDIR(st.st_mode)) {
        return bytes;
    }
    AUTO_FD fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    if (fd < 0 || !fs_list(scratch, fd, ".", &names, &count, NULL)) {
        return bytes;
    }
    for (size_t i = 0; i < count; i++) {
        bytes += disk_bytes(fd, names[i]);
    }
    return bytes;
}

static str layer_text(struct store *s, struct arena *a, const char *name) {
    str text;
    const char *path = str_fmt(a, "layers/%s/meta.json", name).ptr;
    if (!fs_load(a, s->fd, path, 1024 * 1024, &text, NULL)) {
        return S("");
    }
    json_t *meta = json_loadb(text.ptr, text.len, 0, NULL);
    const json_t *what = json_object_get(meta, "text");
    str copy = json_is_string(what) ? str_dup(a, str_from_c(json_string_value(what))) : S("");
    json_decref(meta);
    return copy;
}

static int64_t last_use(struct store *s, const char *path) {
    struct stat st;
    return fstatat(s->fd, path, &st, 0) == 0 ? st.st_mtim.tv_sec : 0;
}

static const struct {
    const char *kind;
    const char *folder;
    const char *used_file; /* whose time is the last use; below the item; NULL: the item itself */
} kinds[] = {
    { "layer", "layers", "meta.json" }, { "mount", "mounts", NULL }, { "blocks", "blocks", NULL },
    { "image", "images", NULL },        { "blob", "blobs", NULL },   { "trash", "trash", NULL },
};

static int by_use(const void *x, const void *y) {
    const struct store_item *a = x;
    const struct store_item *b = y;
    return (a->used_s > b->used_s) - (a->used_s < b->used_s);
}

bool store_items(struct store *s, struct arena *a, struct store_item **ret, size_t *ret_count,
                 struct err *err) {
    struct store_item *items = NULL;
    size_t len = 0;
    size_t cap = 0;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const char **names;
        size_t count;
        if (!fs_list(a, s->fd, kinds[k].folder, &names, &count, err)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (names[i][0] == '.') {
                continue; /* a lock, a file being written */
            }
            const char *path = path_join(a, kinds[k].folder, names[i]);
            const char *used =
                kinds[k].used_file == NULL ? path : path_join(a, path, kinds[k].used_file);
            struct store_item item = {
                .kind = kinds[k].kind,
                .name = names[i],
                .bytes = disk_bytes(s->fd, path),
                .used_s = last_use(s, used),
            };
            if (k == 0) {
                item.what = layer_text(s, a, names[i]);
            }
            ARENA_PUSH(a, items, len, cap, item);
        }
    }
    if (len > 0) {
        qsort(items, len, sizeof *items, by_use);
    }
    *ret = items;
    *ret_count = len;
    return true;
}

bool store_item_remove(struct store *s, const struct store_item *item, struct err *err) {
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        if (strcmp(kinds[k].kind, item->kind) != 0) {
            continue;
        }
        AUTO_ARENA scratch = arena_new();
        const char *path = path_join(scratch, kinds[k].folder, item->name);
        return strcmp(item->kind, "trash") == 0 ? fs_remove_tree(s->fd, path, err)
                                                : store_trash(s, path, err);
    }
    ASSERT(false);
    return false;
}

// SPDX-License-Identifier: Apache-2.0
/* Where one file of an image comes from. */
#include <jansson.h>
#include <string.h>

#include "contents/internal.h"

enum { BUILD_BYTES_MAX = 64 * 1024 * 1024, LINKS_MAX = 40 };

/* ---- paths ---- */

size_t contents_find_path(struct arena *a, const struct contents *c, str path) {
    str rest = path_clean(a, str_concat(a, S("/"), path));
    str done = S("");
    int links = 0;
    rest = str_slice(rest, 1, rest.len);
    while (rest.len > 0) {
        str name = str_cut(&rest, '/');
        str next = str_fmt(a, "%.*s/%.*s", STR_FMT(done), STR_FMT(name));
        size_t node = contents_find(c, next);
        if (node == CONTENTS_NONE || rest.len == 0) {
            return node;
        }
        str link = c->nodes[node].link;
        if (link.len == 0) {
            done = next;
            continue;
        }
        if (++links > LINKS_MAX) {
            return CONTENTS_NONE;
        }
        str base = link.ptr[0] == '/' ? S("") : done;
        rest = path_clean(
            a, str_fmt(a, "%.*s/%.*s/%.*s", STR_FMT(base), STR_FMT(link), STR_FMT(rest)));
        rest = str_slice(rest, 1, rest.len);
        done = S("");
    }
    return contents_find(c, S("/"));
}

/* ---- steps ---- */

/* A whiteout says that it is gone: character device 0:0 (kernel, overlayfs). */
static bool layer_has(struct arena *a, struct store *store, const struct store_key *key, str path) {
    struct stat st;
    const char *file = str_fmt(a, "%s%.*s", store_layer_path(store, a, key), STR_FMT(path)).ptr;
    return store_layer_has(store, key) && fstatat(AT_FDCWD, file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           !(S_ISCHR(st.st_mode) && st.st_rdev == 0);
}

static bool find_in_steps(struct arena *a, const json_t *steps, struct store *store, str path,
                          struct contents_step *ret) {
    for (size_t i = json_array_size(steps); i > 0; i--) {
        const json_t *step = json_array_get(steps, i - 1);
        struct store_key key;
        if (store_key_parse(str_from_c(json_string_value(json_object_get(step, "key"))), &key) &&
            layer_has(a, store, &key, path)) {
            const json_t *text = json_object_get(step, "instruction");
            ret->number = i;
            ret->count = json_array_size(steps);
            ret->text = str_dup(a, (str){ json_string_value(text), json_string_length(text) });
            return true;
        }
    }
    return false;
}

bool contents_find_step(struct arena *a, const struct contents_assets *assets, struct store *store,
                        str path, struct contents_step *ret) {
    str text;
    if (assets->folder == NULL || !fs_load(a, AT_FDCWD, path_join(a, assets->folder, "build.json"),
                                           BUILD_BYTES_MAX, &text, NULL)) {
        return false;
    }
    json_t *root = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    const json_t *rootfs = json_object_get(json_object_get(root, "templates"), "rootfs");
    ret->template = S("rootfs");
    bool found = find_in_steps(a, json_object_get(rootfs, "steps"), store, path, ret);
    json_decref(root);
    return found;
}

// SPDX-License-Identifier: Apache-2.0
/* size: what takes the bytes of a build. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "assets/assets.h"
#include "contents/contents.h"
#include "mcp/internal.h"
#include "store/store.h"
#include "tree/tree.h"

enum { BUILD_JSON_BYTES_MAX = 64 * 1024 * 1024 };

/* The assets of an architecture that are there. */
static json_t *list_assets(struct arena *a, const char *dir) {
    json_t *list = json_array();
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        struct stat st;
        if (stat(path_join(a, dir, asset_names[i]), &st) == 0) {
            json_array_append_new(list, json_pack("{s:s, s:I}", "name", asset_names[i], "bytes",
                                                  (json_int_t)st.st_size));
        }
    }
    return list;
}

enum { GROUPS_MAX = 40 };

static json_t *list_groups(struct arena *a, const struct contents *c, enum contents_by by,
                           const char *name) {
    struct contents_group *groups;
    size_t count;
    json_t *list = json_array();
    contents_groups(a, c, by, &groups, &count);
    for (size_t i = 0; i < count && i < GROUPS_MAX; i++) {
        json_t *o = json_object();
        json_object_set_new(o, name, mcp_json(groups[i].name));
        if (groups[i].detail.len > 0) {
            json_object_set_new(o, by == CONTENTS_BY_LINE ? "place" : "version",
                                mcp_json(groups[i].detail));
        }
        json_object_set_new(o, "bytes", json_integer((json_int_t)groups[i].bytes));
        json_object_set_new(o, "packed_bytes", json_integer((json_int_t)groups[i].packed_bytes));
        json_object_set_new(o, "files", json_integer((json_int_t)groups[i].files));
        json_array_append_new(list, o);
    }
    return list;
}

/* The content of the root filesystem; of an image that cannot be read, why. */
static void add_contents(struct arena *a, const char *dir, json_t *to) {
    struct err err = ERR_INIT;
    AUTO_CONTENTS_ASSETS assets;
    if (!contents_open(a, dir, NULL, &assets, &err)) {
        json_object_set_new(to, "folders", json_array());
        json_object_set_new(to, "folders_problem", mcp_json(str_from_c(err.frames[0])));
        return;
    }
    const struct contents *c = &assets.contents;
    json_object_set_new(to, "folders", list_groups(a, c, CONTENTS_BY_FOLDER, "path"));
    json_object_set_new(to, "lines", list_groups(a, c, CONTENTS_BY_LINE, "name"));
    json_object_set_new(to, "packages", list_groups(a, c, CONTENTS_BY_PACKAGE, "name"));
}

/* Of a layer in the store; -1: it is not there. */
static int64_t layer_bytes(struct arena *a, struct store *store, const char *hex) {
    AUTO_TREE tree = tree_new();
    struct store_key key;
    int64_t bytes = 0;
    if (store == NULL || !store_key_parse(str_from_c(hex), &key) || !store_layer_has(store, &key) ||
        !tree_add_layer(tree, store_layer_path(store, a, &key), NULL)) {
        return -1;
    }
    for (const struct tree_entry *e = tree_root(tree); e != NULL;
         e = tree_next(tree_root(tree), e)) {
        bytes += S_ISREG(e->inode->mode) ? (int64_t)e->inode->size : 0;
    }
    return bytes;
}

static void add_steps(struct arena *a, struct store *store, const char *template,
                      const json_t *steps, json_t *list) {
    size_t i;
    const json_t *step;
    json_array_foreach(steps, i, step) {
        json_t *o = json_pack("{s:s}", "template", template);
        json_object_set(o, "text", json_object_get(step, "instruction"));
        json_object_set(o, "cached", json_object_get(step, "cached"));
        json_object_set(o, "duration_ms", json_object_get(step, "duration_ms"));
        int64_t bytes = layer_bytes(a, store, json_string_value(json_object_get(step, "key")));
        if (bytes >= 0) {
            json_object_set_new(o, "bytes", json_integer(bytes));
        }
        json_array_append_new(list, o);
    }
}

/* Those of build.json; with the bytes of those whose layer the store still has. */
static json_t *list_steps(struct mcp_call *call, const char *dir) {
    AUTO_STORE store = NULL;
    str text;
    json_t *list = json_array();
    const char *path = path_join(call->arena, dir, "build.json");
    if (!fs_load(call->arena, AT_FDCWD, path, BUILD_JSON_BYTES_MAX, &text, NULL)) {
        return list;
    }
    if (fs_is_dir(AT_FDCWD, call->options->cache_dir) &&
        !store_open(call->options->cache_dir, &store, NULL)) {
        store = NULL;
    }
    AUTO_JSON root = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    const char *template;
    const json_t *made;
    json_object_foreach(json_object_get(root, "templates"), template, made) {
        add_steps(call->arena, store, template, json_object_get(made, "steps"), list);
    }
    return list;
}

/* The folder of an architecture's assets. */
static bool find_assets(struct mcp_call *call, const char **ret_arch, const char **ret,
                        struct err *err) {
    const char *assets = mcp_text(call, "assets");
    assets = assets != NULL ? assets : "assets";
    *ret_arch = mcp_text(call, "arch");
    if (*ret_arch == NULL) {
        *ret_arch = assets_default_arch(call->arena, assets);
    }
    *ret = path_join(call->arena, assets, *ret_arch);
    if (fs_is_dir(AT_FDCWD, *ret)) {
        return true;
    }
    err_sys(err, ENOENT, "open '%s'", *ret);
    return err_help(err, "build the assets first: capsem-builder build");
}

void mcp_size(struct mcp_call *call) {
    struct err err = ERR_INIT;
    const char *arch, *dir;
    if (!find_assets(call, &arch, &dir, &err)) {
        mcp_fail(call, &err);
        return;
    }
    json_t *o = json_pack("{s:o, s:o, s:o}", "arch", mcp_json(str_from_c(arch)), "assets",
                          list_assets(call->arena, dir), "steps", list_steps(call, dir));
    add_contents(call->arena, dir, o);
    mcp_give(call, o);
}

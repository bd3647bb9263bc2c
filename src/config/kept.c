// SPDX-License-Identifier: Apache-2.0
/*
 * The texts of a guest folder's config as one JSON file, which a build keeps with its assets:
 *
 *   {"format": 1, "files": {"build.toml": TEXT, "ai/claude.toml": TEXT, ...}}
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

enum { FORMAT = 1 };

/* The path below the config folder; empty: it is not a file of it. */
static str path_in_config(str folder, const struct source *source) {
    str path = source->path;
    bool inside = source->text.ptr != NULL && str_starts(path, folder) && path.len > folder.len &&
                  path.ptr[folder.len] == '/' && str_ends(path, S(".toml"));
    return inside ? str_slice(path, folder.len + 1, path.len) : S("");
}

str config_keep(struct arena *a, const struct sources *sources, const struct guest_config *config) {
    str folder = path_clean(a, str_from_c(config->config_dir));
    json_t *files = json_object();
    for (size_t i = 0; i < sources->len; i++) {
        str path = path_in_config(folder, sources->items[i]);
        if (path.len > 0) {
            str text = sources->items[i]->text;
            json_object_setn_new(files, path.ptr, path.len, json_stringn(text.ptr, text.len));
        }
    }
    json_t *root = json_pack("{s:i,s:o}", "format", FORMAT, "files", files);
    char *dumped = json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS);
    str text = str_fmt(a, "%s\n", dumped == NULL ? "{}" : dumped);
    free(dumped);
    json_decref(root);
    return text;
}

static bool read_overlays(struct arena *a, const json_t *files, struct config_options *ret) {
    struct config_overlay *overlays =
        ARENA_ARRAY(a, struct config_overlay, json_object_size(files));
    const char *path;
    json_t *text;
    json_object_foreach((json_t *)files, path, text) {
        if (!json_is_string(text)) {
            return false;
        }
        str copy = { json_string_value(text), json_string_length(text) };
        overlays[ret->overlay_count++] = (struct config_overlay){
            .path = str_to_c(a, str_from_c(path)),
            .text = str_dup(a, copy),
        };
    }
    ret->overlays = overlays;
    return ret->overlay_count > 0;
}

bool config_load_kept(struct arena *a, struct sources *sources, struct diag_sink *sink,
                      const char *name, str json, struct guest_config *ret, struct err *err) {
    struct config_options options = { .config_only = true, .overlays_only = true };
    json_t *root = json_loadb(json.ptr == NULL ? "" : json.ptr, json.len, 0, NULL);
    const json_t *format = json_object_get(root, "format");
    bool is_known = json_is_integer(format) && json_integer_value(format) == FORMAT;
    bool ok = is_known && read_overlays(a, json_object_get(root, "files"), &options);
    json_decref(root);
    if (!ok) {
        err_set(err, is_known ? "'%s' is damaged" : "'%s' is not a config that 'build' has kept",
                name);
        return err_help(err, "build the assets again, or give the guest folder with --guest");
    }
    return config_load(a, sources, sink, name, &options, ret);
}

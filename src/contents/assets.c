// SPDX-License-Identifier: Apache-2.0
/* The root filesystem of an assets folder, with the config that it was built from. */
#include <errno.h>

#include "assets/assets.h"
#include "contents/internal.h"

enum { KEPT_BYTES_MAX = 256 * 1024 * 1024 };

/* A file, the folder of an architecture, or the folder of several. */
static bool find_image(struct arena *a, const char *path, const char *arch,
                       struct contents_assets *ret, struct err *err) {
    const char *name = asset_names[ASSET_ROOTFS];
    if (fs_exists(AT_FDCWD, path) && !fs_is_dir(AT_FDCWD, path)) {
        ret->image = path;
        return true;
    }
    const char *folder = path;
    if (!fs_exists(AT_FDCWD, path_join(a, folder, name))) {
        ret->arch = arch != NULL ? arch : assets_default_arch(a, path);
        folder = path_join(a, path, ret->arch);
    } else {
        ret->arch = str_to_c(a, path_base(path_clean(a, str_from_c(path))));
    }
    ret->folder = folder;
    ret->image = path_join(a, folder, name);
    if (fs_exists(AT_FDCWD, ret->image)) {
        return true;
    }
    err_sys(err, ENOENT, "open '%s'", ret->image);
    return err_help(err, "'capsem-builder build' makes assets; name their folder or an image");
}

/* Without one, or with one that is damaged, nothing is known of lines. */
static void load_config(struct arena *a, struct contents_assets *assets) {
    struct diag_sink sink;
    struct err err = ERR_INIT;
    str text;
    const char *path = assets->folder == NULL ? NULL : path_join(a, assets->folder, "config.json");
    sources_init(&assets->sources, a);
    diag_sink_init(&sink, a, &assets->sources);
    assets->has_config =
        path != NULL && fs_load(a, AT_FDCWD, path, KEPT_BYTES_MAX, &text, NULL) &&
        config_load_kept(a, &assets->sources, &sink, path, text, &assets->config, &err);
}

bool contents_open(struct arena *a, const char *path, const char *arch, struct contents_assets *ret,
                   struct err *err) {
    *ret = (struct contents_assets){ .contents = CONTENTS_INIT };
    if (!find_image(a, path, arch, ret, err)) {
        return false;
    }
    load_config(a, ret);
    return contents_read(a, ret->image, &ret->sources, ret->has_config ? &ret->config : NULL,
                         &ret->contents, err);
}

void contents_close(struct contents_assets *assets) {
    contents_done(&assets->contents);
}

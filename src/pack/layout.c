// SPDX-License-Identifier: Apache-2.0
#include "pack/internal.h"

#include <errno.h>

const char pack_rewritten_text[] =
    "the store no longer has the original layers of the base image, so they are recompressed with "
    "other digests; 'image pull' restores them";

bool pack_layout_find(struct arena *a, struct store *store, const struct store_key *layers,
                      size_t count, const struct images_origin *from,
                      struct image_oci_options *ret) {
    struct images_outgoing out;
    images_outgoing_find(store, a, layers, count, from, &out);
    ret->layers = out.layers;
    ret->layer_count = out.layer_count;
    ret->made_by = out.made_by;
    ret->base = out.base;
    ret->blobs = out.blobs;
    return !out.rewritten;
}

bool pack_layout_is_file(const char *dest) {
    return str_ends(str_from_c(dest), S(".tar"));
}

/* The layout's own files; blobs are compressed already. */
static bool write_tar(struct store *store, const struct image_oci_options *options, int fd,
                      struct err *err) {
    AUTO_ARENA arena = arena_new();
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    AUTO_TREE t = NULL;
    struct image_tar_options tar = { .epoch_s = 0, .cancelled = options->cancelled };
    if (!store_work_begin(store, &work, err)) {
        return false;
    }
    if (mkdirat(work.fd, "layout", 0755) < 0) {
        return err_sys(err, errno, "create a work folder");
    }
    AUTO_FD folder = openat(work.fd, "layout", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return (folder >= 0 || err_sys(err, errno, "open a work folder")) &&
           image_write_oci(arena, options, folder, NULL, err) &&
           tree_open_layers((const char *const[]){ store_work_path(&work, arena, "layout") }, 1, &t,
                            err) &&
           image_write_tar(t, &tar, fd, err);
}

bool pack_layout_write_fd(struct store *store, const struct image_oci_options *options,
                          bool is_file, int fd, struct err *err) {
    AUTO_ARENA arena = arena_new();
    return is_file ? write_tar(store, options, fd, err)
                   : image_write_oci(arena, options, fd, NULL, err);
}

static bool write_file(struct store *store, const struct image_oci_options *options,
                       const char *dest, struct err *err) {
    AUTO_FS_REPLACE file = FS_REPLACE_INIT;
    fs_replace_sweep(AT_FDCWD, dest);
    return fs_replace_open(&file, AT_FDCWD, dest, 0644, err) &&
           write_tar(store, options, file.fd, err) && fs_replace_commit(&file, true, err) &&
           fs_sync_folder_of(AT_FDCWD, dest, err);
}

static bool write_folder(struct store *store, const struct image_oci_options *options,
                         const char *dest, struct err *err) {
    AUTO_FD fd = -1;
    if (!fs_open_empty_dir(dest, &fd, err)) {
        return false;
    }
    if (pack_layout_write_fd(store, options, false, fd, err)) {
        return true;
    }
    /* Half a layout is worth nothing. */
    static const char *const made[] = { "blobs", "index.json", "manifest.json", "oci-layout" };
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        (void)!fs_remove_tree(fd, made[i], NULL);
    }
    return false;
}

bool pack_layout_write(struct store *store, const struct image_oci_options *options,
                       const char *dest, struct err *err) {
    bool ok = pack_layout_is_file(dest) ? write_file(store, options, dest, err)
                                        : write_folder(store, options, dest, err);
    return ok || err_wrap(err, "write '%s'", dest);
}

// SPDX-License-Identifier: Apache-2.0
/* The templates: those in the program, or a folder's. */
#include "recipe/internal.h"

enum { TEMPLATE_BYTES_MAX = 4 * 1024 * 1024 };

/* embedded.c, made by embed.py */
extern const char template_rootfs[];
extern const size_t template_rootfs_len;
extern const char template_kernel[];
extern const size_t template_kernel_len;

const char *recipe_kind_name(enum recipe_kind kind) {
    return kind == RECIPE_KERNEL ? "kernel" : "rootfs";
}

bool template_load(struct arena *a, const struct recipe_request *r, str *ret_name, str *ret_text,
                   struct err *err) {
    str name = str_fmt(a, "Dockerfile.%s.j2", recipe_kind_name(r->kind));
    if (r->templates_dir != NULL) {
        const char *path = path_join(a, r->templates_dir, name.ptr);
        *ret_name = str_from_c(path);
        return fs_load(a, AT_FDCWD, path, TEMPLATE_BYTES_MAX, ret_text, err) ||
               err_wrap(err, "load the template");
    }
    *ret_name = str_fmt(a, "templates/%s", name.ptr);
    *ret_text = r->kind == RECIPE_KERNEL ? (str){ template_kernel, template_kernel_len }
                                         : (str){ template_rootfs, template_rootfs_len };
    return true;
}

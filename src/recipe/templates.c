// SPDX-License-Identifier: Apache-2.0
/* The templates: those in the program, or a folder's. */
#include <errno.h>
#include <string.h>

#include "recipe/internal.h"

enum { TEMPLATE_BYTES_MAX = 4 * 1024 * 1024 };

/* embedded.c, made by embed.py */
extern const char template_rootfs[];
extern const size_t template_rootfs_len;
extern const char template_kernel[];
extern const size_t template_kernel_len;
extern const char template_agent[];
extern const size_t template_agent_len;

static const struct kind_row {
    const char *name;
    const char *text;
    const size_t *len;
} kinds[RECIPE_KINDS] = {
    [RECIPE_KERNEL] = { "kernel", template_kernel, &template_kernel_len },
    [RECIPE_ROOTFS] = { "rootfs", template_rootfs, &template_rootfs_len },
    [RECIPE_AGENT] = { "agent", template_agent, &template_agent_len },
};

const char *recipe_kind_name(enum recipe_kind kind) {
    return kinds[kind].name;
}

/* What cannot be read is the user's mistake: the folder is the one that was named. */
static bool load_own(struct arena *a, const char *path, struct sources *sources,
                     struct diag_sink *sink, str *ret_text) {
    struct err err = ERR_INIT;
    if (fs_load(a, AT_FDCWD, path, TEMPLATE_BYTES_MAX, ret_text, &err)) {
        return true;
    }
    struct span span = { .source = sources_add_path(sources, str_from_c(path)) };
    if (err.code == EFBIG) {
        diag_report(sink, "E400", span, "the template is larger than %d bytes", TEMPLATE_BYTES_MAX);
    } else {
        diag_report(sink, "E400", span, "the template cannot be read: %s",
                    err.code != 0 ? strerror(err.code) : "it is not a regular file");
    }
    return false;
}

bool template_load(struct arena *a, const struct recipe_request *r, struct sources *sources,
                   struct diag_sink *sink, str *ret_name, str *ret_text) {
    str name = str_fmt(a, "Dockerfile.%s.j2", recipe_kind_name(r->kind));
    const char *path = r->templates_dir != NULL ? path_join(a, r->templates_dir, name.ptr) : NULL;
    /* a folder need not have all: few people compile guest binaries in an image */
    if (path != NULL && (r->kind != RECIPE_AGENT || fs_exists(AT_FDCWD, path))) {
        *ret_name = str_from_c(path);
        return load_own(a, path, sources, sink, ret_text);
    }
    *ret_name = str_fmt(a, "templates/%s", name.ptr);
    *ret_text = (str){ kinds[r->kind].text, *kinds[r->kind].len };
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/* What needs a sandbox, where there is none: images are only looked up. */
#include "images/images.h"

bool images_pull(struct arena *a, const struct images_pull_request *pull, struct stored_image *ret,
                 struct err *err) {
    (void)a;
    (void)pull;
    (void)ret;
    return sandbox_exists(err);
}

bool images_import(struct store *s, struct arena *a, const char *path,
                   const struct oci_reference *ref, const struct oci_platform *platform,
                   struct err *err) {
    (void)s;
    (void)a;
    (void)path;
    (void)ref;
    (void)platform;
    return sandbox_exists(err);
}

void images_finder_init(struct images_finder *f) {
    map_init(&f->found, f->arena);
}

bool images_get(struct images_finder *f, str name, struct span span,
                const struct oci_platform *platform, struct stored_image *ret) {
    struct err err = ERR_INIT;
    (void)ret;
    err_set(&err, "the engine has no base image '%.*s' for %.*s, and it cannot be made here",
            STR_FMT(name), STR_FMT(oci_platform_text(f->arena, platform)));
    (void)err_help(&err, "run 'docker pull' to see why it cannot be fetched");
    return diag_report_err(f->sink, "E403", span, &err);
}

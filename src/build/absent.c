// SPDX-License-Identifier: Apache-2.0
/* What needs a sandbox, where there is none: compiled in place of the embedded engine. */
#include "build/build.h"
#include "dockerfile/dockerfile.h"

bool build_run(struct arena *a, const struct build_request *request, struct diag_sink *sink,
               struct build_result *ret, struct err *err) {
    (void)a;
    (void)request;
    (void)sink;
    *ret = (struct build_result){ 0 };
    (void)sandbox_exists(err);
    return err_help(err,
                    "'build --engine docker' builds a guest folder, 'docker build' any Dockerfile");
}

/* build_run() will say what is wrong. */
bool build_check_platforms(struct arena *a, const struct build_request *request,
                           struct diag_sink *sink) {
    (void)a;
    (void)request;
    (void)sink;
    return true;
}

/* Only layers of our own have times. */
void build_times(struct store *s, struct arena *a, const struct build_result *result,
                 struct build_time **ret, size_t *ret_count) {
    (void)s;
    (void)a;
    (void)result;
    *ret = NULL;
    *ret_count = 0;
}

str build_basis(const struct store *s, struct arena *a, const struct build_result *result) {
    (void)result;
    return store_layers_basis(s, a, NULL, 0);
}

bool build_base_find(struct arena *a, const struct build_request *request,
                     const struct dockerfile_word *word, const struct oci_platform *platform,
                     struct diag_sink *sink, struct build_image *ret, struct err *err) {
    (void)request;
    (void)sink;
    (void)ret;
    err_set(err, "the engine has no base image '%.*s' for %.*s, and it cannot be made here",
            STR_FMT(word->text), STR_FMT(oci_platform_text(a, platform)));
    return err_help(err, "run 'docker pull' to see why it cannot be fetched");
}

bool build_image_pull(struct arena *a, const struct build_pull *pull, struct build_image *ret,
                      struct err *err) {
    (void)a;
    (void)pull;
    (void)ret;
    return sandbox_exists(err);
}

bool build_image_import(struct store *s, struct arena *a, const char *path,
                        const struct oci_reference *ref, const struct oci_platform *platform,
                        struct err *err) {
    (void)s;
    (void)a;
    (void)path;
    (void)ref;
    (void)platform;
    return sandbox_exists(err);
}

bool build_probe(struct arena *a, const struct build_probe *probe, struct sandbox_result *ret,
                 struct err *err) {
    (void)a;
    (void)probe;
    (void)ret;
    return sandbox_exists(err);
}

// SPDX-License-Identifier: Apache-2.0
#include "check/internal.h"

enum { IGNORE_BYTES_MAX = 4 * 1024 * 1024 };

struct checker {
    struct arena *arena;
    const struct build_request *request;
    struct store *store;
};

static bool image_has(void *self, str image, str name, bool *ret_has) {
    struct checker *c = self;
    struct oci_reference ref;
    struct stored_image found;
    struct err ignored = ERR_INIT;
    if (c->store == NULL || !oci_reference_parse(c->arena, image, &ref, &ignored) ||
        images_find(c->store, c->arena, &ref, &c->request->platform, &found, &ignored) !=
            IMAGES_FOUND) {
        return false;
    }
    *ret_has = oci_pairs_find(&found.config.env, name) != NULL;
    return true;
}

/* "Dockerfile.dockerignore", else the context's. A bad one is reported by the build too. NULL:
 * there is none, or no context. */
static const struct dockerfile_ignore *load_ignore(struct checker *c, struct diag_sink *sink) {
    struct arena *a = c->arena;
    struct sources *sources = c->request->sources;
    str dockerfile = sources->items[c->request->dockerfile]->path;
    const struct dockerfile_ignore *ignore = NULL;
    if (c->request->context == NULL) {
        return NULL;
    }
    const char *const paths[] = {
        str_fmt(a, "%.*s.dockerignore", STR_FMT(dockerfile)).ptr,
        path_join(a, c->request->context, ".dockerignore"),
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        str text;
        struct err ignored = ERR_INIT;
        if (fs_load(a, AT_FDCWD, paths[i], IGNORE_BYTES_MAX, &text, &ignored)) {
            uint32_t source = sources_add(sources, str_from_c(paths[i]), text);
            (void)!dockerfile_ignore_parse(a, sink, source, &ignore);
            return ignore;
        }
    }
    return NULL;
}

void check_dockerfile(struct arena *a, const struct build_request *request, struct store *store,
                      struct diag_sink *sink, bool *ret_is_error) {
    struct checker c = { a, request, store };
    const struct dockerfile *file;
    *ret_is_error = false;
    if (!dockerfile_parse(a, sink, request->dockerfile, &file)) {
        return;
    }
    const str *check = oci_pairs_find(&request->build_args, S("BUILDKIT_DOCKERFILE_CHECK"));
    const struct dockerfile_lint options = {
        .ignore = load_ignore(&c, sink),
        .check = check == NULL ? (str){ 0 } : *check,
        .image_has = image_has,
        .self = &c,
    };
    *ret_is_error = dockerfile_lint_is_error(file, &options);
    dockerfile_lint(a, sink, file, &options);
}

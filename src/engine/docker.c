// SPDX-License-Identifier: Apache-2.0
/* Docker's engine, and BuildKit builders of its client. */
#include <errno.h>

#include "engine/internal.h"

static bool build(struct arena *a, const char *name, const struct build_request *request,
                  struct diag_sink *sink, struct engine_built *b, struct err *err) {
    const struct engine *e = b->engine;
    bool in_actions = e->in_actions && e->docker.has_buildx;
    const struct docker_request docker = {
        .engine = &e->docker,
        .builder = e->builder,
        .buildx = e->kind == ENGINE_BUILDX || in_actions,
        .streamed = e->kind == ENGINE_BUILDX,
        .elsewhere = e->elsewhere,
        .scope = in_actions ? name : NULL,
        .cache_from = e->cache_from,
        .cache_to = e->cache_to,
        .build = request,
    };
    return docker_build(a, &docker, sink, &b->image, &b->result, err);
}

static bool fetch(struct arena *a, struct engine_built *b, const struct store_work *work,
                  const char *const *names, size_t count, struct err *err) {
    const char *folder = store_work_path(work, a, "files");
    if (mkdir(folder, 0755) < 0) {
        return err_sys(err, errno, "create '%s'", folder);
    }
    b->result.layers = ARENA_ARRAY(a, const char *, 1);
    b->result.layers[0] = folder;
    b->result.layer_count = 1;
    return docker_copy_out(a, &b->image, names, count, folder, b->cancelled, err);
}

static bool ask(struct arena *a, const struct engine_built *b, const char *const *argv,
                const char *const *env, struct buf *out, struct err *err) {
    return docker_run(a, &b->image, argv, env, out, b->cancelled, err);
}

struct exported {
    struct docker_source source;
    const char *spool_folder;
};

/* A pack_fill. */
static bool read_export(void *self, struct tree *t, struct err *err) {
    const struct exported *x = self;
    return docker_export(&x->source, x->spool_folder, t, err);
}

static bool pack(struct arena *a, const struct engine_built *b, int fd,
                 const struct pack_options *options, const struct pack_events *events,
                 struct err *err) {
    struct exported x = { DOCKER_SOURCE_INIT, store_path(b->store) };
    if (!docker_source_open(a, &b->image, &x.source, err)) {
        return false;
    }
    bool ok = pack_tree(b->store, read_export, &x, fd, options, events, err);
    docker_source_close(&x.source);
    return ok;
}

const struct engine_ops engine_docker_ops = { "docker", build, fetch, ask, pack };
const struct engine_ops engine_buildx_ops = { "buildx", build, fetch, ask, pack };

// SPDX-License-Identifier: Apache-2.0
#include "engine/internal.h"

const struct engine_ops *engine_ops_of(const struct engine *e) {
    static const struct engine_ops *const rows[] = {
        [ENGINE_EMBEDDED] = &engine_embedded_ops,
        [ENGINE_DOCKER] = &engine_docker_ops,
        [ENGINE_BUILDX] = &engine_buildx_ops,
    };
    return rows[e->kind];
}

const char *engine_name(const struct engine *e) {
    return engine_ops_of(e)->name;
}

str engine_cache_name(struct arena *a, const struct engine *e) {
    str which = e->kind == ENGINE_EMBEDDED ? S("")
                : e->builder != NULL       ? str_from_c(e->builder)
                : e->kind == ENGINE_DOCKER ? e->docker.id
                                           : S("");
    return str_fmt(a, "%s %.*s", engine_name(e), STR_FMT(which));
}

bool engine_build(struct arena *a, const struct engine *e, const char *name,
                  const struct build_request *request, struct diag_sink *sink,
                  struct engine_built *ret, struct err *err) {
    *ret = (struct engine_built){ .engine = e,
                                  .store = request->store,
                                  .cancelled = request->cancelled };
    return engine_ops_of(e)->build(a, name, request, sink, ret, err);
}

bool engine_fetch(struct arena *a, struct engine_built *b, const struct store_work *work,
                  const char *const *names, size_t count, struct err *err) {
    return engine_ops_of(b->engine)->fetch(a, b, work, names, count, err);
}

bool engine_ask(struct arena *a, const struct engine_built *b, const char *const *argv,
                const char *const *env, struct buf *out, struct err *err) {
    return engine_ops_of(b->engine)->ask(a, b, argv, env, out, err);
}

bool engine_pack(struct arena *a, const struct engine_built *b, int fd,
                 const struct pack_options *options, const struct pack_events *events,
                 struct err *err) {
    return engine_ops_of(b->engine)->pack(a, b, fd, options, events, err);
}

void engine_done(struct engine_built *b) {
    docker_image_done(&b->image);
}

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/engine.h"

/* What differs between engines. */
struct engine_ops {
    const char *name;
    bool (*build)(struct arena *a, const char *name, const struct build_request *request,
                  struct diag_sink *sink, struct engine_built *b, struct err *err);
    bool (*fetch)(struct arena *a, struct engine_built *b, const struct store_work *work,
                  const char *const *names, size_t count, struct err *err);
    bool (*ask)(struct arena *a, const struct engine_built *b, const char *const *argv,
                const char *const *env, struct buf *out, struct err *err);
    bool (*pack)(struct arena *a, const struct engine_built *b, int fd,
                 const struct pack_options *options, const struct pack_events *events,
                 struct err *err);
};

/* By enum engine_kind. */
extern const struct engine_ops engine_embedded_ops; /* embedded.c */
extern const struct engine_ops engine_docker_ops;   /* docker.c */
extern const struct engine_ops engine_buildx_ops;
const struct engine_ops *engine_ops_of(const struct engine *e);

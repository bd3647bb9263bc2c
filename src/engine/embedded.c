// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "embedded/embedded.h"
#include "engine/internal.h"

static bool build(struct arena *a, const char *name, const struct build_request *request,
                  struct diag_sink *sink, struct engine_built *b, struct err *err) {
    (void)name;
    return embedded_run(a, request, sink, &b->result, err);
}

/* Its files are where its layers are. */
static bool fetch(struct arena *a, struct engine_built *b, const struct store_work *work,
                  const char *const *names, size_t count, struct err *err) {
    (void)a, (void)b, (void)work, (void)names, (void)count, (void)err;
    return true;
}

static void collect(void *self, str piece) {
    struct buf *out = self;
    buf_add(out, str_clip(piece, out->max - out->len));
}

static bool ask(struct arena *a, const struct engine_built *b, const char *const *argv,
                const char *const *env, struct buf *out, struct err *err) {
    struct embedded_probe probe = {
        .store = b->store,
        .layers = b->result.layers,
        .layer_count = b->result.layer_count,
        .argv = argv,
        .env = env,
        .on_output = collect,
        .self = out,
        .cancelled = b->cancelled,
    };
    struct sandbox_result end;
    /* What it answers is kept by the layers' keys: none of them may be damaged. */
    if (!store_layers_check(b->store, b->result.layer_keys, b->result.layer_key_count)) {
        err_set(err, "a layer of the image was damaged in the store, and is removed");
        return err_help(err, "build again: what is missing is made anew");
    }
    return embedded_probe(a, &probe, &end, err) &&
           (!end.cancelled || err_sys(err, EINTR, "stopped"));
}

static bool pack(struct arena *a, const struct engine_built *b, int fd,
                 const struct pack_options *options, const struct pack_events *events,
                 struct err *err) {
    (void)a;
    return pack_layers(b->store, b->result.layers, b->result.layer_count, fd, options, events, err);
}

const struct engine_ops engine_embedded_ops = { "embedded", build, fetch, ask, pack };

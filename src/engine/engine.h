// SPDX-License-Identifier: Apache-2.0
/*
 * engine/: which engine executes Dockerfiles, and what became of one, whoever did it. An engine is
 * a value; what differs between them is a row of functions. The request, the events and the result
 * are build/'s, which docker/ takes too.
 */
#pragma once

#include <signal.h>

#include "build/build.h"
#include "docker/docker.h"
#include "pack/pack.h"

enum engine_kind {
    ENGINE_EMBEDDED,
    ENGINE_DOCKER,
    ENGINE_BUILDX,
};

struct engine {
    enum engine_kind kind;
    const char *builder;    /* BUILDX; NULL: the one that is chosen now */
    bool elsewhere;         /* BUILDX: the builder is not the engine itself */
    bool several_nodes;     /* BUILDX: the architectures are built on more than one */
    bool in_actions;        /* DOCKER, BUILDX: the cache of GitHub Actions is at hand */
    const char *cache_from; /* BUILDX: as --cache-from of buildx has it; NULL: none */
    const char *cache_to;
    struct docker_engine docker; /* of the other two */
};

/* "auto", "embedded", "docker", "buildx" or "buildx:BUILDER"; false: err says what it may be. */
MUST_CHECK bool engine_check_word(const char *word, struct err *err);

/* Looks whether it is there, and whether a builder has a node for each platform. *ret_notice: what
 * "auto" has chosen and why, when that needs to be said; else empty. False: err is set. */
MUST_CHECK bool engine_choose(struct arena *a, const char *word,
                              const struct oci_platform *platforms, size_t platform_count,
                              struct engine *ret, str *ret_notice, struct err *err);

/* "embedded", "docker", "buildx": as build.json has it. */
const char *engine_name(const struct engine *e);

/* Tells the caches of engines apart: engine_name(), a space, and which of them. */
str engine_cache_name(struct arena *a, const struct engine *e);

/* How that begins, by the option's word; false: it has no cache but the store. */
bool engine_word_cache(struct arena *a, const char *word, str *ret);

/* The store, as somebody who may make, read and remove files of every owner in it: an ordinary
 * user becomes root of a user namespace. For what only looks, store_open() does. */
MUST_CHECK bool engine_open_store_as_root(struct arena *a, const char *cache_dir,
                                          struct store **ret, struct err *err);
/* As the engine wants it: Docker's client stays who it is. */
MUST_CHECK bool engine_open_store(struct arena *a, const struct engine *e, const char *cache_dir,
                                  struct store **ret, struct err *err);

/* ---- what became of a Dockerfile ---- */

struct engine_built {
    const struct engine *engine;
    struct store *store;
    const volatile sig_atomic_t *cancelled; /* of the request */
    struct build_result result;
    struct docker_image image; /* of the other two */
};
void engine_done(struct engine_built *b);
#define AUTO_BUILT __attribute__((cleanup(engine_done))) struct engine_built

/* `name` tells caches apart ("rootfs-x86_64"). False as embedded_run(). */
MUST_CHECK bool engine_build(struct arena *a, const struct engine *e, const char *name,
                             const struct build_request *request, struct diag_sink *sink,
                             struct engine_built *ret, struct err *err);
/* Brings files of its root to where result.layers has them; what is missing stays missing. */
MUST_CHECK bool engine_fetch(struct arena *a, struct engine_built *b, const struct store_work *work,
                             const char *const *names, size_t count, struct err *err);
/* A command run in it, without network, for what it prints. */
MUST_CHECK bool engine_ask(struct arena *a, const struct engine_built *b, const char *const *argv,
                           const char *const *env, struct buf *out, struct err *err);
MUST_CHECK bool engine_pack(struct arena *a, const struct engine_built *b, int fd,
                            const struct pack_options *options, const struct pack_events *events,
                            struct err *err);

// SPDX-License-Identifier: Apache-2.0
/* What executes Dockerfiles: our own engine, or Docker's. */
#pragma once

#include "build/build.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "docker/docker.h"

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
    const char *cache_from; /* BUILDX: as --cache-from of buildx has it; NULL: none */
    const char *cache_to;
    struct docker_engine docker; /* of the other two */
};
extern const struct engine engine_embedded;

/* "auto", "embedded", "docker", "buildx" or "buildx:BUILDER"; false: a usage error was printed. */
bool engine_word_ok(struct cli *cli, const char *word);
/* Looks whether it is there; says what "auto" has chosen and why. False: printed. */
bool engine_choose(struct cli *cli, const char *word, const struct oci_platform *platforms,
                   size_t platform_count, struct engine *ret);
/* "embedded", "docker", "buildx": as build.json has it. */
const char *engine_name(const struct engine *e);

/* Tells the caches of engines apart: engine_name(), a space, and which of them. */
str engine_cache_name(struct arena *a, const struct engine *e);

/* How that begins, by the option's word; false: it has no cache but our store. */
bool engine_word_cache(struct arena *a, const char *word, str *ret);

/* What became of a Dockerfile, wherever it was executed. */
struct built {
    const struct engine *engine;
    struct store *store;
    struct build_result result;
    struct docker_image image; /* of the other two */
};
void built_done(struct built *b);
#define AUTO_BUILT __attribute__((cleanup(built_done))) struct built

/* `name` tells caches apart ("rootfs-x86_64"). False as build_run(). */
MUST_CHECK bool engine_build(struct cli *cli, const struct engine *e, const char *name,
                             const struct build_request *request, struct diag_sink *sink,
                             struct built *ret, struct err *err);
/* Brings files of its root to where result.layers has them; what is missing stays missing. */
MUST_CHECK bool built_fetch(struct cli *cli, struct built *b, const struct store_work *work,
                            const char *const *names, size_t count, struct err *err);
/* A command run in it, without network, for what it prints. */
MUST_CHECK bool built_ask(struct cli *cli, const struct built *b, const char *const *argv,
                          const char *const *env, struct buf *out, struct err *err);
MUST_CHECK bool built_pack(struct cli *cli, const struct built *b, int fd,
                           const struct pack_options *options, struct progress *p, struct err *err);

// SPDX-License-Identifier: Apache-2.0
/*
 * docker/: a Dockerfile executed by a Docker engine or a BuildKit builder, through the `docker`
 * command line, so that contexts, credentials and DOCKER_HOST are those of the user. Takes what
 * build/ takes; gives an image's name in the engine, and its filesystem as a stream into a tree.
 *
 * Docker's engines of different ages understand different Dockerfiles, and none has what our
 * engine mounts from the host: the text is rewritten first (rewrite.c). Whatever is made in the
 * engine is named by the build's own label and removed by docker_image_done().
 *
 * Follows the Dockerfile reference and the reference of the docker command line.
 */
#pragma once

#include "build/build.h"
#include "store/store.h"
#include "tree/tree.h"

/* What the docker command line talks to. */
struct docker_engine {
    str client_version;
    str version;      /* of the engine, "20.10.24" */
    str id;           /* its own, whatever way leads there */
    str name;         /* of its machine */
    str context;      /* what the client calls the connection; empty: the default one */
    str root_dir;     /* where it keeps images, on its machine */
    str architecture; /* "x86_64", as the engine says it */
    struct oci_platform platform;
    uint64_t memory_bytes;
    uint64_t cpus;
    int64_t clock_ahead_s; /* of this machine's clock; negative: behind */
    bool has_buildkit;
    bool has_buildx;
    bool has_step_network; /* its BuildKit knows RUN --network: since 23 */
};

/* What a build of the default guest needs of the engine. */
enum {
    DOCKER_MIN_MEMORY_MB = 4096,
    DOCKER_RECOMMENDED_MEMORY_MB = 8192,
    DOCKER_CLOCK_SKEW_MAX_S = 30,
};
/* How its machine gets more: a static text. */
const char *docker_memory_help(const struct docker_engine *engine);
/* What fixes an engine that cannot execute an architecture. */
extern const char docker_platform_help[];

/* Asks the client and the engine. False: err says what is missing, and how to get it. */
MUST_CHECK bool docker_engine_find(struct arena *a, struct docker_engine *ret, struct err *err);

/* A node of a buildx builder. */
struct docker_node {
    str name;
    str endpoint;
    str status;    /* "running" */
    str platforms; /* "linux/amd64, linux/arm64*" as buildx shows them */
};
struct docker_builder {
    str name;
    str driver; /* "docker", "docker-container", "kubernetes", "remote" */
    struct docker_node *nodes;
    size_t node_count;
};
/* `name` NULL: the one that is chosen now. */
MUST_CHECK bool docker_builder_find(struct arena *a, const char *name, struct docker_builder *ret,
                                    struct err *err);
/* The node that builds for a platform: one that names it first, else any that can; NULL: none. */
const struct docker_node *docker_builder_node(const struct docker_builder *b,
                                              const struct oci_platform *platform);

/* What stands for the engine where a builder needs none: its driver is not "docker". */
MUST_CHECK bool docker_builder_engine(struct arena *a, const struct docker_builder *b,
                                      struct docker_engine *ret, struct err *err);

struct docker_request {
    const struct docker_engine *engine;
    const char *builder;    /* of buildx; NULL: the engine itself */
    bool buildx;            /* through `docker buildx build` */
    bool streamed;          /* the builder keeps the result: nothing is loaded into an engine */
    bool elsewhere;         /* the builder does not see the images of the engine */
    const char *scope;      /* of the cache in GitHub Actions; NULL: none is used */
    const char *cache_from; /* --cache-from of buildx; NULL: none */
    const char *cache_to;   /* --cache-to */
    const struct build_request *build;
};

struct docker_stream;

/* What a build made in an engine, or in the cache of a builder. */
struct docker_image {
    const char *tag;              /* NULL: nothing is there */
    struct docker_stream *stream; /* of a builder: how to get it again; NULL: the engine has it */
    const char *label;            /* of the build: what it made carries it */
    struct store_claim claim;     /* on that */
    str platform;
    bool has_buildkit; /* of the engine that has it */
    struct oci_pairs env;
    struct store_key key; /* of its content: same key, same tree */
};
#define DOCKER_IMAGE_INIT ((struct docker_image){ .claim = STORE_CLAIM_INIT })

/*
 * Builds the last stage. False: reported to the sink (E404 with the step's place, E405 for what the
 * engine lacks) or err is set. `ret->records` tells the steps; layers are not set.
 */
MUST_CHECK bool docker_build(struct arena *a, const struct docker_request *request,
                             struct diag_sink *sink, struct docker_image *ret_image,
                             struct build_result *ret, struct err *err);
/* Removes the image and what dangles of the build; others' never. */
void docker_image_done(struct docker_image *image);
/*
 * The builds of this store that were killed and may have left something in the engine; with
 * `remove` that is removed, as the build would have done.
 */
size_t docker_leftovers(struct arena *a, struct store *store, const struct docker_engine *engine,
                        bool remove);
#define AUTO_DOCKER_IMAGE __attribute__((cleanup(docker_image_done))) struct docker_image

/* Copies files of the image's root into a folder, through a container that is removed. */
MUST_CHECK bool docker_copy_out(struct arena *a, const struct docker_image *image,
                                const char *const *names, size_t count, const char *to_folder,
                                const volatile sig_atomic_t *cancelled, struct err *err);

/* What an image's files are read from. */
struct docker_source {
    const struct docker_image *image;
    const char *container;        /* to export; NULL: of a builder's image, which needs none */
    struct store_work work;       /* a Dockerfile that copies what an export loses */
    const char *const *kept_argv; /* gives that as a tar; NULL: there is none */
    const char *kept_container;   /* of the classic builder; NULL */
    const char *kept_tag;         /* of an image of it */
};
#define DOCKER_SOURCE_INIT ((struct docker_source){ .work = STORE_WORK_INIT })
MUST_CHECK bool docker_source_open(struct arena *a, const struct docker_image *image,
                                   struct docker_source *ret, struct err *err);
void docker_source_close(struct docker_source *s);
#define AUTO_DOCKER_SOURCE __attribute__((cleanup(docker_source_close))) struct docker_source
/*
 * The image's filesystem into an empty tree, streamed; contents go to an unnamed file in
 * `spool_folder`. What the engine itself puts into a container is taken out again.
 */
MUST_CHECK bool docker_export(const struct docker_source *source, const char *spool_folder,
                              struct tree *t, struct err *err);

/* Runs a command in the image, without network; what it changes is thrown away. */
MUST_CHECK bool docker_run(struct arena *a, const struct docker_image *image,
                           const char *const *argv, const char *const *env, struct buf *out,
                           const volatile sig_atomic_t *cancelled, struct err *err);

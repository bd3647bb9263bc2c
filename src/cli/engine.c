// SPDX-License-Identifier: Apache-2.0
#include "cli/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/worker.h"
#include "sandbox/sandbox.h"

const struct engine engine_embedded = { .kind = ENGINE_EMBEDDED };

#define BUILDX_PREFIX "buildx:"

bool engine_word_ok(struct cli *cli, const char *word) {
    static const char *const words[] = { "auto", "embedded", "docker", "buildx" };
    str names[ARRAY_LEN(words)];
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            return true;
        }
        names[i] = str_from_c(words[i]);
    }
    if (strncmp(word, BUILDX_PREFIX, strlen(BUILDX_PREFIX)) == 0) {
        if (word[strlen(BUILDX_PREFIX)] != '\0') {
            return true;
        }
        print_error(cli, "build: --engine buildx:BUILDER needs the name of a builder");
        return false;
    }
    str near = nearest_word(str_from_c(word), names, ARRAY_LEN(names));
    print_error(cli,
                "build: --engine is auto, embedded, docker, buildx or buildx:BUILDER, not '%s'%s"
                "%.*s%s",
                word, near.ptr != NULL ? "; did you mean '" : "", STR_FMT(near),
                near.ptr != NULL ? "'?" : "");
    return false;
}

const char *engine_name(const struct engine *e) {
    static const char *const names[] = { "embedded", "docker", "buildx" };
    return names[e->kind];
}

str engine_cache_name(struct arena *a, const struct engine *e) {
    str which = e->kind == ENGINE_EMBEDDED ? S("")
                : e->builder != NULL       ? str_from_c(e->builder)
                : e->kind == ENGINE_DOCKER ? e->docker.id
                                           : S("");
    return str_fmt(a, "%s %.*s", engine_name(e), STR_FMT(which));
}

bool engine_word_cache(struct arena *a, const char *word, str *ret) {
    if (strcmp(word, "docker") != 0 && strncmp(word, "buildx", strlen("buildx")) != 0) {
        return false;
    }
    bool named = strncmp(word, BUILDX_PREFIX, strlen(BUILDX_PREFIX)) == 0;
    *ret = named ? str_fmt(a, "buildx %s", word + strlen(BUILDX_PREFIX)) : str_fmt(a, "%s ", word);
    return true;
}

/* ---- choosing ---- */

static bool try_root(void *self, int outfd, struct err *err) {
    (void)self;
    (void)outfd;
    return sandbox_become_root(err);
}

/* Does our own engine run here? Tried in a child: who becomes root of a namespace stays there. */
static bool runs_embedded(struct err *why) {
    AUTO_WORKER w = WORKER_INIT;
    return sandbox_exists(why) && worker_start(try_root, NULL, &w, why) &&
           worker_finish(&w, NULL, NULL, why);
}

static bool find_embedded(struct cli *cli) {
    struct err err = ERR_INIT;
    if (sandbox_exists(&err)) {
        return true;
    }
    err_wrap(&err, "--engine embedded");
    err_help(&err, "use --engine docker");
    print_err(cli, &err);
    return false;
}

static bool find_docker(struct cli *cli, struct engine *e) {
    struct err err = ERR_INIT;
    if (docker_engine_find(cli->arena, &e->docker, &err)) {
        return true;
    }
    err_wrap(&err, "--engine %s", engine_name(e));
    print_err(cli, &err);
    return false;
}

/* The other engine only where ours cannot run, and only when it is there. */
static bool choose_auto(struct cli *cli, struct engine *ret) {
    struct err why = ERR_INIT;
    struct err err = ERR_INIT;
    *ret = engine_embedded;
    if (runs_embedded(&why)) {
        return true;
    }
    if (docker_engine_find(cli->arena, &ret->docker, &err)) {
        ret->kind = ENGINE_DOCKER;
        fprintf(stderr, "engine: docker %.*s, because %s\n", STR_FMT(ret->docker.version),
                why.frames[0]);
        return true;
    }
    if (!sandbox_exists(NULL)) {
        err_wrap(&err, "no engine: %s", why.frames[0]);
        print_err(cli, &err);
        return false;
    }
    fprintf(stderr, "engine: embedded, although %s: docker is of no use (%s)\n", why.frames[0],
            err.frames[0]);
    return true;
}

/* Only a builder inside an engine needs that engine; what keeps us from seeing one may be it. */
static bool find_builder(struct cli *cli, struct engine *e, struct docker_builder *ret) {
    struct err err = ERR_INIT;
    bool found = docker_builder_find(cli->arena, e->builder, ret, &err);
    e->elsewhere = found && !str_eq(ret->driver, S("docker"));
    if (e->elsewhere && docker_builder_engine(cli->arena, ret, &e->docker, &err)) {
        return true;
    }
    if (!e->elsewhere && !find_docker(cli, e)) {
        return false;
    }
    return (found && !e->elsewhere) || (print_err(cli, &err), false);
}

/* A word before a build of an hour fails in its last minute. */
static bool check_nodes(struct cli *cli, struct engine *e, const struct docker_builder *b,
                        const struct oci_platform *platforms, size_t count) {
    struct err err = ERR_INIT;
    const struct docker_node *first = count > 0 ? docker_builder_node(b, &platforms[0]) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct docker_node *node = docker_builder_node(b, &platforms[i]);
        e->several_nodes = e->several_nodes || node != first;
        if (node == NULL) {
            str platform = oci_platform_text(cli->arena, &platforms[i]);
            err_set(&err, "the builder '%.*s' has no node for %.*s", STR_FMT(b->name),
                    STR_FMT(platform));
            err_help(&err, "docker buildx create --append --name %.*s --platform %.*s ENDPOINT",
                     STR_FMT(b->name), STR_FMT(platform));
            print_err(cli, &err);
            return false;
        }
    }
    return true;
}

bool engine_choose(struct cli *cli, const char *word, const struct oci_platform *platforms,
                   size_t platform_count, struct engine *ret) {
    *ret = engine_embedded;
    if (strcmp(word, "auto") == 0) {
        return choose_auto(cli, ret);
    }
    if (strcmp(word, "embedded") == 0) {
        return find_embedded(cli);
    }
    ret->kind = strcmp(word, "docker") == 0 ? ENGINE_DOCKER : ENGINE_BUILDX;
    if (ret->kind == ENGINE_BUILDX && word[strlen("buildx")] == ':') {
        ret->builder = word + strlen(BUILDX_PREFIX);
    }
    struct docker_builder builder;
    return ret->kind == ENGINE_DOCKER
               ? find_docker(cli, ret)
               : find_builder(cli, ret, &builder) &&
                     check_nodes(cli, ret, &builder, platforms, platform_count);
}

/* ---- what was built ---- */

void built_done(struct built *b) {
    docker_image_done(&b->image);
}

bool engine_build(struct cli *cli, const struct engine *e, const char *name,
                  const struct build_request *request, struct diag_sink *sink, struct built *ret,
                  struct err *err) {
    *ret = (struct built){ .engine = e, .store = request->store };
    if (e->kind == ENGINE_EMBEDDED) {
        return build_run(cli->arena, request, sink, &ret->result, err);
    }
    bool in_actions = getenv("GITHUB_ACTIONS") != NULL;
    struct docker_request docker = {
        .engine = &e->docker,
        .builder = e->builder,
        .buildx = e->kind == ENGINE_BUILDX || (in_actions && e->docker.has_buildx),
        .streamed = e->kind == ENGINE_BUILDX,
        .elsewhere = e->elsewhere,
        .scope = in_actions && e->docker.has_buildx ? name : NULL,
        .cache_from = e->cache_from,
        .cache_to = e->cache_to,
        .build = request,
    };
    return docker_build(cli->arena, &docker, sink, &ret->image, &ret->result, err);
}

bool built_fetch(struct cli *cli, struct built *b, const struct store_work *work,
                 const char *const *names, size_t count, struct err *err) {
    if (b->engine->kind == ENGINE_EMBEDDED) {
        return true;
    }
    const char *folder = store_work_path(work, cli->arena, "files");
    if (mkdir(folder, 0755) < 0) {
        return err_sys(err, errno, "create '%s'", folder);
    }
    b->result.layers = ARENA_ARRAY(cli->arena, const char *, 1);
    b->result.layers[0] = folder;
    b->result.layer_count = 1;
    return docker_copy_out(cli->arena, &b->image, names, count, folder, &interrupted, err);
}

static void collect(void *self, str piece) {
    struct buf *out = self;
    buf_add(out, str_clip(piece, out->max - out->len));
}

bool built_ask(struct cli *cli, const struct built *b, const char *const *argv,
               const char *const *env, struct buf *out, struct err *err) {
    if (b->engine->kind != ENGINE_EMBEDDED) {
        return docker_run(cli->arena, &b->image, argv, env, out, &interrupted, err);
    }
    struct build_probe probe = {
        .store = b->store,
        .layers = b->result.layers,
        .layer_count = b->result.layer_count,
        .argv = argv,
        .env = env,
        .on_output = collect,
        .self = out,
        .cancelled = &interrupted,
    };
    struct sandbox_result end;
    return build_probe(cli->arena, &probe, &end, err) &&
           (!end.cancelled || err_sys(err, EINTR, "stopped"));
}

/* ---- packing ---- */

struct exported {
    struct docker_source source;
    const char *spool_folder;
};

static bool read_export(void *self, struct tree *t, struct err *err) {
    const struct exported *x = self;
    return docker_export(&x->source, x->spool_folder, t, err);
}

bool built_pack(struct cli *cli, const struct built *b, int fd, const struct pack_options *options,
                struct progress *p, struct err *err) {
    if (b->engine->kind == ENGINE_EMBEDDED) {
        return output_pack_squashfs(b->store, b->result.layers, b->result.layer_count, fd, options,
                                    p, err);
    }
    struct exported x = { DOCKER_SOURCE_INIT, store_path(b->store) };
    if (!docker_source_open(cli->arena, &b->image, &x.source, err)) {
        return false;
    }
    bool ok = output_pack_tree(b->store, read_export, &x, fd, options, p, err);
    docker_source_close(&x.source);
    return ok;
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/worker.h"
#include "engine/internal.h"
#include "sandbox/sandbox.h"

#define BUILDX_PREFIX "buildx:"

bool engine_check_word(const char *word, struct err *err) {
    static const char *const words[] = { "auto", "embedded", "docker", "buildx" };
    str names[ARRAY_LEN(words)];
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            return true;
        }
        names[i] = str_from_c(words[i]);
    }
    if (strncmp(word, BUILDX_PREFIX, strlen(BUILDX_PREFIX)) == 0) {
        return word[strlen(BUILDX_PREFIX)] != '\0' ||
               err_set(err, "--engine buildx:BUILDER needs the name of a builder");
    }
    str near = nearest_word(str_from_c(word), names, ARRAY_LEN(names));
    return err_set(err,
                   "--engine is auto, embedded, docker, buildx or buildx:BUILDER, not '%s'%s"
                   "%.*s%s",
                   word, near.ptr != NULL ? "; did you mean '" : "", STR_FMT(near),
                   near.ptr != NULL ? "'?" : "");
}

bool engine_word_cache(struct arena *a, const char *word, str *ret) {
    if (strcmp(word, "docker") != 0 && strncmp(word, "buildx", strlen("buildx")) != 0) {
        return false;
    }
    bool named = strncmp(word, BUILDX_PREFIX, strlen(BUILDX_PREFIX)) == 0;
    *ret = named ? str_fmt(a, "buildx %s", word + strlen(BUILDX_PREFIX)) : str_fmt(a, "%s ", word);
    return true;
}

/* What a search needs all the way down. */
struct choice {
    struct arena *arena;
    struct engine *engine;
    str *notice;
    struct err *err;
};

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

static bool find_embedded(struct choice *c) {
    if (sandbox_exists(c->err)) {
        return true;
    }
    err_wrap(c->err, "--engine embedded");
    return err_help(c->err, "use --engine docker");
}

static bool find_docker(struct choice *c) {
    return docker_engine_find(c->arena, &c->engine->docker, c->err) ||
           err_wrap(c->err, "--engine %s", engine_name(c->engine));
}

/* The other engine only where ours cannot run, and only when it is there. */
static bool choose_auto(struct choice *c) {
    struct err why = ERR_INIT;
    if (runs_embedded(&why)) {
        return true;
    }
    if (docker_engine_find(c->arena, &c->engine->docker, c->err)) {
        c->engine->kind = ENGINE_DOCKER;
        *c->notice = str_fmt(c->arena, "engine: docker %.*s, because %s",
                             STR_FMT(c->engine->docker.version), why.frames[0]);
        return true;
    }
    if (!sandbox_exists(NULL)) {
        return err_wrap(c->err, "no engine is available: %s", why.frames[0]);
    }
    *c->notice = str_fmt(c->arena, "engine: embedded (%s); docker is unavailable: %s",
                         why.frames[0], c->err->frames[0]);
    *c->err = (struct err)ERR_INIT;
    return true;
}

/* Only a builder inside an engine needs that engine; what keeps us from seeing one may be it. */
static bool find_builder(struct choice *c, struct docker_builder *ret) {
    struct err why = ERR_INIT;
    struct engine *e = c->engine;
    bool found = docker_builder_find(c->arena, e->builder, ret, &why);
    e->elsewhere = found && !str_eq(ret->driver, S("docker"));
    if (e->elsewhere && docker_builder_engine(c->arena, ret, &e->docker, &why)) {
        return true;
    }
    if (!e->elsewhere && !find_docker(c)) {
        return false;
    }
    if (found && !e->elsewhere) {
        return true;
    }
    *c->err = why;
    return false;
}

/* A word before a build of an hour fails in its last minute. */
static bool check_nodes(struct choice *c, const struct docker_builder *b,
                        const struct oci_platform *platforms, size_t count) {
    const struct docker_node *first = count > 0 ? docker_builder_node(b, &platforms[0]) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct docker_node *node = docker_builder_node(b, &platforms[i]);
        c->engine->several_nodes = c->engine->several_nodes || node != first;
        if (node == NULL) {
            str platform = oci_platform_text(c->arena, &platforms[i]);
            err_set(c->err, "the builder '%.*s' has no node for %.*s", STR_FMT(b->name),
                    STR_FMT(platform));
            return err_help(c->err,
                            "docker buildx create --append --name %.*s --platform %.*s ENDPOINT",
                            STR_FMT(b->name), STR_FMT(platform));
        }
    }
    return true;
}

bool engine_choose(struct arena *a, const char *word, const struct oci_platform *platforms,
                   size_t platform_count, struct engine *ret, str *ret_notice, struct err *err) {
    struct choice c = { a, ret, ret_notice, err };
    struct docker_builder builder;
    *ret = (struct engine){ .kind = ENGINE_EMBEDDED };
    *ret_notice = S("");
    if (strcmp(word, "auto") == 0) {
        return choose_auto(&c);
    }
    if (strcmp(word, "embedded") == 0) {
        return find_embedded(&c);
    }
    ret->kind = strcmp(word, "docker") == 0 ? ENGINE_DOCKER : ENGINE_BUILDX;
    if (ret->kind == ENGINE_DOCKER) {
        return find_docker(&c);
    }
    if (word[strlen("buildx")] == ':') {
        ret->builder = word + strlen(BUILDX_PREFIX);
    }
    return find_builder(&c, &builder) && check_nodes(&c, &builder, platforms, platform_count);
}

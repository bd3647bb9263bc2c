// SPDX-License-Identifier: Apache-2.0
/* Guest binaries for a target that this machine has no compiler for: compiled on the engine that
 * there is, in an image that has one. */
#include <errno.h>
#include <stdio.h>

#include "check/check.h"
#include "engine/engine.h"
#include "hash/hash.h"
#include "history/history.h"
#include "make/internal.h"

struct compiling {
    struct arena *arena;
    const struct make_binaries *request;
    const struct make_events *events;
    struct engine_built built;
    const char *dir; /* OUTPUT/ARCH */
    str key;         /* of all that the binaries are made of */
    struct make_failure *failure;
};

static bool find_key(struct compiling *c, const struct recipe *recipe) {
    struct assets_input *inputs;
    size_t count;
    if (!history_inputs(c->arena, recipe, &inputs, &count, &c->failure->err)) {
        return false;
    }
    AUTO_BUF list = BUF_INIT(16 * 1024 * 1024);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&list, "%.*s %.*s\n", STR_FMT(inputs[i].digest), STR_FMT(inputs[i].name));
    }
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    blake3_bytes(buf_str(&list), digest);
    hash_hex(digest, sizeof digest, hex);
    c->key = str_dup(c->arena, str_from_c(hex));
    return true;
}

static bool copy_out(struct compiling *c, int from, const char *path, struct stat *ret) {
    const char *temp = str_fmt(c->arena, "%s.tmp-%d", path, (int)getpid()).ptr;
    AUTO_FD to = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0755);
    if (to < 0) {
        return err_sys(&c->failure->err, errno, "create '%s'", temp);
    }
    if (!fs_copy_fd(from, to, &c->failure->err) || fstat(to, ret) < 0 || rename(temp, path) < 0) {
        int code = errno;
        unlink(temp);
        return err_is_set(&c->failure->err) ? err_wrap(&c->failure->err, "write '%s'", path)
                                            : err_sys(&c->failure->err, code, "write '%s'", path);
    }
    return true;
}

static const char *key_path(const struct compiling *c, str name) {
    return str_fmt(c->arena, "%s/.%.*s.key", c->dir, STR_FMT(name)).ptr;
}

/* Beside each binary is the key of what made it. */
static bool is_fresh(const struct compiling *c, str name, struct guestbin_binary *ret) {
    struct arena *a = c->arena;
    const char *path = str_fmt(a, "%s/%.*s", c->dir, STR_FMT(name)).ptr;
    str known;
    struct stat st;
    *ret = (struct guestbin_binary){ .name = name, .path = path };
    if (!fs_load(a, AT_FDCWD, key_path(c, name), 4096, &known, NULL) || !str_eq(known, c->key) ||
        stat(path, &st) < 0) {
        return false;
    }
    ret->bytes = (uint64_t)st.st_size;
    return true;
}

/* Then there is no need for the engine. */
static bool all_fresh(const struct compiling *c, struct guestbin_binary *ret) {
    const struct config_list *names = &c->request->config->build.guest_binaries;
    for (size_t i = 0; i < names->len; i++) {
        if (!is_fresh(c, names->items[i].text, &ret[i])) {
            return false;
        }
    }
    return true;
}

static bool take_binary(struct compiling *c, str name, struct guestbin_binary *ret) {
    if (is_fresh(c, name, ret)) {
        return true;
    }
    struct stat st;
    AUTO_FD built = make_open_built(c->arena, &c->built.result, str_to_c(c->arena, name));
    if (built < 0) {
        return err_set(&c->failure->err, "the agent's Dockerfile did not create the file '/%.*s'",
                       STR_FMT(name));
    }
    unlink(key_path(c, name));
    if (!copy_out(c, built, ret->path, &st) ||
        !fs_store(AT_FDCWD, key_path(c, name), c->key, 0644, &c->failure->err)) {
        return false;
    }
    ret->fresh = true;
    ret->bytes = (uint64_t)st.st_size;
    return true;
}

static bool take_binaries(struct compiling *c, const struct store_work *work,
                          struct guestbin_binary *ret) {
    const struct config_list *names = &c->request->config->build.guest_binaries;
    const char **files = ARENA_ARRAY(c->arena, const char *, names->len);
    for (size_t i = 0; i < names->len; i++) {
        files[i] = str_to_c(c->arena, names->items[i].text);
    }
    if (!fs_mkdir_p(AT_FDCWD, c->dir, 0755, &c->failure->err) ||
        !engine_fetch(c->arena, &c->built, work, files, names->len, &c->failure->err)) {
        return false;
    }
    for (size_t i = 0; i < names->len; i++) {
        if (!take_binary(c, names->items[i].text, &ret[i])) {
            return false;
        }
    }
    return true;
}

/* The engine that there is, and the store as that wants it. */
static bool find_engine(struct compiling *c, struct engine *ret, struct store **ret_store) {
    struct oci_platform platform;
    struct err *err = &c->failure->err;
    str notice;
    if (!oci_platform_parse(c->arena, c->request->arch->docker_platform.text, &platform, err) ||
        !engine_choose(c->arena, "auto", &platform, 1, ret, &notice, err)) {
        return false;
    }
    if (notice.len > 0) {
        c->events->notice(c->events->self, notice);
    }
    return engine_open_store(c->arena, ret, c->request->cache_dir, ret_store, err);
}

static bool render(struct compiling *c, struct sources *sources, struct recipe *ret) {
    const struct recipe_request request = {
        .config = c->request->config,
        .arch = c->request->arch,
        .kind = RECIPE_AGENT,
        .templates_dir = c->request->templates_dir,
    };
    return recipe_render(c->arena, &request, sources, &c->failure->sink, ret, &c->failure->err) &&
           find_key(c, ret);
}

static bool build(struct compiling *c, const struct engine *engine, struct store *store,
                  struct sources *sources, const struct recipe *recipe, struct store_work *work) {
    /* No epoch: times of the sources do not count, the same text gives the same program. */
    const struct make_run run = {
        .store = store,
        .sources = sources,
        .arch = c->request->arch,
        .policy.share = make_share(c->arena, c->request->config),
        .events = c->events,
    };
    struct build_request request;
    const char *name = str_fmt(c->arena, "agent-%.*s", STR_FMT(c->request->arch->head.key)).ptr;
    struct make_failure *f = c->failure;
    if (make_prepare(c->arena, &run, recipe, work, &request, &f->err) &&
        engine_build(c->arena, engine, name, &request, &f->sink, &c->built, &f->err)) {
        return true;
    }
    check_add_notes(&f->sink, recipe, c->built.result.failed_output);
    f->output = c->built.result.failed_output;
    return false;
}

static bool compile(struct compiling *c, struct sources *sources, struct guestbin_binary *ret) {
    AUTO_STORE store = NULL;
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    struct recipe recipe;
    struct engine engine;
    if (!render(c, sources, &recipe)) {
        return false;
    }
    return all_fresh(c, ret) ||
           (find_engine(c, &engine, &store) && build(c, &engine, store, sources, &recipe, &work) &&
            take_binaries(c, &work, ret));
}

bool make_binaries_in_container(struct arena *a, const struct make_binaries *request,
                                struct sources *sources, const struct make_events *events,
                                struct guestbin_binary *ret, struct make_failure *failure) {
    str arch = request->arch->head.key;
    struct compiling c = {
        .arena = a,
        .request = request,
        .events = events,
        .dir = str_fmt(a, "%s/%.*s", request->output_dir, STR_FMT(arch)).ptr,
        .failure = failure,
    };
    events->begin(events->self, str_fmt(a, "agent %.*s", STR_FMT(arch)).ptr, NULL, NULL);
    bool ok = compile(&c, sources, ret);
    if (ok) {
        events->end(events->self);
    }
    engine_done(&c.built);
    return ok;
}

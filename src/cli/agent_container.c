// SPDX-License-Identifier: Apache-2.0
/* Guest binaries for a target that this machine has no compiler for: compiled on the engine that
 * there is, in an image that has one. */
#include <errno.h>
#include <stdio.h>

#include "cli/agent_container.h"
#include "cli/engine.h"
#include "cli/inputs.h"
#include "cli/open_store.h"
#include "cli/recipe_notes.h"
#include "cli/recipe_run.h"
#include "hash/hash.h"

struct compiling {
    struct cli *cli;
    const struct agent_request *request;
    struct built built;
    const char *dir; /* OUTPUT/ARCH */
    str key;         /* of all that the binaries are made of */
    struct err err;
};

static bool find_key(struct compiling *c, const struct recipe *recipe) {
    struct assets_input *inputs;
    size_t count;
    if (!inputs_of_recipe(c->cli->arena, recipe, &inputs, &count, &c->err)) {
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
    c->key = str_dup(c->cli->arena, str_from_c(hex));
    return true;
}

static bool copy_out(struct compiling *c, int from, const char *path, struct stat *ret) {
    const char *temp = str_fmt(c->cli->arena, "%s.tmp-%d", path, (int)getpid()).ptr;
    AUTO_FD to = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0755);
    if (to < 0) {
        return err_sys(&c->err, errno, "create '%s'", temp);
    }
    if (!fs_copy_fd(from, to, &c->err) || fstat(to, ret) < 0 || rename(temp, path) < 0) {
        int code = errno;
        unlink(temp);
        return err_is_set(&c->err) ? err_wrap(&c->err, "write '%s'", path)
                                   : err_sys(&c->err, code, "write '%s'", path);
    }
    return true;
}

static const char *key_path(const struct compiling *c, str name) {
    return str_fmt(c->cli->arena, "%s/.%.*s.key", c->dir, STR_FMT(name)).ptr;
}

/* Beside each binary is the key of what made it. */
static bool is_fresh(const struct compiling *c, str name, struct guestbin_binary *ret) {
    struct arena *a = c->cli->arena;
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
    AUTO_FD built =
        recipe_open_built(c->cli->arena, &c->built.result, str_to_c(c->cli->arena, name));
    if (built < 0) {
        return err_set(&c->err, "the agent's Dockerfile did not leave a file '/%.*s'",
                       STR_FMT(name));
    }
    unlink(key_path(c, name));
    if (!copy_out(c, built, ret->path, &st) ||
        !fs_store(AT_FDCWD, key_path(c, name), c->key, 0644, &c->err)) {
        return false;
    }
    ret->fresh = true;
    ret->bytes = (uint64_t)st.st_size;
    return true;
}

static bool take_binaries(struct compiling *c, const struct store_work *work,
                          struct guestbin_binary *ret) {
    const struct config_list *names = &c->request->config->build.guest_binaries;
    const char **files = ARENA_ARRAY(c->cli->arena, const char *, names->len);
    for (size_t i = 0; i < names->len; i++) {
        files[i] = str_to_c(c->cli->arena, names->items[i].text);
    }
    if (!fs_mkdir_p(AT_FDCWD, c->dir, 0755, &c->err) ||
        !built_fetch(c->cli, &c->built, work, files, names->len, &c->err)) {
        return false;
    }
    for (size_t i = 0; i < names->len; i++) {
        if (!take_binary(c, names->items[i].text, &ret[i])) {
            return false;
        }
    }
    return true;
}

/* The engine that there is, and the store as that wants it. False: printed. */
static bool find_engine(struct compiling *c, struct engine *ret, struct store **ret_store) {
    struct oci_platform platform;
    if (!oci_platform_parse(c->cli->arena, c->request->arch->docker_platform.text, &platform,
                            &c->err)) {
        print_err(c->cli, &c->err);
        return false;
    }
    if (!engine_choose(c->cli, "auto", &platform, 1, ret)) {
        return false;
    }
    bool ok = ret->kind == ENGINE_EMBEDDED ? open_store(c->cli, ret_store, &c->err)
                                           : store_open(c->cli->cache_dir, ret_store, &c->err);
    if (!ok) {
        print_err(c->cli, &c->err);
    }
    return ok;
}

static bool compile(struct compiling *c, struct sources *sources, struct diag_sink *sink,
                    struct progress *p, struct guestbin_binary *ret) {
    AUTO_STORE store = NULL;
    struct recipe recipe;
    struct recipe_request request = {
        .config = c->request->config,
        .arch = c->request->arch,
        .kind = RECIPE_AGENT,
        .templates_dir = c->request->templates_dir,
    };
    /* Times of the sources are nobody's business: the same text gives the same program. */
    struct recipe_run run = {
        .sources = sources,
        .arch = c->request->arch,
        .offline = c->request->offline,
    };
    if (!recipe_render(c->cli->arena, &request, sources, sink, &recipe, &c->err) ||
        !find_key(c, &recipe)) {
        return recipe_report(c->cli, p, sink, S(""), &c->err);
    }
    if (all_fresh(c, ret)) {
        return true;
    }
    struct engine engine;
    if (!find_engine(c, &engine, &store)) {
        progress_done(p);
        return false;
    }
    run.store = store;
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    struct build_request build;
    const char *name =
        str_fmt(c->cli->arena, "agent-%.*s", STR_FMT(c->request->arch->head.key)).ptr;
    if (!recipe_prepare(c->cli, &run, &recipe, p, &work, &build, &c->err) ||
        !engine_build(c->cli, &engine, name, &build, sink, &c->built, &c->err)) {
        recipe_notes_add(sink, &recipe, c->built.result.failed_output);
        return recipe_report(c->cli, p, sink, c->built.result.failed_output, &c->err);
    }
    if (!take_binaries(c, &work, ret)) {
        return recipe_report(c->cli, p, sink, S(""), &c->err);
    }
    progress_done(p);
    return true;
}

bool agent_compile_in_container(struct cli *cli, const struct agent_request *request,
                                struct guestbin_binary *ret) {
    struct sources *sources = ARENA_NEW(cli->arena, struct sources);
    struct diag_sink sink;
    struct progress p;
    sources_init(sources, cli->arena);
    diag_sink_init(&sink, cli->arena, sources);
    progress_init(&p, cli, "auto", false);
    p.label = str_fmt(cli->arena, "agent %.*s", STR_FMT(request->arch->head.key)).ptr;
    struct compiling c = {
        .cli = cli,
        .request = request,
        .dir = str_fmt(cli->arena, "%s/%.*s", request->output_dir, STR_FMT(request->arch->head.key))
                   .ptr,
        .err = ERR_INIT,
    };
    bool ok = compile(&c, sources, &sink, &p, ret);
    built_done(&c.built);
    return ok;
}

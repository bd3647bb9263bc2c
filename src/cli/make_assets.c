// SPDX-License-Identifier: Apache-2.0
#include "cli/make_assets.h"

#include <errno.h>
#include <string.h>

#include "assets/assets.h"
#include "base/clock.h"
#include "cli/grow.h"
#include "cli/guest.h"
#include "cli/inputs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/recipe_notes.h"
#include "cli/recipe_run.h"
#include "cli/versions.h"
#include "cli/why.h"
#include "hash/hash.h"

enum { LABEL_BYTES = 128 };

/* One architecture while it is made. */
struct making {
    struct cli *cli;
    const struct make_request *request;
    const struct config_architecture *arch;
    struct diag_sink *sink;
    struct assets_update *update;
    struct assets_template templates[2];
    size_t template_count;
    str tool_versions; /* ptr NULL: not asked */
    struct grow grow;  /* of the root filesystem */
    struct why why;
    struct made_asset *made;
    size_t made_count;
    struct err err;
};

/* ---- reporting a failure ---- */

static bool fail(struct making *m, struct progress *p, str failed_output) {
    return recipe_report(m->cli, p, m->sink, failed_output, &m->err);
}

/* ---- executing a recipe ---- */

static bool render(struct making *m, enum recipe_kind kind, struct recipe *ret) {
    struct recipe_request request = {
        .config = m->request->config,
        .arch = m->arch,
        .kind = kind,
        .kernel_version = m->request->kernel_version,
        .templates_dir = m->request->templates_dir,
        .binaries_dir = m->request->binaries_dir,
        .lines = kind == RECIPE_ROOTFS ? &m->grow.lines : NULL,
    };
    return recipe_render(m->cli->arena, &request, m->request->sources, m->sink, ret, &m->err);
}

static bool run(struct making *m, const struct recipe *recipe, struct build_request *request,
                struct built *ret) {
    const char *name = str_fmt(m->cli->arena, "%s-%.*s", recipe_kind_name(recipe->kind),
                               STR_FMT(m->arch->head.key))
                           .ptr;
    request->dockerfile = recipe->source;
    return engine_build(m->cli, m->request->engine, name, request, m->sink, ret, &m->err);
}

/* An addition that cannot be installed on top of what is there may well be with all of its set. */
static bool run_rootfs(struct making *m, struct recipe *recipe, struct build_request *request,
                       struct built *ret) {
    request->dockerfile = recipe->source;
    const struct engine *engine = m->request->engine;
    bool others = false;
    if (engine->kind != ENGINE_EMBEDDED) {
        others = grow_trust(&m->grow, engine_cache_name(m->cli->arena, engine));
    } else if (grow_adds(&m->grow)) {
        others = grow_look(&m->grow, recipe, request);
    }
    if (others && !render(m, RECIPE_ROOTFS, recipe)) {
        return false;
    }
    str set;
    while (!run(m, recipe, request, ret)) {
        if (interrupted || !grow_retry(&m->grow, recipe, m->sink, &set)) {
            return false;
        }
        str text = str_fmt(m->cli->arena,
                           "what was added to '%.*s' could not be installed on top of what is "
                           "there: installing all of it in one step",
                           STR_FMT(set));
        request->events->notice(request->self, text);
        diag_sink_init(m->sink, m->cli->arena, m->request->sources);
        m->err = (struct err)ERR_INIT;
        if (!render(m, RECIPE_ROOTFS, recipe)) {
            return false;
        }
    }
    return true;
}

/* The context is in `work`: a builder is asked for the result with it. */
static bool execute(struct making *m, struct recipe *recipe, struct progress *p,
                    struct store_work *work, struct built *ret) {
    const struct recipe_run how = {
        .store = m->request->store,
        .sources = m->request->sources,
        .arch = m->arch,
        .no_cache = m->request->no_cache,
        .emulate = m->request->emulate,
        .pull = m->request->pull,
        .offline = m->request->offline,
        .epoch_s = m->request->epoch_s,
    };
    struct build_request request;
    if (!recipe_prepare(m->cli, &how, recipe, p, work, &request, &m->err)) {
        return false;
    }
    if (recipe->kind == RECIPE_KERNEL) {
        return run(m, recipe, &request, ret);
    }
    str engine = engine_cache_name(m->cli->arena, m->request->engine);
    return run_rootfs(m, recipe, &request, ret) && grow_save(&m->grow, engine, &m->err);
}

/* ---- is an asset what it should be? ---- */

static bool file_digest(void *self, int fd, uint8_t ret[ASSET_DIGEST_BYTES], struct err *err) {
    return store_file_digest(self, fd, ret, err);
}

static str asset_record_name(struct making *m, enum asset asset) {
    return str_fmt(m->cli->arena, "asset %s/%.*s/%s", m->request->output_dir,
                   STR_FMT(m->arch->head.key), asset_names[asset]);
}

static const char *asset_path(struct making *m, enum asset asset) {
    return str_fmt(m->cli->arena, "%s/%.*s/%s", m->request->output_dir, STR_FMT(m->arch->head.key),
                   asset_names[asset])
        .ptr;
}

/* "KEY DIGEST" of what was written last; the digest guards against a file that was replaced. */
static bool record_text(struct making *m, int fd, const char *key, str *ret) {
    uint8_t digest[ASSET_DIGEST_BYTES];
    char hex[2 * ASSET_DIGEST_BYTES + 1];
    if (!store_file_digest(m->request->store, fd, digest, &m->err)) {
        return false;
    }
    hash_hex(digest, sizeof digest, hex);
    *ret = str_fmt(m->cli->arena, "\"%s %s\"", key, hex);
    return true;
}

static bool is_current(struct making *m, enum asset asset, const char *key) {
    str known;
    str now;
    AUTO_FD fd = open(asset_path(m, asset), O_RDONLY | O_CLOEXEC);
    return fd >= 0 && !m->request->no_cache &&
           store_record_load(m->request->store, m->cli->arena, "results",
                             asset_record_name(m, asset), &known, &m->err) &&
           known.len > 0 && record_text(m, fd, key, &now) && str_eq(known, now);
}

static bool remember(struct making *m, enum asset asset, int fd, const char *key) {
    str text;
    return record_text(m, fd, key, &text) &&
           store_record_save(m->request->store, "results", asset_record_name(m, asset), text,
                             &m->err);
}

static void note_made(struct making *m, enum asset asset, uint64_t bytes, bool fresh,
                      const struct build_result *result, uint64_t start_ms) {
    struct made_asset *a = &m->made[m->made_count++];
    *a = (struct made_asset){ asset_names[asset], bytes, time_now_ms() - start_ms, 0, 0, fresh };
    for (size_t i = 0; i < result->record_count; i++) {
        *(result->records[i].cached ? &a->steps_cached : &a->steps_run) += 1;
    }
}

/* ---- the kernel ---- */

static bool copy_built(struct making *m, const struct build_result *result, enum asset asset,
                       uint64_t start_ms) {
    const char *name = asset_names[asset];
    const char *key = str_fmt(m->cli->arena, "%s/%s", result->key.hex, name).ptr;
    AUTO_FD from = recipe_open_built(m->cli->arena, result, name);
    struct stat st;
    if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        return err_set(&m->err, "the kernel's Dockerfile did not leave a file '/%s'", name);
    }
    bool fresh = !is_current(m, asset, key);
    int fd;
    if (fresh && (!assets_update_open(m->update, asset, &fd, &m->err) ||
                  !fs_copy_fd(from, fd, &m->err) || !remember(m, asset, fd, key))) {
        return err_wrap(&m->err, "write '%s'", asset_path(m, asset));
    }
    note_made(m, asset, (uint64_t)st.st_size, fresh, result, start_ms);
    return true;
}

/* ---- the root filesystem ---- */

static bool pack(struct making *m, const struct built *built, struct progress *p,
                 uint64_t start_ms) {
    const struct build_result *result = &built->result;
    const struct config_build *build = &m->request->config->build;
    struct pack_options options = {
        .codec = str_to_c(m->cli->arena, build->compression.text),
        .level = (int)config_codec_level(build),
        .source_date_epoch = m->request->epoch_s,
        .gated = true,
    };
    const char *key = str_fmt(m->cli->arena, "%s %s %d %lld", result->key.hex, options.codec,
                              options.level, (long long)options.source_date_epoch)
                          .ptr;
    struct build_time *times;
    build_times(m->request->store, m->cli->arena, result, &times, &options.time_count);
    options.times = times;
    bool fresh = !is_current(m, ASSET_ROOTFS, key);
    int fd = -1;
    AUTO_FD old = -1;
    if (fresh) {
        if (!assets_update_open(m->update, ASSET_ROOTFS, &fd, &m->err) ||
            !built_pack(m->cli, built, fd, &options, p, &m->err) ||
            !remember(m, ASSET_ROOTFS, fd, key)) {
            return err_wrap(&m->err, "write '%s'", asset_path(m, ASSET_ROOTFS));
        }
    } else {
        old = open(asset_path(m, ASSET_ROOTFS), O_RDONLY | O_CLOEXEC);
    }
    struct stat st;
    if (fstat(fresh ? fd : old, &st) < 0) {
        return err_sys(&m->err, errno, "look at '%s'", asset_path(m, ASSET_ROOTFS));
    }
    note_made(m, ASSET_ROOTFS, (uint64_t)st.st_size, fresh, result, start_ms);
    return true;
}

/* ---- one template ---- */

static bool describe_template(struct making *m, const struct recipe *recipe, int64_t started_s,
                              uint64_t start_ms, const struct build_result *result) {
    struct arena *a = m->cli->arena;
    struct assets_input *inputs;
    size_t input_count;
    if (!inputs_of_recipe(a, recipe, &inputs, &input_count, &m->err)) {
        return false;
    }
    struct assets_step *steps = ARENA_ARRAY(a, struct assets_step, result->record_count);
    for (size_t i = 0; i < result->record_count; i++) {
        const struct build_record *r = &result->records[i];
        steps[i] = (struct assets_step){ r->stage, r->text, str_from_c(r->key.hex), r->cached,
                                         r->duration_ms };
    }
    m->templates[m->template_count++] = (struct assets_template){
        .name = str_from_c(recipe_kind_name(recipe->kind)),
        .started_s = started_s,
        .duration_ms = time_now_ms() - start_ms,
        .inputs = inputs,
        .input_count = input_count,
        .steps = steps,
        .step_count = result->record_count,
    };
    return why_save(&m->why, result, inputs, input_count, &m->err);
}

static bool take_kernel(struct making *m, struct built *built, uint64_t start_ms) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    static const enum asset files[] = { ASSET_KERNEL, ASSET_INITRD };
    const char *names[] = { asset_names[files[0]], asset_names[files[1]] };
    return store_work_begin(m->request->store, &work, &m->err) &&
           built_fetch(m->cli, built, &work, names, ARRAY_LEN(names), &m->err) &&
           copy_built(m, &built->result, files[0], start_ms) &&
           copy_built(m, &built->result, files[1], start_ms);
}

static bool finish(struct making *m, enum recipe_kind kind, struct built *built, struct progress *p,
                   uint64_t start_ms) {
    if (kind == RECIPE_KERNEL) {
        return take_kernel(m, built, start_ms);
    }
    return versions_collect(m->cli, m->request->store, m->request->config, built, &m->tool_versions,
                            &m->err) &&
           pack(m, built, p, start_ms);
}

static str say_why(void *self, const struct build_step *step, bool cached) {
    return why_reason(self, step, cached);
}

static void begin_why(struct making *m, const struct recipe *recipe, struct progress *p) {
    m->why = (struct why){
        .arena = m->cli->arena,
        .store = m->request->store,
        .sources = m->request->sources,
        .config = m->request->config,
        .recipe = recipe,
        .grow = recipe->kind == RECIPE_ROOTFS ? &m->grow : NULL,
        .no_cache = m->request->no_cache,
    };
    why_begin(&m->why, m->arch);
    if (m->request->why) {
        p->why = say_why;
        p->why_self = &m->why;
    }
}

static bool make_template(struct making *m, enum recipe_kind kind) {
    char label[LABEL_BYTES];
    snprintf(label, sizeof label, "%s %.*s", recipe_kind_name(kind), STR_FMT(m->arch->head.key));
    struct progress p;
    progress_init(&p, m->cli, m->request->progress, false);
    p.label = label;
    uint64_t start_ms = time_now_ms();
    int64_t started_s = time_now_epoch_s();
    struct recipe recipe;
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    AUTO_BUILT built = { .engine = m->request->engine };
    if (kind == RECIPE_ROOTFS) {
        grow_begin(&m->grow, m->cli->arena, m->request->store, m->request->config, m->arch,
                   m->request->fresh || m->request->no_cache);
    }
    if (!render(m, kind, &recipe)) {
        return fail(m, &p, S(""));
    }
    begin_why(m, &recipe, &p);
    if (!execute(m, &recipe, &p, &work, &built)) {
        recipe_notes_add(m->sink, &recipe, built.result.failed_output);
        return fail(m, &p, built.result.failed_output);
    }
    if (!finish(m, kind, &built, &p, start_ms) ||
        !describe_template(m, &recipe, started_s, start_ms, &built.result)) {
        return fail(m, &p, S(""));
    }
    progress_done(&p);
    return true;
}

/* ---- publishing ---- */

static bool publish(struct making *m) {
    const struct guest_config *c = m->request->config;
    struct assets_build build = {
        .image_name = c->image.name.text,
        .image_version = c->image.version.text,
        .engine = str_from_c(engine_name(m->request->engine)),
        .source_date_epoch = m->request->epoch_s,
        .templates = m->templates,
        .template_count = m->template_count,
    };
    struct asset_digests digests = { file_digest, m->request->store };
    struct assets_commit commit = {
        .version = c->image.head.present ? c->image.version.text : S(CAPSEM_VERSION),
        .tool_versions = m->tool_versions,
        .build = &build,
        .current = true,
        .threads = 1,
        .digests = &digests,
    };
    if (!assets_update_commit(m->update, &commit, &m->err)) {
        print_err(m->cli, &m->err);
        return false;
    }
    return true;
}

bool make_assets(struct cli *cli, const struct make_request *request,
                 const struct config_architecture *arch, struct made_asset ret[MADE_ASSETS_MAX],
                 size_t *ret_count) {
    struct diag_sink sink;
    diag_sink_init(&sink, cli->arena, request->sources);
    AUTO_ASSETS_UPDATE update = NULL;
    struct making m = {
        .cli = cli,
        .request = request,
        .arch = arch,
        .sink = &sink,
        .made = ret,
        .err = ERR_INIT,
    };
    struct guestbin_binary *binaries;
    if (request->rootfs &&
        !guest_compile_binaries(cli, request->config, arch, request->binaries_dir, &binaries)) {
        return false;
    }
    if (!assets_update_begin(request->output_dir, str_to_c(cli->arena, arch->head.key), &update,
                             &m.err)) {
        print_err(cli, &m.err);
        return false;
    }
    m.update = update;
    bool ok = (!request->kernel || make_template(&m, RECIPE_KERNEL)) &&
              (!request->rootfs || make_template(&m, RECIPE_ROOTFS)) && publish(&m);
    *ret_count = m.made_count;
    return ok;
}

// SPDX-License-Identifier: Apache-2.0
#include "make/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assets/assets.h"
#include "base/clock.h"
#include "check/check.h"
#include "hash/hash.h"
#include "history/history.h"

enum { LABEL_BYTES = 128 };

/* One architecture while it is made. */
struct making {
    struct arena *arena;
    const struct make_request *request;
    const struct make_events *events;
    const struct config_architecture *arch;
    struct assets_update *update;
    struct assets_template templates[2];
    size_t template_count;
    str tool_versions;        /* ptr NULL: not asked */
    struct history_grow grow; /* of the root filesystem */
    struct history_why why;
    struct make_asset *made;
    size_t made_count;
    struct make_failure *failure;
};

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
    return recipe_render(m->arena, &request, m->request->sources, &m->failure->sink, ret,
                         &m->failure->err);
}

static bool run(struct making *m, const struct recipe *recipe, struct build_request *request,
                struct engine_built *ret) {
    const char *name =
        str_fmt(m->arena, "%s-%.*s", recipe_kind_name(recipe->kind), STR_FMT(m->arch->head.key))
            .ptr;
    request->dockerfile = recipe->source;
    return engine_build(m->arena, m->request->engine, name, request, &m->failure->sink, ret,
                        &m->failure->err);
}

/* Why an attempt ended: its message, and the last line of its step's output, but for what the
 * recipe says of the index. */
static str cause_of(struct making *m, const struct engine_built *built) {
    str message =
        m->failure->sink.len > 0 ? m->failure->sink.items[m->failure->sink.len - 1].message : S("");
    str rest = str_trim(built->result.failed_output);
    str line = S("");
    while (rest.len > 0) {
        str next = str_cut(&rest, '\n');
        line = str_starts(next, S("requested packages: ")) ? line : next;
    }
    return line.len == 0 ? message
                         : str_fmt(m->arena, "%.*s: %.*s", STR_FMT(message), STR_FMT(line));
}

/* A second attempt may fail for another reason: what is to be put right is the first. */
static bool fail_again(struct making *m, str first_cause, const struct engine_built *built) {
    if (first_cause.len > 0 && m->failure->sink.len > 0 &&
        !str_eq(cause_of(m, built), first_cause)) {
        diag_note(&m->failure->sink, &m->failure->sink.items[m->failure->sink.len - 1], SPAN_NONE,
                  "the first attempt, on top of the existing packages, also failed: %.*s",
                  STR_FMT(first_cause));
    }
    return false;
}

/* An addition that cannot be installed on top of what is there may well be with all of its set. */
static bool run_rootfs(struct making *m, struct recipe *recipe, struct build_request *request,
                       struct engine_built *ret) {
    request->dockerfile = recipe->source;
    const struct engine *engine = m->request->engine;
    bool others = false;
    if (engine->kind != ENGINE_EMBEDDED) {
        others = history_grow_trust(&m->grow, engine_cache_name(m->arena, engine));
    } else if (history_grow_adds(&m->grow)) {
        others = history_grow_look(&m->grow, recipe, request);
    }
    if (others && !render(m, RECIPE_ROOTFS, recipe)) {
        return false;
    }
    str set;
    str first_cause = S("");
    while (!run(m, recipe, request, ret)) {
        if (*m->events->cancelled != 0 ||
            !history_grow_retry(&m->grow, recipe, &m->failure->sink, &set)) {
            return fail_again(m, first_cause, ret);
        }
        first_cause = first_cause.len > 0 ? first_cause : cause_of(m, ret);
        str text = str_fmt(m->arena,
                           "the packages added to '%.*s' could not be installed on top of the "
                           "existing ones: installing the whole set in one step",
                           STR_FMT(set));
        request->events->notice(request->self, text);
        diag_sink_init(&m->failure->sink, m->arena, m->request->sources);
        m->failure->err = (struct err)ERR_INIT;
        if (!render(m, RECIPE_ROOTFS, recipe)) {
            return false;
        }
    }
    return true;
}

/* ---- is an asset what it should be? ---- */

static bool file_digest(void *self, int fd, uint8_t ret[ASSET_DIGEST_BYTES], struct err *err) {
    return store_file_digest(self, fd, ret, err);
}

/* By the whole path: two checkouts have a folder "assets" each. */
static str asset_record_name(struct making *m, enum asset asset) {
    char *absolute = realpath(m->request->output_dir, NULL);
    str name =
        str_fmt(m->arena, "asset %s/%.*s/%s", absolute != NULL ? absolute : m->request->output_dir,
                STR_FMT(m->arch->head.key), asset_names[asset]);
    free(absolute);
    return name;
}

static const char *asset_path(struct making *m, enum asset asset) {
    return str_fmt(m->arena, "%s/%.*s/%s", m->request->output_dir, STR_FMT(m->arch->head.key),
                   asset_names[asset])
        .ptr;
}

/* "KEY DIGEST" of what was written last; the digest guards against a file that was replaced. On the
 * second line, the layers that it was made from. */
static bool record_text(struct making *m, int fd, const char *key, str *ret) {
    uint8_t digest[ASSET_DIGEST_BYTES];
    char hex[2 * ASSET_DIGEST_BYTES + 1];
    if (!store_file_digest(m->request->store, fd, digest, &m->failure->err)) {
        return false;
    }
    hash_hex(digest, sizeof digest, hex);
    *ret = str_fmt(m->arena, "\"%s %s\"", key, hex);
    return true;
}

static bool is_current(struct making *m, enum asset asset, const char *key) {
    str known;
    str now;
    AUTO_FD fd = open(asset_path(m, asset), O_RDONLY | O_CLOEXEC);
    return fd >= 0 && !m->request->policy.no_cache &&
           store_record_load(m->request->store, m->arena, "results", asset_record_name(m, asset),
                             &known, &m->failure->err) &&
           known.len > 0 && record_text(m, fd, key, &now) && str_eq(str_cut(&known, '\n'), now);
}

static bool remember(struct making *m, const struct build_result *result, enum asset asset, int fd,
                     const char *key) {
    str text;
    str basis = build_basis(m->request->store, m->arena, result);
    return record_text(m, fd, key, &text) &&
           store_record_save(m->request->store, "results", asset_record_name(m, asset),
                             str_fmt(m->arena, "%.*s\n%.*s", STR_FMT(text), STR_FMT(basis)),
                             &m->failure->err);
}

static const char *kernel_key(struct making *m, const struct build_result *result,
                              enum asset asset) {
    return str_fmt(m->arena, "%s/%s", result->key.hex, asset_names[asset]).ptr;
}

static const char *rootfs_key(struct making *m, const struct build_result *result) {
    const struct config_build *build = &m->request->config->build;
    return str_fmt(m->arena, "%s %.*s %d %lld", result->key.hex, STR_FMT(build->compression.text),
                   (int)config_codec_level(build), (long long)m->request->policy.epoch_s)
        .ptr;
}

/* Of a build_request. */
static bool reads_kernel(void *self, const struct build_result *result) {
    static const enum asset files[] = { ASSET_KERNEL, ASSET_INITRD };
    bool all_current = true;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        all_current &= is_current(self, files[i], kernel_key(self, result, files[i]));
    }
    return !all_current;
}

static bool reads_rootfs(void *self, const struct build_result *result) {
    return !is_current(self, ASSET_ROOTFS, rootfs_key(self, result));
}

/* The context is in `work`: a builder is asked for the result with it. */
static bool execute(struct making *m, struct recipe *recipe, struct store_work *work,
                    struct engine_built *ret) {
    const struct make_run how = {
        .store = m->request->store,
        .sources = m->request->sources,
        .arch = m->arch,
        .policy = m->request->policy,
        .events = m->events,
    };
    struct build_request request;
    if (!make_prepare(m->arena, &how, recipe, work, &request, &m->failure->err)) {
        return false;
    }
    request.reads_self = m;
    if (recipe->kind == RECIPE_KERNEL) {
        request.reads = reads_kernel;
        return run(m, recipe, &request, ret);
    }
    str engine = engine_cache_name(m->arena, m->request->engine);
    request.reads = reads_rootfs;
    return run_rootfs(m, recipe, &request, ret) &&
           history_grow_save(&m->grow, engine, &m->failure->err);
}

static void note_made(struct making *m, enum asset asset, uint64_t bytes, bool fresh,
                      const struct build_result *result, uint64_t start_ms) {
    struct make_asset *a = &m->made[m->made_count++];
    *a = (struct make_asset){ asset_names[asset], bytes, time_now_ms() - start_ms, 0, 0, fresh };
    for (size_t i = 0; i < result->record_count; i++) {
        *(result->records[i].cached ? &a->steps_cached : &a->steps_run) += 1;
    }
}

/* ---- the kernel ---- */

static bool copy_built(struct making *m, const struct build_result *result, enum asset asset,
                       uint64_t start_ms) {
    const char *name = asset_names[asset];
    const char *key = kernel_key(m, result, asset);
    AUTO_FD from = make_open_built(m->arena, result, name);
    struct stat st;
    if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        return err_set(&m->failure->err, "the kernel's Dockerfile did not create the file '/%s'",
                       name);
    }
    bool fresh = !is_current(m, asset, key);
    int fd;
    if (fresh &&
        (!assets_update_open(m->update, asset, &fd, &m->failure->err) ||
         !fs_copy_fd(from, fd, &m->failure->err) || !remember(m, result, asset, fd, key))) {
        return err_wrap(&m->failure->err, "write '%s'", asset_path(m, asset));
    }
    note_made(m, asset, (uint64_t)st.st_size, fresh, result, start_ms);
    return true;
}

/* ---- the root filesystem ---- */

static bool pack(struct making *m, const struct engine_built *built, uint64_t start_ms) {
    const struct build_result *result = &built->result;
    const struct config_build *build = &m->request->config->build;
    struct pack_options options = {
        .codec = str_to_c(m->arena, build->compression.text),
        .level = (int)config_codec_level(build),
        .source_date_epoch = m->request->policy.epoch_s,
        .gated = true,
    };
    const char *key = rootfs_key(m, result);
    struct build_time *times;
    build_times(m->request->store, m->arena, result, &times, &options.time_count);
    options.times = times;
    bool fresh = !is_current(m, ASSET_ROOTFS, key);
    int fd = -1;
    AUTO_FD old = -1;
    if (fresh) {
        if (!assets_update_open(m->update, ASSET_ROOTFS, &fd, &m->failure->err) ||
            !engine_pack(m->arena, built, fd, &options, &m->events->pack, &m->failure->err) ||
            !remember(m, result, ASSET_ROOTFS, fd, key)) {
            return err_wrap(&m->failure->err, "write '%s'", asset_path(m, ASSET_ROOTFS));
        }
    } else {
        old = open(asset_path(m, ASSET_ROOTFS), O_RDONLY | O_CLOEXEC);
    }
    struct stat st;
    if (fstat(fresh ? fd : old, &st) < 0) {
        return err_sys(&m->failure->err, errno, "look at '%s'", asset_path(m, ASSET_ROOTFS));
    }
    note_made(m, ASSET_ROOTFS, (uint64_t)st.st_size, fresh, result, start_ms);
    return true;
}

/* ---- one template ---- */

static bool are_recorded(struct making *m, const struct recipe *recipe,
                         const struct assets_input *inputs, size_t count) {
    struct assets_input *before;
    size_t before_count;
    assets_inputs_load(m->arena, m->request->output_dir, str_to_c(m->arena, m->arch->head.key),
                       recipe_kind_name(recipe->kind), &before, &before_count);
    bool same = before_count == count;
    for (size_t i = 0; same && i < count; i++) {
        same = str_eq(before[i].kind, inputs[i].kind) && str_eq(before[i].name, inputs[i].name) &&
               str_eq(before[i].digest, inputs[i].digest);
    }
    return same;
}

/* Then build.json goes on telling of the build that made the assets. */
static bool did_nothing(const struct making *m, size_t first_made,
                        const struct build_result *result) {
    bool nothing = true;
    for (size_t i = 0; i < result->record_count; i++) {
        nothing = nothing && result->records[i].cached;
    }
    for (size_t i = first_made; i < m->made_count; i++) {
        nothing = nothing && !m->made[i].fresh;
    }
    return nothing;
}

static bool describe_template(struct making *m, const struct recipe *recipe, int64_t started_s,
                              uint64_t start_ms, size_t first_made,
                              const struct build_result *result) {
    struct arena *a = m->arena;
    struct assets_input *inputs;
    size_t input_count;
    if (!history_inputs(a, recipe, &inputs, &input_count, &m->failure->err)) {
        return false;
    }
    if (did_nothing(m, first_made, result) && are_recorded(m, recipe, inputs, input_count)) {
        return history_why_save(&m->why, result, inputs, input_count, &m->failure->err);
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
    return history_why_save(&m->why, result, inputs, input_count, &m->failure->err);
}

static bool take_kernel(struct making *m, struct engine_built *built, uint64_t start_ms) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    static const enum asset files[] = { ASSET_KERNEL, ASSET_INITRD };
    const char *names[] = { asset_names[files[0]], asset_names[files[1]] };
    return store_work_begin(m->request->store, &work, &m->failure->err) &&
           engine_fetch(m->arena, built, &work, names, ARRAY_LEN(names), &m->failure->err) &&
           copy_built(m, &built->result, files[0], start_ms) &&
           copy_built(m, &built->result, files[1], start_ms);
}

static bool finish(struct making *m, enum recipe_kind kind, struct engine_built *built,
                   uint64_t start_ms) {
    if (kind == RECIPE_KERNEL) {
        return take_kernel(m, built, start_ms);
    }
    return make_versions(m->arena, m->request->store, m->request->config, built, &m->tool_versions,
                         &m->failure->err) &&
           pack(m, built, start_ms);
}

static str say_why(void *self, const struct build_step *step, bool cached) {
    return history_why_reason(self, step, cached);
}

static void begin_why(struct making *m, const struct recipe *recipe) {
    m->why = (struct history_why){
        .arena = m->arena,
        .store = m->request->store,
        .sources = m->request->sources,
        .config = m->request->config,
        .recipe = recipe,
        .grow = recipe->kind == RECIPE_ROOTFS ? &m->grow : NULL,
        .no_cache = m->request->policy.no_cache,
    };
    history_why_begin(&m->why, m->arch);
}

static bool make_template(struct making *m, enum recipe_kind kind) {
    char label[LABEL_BYTES];
    snprintf(label, sizeof label, "%s %.*s", recipe_kind_name(kind), STR_FMT(m->arch->head.key));
    uint64_t start_ms = time_now_ms();
    int64_t started_s = time_now_epoch_s();
    size_t first_made = m->made_count;
    struct recipe recipe;
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    AUTO_BUILT built = { .engine = m->request->engine };
    m->events->begin(m->events->self, label, m->request->why ? say_why : NULL, &m->why);
    if (kind == RECIPE_ROOTFS) {
        history_grow_begin(&m->grow, m->arena, m->request->store, m->request->config, m->arch,
                           m->request->fresh || m->request->policy.no_cache);
    }
    if (!render(m, kind, &recipe)) {
        return false;
    }
    begin_why(m, &recipe);
    if (!execute(m, &recipe, &work, &built)) {
        check_add_notes(&m->failure->sink, &recipe, built.result.failed_output);
        m->failure->output = built.result.failed_output;
        return false;
    }
    if (!finish(m, kind, &built, start_ms) ||
        !describe_template(m, &recipe, started_s, start_ms, first_made, &built.result)) {
        return false;
    }
    m->events->end(m->events->self);
    return true;
}

/* ---- publishing ---- */

static bool publish(struct making *m) {
    const struct guest_config *c = m->request->config;
    struct assets_build build = {
        .image_name = c->image.name.text,
        .image_version = c->image.version.text,
        .engine = str_from_c(engine_name(m->request->engine)),
        .source_date_epoch = m->request->policy.epoch_s,
        .templates = m->templates,
        .template_count = m->template_count,
    };
    struct asset_digests digests = { file_digest, m->request->store };
    struct assets_commit commit = {
        .version = c->image.head.present ? c->image.version.text : S(CAPSEM_VERSION),
        .tool_versions = m->tool_versions,
        .config = m->request->rootfs ? config_keep(m->arena, m->request->sources, c) : (str){ 0 },
        .build = &build,
        .manifest_format = m->request->manifest_format,
        .current = true,
        .threads = 1,
        .digests = &digests,
    };
    return assets_update_commit(m->update, &commit, &m->failure->err);
}

bool make_assets(struct arena *a, const struct make_request *request,
                 const struct config_architecture *arch, const struct make_events *events,
                 struct make_asset ret[MADE_ASSETS_MAX], size_t *ret_count,
                 struct make_failure *failure) {
    AUTO_ASSETS_UPDATE update = NULL;
    struct making m = {
        .arena = a,
        .request = request,
        .events = events,
        .arch = arch,
        .made = ret,
        .failure = failure,
    };
    struct make_binaries compile = {
        .config = request->config,
        .arch = arch,
        .cache_dir = request->cache_dir,
        .output_dir = request->binaries_dir,
    };
    struct guestbin_binary *binaries;
    if (request->rootfs &&
        !make_binaries(a, &compile, request->sources, events, &binaries, failure)) {
        return false;
    }
    *failure = (struct make_failure){ .output = S(""), .err = ERR_INIT };
    diag_sink_init(&failure->sink, a, request->sources);
    if (!assets_update_begin(request->output_dir, str_to_c(a, arch->head.key), &update,
                             &failure->err)) {
        return false;
    }
    m.update = update;
    bool ok = (!request->kernel || make_template(&m, RECIPE_KERNEL)) &&
              (!request->rootfs || make_template(&m, RECIPE_ROOTFS)) && publish(&m);
    *ret_count = m.made_count;
    return ok;
}

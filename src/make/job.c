// SPDX-License-Identifier: Apache-2.0
/* A guest folder as a whole: which architectures and templates, by which engine, and what a build
 * would do. */
#include <jansson.h>

#include "check/check.h"
#include "history/history.h"
#include "make/internal.h"

bool make_epoch_parse(str text, int64_t *ret, struct err *err) {
    if (str_to_i64(text, ret) && *ret >= 0 && *ret <= BUILD_EPOCH_MAX_S) {
        return true;
    }
    err_set(err, "SOURCE_DATE_EPOCH in the environment is not a time: '%.*s'",
            STR_FMT(str_clip(text, 80)));
    return err_help(err, "use seconds since 1970, as printed by 'git log -1 --format=%%ct'");
}

/* It decides nothing where the source is a distribution's; one's own template may read it. */
static bool check_kernel_version(const struct make_job *job, struct err *err) {
    for (size_t i = 0; i < job->arch_count && job->request.kernel_version != NULL; i++) {
        const struct config_architecture *arch = job->archs[i];
        if (arch->kernel_source.value != CONFIG_KERNEL_ORG && job->request.templates_dir == NULL) {
            return err_set(err,
                           "a kernel version can be chosen with kernel_source = \"kernel.org\" "
                           "only; that of '%.*s' is \"%.*s\", whose kernel is the newest of its "
                           "kernel_branch",
                           STR_FMT(arch->head.key), STR_FMT(arch->kernel_source.text));
        }
    }
    return true;
}

bool make_job_load(struct arena *a, struct make_job *job, struct make_failure *failure) {
    *failure = (struct make_failure){ .output = S(""), .err = ERR_INIT };
    sources_init(&job->sources, a);
    diag_sink_init(&failure->sink, a, &job->sources);
    if (!config_load(a, &job->sources, &failure->sink, job->guest_dir, NULL, &job->config)) {
        return false;
    }
    diag_sink_init(&failure->sink, a, &job->sources); /* warnings are `validate`'s */
    struct make_request *q = &job->request;
    q->config = &job->config;
    q->sources = &job->sources;
    q->policy.epoch_s = job->has_epoch ? q->policy.epoch_s : job->config.newest_change_s;
    q->policy.share = make_share(a, &job->config);
    return config_choose_architectures(a, &job->config, job->names, &job->archs, &job->arch_count,
                                       &failure->err) &&
           check_kernel_version(job, &failure->err);
}

size_t make_job_kinds(const struct make_job *job, enum recipe_kind ret[2]) {
    size_t count = 0;
    if (job->request.kernel) {
        ret[count++] = RECIPE_KERNEL;
    }
    if (job->request.rootfs) {
        ret[count++] = RECIPE_ROOTFS;
    }
    return count;
}

bool make_job_check(struct arena *a, struct make_job *job, bool dry_run, bool runs_here,
                    struct diag_sink *sink) {
    enum recipe_kind kinds[2];
    size_t kind_count = make_job_kinds(job, kinds);
    struct recipe_templates templates = { 0 };
    const struct check_request check = {
        .templates = &templates,
        .config = &job->config,
        .templates_dir = job->request.templates_dir,
        .kernel_version = job->request.kernel_version,
        .sound = true,
        .runs_here = runs_here,
        .purpose = dry_run ? CHECK_FOR_DRY_RUN : CHECK_FOR_BUILD,
    };
    diag_sink_init(sink, a, &job->sources);
    for (size_t i = 0; i < job->arch_count * kind_count; i++) {
        check_recipe(a, &check, job->archs[i / kind_count], kinds[i % kind_count], &job->sources,
                     sink);
    }
    return sink->errors == 0;
}

bool make_job_engine(struct arena *a, struct make_job *job, struct engine *ret, str *ret_notice,
                     struct err *err) {
    struct oci_platform *platforms = ARENA_ARRAY(a, struct oci_platform, job->arch_count);
    for (size_t i = 0; i < job->arch_count; i++) {
        if (!oci_platform_parse(a, job->archs[i]->docker_platform.text, &platforms[i], err)) {
            return false;
        }
    }
    return engine_choose(a, job->engine_word, platforms, job->arch_count, ret, ret_notice, err);
}

/* ---- the kernel's version ---- */

static bool fetch_nothing(void *self, struct arena *a, const char *url, str *ret, struct err *err) {
    (void)self;
    (void)a;
    (void)ret;
    return err_set(err, "'%s' is not contacted: --offline", url);
}

static const struct recipe_fetch_ops offline_ops = { fetch_nothing };

bool make_job_kernel_version(struct arena *a, const struct make_job *job,
                             const struct config_architecture *arch, const char **ret,
                             str *ret_warning, struct err *err) {
    const struct make_request *q = &job->request;
    *ret = q->kernel_version;
    *ret_warning = S("");
    if (!q->kernel || *ret != NULL || arch->kernel_source.value != CONFIG_KERNEL_ORG) {
        return true;
    }
    str version;
    enum recipe_kernel_origin origin;
    const struct recipe_fetch_ops *ops = q->policy.offline ? &offline_ops : &recipe_fetch_curl;
    if (!recipe_kernel_version(a, arch, ops, NULL, &version, &origin, err)) {
        err_wrap(err, "find the newest kernel of branch %.*s", STR_FMT(arch->kernel_branch.text));
        return err_help(err, "set one with --kernel-version V");
    }
    if (origin == RECIPE_KERNEL_KNOWN) {
        AUTO_BUF text = BUF_INIT(4096);
        err_text(err, &text);
        *ret_warning = str_fmt(a, "%s; using %.*s, the last version this program knows", text.ptr,
                               STR_FMT(version));
        *err = ERR_INIT;
    }
    *ret = str_to_c(a, version);
    return true;
}

/* ---- what a build would do ---- */

struct looking {
    struct arena *arena;
    struct make_job *job;
    const struct config_architecture *arch;
    enum recipe_kind kind;
    struct store *store; /* NULL: there is none, or it cannot be read */
    struct history_grow grow;
    struct make_failure *failure;
};

static bool render_lines(struct looking *l, const struct recipe_lines *lines, struct recipe *ret) {
    const struct make_request *q = &l->job->request;
    struct recipe_request request = {
        .config = q->config,
        .arch = l->arch,
        .kind = l->kind,
        .kernel_version = q->kernel_version,
        .templates_dir = q->templates_dir,
        .binaries_dir = q->binaries_dir,
        .lines = lines,
    };
    return recipe_render(l->arena, &request, q->sources, &l->failure->sink, ret, &l->failure->err);
}

/* Finds out what a build would render: that depends on what the store has of the last one. */
static bool render_grown(struct looking *l, struct recipe *ret) {
    const struct make_request *q = &l->job->request;
    struct history_grow *grow = &l->grow;
    struct build_result looked;
    str engine;
    bool others = false;
    if (!render_lines(l, &grow->lines, ret)) {
        return false;
    }
    if (engine_word_cache(l->arena, l->job->engine_word, &engine)) {
        others = history_grow_trust(grow, engine);
    } else if (history_grow_adds(grow) &&
               !history_grow_look_offline(l->arena, grow->store, l->arch, ret, q->sources,
                                          &q->policy.share, q->policy.epoch_s, &looked)) {
        history_grow_fresh(grow);
        others = true;
    } else if (history_grow_adds(grow)) {
        others = history_grow_decide(grow, ret, &looked);
    }
    return !others || render_lines(l, &grow->lines, ret);
}

static bool any_cached(const struct build_result *looked) {
    bool any = false;
    for (size_t i = 0; i < looked->record_count; i++) {
        any = any || looked->records[i].cached;
    }
    return any;
}

/* Each step, as a build would do it now. */
static void tell_steps(struct looking *l, struct history_why *w, const struct make_look *look) {
    const struct make_request *q = &l->job->request;
    struct make_look_step step = { .kind = l->kind, .arch = l->arch };
    struct build_result looked;
    history_why_begin(w, l->arch);
    /* A copied folder has no build of its own, and yet its layers. */
    if (w->store == NULL ||
        !history_grow_look_offline(w->arena, w->store, l->arch, w->recipe, w->sources,
                                   &q->policy.share, q->policy.epoch_s, &looked) ||
        (w->last_count == 0 && !any_cached(&looked))) {
        step.reason = S("this store has no earlier build of the guest folder");
        look->step(look->self, &step);
        return;
    }
    for (size_t i = 0; i < looked.record_count; i++) {
        const struct build_record *r = &looked.records[i];
        const struct build_step shown = {
            .stage = r->stage,
            .number = r->number,
            .count = r->count,
            .text = r->text,
            .span = r->span,
            .key = r->key,
            .own = r->own,
        };
        step.record = r;
        step.cached = r->cached && !q->policy.no_cache;
        str reason = history_why_reason(w, &shown, step.cached);
        size_t colon = str_find(reason, S(": "), 0); /* after "runs" or "cached" */
        step.reason = str_slice(reason, colon == STR_NONE ? 0 : colon + 2, reason.len);
        look->step(look->self, &step);
    }
}

static bool look_at(struct looking *l, const struct make_look *look, struct recipe *ret) {
    const struct make_request *q = &l->job->request;
    if (l->kind == RECIPE_KERNEL ? !render_lines(l, NULL, ret) : !render_grown(l, ret)) {
        return false;
    }
    if (look != NULL) {
        struct history_why why = {
            .arena = l->arena,
            .store = l->store,
            .sources = q->sources,
            .config = q->config,
            .recipe = ret,
            .grow = l->kind == RECIPE_ROOTFS ? &l->grow : NULL,
            .no_cache = q->policy.no_cache,
        };
        tell_steps(l, &why, look);
    }
    return true;
}

bool make_job_render(struct arena *a, struct make_job *job, const struct config_architecture *arch,
                     enum recipe_kind kind, const struct make_look *look, struct recipe *ret,
                     struct make_failure *failure) {
    AUTO_STORE store = NULL;
    struct err ignored = ERR_INIT;
    const struct make_request *q = &job->request;
    bool fresh = q->fresh || q->policy.no_cache;
    bool asks_store = look != NULL || (kind == RECIPE_ROOTFS && !fresh);
    *failure = (struct make_failure){ .output = S(""), .err = ERR_INIT };
    diag_sink_init(&failure->sink, a, &job->sources);
    /* A store that is not there is not made for this, and one that cannot be read has nothing. */
    if (asks_store && fs_is_dir(AT_FDCWD, q->cache_dir) &&
        !store_open(q->cache_dir, &store, &ignored)) {
        store = NULL;
    }
    struct looking l = {
        .arena = a, .job = job, .arch = arch, .kind = kind, .store = store, .failure = failure
    };
    history_grow_begin(&l.grow, a, store, &job->config, arch, fresh);
    return look_at(&l, look, ret);
}

static bool render_arch(struct arena *a, struct make_job *job,
                        const struct config_architecture *arch, const struct make_look *look,
                        json_t *o, struct make_failure *failure) {
    enum recipe_kind kinds[2];
    size_t kind_count = make_job_kinds(job, kinds);
    for (size_t k = 0; k < kind_count; k++) {
        struct recipe recipe;
        if (!make_job_render(a, job, arch, kinds[k], look, &recipe, failure)) {
            return false;
        }
        const char *key =
            kind_count == 2 && kinds[k] == RECIPE_KERNEL ? "kernel_dockerfile" : "dockerfile";
        json_object_set_new(o, key, json_stringn(recipe.text.ptr, recipe.text.len));
    }
    str platform = arch->docker_platform.text;
    str target = arch->rust_target.text;
    json_object_set_new(o, "platform", json_stringn(platform.ptr, platform.len));
    json_object_set_new(o, "rust_target", json_stringn(target.ptr, target.len));
    return true;
}

bool make_job_json(struct arena *a, struct make_job *job, const char *template,
                   const struct make_look *look, json_t **ret, struct make_failure *failure) {
    json_t *archs = json_object();
    for (size_t i = 0; i < job->arch_count; i++) {
        json_t *o = json_object();
        str name = job->archs[i]->head.key;
        json_object_setn_new(archs, name.ptr, name.len, o);
        if (!render_arch(a, job, job->archs[i], look, o, failure)) {
            json_decref(archs);
            return false;
        }
    }
    str compression = job->config.build.compression.text;
    *ret = json_pack("{s:o, s:s, s:s%, s:I}", "architectures", archs, "template", template,
                     "compression", compression.ptr, compression.len, "compression_level",
                     (json_int_t)config_codec_level(&job->config.build));
    return true;
}

bool make_job_build(struct arena *a, struct make_job *job, size_t index,
                    const struct make_events *events, struct make_asset ret[MADE_ASSETS_MAX],
                    size_t *ret_count, struct make_failure *failure) {
    struct make_request request = job->request;
    str warning;
    *failure = (struct make_failure){ .output = S(""), .err = ERR_INIT };
    diag_sink_init(&failure->sink, a, &job->sources);
    if (!make_job_kernel_version(a, job, job->archs[index], &request.kernel_version, &warning,
                                 &failure->err)) {
        return false;
    }
    if (warning.len > 0) {
        events->warning(events->self, warning);
    }
    return make_assets(a, &request, job->archs[index], events, ret, ret_count, failure);
}

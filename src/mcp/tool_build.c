// SPDX-License-Identifier: Apache-2.0
/* What renders and builds: build_dry_run, why, build. */
#include <stdlib.h>
#include <string.h>

#include "mcp/internal.h"

/* ---- a job from the arguments ---- */

/* False: the call has failed. */
static bool load_job(struct mcp_call *call, struct make_job *job) {
    struct make_failure failure = { .output = S(""), .err = ERR_INIT };
    const char *arch = mcp_text(call, "arch");
    const char **names = ARENA_NEW(call->arena, const char *);
    const char *template = mcp_word(call, "template");
    *names = arch;
    *job = (struct make_job){
        .guest_dir = mcp_guest(call),
        .engine_word = "auto",
        .names = { names, arch != NULL ? 1 : 0 },
        .request = { .cache_dir = call->options->cache_dir,
                     .templates_dir = mcp_text(call, "templates"),
                     .kernel_version = mcp_text(call, "kernel_version"),
                     .binaries_dir = "target/linux-agent",
                     .kernel = strcmp(template, "rootfs") != 0,
                     .rootfs = strcmp(template, "kernel") != 0 },
    };
    if (job->guest_dir == NULL) {
        return false;
    }
    const char *epoch = call->options->epoch_text;
    job->has_epoch = epoch != NULL && epoch[0] != '\0';
    if ((job->has_epoch &&
         !make_epoch_parse(str_from_c(epoch), &job->request.policy.epoch_s, &failure.err)) ||
        !make_job_load(call->arena, job, &failure)) {
        mcp_fail_make(call, &failure);
        return false;
    }
    return true;
}

static bool check_templates(struct mcp_call *call, struct make_job *job, bool dry_run,
                            bool runs_here) {
    struct make_failure failure = { .output = S(""), .err = ERR_INIT };
    if (make_job_check(call->arena, job, dry_run, runs_here, &failure.sink)) {
        return true;
    }
    mcp_fail_make(call, &failure);
    return false;
}

/* ---- build_dry_run ---- */

void mcp_build_dry_run(struct mcp_call *call) {
    struct make_job job;
    struct make_failure failure;
    json_t *rendered;
    if (!load_job(call, &job) || !check_templates(call, &job, true, false)) {
        return;
    }
    if (!make_job_json(call->arena, &job, mcp_word(call, "template"), NULL, &rendered, &failure)) {
        mcp_fail_make(call, &failure);
        return;
    }
    mcp_give(call, rendered);
}

/* ---- why ---- */

static void add_step(void *self, const struct make_look_step *step) {
    json_t *o = json_pack("{s:s, s:o, s:b, s:o}", "template", recipe_kind_name(step->kind), "arch",
                          mcp_json(step->arch->head.key), "cached", step->cached, "reason",
                          mcp_json(step->reason));
    if (step->record != NULL) {
        json_object_set_new(o, "stage", mcp_json(step->record->stage));
        json_object_set_new(o, "step", json_integer((json_int_t)step->record->number));
        json_object_set_new(o, "steps", json_integer((json_int_t)step->record->count));
        json_object_set_new(o, "text", mcp_json(step->record->text));
    }
    json_array_append_new(self, o);
}

void mcp_why(struct mcp_call *call) {
    struct make_job job;
    struct make_failure failure;
    enum recipe_kind kinds[2];
    if (!load_job(call, &job) || !check_templates(call, &job, true, false)) {
        return;
    }
    AUTO_JSON steps = json_array();
    const struct make_look look = { steps, add_step };
    size_t kind_count = make_job_kinds(&job, kinds);
    for (size_t i = 0; i < job.arch_count * kind_count; i++) {
        struct recipe recipe;
        if (!make_job_render(call->arena, &job, job.archs[i / kind_count], kinds[i % kind_count],
                             &look, &recipe, &failure)) {
            mcp_fail_make(call, &failure);
            return;
        }
    }
    mcp_give(call, json_pack("{s:O}", "steps", steps));
}

/* ---- build ---- */

struct building {
    struct mcp_call *call;
    const char *label; /* "rootfs x86_64" */
};

static void on_template(void *self, const char *label,
                        str (*why)(void *why_self, const struct build_step *step, bool cached),
                        void *why_self) {
    struct building *b = self;
    b->label = str_to_c(b->call->arena, str_from_c(label));
}

static void on_template_end(void *self) {
    struct building *b = self;
    b->label = NULL;
}

static void on_notice(void *self, str line) {
    struct building *b = self;
    if (line.len > 0) {
        mcp_progress(b->call, "%.*s", STR_FMT(line));
    }
}

static void on_step(void *self, const struct build_step *step) {
    struct building *b = self;
    mcp_progress(b->call, "[%s%s%.*s %zu/%zu] %.*s", b->label != NULL ? b->label : "",
                 step->stage.len > 0 ? ": " : "", STR_FMT(step->stage), step->number, step->count,
                 STR_FMT(step->text));
}

static void on_step_output(void *self, const struct build_step *step, str piece) {
    struct building *b = self;
    mcp_progress_often(b->call, piece);
}

static void on_step_end(void *self, const struct build_step *step, enum build_step_end how,
                        uint64_t duration_ms) {
}

static void on_step_tick(void *self, const struct build_step *step) {
}

static const struct build_events step_events = { on_step, on_step_output, on_step_end, on_step_tick,
                                                 on_notice };

static void on_phase(void *self, const char *what) {
    struct building *b = self;
    mcp_progress(b->call, "%s%s%s", b->label != NULL ? b->label : "", b->label != NULL ? ": " : "",
                 what);
}

static void on_phase_tick(void *self, const char *what, uint64_t done, uint64_t total) {
    struct building *b = self;
    str text = str_fmt(b->call->arena, "%s: %llu of %llu bytes", what, (unsigned long long)done,
                       (unsigned long long)total);
    mcp_progress_often(b->call, text);
}

static void on_phase_end(void *self, const char *what, const char *result) {
}

static struct make_events events_of(struct building *b) {
    return (struct make_events){
        .self = b,
        .begin = on_template,
        .end = on_template_end,
        .notice = on_notice,
        .warning = on_notice,
        .steps = &step_events,
        .steps_self = b,
        .pack = { b, on_phase, on_phase_tick, on_phase_end, on_notice, b->call->cancelled },
        .cancelled = b->call->cancelled,
    };
}

static void add_assets(struct mcp_call *call, const struct make_job *job, str arch,
                       const struct make_asset *made, size_t count, json_t *list) {
    for (size_t i = 0; i < count; i++) {
        const struct make_asset *m = &made[i];
        const char *dir =
            path_join(call->arena, job->request.output_dir, str_to_c(call->arena, arch));
        json_array_append_new(
            list,
            json_pack("{s:o, s:s, s:o, s:I, s:b, s:I, s:I, s:I}", "arch", mcp_json(arch), "name",
                      m->name, "path", mcp_json(str_from_c(path_join(call->arena, dir, m->name))),
                      "bytes", (json_int_t)m->bytes, "updated", m->fresh, "steps_run",
                      (json_int_t)m->steps_run, "steps_cached", (json_int_t)m->steps_cached,
                      "duration_ms", (json_int_t)m->duration_ms));
    }
}

static bool build_all(struct mcp_call *call, struct make_job *job, json_t *assets,
                      struct make_failure *failure) {
    struct building building = { .call = call };
    const struct make_events events = events_of(&building);
    for (size_t i = 0; i < job->arch_count; i++) {
        struct make_asset made[MADE_ASSETS_MAX];
        size_t count = 0;
        if (!make_job_build(call->arena, job, i, &events, made, &count, failure)) {
            return false;
        }
        add_assets(call, job, job->archs[i]->head.key, made, count, assets);
    }
    return true;
}

static bool open_engine(struct mcp_call *call, struct make_job *job, struct engine *engine,
                        struct err *err) {
    str notice;
    if (!engine_check_word(job->engine_word, err) ||
        !make_job_engine(call->arena, job, engine, &notice, err)) {
        return false;
    }
    if (notice.len > 0) {
        mcp_progress(call, "%.*s", STR_FMT(notice));
    }
    return true;
}

static void take_options(struct mcp_call *call, struct make_job *job) {
    const char *output = mcp_text(call, "output"), *engine = mcp_text(call, "engine");
    job->engine_word = engine != NULL ? engine : "auto";
    job->request.output_dir = output != NULL ? output : "assets";
    job->request.policy.no_cache = mcp_flag(call, "no_cache");
    job->request.fresh = mcp_flag(call, "fresh");
    job->request.policy.pull = mcp_flag(call, "pull");
    job->request.policy.offline = mcp_flag(call, "offline");
}

void mcp_build(struct mcp_call *call) {
    AUTO_STORE store = NULL;
    struct make_job job;
    struct make_failure failure = { .output = S(""), .err = ERR_INIT };
    struct engine engine;
    if (!load_job(call, &job)) {
        return;
    }
    take_options(call, &job);
    if (!open_engine(call, &job, &engine, &failure.err)) {
        mcp_fail(call, &failure.err);
        return;
    }
    if (!check_templates(call, &job, false, engine.kind == ENGINE_EMBEDDED)) {
        return;
    }
    if (!engine_open_store(call->arena, &engine, call->options->cache_dir, &store, &failure.err)) {
        mcp_fail(call, &failure.err);
        return;
    }
    AUTO_JSON assets = json_array();
    job.request.engine = &engine;
    job.request.store = store;
    if (!build_all(call, &job, assets, &failure)) {
        mcp_fail_make(call, &failure);
        return;
    }
    mcp_give(call, json_pack("{s:s, s:o, s:O}", "engine", engine_name(&engine), "output",
                             mcp_json(str_from_c(job.request.output_dir)), "assets", assets));
}

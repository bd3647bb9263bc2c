// SPDX-License-Identifier: Apache-2.0
/* build: validates, renders, builds; --dry-run stops after rendering. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/epoch.h"
#include "cli/lanes.h"
#include "cli/make_view.h"
#include "cli/progress.h"
#include "cli/share.h"
#include "cli/why_print.h"
#include "engine/engine.h"

struct build_options {
    struct option_list archs;
    const char *template;
    const char *output;
    const char *kernel_version;
    const char *templates_dir;
    const char *engine;
    const char *cache_from;
    const char *cache_to;
    const char *progress;
    const char *manifest_format;
    bool dry_run;
    bool json;
    struct build_policy policy;
    bool fresh;
    bool why;
    struct share_options share;
};

static const char *const manifest_words[] = { "1", "2", NULL };
static const char *const template_words[] = { "rootfs", "kernel", "all", NULL };

#define ROW(field) offsetof(struct build_options, field)
static const struct option options[] = {
    { "arch", 0, OPTION_LIST, ROW(archs), "A",
      "architecture in the config, or all (default: this machine's)" },
    { "template", 0, OPTION_WORD, ROW(template), "T", "template to build", template_words },
    { "output", 'o', OPTION_STRING, ROW(output), "DIR", "output folder (default: assets)" },
    { "kernel-version", 0, OPTION_STRING, ROW(kernel_version), "V",
      "kernel version (default: newest of the config's branch)" },
    { "manifest-format", 0, OPTION_WORD, ROW(manifest_format), "N",
      "version in manifest.json (default: unchanged, or 1)", manifest_words },
    { "templates", 0, OPTION_STRING, ROW(templates_dir), "DIR",
      "folder with templates that replace the built-in ones" },
    { "dry-run", 0, OPTION_FLAG, ROW(dry_run), NULL, "print the Dockerfiles, build nothing" },
    { "json", 0, OPTION_FLAG, ROW(json), NULL, "print the result as JSON" },
    { "engine", 0, OPTION_STRING, ROW(engine), "E",
      "auto, embedded, docker, buildx or buildx:BUILDER (default: auto)" },
    { "cache-from", 0, OPTION_STRING, ROW(cache_from), "SPEC",
      "with buildx: cache source, such as type=registry,ref=NAME" },
    { "cache-to", 0, OPTION_STRING, ROW(cache_to), "SPEC",
      "with buildx: cache destination, in the same form" },
    { "no-cache", 0, OPTION_FLAG, ROW(policy.no_cache), NULL, "run every step again" },
    { "emulate", 0, OPTION_FLAG, ROW(policy.emulate), NULL,
      "emulate all tools when building for another architecture" },
    { "fresh", 0, OPTION_FLAG, ROW(fresh), NULL,
      "reinstall a whole package set when packages are added" },
    { "why", 0, OPTION_FLAG, ROW(why), NULL, "explain why each step runs or is cached" },
    { "pull", 0, OPTION_FLAG, ROW(policy.pull), NULL, "ask registries for newer base images" },
    { "offline", 0, OPTION_FLAG, ROW(policy.offline), NULL, "use only base images in the store" },
    SHARE_OPTIONS(build_options),
    { "progress", 0, OPTION_WORD, ROW(progress), "P", "how progress is shown", progress_words },
};

static const struct build_options defaults = {
    .template = "all",
    .output = "assets",
    .engine = "auto",
    .progress = "auto",
};

/* What is built: the guest folder as the options say. */
struct plan {
    struct cli *cli;
    const struct build_options *options;
    struct make_job job;
    const char *progress; /* of progress_words */
};

static void print_failure(const struct plan *p, struct make_failure *failure) {
    if (failure->sink.len > 0) {
        print_diags(p->cli, &failure->sink, stderr);
    }
    if (err_is_set(&failure->err)) {
        print_err(p->cli, &failure->err);
    }
}

static struct make_job make_job(const struct cli *cli, const struct build_options *o,
                                const char *dir) {
    return (struct make_job){
        .guest_dir = dir,
        .names = { o->archs.items, o->archs.len },
        .engine_word = o->engine,
        .request = {
            .cache_dir = cli->cache_dir,
            .output_dir = o->output,
            .templates_dir = o->templates_dir,
            .kernel_version = o->kernel_version,
            .binaries_dir = "target/linux-agent",
            .manifest_format = o->manifest_format != NULL ? o->manifest_format[0] - '0' : 0,
            .kernel = strcmp(o->template, "rootfs") != 0,
            .rootfs = strcmp(o->template, "kernel") != 0,
            .why = o->why,
            .fresh = o->fresh,
            .policy = o->policy,
        },
    };
}

static bool load_job(struct plan *p) {
    struct make_failure failure;
    if (!epoch_of_environment(p->cli, &p->job.has_epoch, &p->job.request.policy.epoch_s)) {
        return false;
    }
    if (!make_job_load(p->cli->arena, &p->job, &failure)) {
        print_failure(p, &failure);
        return false;
    }
    return true;
}

static bool check_templates(struct plan *p, bool runs_here) {
    struct diag_sink sink;
    bool good = make_job_check(p->cli->arena, &p->job, p->options->dry_run, runs_here, &sink);
    print_diags(p->cli, &sink, stderr);
    return good;
}

/* ---- dry run ---- */

static bool print_dockerfiles(struct plan *p, const struct make_look *look) {
    enum recipe_kind kinds[2];
    struct make_job *job = &p->job;
    size_t kind_count = make_job_kinds(job, kinds);
    bool several = job->arch_count * kind_count > 1;
    for (size_t i = 0; i < job->arch_count * kind_count; i++) {
        const struct config_architecture *arch = job->archs[i / kind_count];
        enum recipe_kind kind = kinds[i % kind_count];
        struct recipe recipe;
        struct make_failure failure;
        if (!make_job_render(p->cli->arena, job, arch, kind, look, &recipe, &failure)) {
            print_failure(p, &failure);
            return false;
        }
        if (several) {
            printf("%s# %.*s %s\n", i > 0 ? "\n" : "", STR_FMT(arch->head.key),
                   recipe_kind_name(kind));
        }
        print_text(stdout, recipe.text);
    }
    return true;
}

static bool print_json(struct plan *p, const struct make_look *look) {
    struct make_failure failure;
    json_t *root;
    if (!make_job_json(p->cli->arena, &p->job, p->options->template, look, &root, &failure)) {
        print_failure(p, &failure);
        return false;
    }
    char *text = json_dumps(root, JSON_INDENT(2));
    if (text != NULL) {
        puts(text);
    }
    free(text);
    json_decref(root);
    return true;
}

static bool dry_run(struct plan *p) {
    const struct make_look look = why_look(p->cli);
    const struct make_look *wanted = p->options->why ? &look : NULL;
    return check_templates(p, false) &&
           (p->options->json ? print_json(p, wanted) : print_dockerfiles(p, wanted));
}

/* ---- building ---- */

/* An object for each file. */
static void print_made_json(const struct make_asset *made, size_t count, const char *dir,
                            str arch) {
    for (size_t i = 0; i < count; i++) {
        const struct make_asset *a = &made[i];
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%s/%.*s/%s", dir, STR_FMT(arch), a->name);
        json_t *o =
            json_pack("{s:s%,s:s,s:s,s:I,s:b,s:I,s:I,s:I}", "architecture", arch.ptr, arch.len,
                      "name", a->name, "path", name, "bytes", (json_int_t)a->bytes, "up_to_date",
                      !a->fresh, "duration_ms", (json_int_t)a->duration_ms, "steps_run",
                      (json_int_t)a->steps_run, "steps_cached", (json_int_t)a->steps_cached);
        char *text = json_dumps(o, JSON_COMPACT);
        printf("%s\n", text == NULL ? "null" : text); /* a path that is not UTF-8 */
        free(text);
        json_decref(o);
    }
}

static void print_made(const struct make_asset *made, size_t count, const char *dir, str arch) {
    for (size_t i = 0; i < count; i++) {
        const struct make_asset *a = &made[i];
        char name[256];
        snprintf(name, sizeof name, "%s/%.*s/%s", dir, STR_FMT(arch), a->name);
        if (a->fresh) {
            printf("%-36s  %9s  %s, %zu steps run, %zu cached\n", name, unit_bytes(a->bytes).text,
                   unit_duration_ms(a->duration_ms).text, a->steps_run, a->steps_cached);
        } else {
            printf("%-36s  %9s  up to date\n", name, unit_bytes(a->bytes).text);
        }
    }
}

static bool choose_engine(struct plan *p, struct engine *ret) {
    struct err err = ERR_INIT;
    str notice;
    if (!make_job_engine(p->cli->arena, &p->job, ret, &notice, &err)) {
        print_err(p->cli, &err);
        return false;
    }
    make_view_notice(p->cli, notice);
    ret->in_actions = getenv("GITHUB_ACTIONS") != NULL;
    ret->cache_from = p->options->cache_from;
    ret->cache_to = p->options->cache_to;
    if (ret->kind != ENGINE_BUILDX && (ret->cache_from != NULL || ret->cache_to != NULL)) {
        print_error(p->cli, "build: --cache-from and --cache-to need --engine buildx");
        return false;
    }
    return true;
}

/* One architecture of the plan. */
static bool build_arch(struct plan *p, const struct engine *engine, struct store *store, size_t i) {
    struct make_asset made[MADE_ASSETS_MAX];
    size_t count = 0;
    struct make_view view = MAKE_VIEW_INIT(p->cli, p->progress);
    const struct make_events events = make_view_events(&view);
    struct make_failure failure;
    p->job.request.engine = engine;
    p->job.request.store = store;
    if (!make_job_build(p->cli->arena, &p->job, i, &events, made, &count, &failure)) {
        return make_view_fail(&view, &failure);
    }
    (p->options->json ? print_made_json : print_made)(made, count, p->options->output,
                                                      p->job.archs[i]->head.key);
    return true;
}

static bool open_engines_store(const struct plan *p, const struct engine *engine,
                               struct store **ret) {
    struct err err = ERR_INIT;
    if (engine_open_store(p->cli->arena, engine, p->cli->cache_dir, ret, &err)) {
        return true;
    }
    print_err(p->cli, &err);
    return false;
}

struct build_lane {
    struct plan *plan;
    const struct engine *engine;
};

static bool run_lane(void *self, size_t index) {
    const struct build_lane *lane = self;
    AUTO_STORE store = NULL;
    return open_engines_store(lane->plan, lane->engine, &store) &&
           build_arch(lane->plan, lane->engine, store, index);
}

/* Each on its node, at the same time. */
static bool build_in_lanes(struct plan *p, const struct engine *engine) {
    struct build_lane lane = { p, engine };
    str *names = ARENA_ARRAY(p->cli->arena, str, p->job.arch_count);
    for (size_t i = 0; i < p->job.arch_count; i++) {
        names[i] = p->job.archs[i]->head.key;
    }
    if (strcmp(p->progress, "tty") == 0) {
        p->progress = "plain"; /* several cannot redraw one line */
    }
    return lanes_run(p->cli, run_lane, &lane, names, p->job.arch_count);
}

static bool build_in_turn(struct plan *p, const struct engine *engine) {
    AUTO_STORE store = NULL;
    if (!open_engines_store(p, engine, &store)) {
        return false;
    }
    for (size_t i = 0; i < p->job.arch_count; i++) {
        if (!build_arch(p, engine, store, i)) {
            return false;
        }
    }
    return true;
}

static int build(struct plan *p) {
    struct engine engine;
    if (!choose_engine(p, &engine) || !check_templates(p, engine.kind == ENGINE_EMBEDDED)) {
        return EXIT_FAILED;
    }
    interrupt_catch();
    p->progress = p->options->progress;
    bool ok = engine.several_nodes ? build_in_lanes(p, &engine) : build_in_turn(p, &engine);
    return ok ? EXIT_OK : interrupt_exit_code();
}

static int run(struct cli *cli, const void *given) {
    struct plan p = { .cli = cli, .options = given };
    struct err err = ERR_INIT;
    cli->events = strcmp(p.options->progress, "json") == 0;
    if (!engine_check_word(p.options->engine, &err)) {
        err_wrap(&err, "build");
        print_err(cli, &err);
        return EXIT_USAGE;
    }
    const char *dir = cli_guest_dir(cli);
    if (dir == NULL) {
        return EXIT_FAILED;
    }
    p.job = make_job(cli, p.options, dir);
    if (!load_job(&p)) {
        return EXIT_FAILED;
    }
    if (!share_parse(cli, "build", &p.options->share, &p.job.config, &p.job.request.policy.share)) {
        return EXIT_USAGE;
    }
    if (p.options->dry_run) {
        return dry_run(&p) ? EXIT_OK : EXIT_FAILED;
    }
    return build(&p);
}

const struct command command_build = {
    .name = "build",
    .arguments = "[GUEST]",
    .summary = "build a guest folder's kernel, initrd and root filesystem",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct build_options),
    .defaults = &defaults,
    .args_max = 1,
    .run = run,
};

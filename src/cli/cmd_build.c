// SPDX-License-Identifier: Apache-2.0
/* build: validates, renders, builds; --dry-run stops after rendering. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/grow.h"
#include "cli/guest.h"
#include "cli/lanes.h"
#include "cli/make_assets.h"
#include "cli/open_store.h"
#include "cli/progress.h"
#include "cli/recipe_check.h"
#include "cli/why.h"
#include "recipe/recipe.h"

struct build_options {
    const char *arch;
    const char *template;
    const char *output;
    const char *kernel_version;
    const char *templates_dir;
    const char *engine;
    const char *cache_from;
    const char *cache_to;
    const char *progress;
    bool dry_run;
    bool json;
    bool no_cache;
    bool emulate;
    bool fresh;
    bool why;
    bool pull;
    bool offline;
};

static const char *const template_words[] = { "rootfs", "kernel", "all", NULL };

#define ROW(field) offsetof(struct build_options, field)
static const struct option options[] = {
    { "arch", 0, OPTION_STRING, ROW(arch), "A", "one architecture of the config (all)" },
    { "template", 0, OPTION_WORD, ROW(template), "T", "what to build", template_words },
    { "output", 'o', OPTION_STRING, ROW(output), "DIR", "gets ARCH/ and the sums (assets)" },
    { "kernel-version", 0, OPTION_STRING, ROW(kernel_version), "V",
      "instead of the newest of the config's branch" },
    { "templates", 0, OPTION_STRING, ROW(templates_dir), "DIR",
      "templates in place of the program's own" },
    { "dry-run", 0, OPTION_FLAG, ROW(dry_run), NULL, "print the Dockerfiles, build nothing" },
    { "json", 0, OPTION_FLAG, ROW(json), NULL, "with --dry-run: as JSON" },
    { "engine", 0, OPTION_STRING, ROW(engine), "E",
      "auto, embedded, docker, buildx or buildx:BUILDER (auto)" },
    { "cache-from", 0, OPTION_STRING, ROW(cache_from), "SPEC",
      "with buildx: a cache to use, type=registry,ref=NAME" },
    { "cache-to", 0, OPTION_STRING, ROW(cache_to), "SPEC",
      "with buildx: where the cache goes, the same" },
    { "no-cache", 0, OPTION_FLAG, ROW(no_cache), NULL, "run every step again" },
    { "emulate", 0, OPTION_FLAG, ROW(emulate), NULL,
      "another architecture: without this machine's own tools" },
    { "fresh", 0, OPTION_FLAG, ROW(fresh), NULL,
      "install what was added to a package set with the rest" },
    { "why", 0, OPTION_FLAG, ROW(why), NULL, "say of each step why it runs, or does not" },
    { "pull", 0, OPTION_FLAG, ROW(pull), NULL, "ask registries for newer base images" },
    { "offline", 0, OPTION_FLAG, ROW(offline), NULL, "take base images from the store only" },
    { "progress", 0, OPTION_WORD, ROW(progress), "P", "how progress is shown", progress_words },
};

static const struct build_options defaults = {
    .template = "all",
    .output = "assets",
    .engine = "auto",
    .progress = "auto",
};

/* What is built: the architectures and the templates that the options name. */
struct plan {
    struct cli *cli;
    const struct build_options *options;
    struct guest_config config;
    struct sources *sources;
    const struct config_architecture **archs;
    size_t arch_count;
    const char *progress; /* of progress_words */
    bool kernel;
    bool rootfs;
};

static bool make_plan(struct plan *p, const char *dir) {
    struct diag_sink sink;
    p->sources = ARENA_NEW(p->cli->arena, struct sources);
    sources_init(p->sources, p->cli->arena);
    diag_sink_init(&sink, p->cli->arena, p->sources);
    if (!config_load(p->cli->arena, p->sources, &sink, dir, NULL, &p->config)) {
        print_diags(p->cli, &sink, stderr);
        return false;
    }
    p->kernel = strcmp(p->options->template, "rootfs") != 0;
    p->rootfs = strcmp(p->options->template, "kernel") != 0;
    p->archs = ARENA_ARRAY(p->cli->arena, const struct config_architecture *,
                           p->config.build.architectures.len);
    if (p->options->arch != NULL) {
        p->arch_count = 1;
        return guest_find_arch(p->cli, &p->config, p->options->arch, &p->archs[0]);
    }
    for (size_t i = 0; i < p->config.build.architectures.len; i++) {
        p->archs[p->arch_count++] = &p->config.build.architectures.items[i];
    }
    return true;
}

/* The kernel before the rootfs, as they are built. */
static size_t plan_kinds(const struct plan *p, enum recipe_kind kinds[2]) {
    size_t count = 0;
    if (p->kernel) {
        kinds[count++] = RECIPE_KERNEL;
    }
    if (p->rootfs) {
        kinds[count++] = RECIPE_ROOTFS;
    }
    return count;
}

/* The templates are checked before anything is built: a COPY of a file that is not there would
 * fail only after the steps before it, a RUN for another architecture after a whole kernel. */
static bool check_templates(struct plan *p, bool runs_here) {
    struct diag_sink sink;
    enum recipe_kind kinds[2];
    size_t kind_count = plan_kinds(p, kinds);
    struct recipe_templates templates = { 0 };
    const struct recipe_check check = {
        .templates = &templates,
        .config = &p->config,
        .templates_dir = p->options->templates_dir,
        .kernel_version = p->options->kernel_version,
        .sound = true,
        .runs_here = runs_here,
    };
    diag_sink_init(&sink, p->cli->arena, p->sources);
    for (size_t i = 0; i < p->arch_count * kind_count; i++) {
        recipe_check(p->cli->arena, &check, p->archs[i / kind_count], kinds[i % kind_count],
                     p->sources, &sink);
    }
    print_diags(p->cli, &sink, stderr);
    return sink.errors == 0;
}

/* ---- dry run ---- */

static int64_t source_date_epoch(const struct guest_config *config) {
    const char *text = getenv("SOURCE_DATE_EPOCH");
    int64_t epoch;
    if (text != NULL && str_to_i64(str_from_c(text), &epoch) && epoch >= 0) {
        return epoch;
    }
    return config->newest_change_s;
}

static bool render_lines(struct plan *p, const struct config_architecture *arch,
                         enum recipe_kind kind, const struct recipe_lines *lines,
                         struct recipe *ret) {
    struct diag_sink sink;
    struct err err = ERR_INIT;
    diag_sink_init(&sink, p->cli->arena, p->sources);
    struct recipe_request request = {
        .config = &p->config,
        .arch = arch,
        .kind = kind,
        .kernel_version = p->options->kernel_version,
        .templates_dir = p->options->templates_dir,
        .binaries_dir = "target/linux-agent",
        .lines = lines,
    };
    if (recipe_render(p->cli->arena, &request, p->sources, &sink, ret, &err)) {
        return true;
    }
    print_diags(p->cli, &sink, stderr);
    if (err_is_set(&err)) {
        print_err(p->cli, &err);
    }
    return false;
}

/* Finds out what a build would render: that depends on what the store has of the last one. */
static bool render_grown(struct plan *p, const struct config_architecture *arch, struct grow *grow,
                         struct recipe *ret) {
    struct build_result looked;
    str engine;
    bool others = false;
    if (!render_lines(p, arch, RECIPE_ROOTFS, &grow->lines, ret)) {
        return false;
    }
    if (engine_word_cache(p->cli->arena, p->options->engine, &engine)) {
        others = grow_trust(grow, engine);
    } else if (grow_adds(grow) &&
               !grow_look_offline(p->cli->arena, grow->store, arch, ret, p->sources,
                                  source_date_epoch(&p->config), &looked)) {
        grow_fresh(grow);
        others = true;
    } else if (grow_adds(grow)) {
        others = grow_decide(grow, ret, &looked);
    }
    return !others || render_lines(p, arch, RECIPE_ROOTFS, &grow->lines, ret);
}

/* A store that is not there is not made for this, and one that cannot be read has nothing. */
static bool render(struct plan *p, const struct config_architecture *arch, enum recipe_kind kind,
                   struct recipe *ret) {
    AUTO_STORE store = NULL;
    struct err ignored = ERR_INIT;
    struct grow grow;
    bool fresh = p->options->fresh || p->options->no_cache;
    bool asks_store = p->options->why || (kind == RECIPE_ROOTFS && !fresh);
    if (asks_store && fs_is_dir(AT_FDCWD, p->cli->cache_dir) &&
        !store_open(p->cli->cache_dir, &store, &ignored)) {
        store = NULL;
    }
    grow_begin(&grow, p->cli->arena, store, &p->config, arch, fresh);
    if (kind == RECIPE_KERNEL ? !render_lines(p, arch, kind, NULL, ret)
                              : !render_grown(p, arch, &grow, ret)) {
        return false;
    }
    if (p->options->why) {
        struct why why = {
            .arena = p->cli->arena,
            .store = store,
            .sources = p->sources,
            .config = &p->config,
            .recipe = ret,
            .grow = kind == RECIPE_ROOTFS ? &grow : NULL,
            .no_cache = p->options->no_cache,
        };
        why_print(&why, p->cli, arch, source_date_epoch(&p->config));
    }
    return true;
}

static bool print_dockerfiles(struct plan *p) {
    enum recipe_kind kinds[2];
    size_t kind_count = plan_kinds(p, kinds);
    bool several = p->arch_count * kind_count > 1;
    for (size_t i = 0; i < p->arch_count; i++) {
        for (size_t k = 0; k < kind_count; k++) {
            struct recipe recipe;
            if (!render(p, p->archs[i], kinds[k], &recipe)) {
                return false;
            }
            if (several) {
                printf("%s# %.*s %s\n", i + k > 0 ? "\n" : "", STR_FMT(p->archs[i]->head.key),
                       recipe_kind_name(kinds[k]));
            }
            fwrite(recipe.text.ptr, 1, recipe.text.len, stdout);
        }
    }
    return true;
}

/* With both templates, each architecture has the rootfs as "dockerfile" and the kernel beside. */
static bool print_json(struct plan *p) {
    enum recipe_kind kinds[2];
    size_t kind_count = plan_kinds(p, kinds);
    json_t *archs = json_object();
    bool ok = true;
    for (size_t i = 0; ok && i < p->arch_count; i++) {
        const struct config_architecture *arch = p->archs[i];
        json_t *o = json_object();
        for (size_t k = 0; ok && k < kind_count; k++) {
            struct recipe recipe;
            ok = render(p, arch, kinds[k], &recipe);
            const char *key =
                kind_count == 2 && kinds[k] == RECIPE_KERNEL ? "kernel_dockerfile" : "dockerfile";
            if (ok) {
                json_object_set_new(o, key, json_stringn(recipe.text.ptr, recipe.text.len));
            }
        }
        str platform = arch->docker_platform.text;
        str target = arch->rust_target.text;
        json_object_set_new(o, "platform", json_stringn(platform.ptr, platform.len));
        json_object_set_new(o, "rust_target", json_stringn(target.ptr, target.len));
        json_object_setn_new(archs, arch->head.key.ptr, arch->head.key.len, o);
    }
    str compression = p->config.build.compression.text;
    json_t *root = json_pack("{s:o, s:s, s:s%, s:I}", "architectures", archs, "template",
                             p->options->template, "compression", compression.ptr, compression.len,
                             "compression_level", (json_int_t)config_codec_level(&p->config.build));
    char *text = ok ? json_dumps(root, JSON_INDENT(2)) : NULL;
    if (text != NULL) {
        puts(text);
    }
    free(text);
    json_decref(root);
    return ok;
}

/* ---- building ---- */

static bool fetch_nothing(void *self, struct arena *a, const char *url, str *ret, struct err *err) {
    (void)self;
    (void)a;
    (void)ret;
    return err_set(err, "'%s' is not asked: --offline", url);
}

static const struct recipe_fetch_ops offline_ops = { fetch_nothing };

/* The kernel's version is asked for when the source is chosen by it. */
static bool find_kernel_version(struct plan *p, const struct config_architecture *arch,
                                const char **ret) {
    *ret = p->options->kernel_version;
    if (!p->kernel || *ret != NULL || arch->kernel_source.value != CONFIG_KERNEL_ORG) {
        return true;
    }
    str version;
    enum recipe_kernel_origin origin;
    struct err why = ERR_INIT;
    const struct recipe_fetch_ops *ops = p->options->offline ? &offline_ops : &recipe_fetch_curl;
    if (!recipe_kernel_version(p->cli->arena, arch, ops, NULL, &version, &origin, &why)) {
        err_wrap(&why, "find the newest kernel of branch %.*s", STR_FMT(arch->kernel_branch.text));
        err_help(&why, "--kernel-version V names one");
        print_err(p->cli, &why);
        return false;
    }
    if (origin == RECIPE_KERNEL_KNOWN) {
        AUTO_BUF text = BUF_INIT(4096);
        err_text(&why, &text);
        print_warning(p->cli, "%s; taking %.*s, the last version this program knows", text.ptr,
                      STR_FMT(version));
    }
    *ret = str_to_c(p->cli->arena, version);
    return true;
}

static void print_made(const struct made_asset *made, size_t count, const char *dir, str arch) {
    for (size_t i = 0; i < count; i++) {
        const struct made_asset *a = &made[i];
        char name[256];
        snprintf(name, sizeof name, "%s/%.*s/%s", dir, STR_FMT(arch), a->name);
        if (a->fresh) {
            printf("%-36s  %9s  %s, %zu steps run, %zu cached\n", name, format_bytes(a->bytes),
                   format_duration_ms(a->duration_ms), a->steps_run, a->steps_cached);
        } else {
            printf("%-36s  %9s  up to date\n", name, format_bytes(a->bytes));
        }
    }
}

static bool choose_engine(struct plan *p, struct engine *ret) {
    struct oci_platform *platforms = ARENA_ARRAY(p->cli->arena, struct oci_platform, p->arch_count);
    struct err err = ERR_INIT;
    for (size_t i = 0; i < p->arch_count; i++) {
        if (!oci_platform_parse(p->cli->arena, p->archs[i]->docker_platform.text, &platforms[i],
                                &err)) {
            print_err(p->cli, &err);
            return false;
        }
    }
    if (!engine_choose(p->cli, p->options->engine, platforms, p->arch_count, ret)) {
        return false;
    }
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
    struct make_request request = {
        .config = &p->config,
        .sources = p->sources,
        .store = store,
        .engine = engine,
        .output_dir = p->options->output,
        .templates_dir = p->options->templates_dir,
        .binaries_dir = "target/linux-agent",
        .progress = p->progress,
        .kernel = p->kernel,
        .rootfs = p->rootfs,
        .no_cache = p->options->no_cache,
        .emulate = p->options->emulate,
        .fresh = p->options->fresh,
        .why = p->options->why,
        .pull = p->options->pull,
        .offline = p->options->offline,
        .epoch_s = source_date_epoch(&p->config),
    };
    struct made_asset made[MADE_ASSETS_MAX];
    size_t count = 0;
    if (!find_kernel_version(p, p->archs[i], &request.kernel_version) ||
        !make_assets(p->cli, &request, p->archs[i], made, &count)) {
        return false;
    }
    print_made(made, count, p->options->output, p->archs[i]->head.key);
    return true;
}

/* Only steps of our own need to be root: Docker's client stays who it is. */
static bool open_engines_store(const struct plan *p, const struct engine *engine,
                               struct store **ret) {
    struct err err = ERR_INIT;
    if (engine->kind == ENGINE_EMBEDDED ? open_store(p->cli, ret, &err)
                                        : store_open(p->cli->cache_dir, ret, &err)) {
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
    str *names = ARENA_ARRAY(p->cli->arena, str, p->arch_count);
    for (size_t i = 0; i < p->arch_count; i++) {
        names[i] = p->archs[i]->head.key;
    }
    if (strcmp(p->progress, "tty") == 0) {
        p->progress = "plain"; /* several cannot redraw one line */
    }
    return lanes_run(p->cli, run_lane, &lane, names, p->arch_count);
}

static bool build_in_turn(struct plan *p, const struct engine *engine) {
    AUTO_STORE store = NULL;
    if (!open_engines_store(p, engine, &store)) {
        return false;
    }
    for (size_t i = 0; i < p->arch_count; i++) {
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
    if (!engine_word_ok(cli, p.options->engine)) {
        return EXIT_USAGE;
    }
    const char *dir = cli_guest_dir(cli);
    if (dir == NULL || !make_plan(&p, dir)) {
        return EXIT_FAILED;
    }
    if (p.options->dry_run) {
        bool ok = check_templates(&p, false) &&
                  (p.options->json ? print_json(&p) : print_dockerfiles(&p));
        return ok ? EXIT_OK : EXIT_FAILED;
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

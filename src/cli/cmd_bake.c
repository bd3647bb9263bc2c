// SPDX-License-Identifier: Apache-2.0
/* bake: build files for `docker buildx bake`: each architecture's two Dockerfiles with their build
 * contexts, and a bake file that names them. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/make_view.h"
#include "recipe/recipe.h"

enum { BAKE_BYTES_MAX = 1024 * 1024 };

struct bake_options {
    const char *arch;
    const char *output;
    const char *kernel_version;
    const char *templates_dir;
};

#define ROW(field) offsetof(struct bake_options, field)
static const struct option options[] = {
    { "arch", 0, OPTION_STRING, ROW(arch), "A", "one architecture in the config (default: all)" },
    { "output", 'o', OPTION_STRING, ROW(output), "DIR",
      "output folder, new or empty (default: bake)" },
    { "kernel-version", 0, OPTION_STRING, ROW(kernel_version), "V",
      "kernel version (default: last known of the config's branch)" },
    { "templates", 0, OPTION_STRING, ROW(templates_dir), "DIR",
      "folder with templates that replace the built-in ones" },
};

static const struct bake_options defaults = { .output = "bake" };

struct baking {
    struct cli *cli;
    const struct bake_options *options;
    struct guest_config config;
    struct sources sources;
    struct diag_sink sink;
    struct buf names;   /* of the targets, as a JSON list's items */
    struct buf targets; /* the targets themselves */
    struct err err;
};

/* What bake takes for a target's name: letters, digits, '_' and '-'. */
static str target_name(struct arena *a, enum recipe_kind kind, str arch) {
    str name = str_fmt(a, "%s-%.*s", recipe_kind_name(kind), STR_FMT(arch));
    AUTO_BUF out = BUF_INIT(BAKE_BYTES_MAX);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        buf_add_char(&out, char_is_alnum(c) || c == '_' || c == '-' ? c : '_');
    }
    return str_dup(a, buf_str(&out));
}

static void add_target(struct baking *b, str name, str platform) {
    struct arena *a = b->cli->arena;
    buf_addf(&b->names, "%s\"%.*s\"", b->names.len > 0 ? ", " : "", STR_FMT(name));
    buf_addf(&b->targets, "%s    \"%.*s\": {\n      \"context\": ", b->targets.len > 0 ? ",\n" : "",
             STR_FMT(name));
    buf_add_json(&b->targets, str_fmt(a, "%.*s/context", STR_FMT(name)));
    buf_add_c(&b->targets, ",\n      \"dockerfile\": \"../Dockerfile\",\n      \"platforms\": [");
    buf_add_json(&b->targets, platform);
    buf_add_c(&b->targets, "],\n      \"output\": [");
    buf_add_json(&b->targets, str_fmt(a, "type=tar,dest=%.*s.tar", STR_FMT(name)));
    buf_add_c(&b->targets, "]\n    }");
}

static bool write_target(struct baking *b, const struct config_architecture *arch,
                         enum recipe_kind kind, int folder) {
    struct arena *a = b->cli->arena;
    struct recipe recipe;
    str name = target_name(a, kind, arch->head.key);
    const char *context = str_fmt(a, "%.*s/context", STR_FMT(name)).ptr;
    const struct recipe_request request = {
        .config = &b->config,
        .arch = arch,
        .kind = kind,
        .kernel_version = b->options->kernel_version,
        .templates_dir = b->options->templates_dir,
        .binaries_dir = "target/linux-agent",
    };
    if (!recipe_render(a, &request, &b->sources, &b->sink, &recipe, &b->err) ||
        !fs_mkdir_p(folder, context, 0755, &b->err) ||
        !fs_store(folder, str_fmt(a, "%.*s/Dockerfile", STR_FMT(name)).ptr, recipe.text, 0644,
                  &b->err) ||
        !recipe_write_context(&recipe, path_join(a, b->options->output, context),
                              b->config.newest_change_s, &b->err)) {
        return false;
    }
    add_target(b, name, arch->docker_platform.text);
    return true;
}

static bool write_arch(struct baking *b, const struct config_architecture *arch, int folder) {
    const struct make_binaries compile = { .config = &b->config,
                                           .arch = arch,
                                           .cache_dir = b->cli->cache_dir,
                                           .output_dir = "target/linux-agent" };
    struct guestbin_binary *binaries;
    return make_view_binaries(b->cli, &compile, &binaries) &&
           write_target(b, arch, RECIPE_KERNEL, folder) &&
           write_target(b, arch, RECIPE_ROOTFS, folder);
}

static bool write_all(struct baking *b) {
    const struct config_architecture *only = NULL;
    if (b->options->arch != NULL && !guest_find_arch(b->cli, &b->config, b->options->arch, &only)) {
        return false;
    }
    AUTO_FD folder = -1;
    if (!fs_open_empty_dir(b->options->output, &folder, &b->err)) {
        return false;
    }
    for (size_t i = 0; i < b->config.build.architectures.len; i++) {
        const struct config_architecture *arch = &b->config.build.architectures.items[i];
        if ((only == NULL || only == arch) && !write_arch(b, arch, folder)) {
            return false;
        }
    }
    AUTO_BUF text = BUF_INIT(4 * BAKE_BYTES_MAX);
    buf_addf(&text,
             "{\n  \"group\": {\n    \"default\": {\"targets\": [%.*s]}\n  },\n  \"target\": "
             "{\n%.*s\n  }\n}\n",
             STR_FMT(buf_str(&b->names)), STR_FMT(buf_str(&b->targets)));
    return fs_store(folder, "docker-bake.json", buf_str(&text), 0644, &b->err);
}

static int run(struct cli *cli, const void *given) {
    struct baking b = {
        .cli = cli,
        .options = given,
        .names = BUF_INIT(BAKE_BYTES_MAX),
        .targets = BUF_INIT(BAKE_BYTES_MAX),
        .err = ERR_INIT,
    };
    const char *dir = cli_guest_dir(cli);
    if (dir == NULL) {
        return EXIT_FAILED;
    }
    sources_init(&b.sources, cli->arena);
    diag_sink_init(&b.sink, cli->arena, &b.sources);
    bool ok = config_load(cli->arena, &b.sources, &b.sink, dir, NULL, &b.config) && write_all(&b);
    print_diags(cli, &b.sink, stderr);
    if (err_is_set(&b.err)) {
        print_err(cli, &b.err);
    }
    if (ok) {
        printf("%s/docker-bake.json: cd %s && docker buildx bake\n", b.options->output,
               b.options->output);
    }
    buf_done(&b.names);
    buf_done(&b.targets);
    return ok ? EXIT_OK : EXIT_FAILED;
}

const struct command command_bake = {
    .name = "bake",
    .arguments = "[GUEST]",
    .summary = "write build files for docker buildx bake",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct bake_options),
    .defaults = &defaults,
    .args_max = 1,
    .run = run,
};

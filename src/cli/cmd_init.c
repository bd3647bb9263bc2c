// SPDX-License-Identifier: Apache-2.0
/* init: the smallest guest folder that builds and boots on this machine. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "jinja/jinja.h"
#include "machine/machine.h"
#include "scaffold/scaffold.h"

/* made by recipe/embed.py */

struct init_options {
    bool force;
};

static const struct option init_option_rows[] = {
    { .name = "force",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct init_options, force),
      .help = "replace the folders config, artifacts and agent in TARGET" },
};

static const struct machine *this_machine(struct err *err) {
    const struct machine *m = machine_host();
    if (m == NULL) {
        err_set(err, "images for this machine's architecture cannot be built");
    }
    return m;
}

static bool render_build(struct arena *a, const struct machine *m, str *ret) {
    struct jinja_value context = jinja_dict_new(a);
    jinja_dict_put(context, S("arch"), jinja_string(str_from_c(m->assets)));
    jinja_dict_put(context, S("platform"), jinja_string(str_fmt(a, "linux/%s", m->oci)));
    jinja_dict_put(context, S("target"),
                   jinja_string(str_fmt(a, "%s-unknown-linux-musl", m->name)));
    jinja_dict_put(context, S("kernel_image"), jinja_string(str_from_c(m->kernel_image)));
    struct sources sources;
    struct diag_sink sink;
    struct jinja_output output;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    uint32_t source = sources_add(&sources, S("templates/init-build.toml.j2"),
                                  (str){ template_init_build, template_init_build_len });
    const struct jinja_template *t =
        jinja_parse(jinja_env_new(a, &jinja_options_builder), &sources, source, &sink);
    if (t == NULL || !jinja_render(t, context, a, &sink, &output)) {
        return false;
    }
    *ret = output.text;
    return true;
}

static bool write_files(struct arena *a, const struct scaffold *s, const struct machine *m,
                        str build, struct err *err) {
    str kernel = str_fmt(a, "config/kernel/%s.defconfig", m->assets);
    for (size_t i = 0; i < starter_file_count; i++) {
        const struct scaffold_file *f = &starter_files[i];
        bool other = str_starts(str_from_c(f->path), S("config/kernel/")) &&
                     !str_eq(str_from_c(f->path), kernel);
        if (!other &&
            !scaffold_write(a, s, f->path, (str){ f->content, f->len }, f->executable, err)) {
            return false;
        }
    }
    return scaffold_write(a, s, "config/packages/apt.toml",
                          (str){ template_init_apt, template_init_apt_len }, false, err) &&
           scaffold_write(a, s, "config/security/web.toml",
                          (str){ template_init_web, template_init_web_len }, false, err) &&
           scaffold_write(a, s, "config/build.toml", build, false, err);
}

static bool make(struct cli *cli, const char *target, struct err *err) {
    AUTO_STARTER starter = { 0 };
    str build;
    const struct machine *m = this_machine(err);
    if (m == NULL) {
        return false;
    }
    ASSERT(render_build(cli->arena, m, &build)); /* our own template, our own values */
    return scaffold_open(cli->arena, target, &starter, err) &&
           write_files(cli->arena, &starter, m, build, err) &&
           scaffold_commit(cli->arena, &starter, err);
}

static int run(struct cli *cli, const void *options) {
    const struct init_options *o = options;
    const char *target = cli->arg_count > 0 ? cli->args[0] : "guest";
    const char *existing = scaffold_find_existing(cli->arena, target);
    struct err err = ERR_INIT;
    if (existing != NULL && !o->force) {
        print_error(cli, "init: '%s' already exists; --force replaces it", existing);
        return EXIT_FAILED;
    }
    if (!make(cli, target, &err)) {
        err_wrap(&err, "init '%s'", target);
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    printf("created %s, a minimal bootable guest\n"
           "\n"
           "    capsem-builder validate %s\n"
           "    capsem-builder build %s\n"
           "    capsem-builder run\n",
           target, target, target);
    return EXIT_OK;
}

const struct command command_init = {
    .name = "init",
    .arguments = "[TARGET]",
    .summary = "create a minimal guest folder that builds and boots",
    .details = "Writes TARGET (default: guest) for this machine's architecture: config/, "
               "the\nguest's scripts in artifacts/, and the sources of its programs in agent/.",
    .options = init_option_rows,
    .option_count = ARRAY_LEN(init_option_rows),
    .options_size = sizeof(struct init_options),
    .args_max = 1,
    .run = run,
};

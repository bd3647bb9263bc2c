// SPDX-License-Identifier: Apache-2.0
/* init: the smallest guest folder that builds and boots on this machine. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/starter.h"
#include "jinja/jinja.h"

/* made by recipe/embed.py */
extern const char template_init_build[], template_init_apt[], template_init_web[];
extern const size_t template_init_build_len, template_init_apt_len, template_init_web_len;

struct init_options {
    bool force;
};

static const struct option init_option_rows[] = {
    { .name = "force",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct init_options, force),
      .help = "replace the folders config, artifacts and agent of TARGET" },
};

static const struct machine {
    const char *uname, *arch, *platform, *target, *kernel_image;
} machines[] = {
    { "x86_64", "x86_64", "linux/amd64", "x86_64-unknown-linux-musl", "arch/x86_64/boot/bzImage" },
    { "aarch64", "arm64", "linux/arm64", "aarch64-unknown-linux-musl", "arch/arm64/boot/Image.gz" },
};

static const struct machine *this_machine(struct err *err) {
    struct utsname host;
    if (uname(&host) != 0) {
        err_sys(err, errno, "ask for this machine's architecture");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        if (strcmp(machines[i].uname, host.machine) == 0) {
            return &machines[i];
        }
    }
    err_set(err, "there is no kernel configuration for '%s'", host.machine);
    return NULL;
}

static bool render_build(struct arena *a, const struct machine *m, str *ret) {
    struct jinja_value context = jinja_dict_new(a);
    jinja_dict_put(context, S("arch"), jinja_string(str_from_c(m->arch)));
    jinja_dict_put(context, S("platform"), jinja_string(str_from_c(m->platform)));
    jinja_dict_put(context, S("target"), jinja_string(str_from_c(m->target)));
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

static bool write_files(struct arena *a, const struct starter *s, const struct machine *m,
                        str build, struct err *err) {
    str kernel = str_fmt(a, "config/kernel/%s.defconfig", m->arch);
    for (size_t i = 0; i < starter_file_count; i++) {
        const struct starter_file *f = &starter_files[i];
        bool other = str_starts(str_from_c(f->path), S("config/kernel/")) &&
                     !str_eq(str_from_c(f->path), kernel);
        if (!other &&
            !starter_write(a, s, f->path, (str){ f->content, f->len }, f->executable, err)) {
            return false;
        }
    }
    return starter_write(a, s, "config/packages/apt.toml",
                         (str){ template_init_apt, template_init_apt_len }, false, err) &&
           starter_write(a, s, "config/security/web.toml",
                         (str){ template_init_web, template_init_web_len }, false, err) &&
           starter_write(a, s, "config/build.toml", build, false, err);
}

static bool make(struct cli *cli, const char *target, struct err *err) {
    AUTO_STARTER starter = { 0 };
    str build;
    const struct machine *m = this_machine(err);
    if (m == NULL) {
        return false;
    }
    ASSERT(render_build(cli->arena, m, &build)); /* our own template, our own values */
    return starter_open(cli->arena, target, &starter, err) &&
           write_files(cli->arena, &starter, m, build, err) &&
           starter_commit(cli->arena, &starter, err);
}

static int run(struct cli *cli, const void *options) {
    const struct init_options *o = options;
    const char *target = cli->arg_count > 0 ? cli->args[0] : "guest";
    const char *existing = starter_find_existing(cli->arena, target);
    struct err err = ERR_INIT;
    if (existing != NULL && !o->force) {
        print_error(cli, "init: '%s' is there already; --force replaces it", existing);
        return EXIT_FAILED;
    }
    if (!make(cli, target, &err)) {
        err_wrap(&err, "init '%s'", target);
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    printf("made %s: the smallest guest that boots\n\n"
           "    capsem-builder validate %s\n"
           "    capsem-builder build %s\n"
           "    capsem-builder run\n",
           target, target, target);
    return EXIT_OK;
}

const struct command command_init = {
    .name = "init",
    .arguments = "[TARGET]",
    .summary = "make a minimal guest folder that builds and boots",
    .details = "Writes TARGET (guest) for this machine's architecture: config/, the scripts of\n"
               "the guest in artifacts/, and the sources of its programs in agent/.",
    .options = init_option_rows,
    .option_count = ARRAY_LEN(init_option_rows),
    .options_size = sizeof(struct init_options),
    .args_max = 1,
    .run = run,
};

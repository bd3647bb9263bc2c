// SPDX-License-Identifier: Apache-2.0
/* agent: compiles the guest binaries. */
#include <stdio.h>
#include <string.h>

#include "base/worker.h"
#include "cli/agent_container.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/progress.h"
#include "guestbin/guestbin.h"

enum { OUTPUT_BYTES_MAX = 256 * 1024 }; /* of a compiler */

struct agent_options {
    const char *arch;
    const char *output;
    const char *templates_dir;
    bool container;
};

static const struct option options[] = {
    { "arch", 0, OPTION_STRING, offsetof(struct agent_options, arch), "A",
      "architecture of the config, or all (this machine's)" },
    { "output", 0, OPTION_STRING, offsetof(struct agent_options, output), "DIR",
      "gets ARCH/NAME (target/linux-agent)" },
    { "container", 0, OPTION_FLAG, offsetof(struct agent_options, container), NULL,
      "with a compiler in an image, not this machine's" },
    { "templates", 0, OPTION_STRING, offsetof(struct agent_options, templates_dir), "DIR",
      "Dockerfile.agent.j2 in place of the program's own" },
};

static const struct agent_options defaults = { .output = "target/linux-agent" };

static struct guestbin_request request_for(struct arena *a, const struct guest_config *config,
                                           const struct config_architecture *arch,
                                           const char *output_dir) {
    size_t count = config->build.guest_binaries.len;
    str *names = ARENA_ARRAY(a, str, count);
    for (size_t i = 0; i < count; i++) {
        names[i] = config->build.guest_binaries.items[i].text;
    }
    return (struct guestbin_request){
        .source_dir = config->agent_dir,
        .output_dir = output_dir,
        .arch = arch->head.key,
        .target = arch->rust_target.text,
        .names = names,
        .name_count = count,
    };
}

static bool compile_here(struct cli *cli, const struct guest_config *config,
                         const struct config_architecture *arch, const char *output_dir,
                         struct guestbin_binary *ret) {
    AUTO_BUF output = BUF_INIT(OUTPUT_BYTES_MAX);
    struct err err = ERR_INIT;
    struct guestbin_request request = request_for(cli->arena, config, arch, output_dir);
    if (!guestbin_compile(cli->arena, &request, ret, &output, &err)) {
        fwrite(output.ptr, 1, output.len, stderr);
        print_err(cli, &err);
        return false;
    }
    return true;
}

/* Not in an image that has a compiler, but with this machine's. */
static bool is_compiled_here(struct cli *cli, const struct guest_config *config,
                             const struct config_architecture *arch,
                             const struct agent_options *o) {
    const char *help;
    return !o->container &&
           (guestbin_is_cargo(cli->arena, config->agent_dir) ||
            guestbin_find_compiler(cli->arena, arch->rust_target.text, &help) != NULL);
}

/* The distribution's Rust has no musl, so there is nothing to put into an image. */
static bool can_be_in_container(struct cli *cli, const struct guest_config *config) {
    if (!guestbin_is_cargo(cli->arena, config->agent_dir)) {
        return true;
    }
    struct err err = ERR_INIT;
    err_set(&err, "'%s' is a Cargo workspace, which only this machine's cargo compiles",
            config->agent_dir);
    err_help(&err, "leave --container out");
    print_err(cli, &err);
    return false;
}

static bool compile_anywhere(struct cli *cli, const struct guest_config *config,
                             const struct config_architecture *arch, const struct agent_options *o,
                             struct guestbin_binary **ret) {
    size_t count = config->build.guest_binaries.len;
    *ret = ARENA_ARRAY(cli->arena, struct guestbin_binary, count);
    if (count == 0) {
        return true;
    }
    if (config->agent_dir == NULL) {
        struct err err = ERR_INIT;
        err_set(&err, "there is no folder '%s' with the sources of the guest binaries",
                path_join(cli->arena, config->guest_dir,
                          str_to_c(cli->arena, config->build.guest_source.text)));
        err_help(&err, "copy the one of the default guest, or write guest_binaries = []");
        print_err(cli, &err);
        return false;
    }
    if (is_compiled_here(cli, config, arch, o)) {
        return compile_here(cli, config, arch, o->output, *ret);
    }
    if (!can_be_in_container(cli, config)) {
        return false;
    }
    const struct agent_request request = { config, arch, o->output, o->templates_dir, false };
    return agent_compile_in_container(cli, &request, *ret);
}

bool guest_compile_binaries(struct cli *cli, const struct guest_config *config,
                            const struct config_architecture *arch, const char *output_dir,
                            struct guestbin_binary **ret) {
    const struct agent_options given = { .output = output_dir };
    return compile_anywhere(cli, config, arch, &given, ret);
}

static void add_lines(struct buf *out, const struct guestbin_binary *binaries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "%s  %s%s\n", binaries[i].path, format_bytes(binaries[i].bytes),
                 binaries[i].fresh ? "" : "  (up to date)");
    }
}

static bool compile_and_list(struct cli *cli, const struct guest_config *config,
                             const struct config_architecture *arch,
                             const struct agent_options *o) {
    AUTO_BUF lines = BUF_INIT(OUTPUT_BYTES_MAX);
    struct guestbin_binary *binaries;
    if (!compile_anywhere(cli, config, arch, o, &binaries)) {
        return false;
    }
    add_lines(&lines, binaries, config->build.guest_binaries.len);
    fwrite(lines.ptr, 1, lines.len, stdout);
    return true;
}

/* --- all architectures, each in a process of its own ------------------------------------------ */

struct job {
    struct cli *cli;
    struct guestbin_request request;
    struct worker worker;
};

/* In the child: what it writes is the list, or what the compiler said. */
static bool run_job(void *self, int outfd, struct err *err) {
    struct job *job = self;
    AUTO_BUF output = BUF_INIT(OUTPUT_BYTES_MAX);
    size_t count = job->request.name_count;
    struct guestbin_binary *binaries = ARENA_ARRAY(job->cli->arena, struct guestbin_binary, count);
    bool ok = guestbin_compile(job->cli->arena, &job->request, binaries, &output, err);
    if (ok) {
        buf_reset(&output);
        add_lines(&output, binaries, count);
    }
    return fs_write_all(outfd, output.ptr, output.len, ok ? err : NULL) && ok;
}

static bool finish_job(struct cli *cli, struct job *job) {
    AUTO_BUF output = BUF_INIT(OUTPUT_BYTES_MAX + 1);
    struct err err = ERR_INIT;
    bool ok = worker_finish(&job->worker, &output, &interrupted, &err);
    fwrite(output.ptr, 1, output.len, ok ? stdout : stderr);
    if (!ok) {
        err_wrap(&err, "architecture '%.*s'", STR_FMT(job->request.arch));
        print_err(cli, &err);
    }
    return ok;
}

/* Those that need an image come after those that this machine compiles: the store is one. */
static bool compile_all(struct cli *cli, const struct guest_config *config,
                        const struct agent_options *o) {
    size_t count = config->build.architectures.len;
    bool here = config->agent_dir != NULL && config->build.guest_binaries.len > 0;
    struct job *jobs = ARENA_ARRAY(cli->arena, struct job, count);
    struct err err = ERR_INIT;
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        const struct config_architecture *arch = &config->build.architectures.items[i];
        jobs[i] = (struct job){ .cli = cli, .worker = WORKER_INIT };
        if (here && is_compiled_here(cli, config, arch, o)) {
            jobs[i].request = request_for(cli->arena, config, arch, o->output);
            if (!worker_start(run_job, &jobs[i], &jobs[i].worker, &err)) {
                print_err(cli, &err);
                ok = false;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct config_architecture *arch = &config->build.architectures.items[i];
        if (jobs[i].request.names != NULL) {
            ok = jobs[i].worker.pid > 0 && finish_job(cli, &jobs[i]) && ok;
        } else {
            ok = compile_and_list(cli, config, arch, o) && ok;
        }
    }
    return ok;
}

static int run(struct cli *cli, const void *given) {
    const struct agent_options *o = given;
    const char *dir = cli_guest_dir(cli);
    struct guest_config config;
    const struct config_architecture *arch;
    bool all = o->arch != NULL && strcmp(o->arch, "all") == 0;
    if (dir == NULL || !guest_load(cli, dir, &config) ||
        (!all && !guest_find_arch(cli, &config, o->arch, &arch))) {
        return EXIT_FAILED;
    }
    interrupt_catch();
    bool ok = all ? compile_all(cli, &config, o) : compile_and_list(cli, &config, arch, o);
    return ok ? EXIT_OK : interrupt_exit_code();
}

const struct command command_agent = {
    .name = "agent",
    .arguments = "[GUEST]",
    .summary = "compile the guest binaries",
    .details = "Where this machine has no musl compiler for the architecture, an image that\n"
               "has one is built and compiles them. What is up to date is left alone. A Cargo\n"
               "workspace (build.guest_source) is compiled by this machine's cargo.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct agent_options),
    .defaults = &defaults,
    .args_max = 1,
    .run = run,
};

// SPDX-License-Identifier: Apache-2.0
/* agent: compiles the guest binaries. */
#include <stdio.h>
#include <string.h>

#include "base/worker.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/make_view.h"

enum { OUTPUT_BYTES_MAX = 256 * 1024 }; /* of a compiler */

struct agent_options {
    const char *arch;
    const char *output;
    const char *templates_dir;
    bool container;
};

static const struct option options[] = {
    { "arch", 0, OPTION_STRING, offsetof(struct agent_options, arch), "A",
      "architecture in the config, or all (default: this machine's)" },
    { "output", 0, OPTION_STRING, offsetof(struct agent_options, output), "DIR",
      "gets ARCH/NAME (target/linux-agent)" },
    { "container", 0, OPTION_FLAG, offsetof(struct agent_options, container), NULL,
      "use a compiler in an image instead of this machine's" },
    { "templates", 0, OPTION_STRING, offsetof(struct agent_options, templates_dir), "DIR",
      "folder with a Dockerfile.agent.j2 to use instead of the built-in one" },
};

static const struct agent_options defaults = { .output = "target/linux-agent" };

static struct make_binaries request_for(const struct cli *cli, const struct guest_config *config,
                                        const struct config_architecture *arch,
                                        const struct agent_options *o) {
    return (struct make_binaries){
        .config = config,
        .arch = arch,
        .cache_dir = cli->cache_dir,
        .output_dir = o->output,
        .templates_dir = o->templates_dir,
        .container = o->container,
    };
}

static void add_lines(struct buf *out, const struct guestbin_binary *binaries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "%s  %s%s\n", binaries[i].path, unit_bytes(binaries[i].bytes).text,
                 binaries[i].fresh ? "" : "  (up to date)");
    }
}

static bool compile_and_list(struct cli *cli, const struct guest_config *config,
                             const struct config_architecture *arch,
                             const struct agent_options *o) {
    AUTO_BUF lines = BUF_INIT(OUTPUT_BYTES_MAX);
    struct guestbin_binary *binaries;
    const struct make_binaries request = request_for(cli, config, arch, o);
    if (!make_view_binaries(cli, &request, &binaries)) {
        return false;
    }
    add_lines(&lines, binaries, config->build.guest_binaries.len);
    print_text(stdout, buf_str(&lines));
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
    print_foreign(cli, ok ? stdout : stderr, buf_str(&output));
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
        const struct make_binaries request = request_for(cli, config, arch, o);
        if (here && make_binaries_here(cli->arena, &request)) {
            jobs[i].request = make_binaries_request(cli->arena, &request);
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
    .details = "If this machine has no musl compiler for the architecture, builds an image that\n"
               "has one and compiles there. Skips binaries that are up to date. A Cargo\n"
               "workspace (build.guest_source) is compiled by this machine's cargo.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct agent_options),
    .defaults = &defaults,
    .args_max = 1,
    .run = run,
};

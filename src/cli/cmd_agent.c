// SPDX-License-Identifier: Apache-2.0
/* agent: compiles the guest binaries. */
#include "cli/agent_container.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/progress.h"
#include "guestbin/guestbin.h"

struct agent_options {
    const char *arch;
    const char *output;
    const char *templates_dir;
    bool container;
};

static const struct option options[] = {
    { "arch", 0, OPTION_STRING, offsetof(struct agent_options, arch), "A",
      "architecture of the config (this machine's)" },
    { "output", 0, OPTION_STRING, offsetof(struct agent_options, output), "DIR",
      "gets ARCH/NAME (target/linux-agent)" },
    { "container", 0, OPTION_FLAG, offsetof(struct agent_options, container), NULL,
      "with a compiler in an image, not this machine's" },
    { "templates", 0, OPTION_STRING, offsetof(struct agent_options, templates_dir), "DIR",
      "Dockerfile.agent.j2 in place of the program's own" },
};

static const struct agent_options defaults = { .output = "target/linux-agent" };

static bool compile_here(struct cli *cli, const struct guest_config *config,
                         const struct config_architecture *arch, const char *output_dir,
                         struct guestbin_binary *ret) {
    AUTO_BUF output = BUF_INIT(256 * 1024);
    struct err err = ERR_INIT;
    size_t count = config->build.guest_binaries.len;
    str *names = ARENA_ARRAY(cli->arena, str, count);
    for (size_t i = 0; i < count; i++) {
        names[i] = config->build.guest_binaries.items[i].text;
    }
    struct guestbin_request request = {
        .source_dir = config->agent_dir,
        .output_dir = output_dir,
        .arch = arch->head.key,
        .target = arch->rust_target.text,
        .names = names,
        .name_count = count,
    };
    if (!guestbin_compile(cli->arena, &request, ret, &output, &err)) {
        fwrite(output.ptr, 1, output.len, stderr);
        print_err(cli, &err);
        return false;
    }
    return true;
}

static bool compile_anywhere(struct cli *cli, const struct guest_config *config,
                             const struct config_architecture *arch, const struct agent_options *o,
                             struct guestbin_binary **ret) {
    size_t count = config->build.guest_binaries.len;
    const char *help;
    *ret = ARENA_ARRAY(cli->arena, struct guestbin_binary, count);
    if (count == 0) {
        return true;
    }
    if (config->agent_dir == NULL) {
        struct err err = ERR_INIT;
        err_set(&err, "there is no folder '%s/agent' with the sources of the guest binaries",
                config->guest_dir);
        err_help(&err, "copy the one of the default guest, or write guest_binaries = []");
        print_err(cli, &err);
        return false;
    }
    if (!o->container &&
        guestbin_find_compiler(cli->arena, arch->rust_target.text, &help) != NULL) {
        return compile_here(cli, config, arch, o->output, *ret);
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

static int run(struct cli *cli, const void *given) {
    const struct agent_options *o = given;
    const char *dir = cli_guest_dir(cli);
    struct guest_config config;
    const struct config_architecture *arch;
    struct guestbin_binary *binaries;
    if (dir == NULL || !guest_load(cli, dir, &config) ||
        !guest_find_arch(cli, &config, o->arch, &arch)) {
        return EXIT_FAILED;
    }
    interrupt_catch();
    if (!compile_anywhere(cli, &config, arch, o, &binaries)) {
        return interrupt_exit_code();
    }
    for (size_t i = 0; i < config.build.guest_binaries.len; i++) {
        printf("%s  %s%s\n", binaries[i].path, format_bytes(binaries[i].bytes),
               binaries[i].fresh ? "" : "  (up to date)");
    }
    return EXIT_OK;
}

const struct command command_agent = {
    .name = "agent",
    .arguments = "[GUEST]",
    .summary = "compile the guest binaries",
    .details = "Where this machine has no musl compiler for the architecture, an image that\n"
               "has one is built and compiles them. What is up to date is left alone.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct agent_options),
    .defaults = &defaults,
    .args_max = 1,
    .run = run,
};

// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "config/config.h"

struct validate_options {
    const char *artifacts;
    const char *templates_dir;
    const char *format;
    bool deny_warnings;
};

static const struct option validate_option_rows[] = {
    { .name = "artifacts",
      .kind = OPTION_STRING,
      .offset = offsetof(struct validate_options, artifacts),
      .value = "DIR",
      .help = "artifacts folder (default: GUEST/artifacts)" },
    { .name = "templates",
      .kind = OPTION_STRING,
      .offset = offsetof(struct validate_options, templates_dir),
      .value = "DIR",
      .help = "folder with templates that replace the built-in ones" },
    { .name = "format",
      .kind = OPTION_WORD,
      .offset = offsetof(struct validate_options, format),
      .value = "FORMAT",
      .words = diag_format_words,
      .help = "output format of diagnostics" },
    { .name = "deny-warnings",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct validate_options, deny_warnings),
      .help = "treat warnings as errors" },
};

static const struct validate_options validate_defaults = { .format = "text" };

static int run(struct cli *cli, const void *options) {
    const struct validate_options *o = options;
    const char *guest = cli_guest_dir(cli);
    if (guest == NULL) {
        return EXIT_FAILED;
    }
    struct sources sources;
    struct diag_sink sink;
    struct guest_config config;
    sources_init(&sources, cli->arena);
    diag_sink_init(&sink, cli->arena, &sources);
    bool ok = config_load(cli->arena, &sources, &sink, guest,
                          &(struct config_options){ .artifacts_dir = o->artifacts }, &config);
    struct recipe_templates templates = { 0 };
    const struct check_request check = {
        .templates = &templates,
        .config = &config,
        .templates_dir = o->templates_dir,
        .sound = ok,
        .purpose = CHECK_FOR_VALIDATE,
    };
    check_recipes(cli->arena, &check, &sources, &sink);

    print_findings(cli, &sink, o->format, guest);
    return sink.errors == 0 && !(o->deny_warnings && sink.warnings > 0) ? EXIT_OK : EXIT_FAILED;
}

const struct command command_validate = {
    .name = "validate",
    .arguments = "[GUEST]",
    .summary = "check a guest folder's configuration and templates",
    .details = "Prints all errors and warnings in all files, and a summary line. 'explain "
               "CODE'\nexplains a diagnostic. The exit code is 1 if there is an error.",
    .options = validate_option_rows,
    .option_count = ARRAY_LEN(validate_option_rows),
    .options_size = sizeof(struct validate_options),
    .defaults = &validate_defaults,
    .args_max = 1,
    .run = run,
};

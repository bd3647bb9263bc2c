// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "cli/commands.h"

static int list_codes(const struct cli *cli) {
    for (size_t i = 0; i < diag_codes_count; i++) {
        const struct diag_code *code = &diag_codes[i];
        const char *color = !cli->color_out                ? ""
                            : code->severity == DIAG_ERROR ? "\033[1;31m"
                                                           : "\033[1;33m";
        printf("%s%s%s  %s\n", color, code->name, cli->color_out ? "\033[0m" : "", code->title);
    }
    return EXIT_OK;
}

static int run(struct cli *cli, const void *options) {
    (void)options;
    if (cli->arg_count == 0) {
        return list_codes(cli);
    }
    struct err err = ERR_INIT;
    const struct diag_code *code;
    if (!diag_code_get(str_from_c(cli->args[0]), &code, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    const char *bold = cli->color_out ? "\033[1m" : "";
    const char *plain = cli->color_out ? "\033[0m" : "";
    printf("%s%s %s: %s%s\n\n%s\n", bold, code->severity == DIAG_ERROR ? "error" : "warning",
           code->name, code->title, plain, code->explanation);
    return EXIT_OK;
}

const struct command command_explain = {
    .name = "explain",
    .arguments = "[CODE]",
    .summary = "explain a diagnostic and how to fix it",
    .details = "CODE is the code in brackets in a diagnostic, such as E003, in either case.\n"
               "Without one, all codes are listed.",
    .args_max = 1,
    .run = run,
};

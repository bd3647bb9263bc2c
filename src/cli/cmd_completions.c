// SPDX-License-Identifier: Apache-2.0
/* completions: what makes a shell complete the commands and options. */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/complete.h"

enum { SCRIPT_BYTES_MAX = 1024 * 1024 };

static const struct {
    const char *name;
    void (*write)(struct buf *out);
} shells[] = {
    { "bash", complete_bash },
    { "zsh", complete_zsh },
    { "fish", complete_fish },
};

static int run(struct cli *cli, const void *options) {
    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        if (strcmp(shells[i].name, cli->args[0]) == 0) {
            AUTO_BUF text = BUF_INIT(SCRIPT_BYTES_MAX);
            shells[i].write(&text);
            print_text(stdout, buf_str(&text));
            return EXIT_OK;
        }
    }
    print_error(cli, "completions: unknown shell '%s'; valid shells are bash, zsh, fish",
                cli->args[0]);
    return EXIT_USAGE;
}

const struct command command_completions = {
    .name = "completions",
    .arguments = "bash|zsh|fish",
    .summary = "print a shell completion script",
    .details = "'make install' installs all three. To load one by hand, add a line:\n"
               "\n"
               "    eval \"$(capsem-builder completions bash)\"    in ~/.bashrc\n"
               "    eval \"$(capsem-builder completions zsh)\"     in ~/.zshrc, after compinit\n"
               "    capsem-builder completions fish | source     in ~/.config/fish/config.fish",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};

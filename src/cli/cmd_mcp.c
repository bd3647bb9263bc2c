// SPDX-License-Identifier: Apache-2.0
/* mcp: the server of mcp/ over stdin and stdout. */
#include <signal.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "mcp/mcp.h"

struct mcp_command_options {
    bool read_only;
};

static const struct option option_rows[] = {
    { "read-only", 0, OPTION_FLAG, offsetof(struct mcp_command_options, read_only), NULL,
      "offer only tools that change nothing" },
};

static int run(struct cli *cli, const void *options) {
    const struct mcp_command_options *given = options;
    struct err err = ERR_INIT;
    const struct mcp_options o = {
        .cache_dir = cli->cache_dir,
        .epoch_text = getenv("SOURCE_DATE_EPOCH"),
        /* `run --mcp` sets the variable: the client is in a guest. */
        .read_only = given->read_only || getenv("CAPSEM_MCP_CLIENT") != NULL,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .stop = &interrupted,
    };
    signal(SIGPIPE, SIG_IGN);
    interrupt_catch();
    if (!mcp_serve(&o, &err)) {
        err_wrap(&err, "mcp");
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    return interrupted != 0 ? interrupt_exit_code() : EXIT_OK;
}

const struct command command_mcp = {
    .name = "mcp",
    .arguments = "",
    .summary = "serve an agent: validate, build, run and other tools; stdio",
    .details = "Speaks the Model Context Protocol: JSON-RPC 2.0, one message per line. Ends\n"
               "when its input ends and every call is answered. For a client in a guest\n"
               "(run --mcp), offers only tools that change nothing. To try it: claude mcp add\n"
               "capsem -- capsem-builder mcp",
    .options = option_rows,
    .option_count = ARRAY_LEN(option_rows),
    .options_size = sizeof(struct mcp_command_options),
    .run = run,
};

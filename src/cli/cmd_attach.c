// SPDX-License-Identifier: Apache-2.0
/* attach: a command or a shell in a machine that `run --keep` left. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/run_hooks.h"
#include "vm/vm.h"

struct attach_options {
    bool list;
    bool end;
    bool input;
    struct option_list env;
};

static const struct option options[] = {
    { "list", 0, OPTION_FLAG, offsetof(struct attach_options, list), NULL,
      "print the names of the machines that run" },
    { "end", 0, OPTION_FLAG, offsetof(struct attach_options, end), NULL, "end the machine" },
    { "env", 'e', OPTION_LIST, offsetof(struct attach_options, env), "K=V",
      "a variable for the guest; K alone: with our value" },
    { "stdin", 'i', OPTION_FLAG, offsetof(struct attach_options, input), NULL,
      "the command reads our standard input" },
};

static bool list_names(struct cli *cli, const char ***ret, size_t *ret_count) {
    struct err err = ERR_INIT;
    const char *dir = path_join(cli->arena, cli->cache_dir, "machines");
    *ret_count = 0;
    if (!fs_exists(AT_FDCWD, dir)) {
        return true;
    }
    if (!fs_list(cli->arena, AT_FDCWD, dir, ret, ret_count, &err)) {
        print_err(cli, &err);
        return false;
    }
    size_t running = 0;
    for (size_t i = 0; i < *ret_count; i++) {
        if (vm_is_kept(path_join(cli->arena, dir, (*ret)[i]))) {
            (*ret)[running++] = (*ret)[i];
        }
    }
    *ret_count = running;
    return true;
}

static int list(struct cli *cli) {
    const char **names = NULL;
    size_t count;
    if (!list_names(cli, &names, &count)) {
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        printf("%s\n", names[i]);
    }
    return EXIT_OK;
}

static int end(const struct cli *cli, const char *dir) {
    struct err err = ERR_INIT;
    if (!vm_end_kept(dir, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int talk(struct cli *cli, const struct attach_options *o, const char *dir) {
    AUTO_RUNNER runner = RUNNER_INIT(cli);
    size_t words = cli->arg_count - 1;
    struct vm_request request = {
        .command = words == 1 ? cli->args[1] : NULL,
        .argv = words > 1 ? cli->args + 1 : NULL,
        .has_input = o->input,
        .stays = true,
    };
    if (!run_read_env(cli, &o->env, &request.env) || !runner_open(&runner)) {
        return EXIT_FAILED;
    }
    const struct vm_hooks hooks = runner_hooks(&runner, words == 0);
    struct vm_report *report = ARENA_NEW(cli->arena, struct vm_report);
    struct err err = ERR_INIT;
    enum vm_outcome outcome = VM_EXITED;
    int exit_code = EXIT_FAILED;
    bool good = vm_attach(dir, &request, &hooks, report, &outcome, &exit_code, &err);
    runner_restore(&runner);
    if (!good) {
        err_wrap(&err, "attach to '%s'", cli->args[0]);
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    return runner_exit_code(&runner, outcome, exit_code, 0);
}

static int run(struct cli *cli, const void *given) {
    const struct attach_options *o = given;
    if (o->list) {
        return list(cli);
    }
    if (cli->arg_count == 0) {
        print_error(cli, "attach: which machine? 'attach --list' prints their names");
        return EXIT_USAGE;
    }
    const char *dir = run_kept_dir(cli, cli->args[0]);
    if (dir == NULL) {
        return EXIT_FAILED;
    }
    if (!vm_is_kept(dir)) {
        struct err err = ERR_INIT;
        err_set(&err, "no machine runs under the name '%s'", cli->args[0]);
        err_help(&err, "capsem-builder run --keep %s starts one", cli->args[0]);
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    return o->end ? end(cli, dir) : talk(cli, o, dir);
}

const struct command command_attach = {
    .name = "attach",
    .arguments = "[NAME [COMMAND...]]",
    .summary = "run a command or a shell in a machine that was kept",
    .details = "The machine is one that 'run --keep NAME' left, and stays. A shell is taken up\n"
               "where it was left; Ctrl-] three times leaves it. One attach at a time.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct attach_options),
    .args_max = SIZE_MAX,
    .stop_at_argument = true,
    .run = run,
};

// SPDX-License-Identifier: Apache-2.0
/* attach: a command or a shell in a machine that `run --keep` left. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/run_view.h"
#include "vm/vm.h"

struct attach_options {
    bool list;
    bool end;
    bool input;
    struct option_list env;
};

static const struct option options[] = {
    { "list", 0, OPTION_FLAG, offsetof(struct attach_options, list), NULL,
      "print the names of the running machines" },
    { "end", 0, OPTION_FLAG, offsetof(struct attach_options, end), NULL, "end the machine" },
    { "env", 'e', OPTION_LIST, offsetof(struct attach_options, env), "K=V",
      "set an environment variable in the guest; K alone copies its current value" },
    { "stdin", 'i', OPTION_FLAG, offsetof(struct attach_options, input), NULL,
      "connect the command to standard input" },
};

static int list(struct cli *cli) {
    struct err err = ERR_INIT;
    const char *const *names;
    size_t count;
    if (!run_kept_list(cli->arena, cli->cache_dir, &names, &count, &err)) {
        print_err(cli, &err);
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
    struct run_list env;
    struct err err = ERR_INIT;
    if (!run_read_env(cli, &o->env, &env)) {
        return EXIT_FAILED;
    }
    request.env = env.items;
    if (!runner_open(&runner, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    const struct vm_hooks hooks = runner_hooks(&runner, words == 0);
    struct vm_report *report = ARENA_NEW(cli->arena, struct vm_report);
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
    struct err err = ERR_INIT;
    const char *dir;
    if (!run_kept_dir(cli->arena, cli->cache_dir, cli->args[0], &dir, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    if (!vm_is_kept(dir)) {
        err_set(&err, "no machine named '%s' is running", cli->args[0]);
        err_help(&err, "capsem-builder run --keep %s starts one", cli->args[0]);
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    return o->end ? end(cli, dir) : talk(cli, o, dir);
}

const struct command command_attach = {
    .name = "attach",
    .arguments = "[NAME [COMMAND...]]",
    .summary = "run a command or a shell in a kept machine",
    .details = "Connects to a machine started with 'run --keep NAME', which keeps running. A\n"
               "shell resumes where it was left; press Ctrl-] three times to leave it. Only one\n"
               "attach can use a machine at a time.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct attach_options),
    .args_max = SIZE_MAX,
    .stop_at_argument = true,
    .run = run,
};

// SPDX-License-Identifier: Apache-2.0
/* run: boots the assets and runs a command in the guest, or a shell. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/run_view.h"

/* What the request takes as it is given goes there at once. */
struct run_options {
    struct run_request request;
    const char *accel, *net;
    struct option_list env, resolve, copy_in, copy_out, volumes;
    bool timing;
};
#define REQUEST(member) offsetof(struct run_options, request.member)

static const char *const accel_words[] = { "auto", "kvm", "tcg", NULL };
static const char *const net_words[] = { "policy", "none", NULL };

static const struct option run_options[] = {
    { "assets", 0, OPTION_STRING, REQUEST(assets), "DIR",
      "assets folder written by 'build' (default: assets)" },
    { "arch", 0, OPTION_STRING, REQUEST(arch), "A",
      "architecture to boot (default: the last one built)" },
    { "guest", 0, OPTION_STRING, REQUEST(guest), "GUEST",
      "use changed artifacts and guest binaries from this folder without a build" },
    { "accel", 0, OPTION_WORD, offsetof(struct run_options, accel), "HOW",
      "how to execute guest instructions", accel_words },
    { "timeout", 0, OPTION_INT, REQUEST(timeout_s), "S",
      "stop the machine after this many seconds (default: never)", NULL, 0, 365 * 24 * 3600 },
    { "cpus", 0, OPTION_INT, REQUEST(cpus), "N",
      "number of processors (default: the config's, at most this machine's)", NULL, 1, 255 },
    { "memory", 0, OPTION_INT, REQUEST(memory_mb), "MB",
      "memory of the machine (default: the config's)", NULL, 64, 1024 * 1024 },
    { "env", 'e', OPTION_LIST, offsetof(struct run_options, env), "K=V",
      "set an environment variable in the guest; K alone copies its current value" },
    { "net", 0, OPTION_WORD, offsetof(struct run_options, net), "HOW",
      "network access: as the config's policy allows, or none", net_words },
    { "net-log", 0, OPTION_STRING, REQUEST(net_log), "FILE",
      "log each allowed or refused connection as a line of JSON" },
    { "resolve", 0, OPTION_LIST, offsetof(struct run_options, resolve), "NAME=ADDR",
      "resolve NAME to ADDR, even a private address; ADDR may include :PORT" },
    { "stdin", 'i', OPTION_FLAG, REQUEST(has_input), NULL,
      "connect the command to standard input" },
    { "copy-in", 0, OPTION_LIST, offsetof(struct run_options, copy_in), "HOST:GUEST",
      "copy a file or a folder's content in before the command" },
    { "copy-out", 0, OPTION_LIST, offsetof(struct run_options, copy_out), "GUEST:HOST",
      "copy a file or a folder out after the command" },
    { "volume", 'v', OPTION_LIST, offsetof(struct run_options, volumes), "HOST:GUEST",
      "share a folder with the guest; HOST:GUEST:ro is read-only" },
    { "mcp", 0, OPTION_STRING, REQUEST(mcp), "COMMAND",
      "offer a host MCP server to the guest's capsem-mcp-server" },
    { "scratch", 0, OPTION_STRING, REQUEST(scratch), "SIZE",
      "store changes on disk instead of in memory, such as 512M or 4G" },
    { "keep", 0, OPTION_STRING, REQUEST(keep), "NAME",
      "keep the machine running under this name for 'attach NAME'" },
    { "console", 0, OPTION_FLAG, REQUEST(console), NULL, "show kernel and init output on stderr" },
    { "timing", 0, OPTION_FLAG, offsetof(struct run_options, timing), NULL,
      "show the duration of each boot stage at the end" },
};

static const struct run_options run_defaults = {
    .request.assets = "assets",
    .accel = "auto",
    .net = "policy",
};

static enum vm_accel accel_of(const char *word) {
    return strcmp(word, "kvm") == 0   ? VM_ACCEL_KVM
           : strcmp(word, "tcg") == 0 ? VM_ACCEL_TCG
                                      : VM_ACCEL_AUTO;
}

static struct run_list list_of(const struct option_list *list) {
    return (struct run_list){ list->items, list->len };
}

static struct run_request make_request(const struct cli *cli, const struct run_options *o) {
    struct run_request q = o->request;
    q.cache_dir = cli->cache_dir;
    q.accel = accel_of(o->accel);
    q.net_closed = strcmp(o->net, "none") == 0;
    q.resolve = list_of(&o->resolve);
    q.copy_in = list_of(&o->copy_in);
    q.copy_out = list_of(&o->copy_out);
    q.volumes = list_of(&o->volumes);
    /* A shell's screen is not a server's to write on. */
    q.mcp_errors_fd = cli->arg_count > 0 && q.keep == NULL ? STDERR_FILENO : -1;
    /* One argument is the guest shell's, several are words that are run as they are. */
    q.command = cli->arg_count == 1 ? cli->args[0] : NULL;
    q.argv = cli->arg_count > 1 ? cli->args : NULL;
    return q;
}

static int run(struct cli *cli, const void *options) {
    const struct run_options *o = options;
    AUTO_RUNNER runner = RUNNER_INIT(cli);
    struct run_request request = make_request(cli, o);
    struct run_result result;
    struct make_failure failure;
    runner.shell = cli->arg_count == 0;
    runner.kept = request.keep != NULL;
    if (!run_read_env(cli, &o->env, &request.env)) {
        return EXIT_FAILED;
    }
    const struct run_events events = runner_events(&runner);
    bool good = run_machine(cli->arena, &request, &events, &result, &failure);
    int code = EXIT_FAILED;
    if (!good) {
        run_print_failure(&runner, &result, &failure);
        bool over = request.timeout_s > 0 && failure.err.code == ETIMEDOUT;
        code = over ? EXIT_TIMED_OUT : EXIT_FAILED;
    } else {
        code = runner_exit_code(&runner, result.outcome, result.exit_code, request.timeout_s);
        code = code == EXIT_OK && result.copies_failed ? EXIT_FAILED : code;
    }
    if (o->timing) {
        run_print_timing(&result);
    }
    if (result.is_kept) {
        run_print_kept(request.keep);
    }
    return code;
}

const struct command command_run = {
    .name = "run",
    .arguments = "[COMMAND...]",
    .summary = "boot the assets and run a command in the guest",
    .details = "Passes a single argument to the guest's shell and runs several arguments as a\n"
               "command. Without arguments, starts a shell; pressing Ctrl-] three times leaves\n"
               "it and stops the machine, unless --keep is given. The exit code is the\n"
               "command's, or 124 after a timeout.",
    .options = run_options,
    .option_count = ARRAY_LEN(run_options),
    .options_size = sizeof(struct run_options),
    .defaults = &run_defaults,
    .args_max = SIZE_MAX,
    .stop_at_argument = true,
    .run = run,
};

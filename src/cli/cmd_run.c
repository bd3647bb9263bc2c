// SPDX-License-Identifier: Apache-2.0
/* run: boots the assets and runs a command in the guest, or a shell. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/repack.h"
#include "cli/run_files.h"
#include "cli/run_hooks.h"
#include "cli/run_net.h"
#include "cli/run_volumes.h"
#include "vm/vm.h"

enum {
    CONSOLE_LINES = 12, /* shown when a boot fails */
    TASKS_MAX = 64,
};

struct run_options {
    const char *assets;
    const char *arch;
    const char *guest;
    const char *accel;
    int64_t timeout_s;
    int64_t cpus;
    int64_t memory_mb;
    struct option_list env;
    const char *net;
    const char *net_log;
    struct option_list resolve;
    bool console;
    bool timing;
    bool input;
    struct option_list copy_in, copy_out;
    struct option_list volumes;
    const char *mcp;
    const char *scratch;
    const char *keep;
};

static const char *const accel_words[] = { "auto", "kvm", "tcg", NULL };
static const char *const net_words[] = { "policy", "none", NULL };

static const struct option run_options[] = {
    { "assets", 0, OPTION_STRING, offsetof(struct run_options, assets), "DIR",
      "what 'build' made (assets)" },
    { "arch", 0, OPTION_STRING, offsetof(struct run_options, arch), "A",
      "architecture to boot (the one built last)" },
    { "guest", 0, OPTION_STRING, offsetof(struct run_options, guest), "GUEST",
      "take changed artifacts and guest binaries from this folder, without a build" },
    { "accel", 0, OPTION_WORD, offsetof(struct run_options, accel), "HOW",
      "how the guest's instructions are executed", accel_words },
    { "timeout", 0, OPTION_INT, offsetof(struct run_options, timeout_s), "S",
      "end the machine after so many seconds (never)", NULL, 0, 365 * 24 * 3600 },
    { "cpus", 0, OPTION_INT, offsetof(struct run_options, cpus), "N",
      "processors (the config's, at most this machine's)", NULL, 1, 255 },
    { "memory", 0, OPTION_INT, offsetof(struct run_options, memory_mb), "MB",
      "memory of the machine (the config's)", NULL, 64, 1024 * 1024 },
    { "env", 'e', OPTION_LIST, offsetof(struct run_options, env), "K=V",
      "a variable for the guest; K alone: with our value" },
    { "net", 0, OPTION_WORD, offsetof(struct run_options, net), "HOW",
      "what the guest may reach: what the config's policy allows, or nothing", net_words },
    { "net-log", 0, OPTION_STRING, offsetof(struct run_options, net_log), "FILE",
      "gets a line of JSON for each connection that is allowed or refused" },
    { "resolve", 0, OPTION_LIST, offsetof(struct run_options, resolve), "NAME=ADDR",
      "where a name is, also at a private address; ADDR may have a :PORT" },
    { "stdin", 'i', OPTION_FLAG, offsetof(struct run_options, input), NULL,
      "the command reads our standard input" },
    { "copy-in", 0, OPTION_LIST, offsetof(struct run_options, copy_in), "HOST:GUEST",
      "copy a file, or what is in a folder, before the command" },
    { "copy-out", 0, OPTION_LIST, offsetof(struct run_options, copy_out), "GUEST:HOST",
      "copy a file or a folder out after the command" },
    { "volume", 'v', OPTION_LIST, offsetof(struct run_options, volumes), "HOST:GUEST",
      "a folder of this machine in the guest; HOST:GUEST:ro only to read" },
    { "mcp", 0, OPTION_STRING, offsetof(struct run_options, mcp), "COMMAND",
      "an MCP server on this machine for the guest's capsem-mcp-server" },
    { "scratch", 0, OPTION_STRING, offsetof(struct run_options, scratch), "SIZE",
      "keep what is changed on a disk, not in memory: 512M, 4G" },
    { "keep", 0, OPTION_STRING, offsetof(struct run_options, keep), "NAME",
      "the machine stays under this name: 'attach NAME' goes there again" },
    { "console", 0, OPTION_FLAG, offsetof(struct run_options, console), NULL,
      "show what the kernel and the init say, on stderr" },
    { "timing", 0, OPTION_FLAG, offsetof(struct run_options, timing), NULL,
      "show at the end how long each stage of the boot took" },
};

static const struct run_options run_defaults = {
    .assets = "assets",
    .accel = "auto",
    .net = "policy",
};

enum { CPUS = 2, MEMORY_MB = 2048 }; /* where no config says */

/* -- the assets -- */

static const char *host_arch(void) {
    struct utsname host;
    if (uname(&host) == 0 && strcmp(host.machine, "aarch64") == 0) {
        return "arm64";
    }
    return "x86_64";
}

/* What `current` points at, else the host's. */
static const char *default_arch(struct arena *a, const char *assets) {
    char target[PATH_MAX];
    ssize_t len = readlink(path_join(a, assets, "current"), target, sizeof target);
    if (len <= 0 || (size_t)len == sizeof target) {
        return host_arch();
    }
    return str_to_c(a, path_base((str){ target, (size_t)len }));
}

static enum vm_accel accel_of(const char *word) {
    static const enum vm_accel values[] = { VM_ACCEL_AUTO, VM_ACCEL_KVM, VM_ACCEL_TCG };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (strcmp(accel_words[i], word) == 0) {
            return values[i];
        }
    }
    ASSERT(false);
    return VM_ACCEL_AUTO;
}

/* The guest folder's config, for what is not in the assets: the policy and the machine's size.
 * Without
 * --guest it is that of `guest`, when there is one. */
static bool load_config(struct cli *cli, const struct run_options *o,
                        const struct guest_config **ret) {
    struct guest_config *config = ARENA_NEW(cli->arena, struct guest_config);
    struct sources *sources = ARENA_NEW(cli->arena, struct sources);
    struct diag_sink sink;
    const char *dir = o->guest != NULL ? o->guest : "guest";
    const struct config_options options = { .config_only = true };
    *ret = NULL;
    if (o->guest == NULL && !fs_exists(AT_FDCWD, "guest/config/build.toml")) {
        return true;
    }
    sources_init(sources, cli->arena);
    diag_sink_init(&sink, cli->arena, sources);
    if (config_load(cli->arena, sources, &sink, dir, &options, config)) {
        *ret = config;
        return true;
    }
    if (o->guest != NULL) {
        print_diags(cli, &sink, stderr);
        return false;
    }
    print_warning(cli,
                  "the config in '%s' has mistakes, so the guest gets no network: "
                  "capsem-builder validate",
                  dir);
    return true;
}

static unsigned cpus_of(const struct run_options *o, const struct guest_config *config) {
    long here = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t wanted = config != NULL ? config->resources.cpu_count.value : CPUS;
    if (o->cpus > 0) {
        return (unsigned)o->cpus;
    }
    return (unsigned)(here > 0 && wanted > here ? here : wanted);
}

static uint64_t memory_of(const struct run_options *o, const struct guest_config *config) {
    int64_t wanted_mb = config != NULL ? config->resources.ram_gb.value * 1024 : MEMORY_MB;
    return (uint64_t)(o->memory_mb > 0 ? o->memory_mb : wanted_mb);
}

static struct vm_spec make_spec(const struct cli *cli, const struct run_options *o,
                                const struct guest_config *config) {
    struct arena *a = cli->arena;
    const char *arch = o->arch != NULL ? o->arch : default_arch(a, o->assets);
    const char *dir = path_join(a, o->assets, arch);
    return (struct vm_spec){
        .arch = arch,
        .kernel = path_join(a, dir, "vmlinuz"),
        .initrd = path_join(a, dir, "initrd.img"),
        .rootfs = path_join(a, dir, "rootfs.squashfs"),
        .accel = accel_of(o->accel),
        .cpus = cpus_of(o, config),
        .memory_mb = memory_of(o, config),
        .timeout_ms = (uint64_t)o->timeout_s * 1000,
        .cache_dir = cli->cache_dir,
        .verbose = o->console,
    };
}

/* -- the result -- */

static void print_failure(const struct cli *cli, const struct vm_report *report, struct err *err) {
    if (err->code == ENOENT) {
        err_help(err, "build the assets first: capsem-builder build");
    }
    print_err(cli, err);
    if (report->last_stage[0] != '\0' && !report->ready) {
        fprintf(stderr, "the last boot stage that finished: %s\n", report->last_stage);
    }
    str lines = vm_console_lines(cli->arena, report, CONSOLE_LINES);
    if (lines.len == 0) {
        return;
    }
    fputs("the console's last lines:\n", stderr);
    while (lines.len > 0) {
        str line = str_cut(&lines, '\n');
        fprintf(stderr, "  | %.*s\n", STR_FMT(line));
    }
}

static void print_stage(const char *name, uint64_t ms) {
    fprintf(stderr, "  %-28s %8llu ms\n", name, (unsigned long long)ms);
}

/* `repack` NULL: nothing was brought by --guest. */
static void print_timing(const struct vm_report *report, const struct repack_times *repack) {
    fprintf(stderr, "timing (%s):\n", vm_accel_name(report->accel));
    if (repack != NULL) {
        print_stage("guest binaries compiled", repack->compile_ms);
        print_stage("ramdisk repacked", repack->repack_ms);
    }
    print_stage("first word on the console", report->heard_ms);
    for (size_t i = 0; i < report->stage_count; i++) {
        print_stage(report->stages[i].name, report->stages[i].duration_ms);
    }
    if (report->ready) {
        print_stage("agent ready", report->ready_ms);
    }
    print_stage("whole run", report->total_ms);
}

/* A second time when the guest's kernel turned out to take no shared folder. */
static bool run_machine(struct cli *cli, const struct vm_spec *spec,
                        const struct vm_request *request, const struct vm_hooks *hooks,
                        struct run_volumes *volumes, struct vm_report *report,
                        enum vm_outcome *ret_outcome, int *ret_exit_code, struct err *err) {
    if (vm_run(spec, request, hooks, report, ret_outcome, ret_exit_code, err)) {
        return true;
    }
    return report->no_virtiofs && run_volumes_copy(cli, spec, volumes) &&
           vm_run(spec, request, hooks, report, ret_outcome, ret_exit_code, err);
}

static int boot(struct cli *cli, const struct run_options *o, struct runner *runner,
                const struct vm_spec *spec, const struct vm_request *request,
                const struct run_files *files, struct run_volumes *volumes,
                const struct repack_times *repack) {
    const struct vm_hooks hooks = runner_hooks(runner, cli->arg_count == 0);
    struct vm_report *report = ARENA_NEW(cli->arena, struct vm_report);
    struct err err = ERR_INIT;
    enum vm_outcome outcome = VM_EXITED;
    int exit_code = EXIT_FAILED;
    bool good =
        run_machine(cli, spec, request, &hooks, volumes, report, &outcome, &exit_code, &err);
    runner_restore(runner);
    int code = good ? runner_exit_code(runner, outcome, exit_code, o->timeout_s) : EXIT_FAILED;
    if (!good) {
        print_failure(cli, report, &err);
    } else if (outcome == VM_EXITED && !run_files_finish(cli, files, request) && code == EXIT_OK) {
        code = EXIT_FAILED;
    }
    if (o->timing) {
        print_timing(report, o->guest != NULL ? repack : NULL);
    }
    return code;
}

static void print_kept(const char *name) {
    fprintf(stderr, "the machine '%s' runs on: capsem-builder attach %s, or attach --end %s\n",
            name, name, name);
}

/* Makes the folder that leads to a machine that stays. */
static bool prepare_keep(const struct cli *cli, const struct run_options *o, struct vm_spec *spec,
                         struct vm_request *request) {
    struct err err = ERR_INIT;
    if (o->keep == NULL) {
        return true;
    }
    spec->keep_dir = run_kept_dir(cli, o->keep);
    if (spec->keep_dir == NULL) {
        return false;
    }
    if (vm_is_kept(spec->keep_dir)) {
        err_set(&err, "a machine runs under the name '%s' already", o->keep);
        err_help(&err, "capsem-builder attach %s, or attach --end %s", o->keep, o->keep);
    } else if (fs_mkdir_p(AT_FDCWD, spec->keep_dir, 0700, &err)) {
        request->stays = true;
        return true;
    }
    print_err(cli, &err);
    return false;
}

static int run(struct cli *cli, const void *options) {
    const struct run_options *o = options;
    AUTO_RUNNER runner = RUNNER_INIT(cli);
    AUTO_RUN_NET net = RUN_NET_INIT, mcp = RUN_NET_INIT;
    AUTO_RUN_FILES files = { 0 };
    AUTO_RUN_VOLUMES volumes = { 0 };
    AUTO_FD scratch = -1;
    struct repack_times repack = { 0 };
    const struct guest_config *config;
    /* One argument is the guest shell's, several are words that are run as they are. */
    struct vm_request request = {
        .command = cli->arg_count == 1 ? cli->args[0] : NULL,
        .argv = cli->arg_count > 1 ? cli->args : NULL,
        .before = ARENA_ARRAY(cli->arena, struct vm_task, TASKS_MAX),
        .after = ARENA_ARRAY(cli->arena, struct vm_task, TASKS_MAX),
        .has_input = o->input,
    };
    if (!run_read_env(cli, &o->env, &request.env) || !load_config(cli, o, &config) ||
        !run_files_prepare(cli, &o->copy_in, &o->copy_out, &files, &request) ||
        (o->scratch != NULL && !run_scratch_open(cli, o->scratch, &scratch))) {
        return EXIT_FAILED;
    }
    struct vm_spec spec = make_spec(cli, o, config);
    if (!run_volumes_prepare(cli, &o->volumes, &spec, &volumes)) {
        return EXIT_FAILED;
    }
    spec.volumes = volumes.items;
    spec.volume_count = volumes.count;
    if (!prepare_keep(cli, o, &spec, &request) || !runner_open(&runner) ||
        (o->guest != NULL && !repack_initrd(cli, o->assets, spec.arch, o->guest, &repack))) {
        return EXIT_FAILED;
    }
    const struct run_net_options net_options = {
        .closed = strcmp(o->net, "none") == 0,
        .resolve = &o->resolve,
        .log = o->net_log,
        .stays = o->keep != NULL,
    };
    /* A shell's screen is not a server's to write on. */
    bool shows = cli->arg_count > 0 && o->keep == NULL;
    if (!run_net_start(cli, &net_options, config, &net) ||
        (o->mcp != NULL && !run_mcp_start(cli, o->mcp, shows, o->keep != NULL, &mcp))) {
        return EXIT_FAILED;
    }
    spec.net_fd = net.fd;
    spec.mcp_fd = mcp.fd > 0 ? mcp.fd : 0;
    spec.scratch_fd = scratch >= 0 ? scratch : 0;
    if (cli->arg_count == 0) {
        runner_announce(o->keep);
    }
    int code = boot(cli, o, &runner, &spec, &request, &files, &volumes, &repack);
    if (spec.keep_dir != NULL && vm_is_kept(spec.keep_dir)) {
        net.pid = mcp.pid = 0; /* they end with the machine */
        print_kept(o->keep);
    }
    return code;
}

const struct command command_run = {
    .name = "run",
    .arguments = "[COMMAND...]",
    .summary = "boot the assets and run a command in the guest",
    .details = "One word or string goes to the guest's shell, several words are run as they are,\n"
               "none starts a shell (Ctrl-] three times leaves it: the machine ends, or stays\n"
               "with --keep). The exit code is the command's; 124 when the time is over.",
    .options = run_options,
    .option_count = ARRAY_LEN(run_options),
    .options_size = sizeof(struct run_options),
    .defaults = &run_defaults,
    .args_max = SIZE_MAX,
    .stop_at_argument = true,
    .run = run,
};

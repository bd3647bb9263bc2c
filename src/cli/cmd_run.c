// SPDX-License-Identifier: Apache-2.0
/* run: boots the assets and runs a command in the guest, or a shell. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <termios.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/repack.h"
#include "vm/vm.h"

enum {
    EXIT_TIMED_OUT = 124, /* as timeout(1) has it */
    EXIT_SIGNAL = 128,    /* plus its number */
    CONSOLE_LINES = 12,   /* shown when a boot fails */
};

struct run_options {
    const char *assets;
    const char *arch;
    const char *guest;
    const char *accel;
    int64_t timeout_s;
    int64_t cpus;
    int64_t memory_mb;
};

static const char *const accel_words[] = { "auto", "kvm", "tcg", NULL };

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
    { "cpus", 0, OPTION_INT, offsetof(struct run_options, cpus), "N", "processors (2)", NULL, 1,
      255 },
    { "memory", 0, OPTION_INT, offsetof(struct run_options, memory_mb), "MB",
      "memory of the machine (2048)", NULL, 64, 1024 * 1024 },
};

static const struct run_options run_defaults = {
    .assets = "assets",
    .accel = "auto",
    .cpus = 2,
    .memory_mb = 2048,
};

/* What the machine's hooks work with. */
struct runner {
    const struct cli *cli;
    int signal_fd;       /* all that we take */
    int stop_fd;         /* those that end the run: watched while a write has to wait */
    int signal;          /* that ended the run; 0: none */
    bool reader_gone;    /* of our stdout or stderr */
    bool raw;            /* the terminal was changed, */
    struct termios sane; /* and was so before */
};

/* -- output -- */

/* A pipe that is ready takes so much without blocking (pipe(7), PIPE_BUF). */
enum { WRITE_MAX = 4096 };

/* Waits for a slow reader, but not past a signal. False: stop, or the reader has gone. */
static bool write_some(struct runner *runner, int fd, str *piece) {
    struct pollfd fds[] = {
        { .fd = fd, .events = POLLOUT },
        { .fd = runner->stop_fd, .events = POLLIN },
    };
    if (poll(fds, ARRAY_LEN(fds), -1) < 0 || fds[0].revents == 0) {
        return fds[1].revents == 0;
    }
    ssize_t n = write(fd, piece->ptr, min_size(piece->len, WRITE_MAX));
    if (n < 0) {
        runner->reader_gone = errno != EAGAIN && errno != EINTR;
        return !runner->reader_gone;
    }
    *piece = str_slice(*piece, (size_t)n, piece->len);
    return true;
}

static bool on_output(void *self, enum vm_stream stream, str piece) {
    struct runner *runner = self;
    int fd = stream == VM_STDERR ? STDERR_FILENO : STDOUT_FILENO;
    while (piece.len > 0) {
        if (!write_some(runner, fd, &piece)) {
            return false;
        }
    }
    return true;
}

static void on_notice(void *self, const char *text) {
    const struct runner *runner = self;
    print_warning(runner->cli, "%s", text);
}

/* -- signals and the terminal -- */

static bool signals_open(struct runner *runner) {
    sigset_t stop, all;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    all = stop;
    sigaddset(&all, SIGWINCH);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGPIPE, SIG_IGN);
    runner->stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    runner->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return runner->stop_fd >= 0 && runner->signal_fd >= 0;
}

static enum vm_event on_event(void *self) {
    struct runner *runner = self;
    struct signalfd_siginfo info;
    enum vm_event event = VM_EVENT_NONE;
    while (read(runner->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGWINCH) {
            event = event == VM_EVENT_STOP ? event : VM_EVENT_RESIZE;
        } else {
            runner->signal = (int)info.ssi_signo;
            event = VM_EVENT_STOP;
        }
    }
    return event;
}

static struct vm_size on_window(void *self) {
    (void)self;
    struct winsize size;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) {
        return (struct vm_size){ 0 };
    }
    return (struct vm_size){ .cols = size.ws_col, .rows = size.ws_row };
}

/* From now on every key is the guest's; before, Ctrl-C still ends a boot. */
static void on_ready_shell(void *self) {
    struct runner *runner = self;
    struct termios raw;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &runner->sane) != 0) {
        return;
    }
    raw = runner->sane;
    cfmakeraw(&raw);
    runner->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static void runner_done(struct runner *runner) {
    if (runner->raw) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &runner->sane);
    }
    fd_close_auto(&runner->signal_fd);
    fd_close_auto(&runner->stop_fd);
}

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

static struct vm_spec make_spec(const struct cli *cli, const struct run_options *o) {
    struct arena *a = cli->arena;
    const char *arch = o->arch != NULL ? o->arch : default_arch(a, o->assets);
    const char *dir = path_join(a, o->assets, arch);
    return (struct vm_spec){
        .arch = arch,
        .kernel = path_join(a, dir, "vmlinuz"),
        .initrd = path_join(a, dir, "initrd.img"),
        .rootfs = path_join(a, dir, "rootfs.squashfs"),
        .accel = accel_of(o->accel),
        .cpus = (unsigned)o->cpus,
        .memory_mb = (uint64_t)o->memory_mb,
        .timeout_ms = (uint64_t)o->timeout_s * 1000,
        .cache_dir = cli->cache_dir,
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

static int outcome_code(struct runner *runner, const struct run_options *o, enum vm_outcome outcome,
                        int exit_code) {
    switch (outcome) {
    case VM_EXITED:
        return exit_code;
    case VM_TIMED_OUT:
        print_error(runner->cli, "the command did not end within %lld s", (long long)o->timeout_s);
        return EXIT_TIMED_OUT;
    case VM_STOPPED:
        /* A write that waited was ended by a signal that nobody has taken yet. */
        on_event(runner);
        if (runner->signal != 0) {
            return EXIT_SIGNAL + runner->signal;
        }
        return runner->reader_gone ? EXIT_SIGNAL + SIGPIPE : EXIT_OK;
    }
    return EXIT_FAILED;
}

/* One argument is the guest shell's, several are words that are run as they are. */
static struct vm_request make_request(const struct cli *cli) {
    return (struct vm_request){
        .command = cli->arg_count == 1 ? cli->args[0] : NULL,
        .argv = cli->arg_count > 1 ? cli->args : NULL,
    };
}

static int run(struct cli *cli, const void *options) {
    const struct run_options *o = options;
    __attribute__((cleanup(runner_done))) struct runner runner = {
        .cli = cli,
        .signal_fd = -1,
        .stop_fd = -1,
    };
    if (!signals_open(&runner)) {
        print_error(cli, "signalfd: %s", strerror(errno));
        return EXIT_FAILED;
    }
    const struct vm_spec spec = make_spec(cli, o);
    if (o->guest != NULL && !repack_initrd(cli, o->assets, spec.arch, o->guest)) {
        return EXIT_FAILED;
    }
    const struct vm_request request = make_request(cli);
    const struct vm_hooks hooks = {
        .self = &runner,
        .output = on_output,
        .notice = on_notice,
        .ready = cli->arg_count == 0 ? on_ready_shell : NULL,
        .event_fd = runner.signal_fd,
        .event = on_event,
        .input_fd = STDIN_FILENO,
        .window = on_window,
    };
    struct vm_report *report = ARENA_NEW(cli->arena, struct vm_report);
    struct err err = ERR_INIT;
    enum vm_outcome outcome = VM_EXITED;
    int exit_code = EXIT_FAILED;
    if (vm_run(&spec, &request, &hooks, report, &outcome, &exit_code, &err)) {
        return outcome_code(&runner, o, outcome, exit_code);
    }
    if (runner.raw) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &runner.sane);
    }
    print_failure(cli, report, &err);
    return EXIT_FAILED;
}

const struct command command_run = {
    .name = "run",
    .arguments = "[COMMAND...]",
    .summary = "boot the assets and run a command in the guest",
    .details = "One word or string goes to the guest's shell, several words are run as they are,\n"
               "none starts a shell (Ctrl-] three times ends the machine). The exit code is the\n"
               "command's; 124 when the time is over.",
    .options = run_options,
    .option_count = ARRAY_LEN(run_options),
    .options_size = sizeof(struct run_options),
    .defaults = &run_defaults,
    .args_max = SIZE_MAX,
    .stop_at_argument = true,
    .run = run,
};

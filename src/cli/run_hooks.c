// SPDX-License-Identifier: Apache-2.0
#include "cli/run_hooks.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    EXIT_TIMED_OUT = 124, /* as timeout(1) has it */
    EXIT_SIGNAL = 128,    /* plus its number */
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

#define OTHER_SCREEN "\033[?1049"
/* What a program in the guest may have switched on and cannot switch off once we have left it:
 * pasting in brackets, reports of the mouse, keys of their own, no cursor, colours. */
#define SCREEN_RESET                                                                               \
    "\033[?2004l\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?1l\033>\033[?25h\033[0m"

static void note_screen(struct runner *runner, str piece) {
    for (size_t at = str_find(piece, S(OTHER_SCREEN), 0); at != STR_NONE;
         at = str_find(piece, S(OTHER_SCREEN), at + 1)) {
        str mode = str_slice(piece, at + strlen(OTHER_SCREEN), piece.len);
        runner->other_screen = mode.len > 0 && mode.ptr[0] == 'h';
    }
    runner->mid_line = piece.ptr[piece.len - 1] != '\n';
}

/* A shell that has ended left all as it should be. */
static void reset_screen(const struct runner *runner) {
    const char *back = runner->other_screen ? OTHER_SCREEN "l" : "";
    if (isatty(STDOUT_FILENO) && (runner->mid_line || runner->other_screen)) {
        dprintf(STDOUT_FILENO, SCREEN_RESET "%s%s", back, runner->mid_line ? "\n" : "");
    }
}

static bool on_output(void *self, enum vm_stream stream, str piece) {
    struct runner *runner = self;
    bool aside = stream == VM_STDERR || stream == VM_CONSOLE;
    int fd = aside ? STDERR_FILENO : STDOUT_FILENO;
    if (stream == VM_TERMINAL && piece.len > 0) {
        note_screen(runner, piece);
    }
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

bool runner_open(struct runner *runner) {
    sigset_t stop, all;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    all = stop;
    sigaddset(&all, SIGWINCH);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGPIPE, SIG_IGN);
    runner->stop_fd = os_signals_open(&stop);
    runner->signal_fd = os_signals_open(&all);
    if (runner->stop_fd < 0 || runner->signal_fd < 0) {
        print_error(runner->cli, "wait for signals: %s", strerror(errno));
        return false;
    }
    return true;
}

static enum vm_event on_event(void *self) {
    struct runner *runner = self;
    enum vm_event event = VM_EVENT_NONE;
    int number;
    /* What one descriptor has given the other may have too, or not. */
    while ((number = os_signals_next(runner->signal_fd)) != 0 ||
           (number = os_signals_next(runner->stop_fd)) != 0) {
        if (number == SIGWINCH) {
            event = event == VM_EVENT_STOP ? event : VM_EVENT_RESIZE;
        } else {
            runner->signal = number;
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

void runner_announce(const char *kept) {
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
        fprintf(stderr, "the machine starts; Ctrl-] three times %s\n",
                kept != NULL ? "leaves it, and it runs on" : "ends it");
    }
}

void runner_restore(struct runner *runner) {
    if (runner->raw) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &runner->sane);
        reset_screen(runner);
    }
    runner->raw = false;
}

void runner_take_signals(struct runner *runner) {
    on_event(runner);
}

void runner_done(struct runner *runner) {
    runner_restore(runner);
    os_signals_close(&runner->signal_fd);
    os_signals_close(&runner->stop_fd);
}

struct vm_hooks runner_hooks(struct runner *runner, bool shell) {
    return (struct vm_hooks){
        .self = runner,
        .output = on_output,
        .notice = on_notice,
        .ready = shell ? on_ready_shell : NULL,
        .event_fd = runner->signal_fd,
        .event = on_event,
        .input_fd = STDIN_FILENO,
        .window = on_window,
    };
}

/* -- the result, and what a command starts with -- */

int runner_exit_code(struct runner *runner, enum vm_outcome outcome, int exit_code,
                     int64_t timeout_s) {
    switch (outcome) {
    case VM_EXITED:
        return exit_code;
    case VM_TIMED_OUT:
        print_error(runner->cli, "the command did not end within %lld s", (long long)timeout_s);
        return EXIT_TIMED_OUT;
    case VM_STOPPED:
        /* A write that waited was ended by a signal that nobody has taken yet. */
        runner_take_signals(runner);
        if (runner->signal != 0) {
            return EXIT_SIGNAL + runner->signal;
        }
        return runner->reader_gone ? EXIT_SIGNAL + SIGPIPE : EXIT_OK;
    }
    return EXIT_FAILED;
}

bool run_read_env(const struct cli *cli, const struct option_list *list, const char *const **ret) {
    const char **env = ARENA_ARRAY(cli->arena, const char *, list->len + 1);
    struct err err = ERR_INIT;
    for (size_t i = 0; i < list->len; i++) {
        const char *value = strchr(list->items[i], '=') == NULL ? getenv(list->items[i]) : "";
        if (value == NULL) {
            print_error(cli, "--env: there is no variable '%s' here to take the value of",
                        list->items[i]);
            return false;
        }
        env[i] = value[0] == '\0' ? list->items[i]
                                  : str_fmt(cli->arena, "%s=%s", list->items[i], value).ptr;
        if (!vm_env_check(env[i], i, &err)) {
            err_wrap(&err, "--env");
            print_err(cli, &err);
            return false;
        }
    }
    *ret = env;
    return true;
}

/* -- machines that stay -- */

enum { NAME_MAX_BYTES = 32 };

const char *run_kept_dir(const struct cli *cli, const char *name) {
    bool good = name[0] != '\0' && strlen(name) <= NAME_MAX_BYTES;
    for (const char *c = name; *c != '\0'; c++) {
        bool first = c == name;
        bool lower = char_is_alnum(*c) && char_lower(*c) == *c;
        good = good && (lower || (!first && (*c == '-' || *c == '_')));
    }
    if (!good) {
        print_error(cli, "'%s' is no name of a machine: at most %d of a-z, 0-9, '-' and '_'", name,
                    NAME_MAX_BYTES);
        return NULL;
    }
    return path_join(cli->arena, path_join(cli->arena, cli->cache_dir, "machines"), name);
}

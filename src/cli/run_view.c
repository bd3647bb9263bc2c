// SPDX-License-Identifier: Apache-2.0
#include "cli/run_view.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

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

static bool write_all(struct runner *runner, int fd, str text) {
    while (text.len > 0) {
        if (!write_some(runner, fd, &text)) {
            return false;
        }
    }
    return true;
}

static bool write_console_line(struct runner *runner) {
    AUTO_BUF shown = BUF_INIT(8 * RUNNER_CONSOLE_LINE_MAX);
    add_foreign(&shown, buf_str(&runner->console), runner->cli->color_err);
    buf_add_char(&shown, '\n');
    buf_reset(&runner->console);
    return write_all(runner, STDERR_FILENO, buf_str(&shown));
}

/* Of the console nobody asked for more than its text: a guest that talks to our terminal does it by
 * its own. */
static bool on_console(struct runner *runner, str piece) {
    while (piece.len > 0) {
        size_t end = str_find_char(piece, '\n', 0);
        size_t room = RUNNER_CONSOLE_LINE_MAX - runner->console.len;
        size_t len = min_size(end == STR_NONE ? piece.len : end, room);
        buf_add(&runner->console, str_slice(piece, 0, len));
        bool ended = end == len;
        piece = str_slice(piece, ended ? len + 1 : len, piece.len);
        if ((ended || len == room) && !write_console_line(runner)) {
            return false;
        }
    }
    return true;
}

static bool on_output(void *self, enum vm_stream stream, str piece) {
    struct runner *runner = self;
    if (stream == VM_CONSOLE) {
        return on_console(runner, piece);
    }
    if (stream == VM_TERMINAL && piece.len > 0) {
        note_screen(runner, piece);
    }
    return write_all(runner, stream == VM_STDERR ? STDERR_FILENO : STDOUT_FILENO, piece);
}

/* What was built is what one expects: a script need not hear it. */
static void on_config(void *self, const char *text, bool is_own) {
    const struct runner *runner = self;
    if (!is_own || isatty(STDERR_FILENO)) {
        print_note(runner->cli, "%s", text);
    }
}

static void on_notice(void *self, const char *text) {
    const struct runner *runner = self;
    print_warning(runner->cli, "%s", text);
}

/* -- signals and the terminal -- */

bool runner_open(struct runner *runner, struct err *err) {
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
    return (runner->stop_fd >= 0 && runner->signal_fd >= 0) ||
           err_sys(err, errno, "wait for signals");
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
    if (runner->console.len > 0) {
        write_console_line(runner);
    }
    buf_done(&runner->console);
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

/* -- what run/ tells -- */

static bool on_begin(void *self, struct vm_hooks *ret, struct err *err) {
    struct runner *runner = self;
    if (!runner_open(runner, err)) {
        return false;
    }
    *ret = runner_hooks(runner, runner->shell);
    return true;
}

/* For a shell on a terminal: a machine starts, and how to leave it. */
static void on_starting(void *self) {
    const struct runner *runner = self;
    if (runner->shell && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
        fprintf(stderr, "starting the machine; press Ctrl-] three times to %s\n",
                runner->kept ? "leave it running" : "stop it");
    }
}

static void on_ended(void *self) {
    runner_restore(self);
}

static void on_problem(void *self, const struct err *err) {
    const struct runner *runner = self;
    print_err(runner->cli, err);
}

struct run_events runner_events(struct runner *runner) {
    return (struct run_events){
        .self = runner,
        .begin = on_begin,
        .starting = on_starting,
        .ended = on_ended,
        .config = on_config,
        .notice = on_notice,
        .problem = on_problem,
        .make = make_view_events(&runner->make),
    };
}

bool run_read_env(const struct cli *cli, const struct option_list *list, struct run_list *ret) {
    const char **env = ARENA_ARRAY(cli->arena, const char *, list->len + 1);
    struct err err = ERR_INIT;
    for (size_t i = 0; i < list->len; i++) {
        const char *value = strchr(list->items[i], '=') == NULL ? getenv(list->items[i]) : "";
        if (value == NULL) {
            print_error(cli, "--env: environment variable '%s' is not set", list->items[i]);
            return false;
        }
        env[i] = value[0] == '\0' ? list->items[i]
                                  : str_fmt(cli->arena, "%s=%s", list->items[i], value).ptr;
    }
    *ret = (struct run_list){ env, list->len };
    if (!run_env_check(*ret, &err)) {
        print_err(cli, &err);
        return false;
    }
    return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

void spawn_args_clear(struct spawn_args *args) {
    args->count = 0;
    args->used = 0;
    args->argv[0] = NULL;
}

bool spawn_args_add(struct spawn_args *args, const void *bytes, size_t len) {
    if (args->count >= SPAWN_ARGS_MAX || len >= sizeof args->text - args->used ||
        memchr(bytes, 0, len)) {
        return false;
    }
    char *text = args->text + args->used;
    memcpy(text, bytes, len);
    text[len] = '\0';
    args->used += len + 1;
    args->argv[args->count++] = text;
    args->argv[args->count] = NULL;
    return true;
}

const char *spawn_shell(void) {
    const char *chosen = getenv("SHELL");
    const char *candidates[] = { chosen ? chosen : "", "/bin/bash", "/usr/bin/bash" };
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        if (candidates[i][0] == '/' && access(candidates[i], X_OK) == 0) {
            return candidates[i];
        }
    }
    return "/bin/sh";
}

static void reset_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Whatever started us may have ignored some: a shell's background jobs ignore SIGQUIT. */
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
}

// `fds` may be among 0..2 themselves, so they are moved out of the way first.
static bool place_fds(const int fds[3]) {
    int high[3];
    for (int i = 0; i < 3; i++) {
        high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
        if (high[i] < 0) {
            return false;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(high[i], i) < 0) {
            return false;
        }
    }
    return true;
}

static void enter_home(void) {
    const char *home = getenv("HOME");
    if (!home || chdir(home) != 0) {
        int at_root = chdir("/");
        (void)at_root;
    }
}

_Noreturn void spawn_child(char *const argv[], const int fds[3], bool terminal) {
    reset_signals();
    setsid();
    if (!place_fds(fds)) {
        _exit(126);
    }
    if (terminal) {
        ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    }
    enter_home();
    execvp(argv[0], argv);
    int error = errno;
    log_line("cannot run '%s': %s", argv[0], strerror(error));
    _exit(error == ENOENT ? 127 : 126);
}

int spawn_exit_code(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

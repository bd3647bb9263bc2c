// SPDX-License-Identifier: Apache-2.0
#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "spawn.h"

void pty_init(struct pty *pty) {
    *pty = (struct pty){ .master = -1, .cols = 80, .rows = 24 };
}

static void set_size(const struct pty *pty) {
    struct winsize size = { .ws_col = pty->cols, .ws_row = pty->rows };
    ioctl(pty->master, TIOCSWINSZ, &size);
}

static _Noreturn void child(int slave) {
    struct spawn_args *args = calloc(1, sizeof *args);
    const char *shell = spawn_shell();
    if (!args) {
        _exit(126);
    }
    setenv("SHELL", shell, 0);
    setenv("TERM", "xterm-256color", 0);
    // Interactive, and no login shell: a login shell's profile would set PATH anew.
    spawn_args_add(args, shell, strlen(shell));
    spawn_args_add(args, "-i", 2);
    spawn_child(args->argv, (const int[3]){ slave, slave, slave }, true);
}

static int open_slave(int master) {
    char name[64];
    if (grantpt(master) != 0 || unlockpt(master) != 0 || ptsname_r(master, name, sizeof name)) {
        return -1;
    }
    return open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

bool pty_start(struct pty *pty) {
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int slave = pty->master < 0 ? -1 : open_slave(pty->master);
    pid_t pid = -1;
    if (slave >= 0) {
        set_size(pty);
        fcntl(pty->master, F_SETFL, O_NONBLOCK);
        pid = fork();
        if (pid == 0) {
            child(slave);
        }
        close(slave);
    }
    if (pid < 0) {
        int saved = errno;
        pty_close(pty);
        errno = saved;
        return false;
    }
    pty->pid = pid;
    return true;
}

void pty_resize(struct pty *pty, uint16_t cols, uint16_t rows) {
    pty->cols = cols;
    pty->rows = rows;
    if (pty->master >= 0) {
        set_size(pty);
    }
}

void pty_close(struct pty *pty) {
    if (pty->master >= 0) {
        close(pty->master);
    }
    pty->master = -1;
}

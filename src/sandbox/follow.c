// SPDX-License-Identifier: Apache-2.0
/* A program of the machine that enters other roots itself, as mmdebstrap does, with stand-ins
 * there. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "sandbox/internal.h"

enum { CANNOT_START = 127 };

static _Noreturn void start(const char *const *argv, const char *const *env, int followedfd) {
    struct err err = ERR_INIT;
    char traced = 0;
    if (read(followedfd, &traced, 1) != 1) {
        _exit(CANNOT_START);
    }
    for (size_t i = 0; env[i] != NULL; i++) {
        (void)!putenv((char *)env[i]);
    }
    signal(SIGXFSZ, SIG_DFL);
    if (traced == 0 || trace_system_calls(&err)) {
        execvp(argv[0], (char *const *)argv);
    }
    _exit(CANNOT_START);
}

static bool check_status(const char *name, int status, struct err *err) {
    if (WIFSIGNALED(status)) {
        return err_set(err, "%s was killed by signal %d", name, WTERMSIG(status));
    }
    if (WEXITSTATUS(status) == CANNOT_START) {
        return err_set(err, "%s could not be started", name);
    }
    return WEXITSTATUS(status) == 0 ||
           err_set(err, "%s exited with status %d", name, WEXITSTATUS(status));
}

static bool wait_for(pid_t pid, int *ret_status, struct err *err) {
    while (waitpid(pid, ret_status, 0) < 0) {
        if (errno != EINTR) {
            return err_sys(err, errno, "wait for a program");
        }
    }
    return true;
}

bool sandbox_follow(const struct sandbox_standins *standins, const char *const *argv,
                    const char *const *env, struct err *err) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return err_sys(err, errno, "create a pipe");
    }
    /* Without, the tracer would look at other processes than the one that stopped. */
    bool has_proc = mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[1]);
        start(argv, env, fds[0]);
    }
    close(fds[0]);
    bool traced = pid > 0 && has_proc && trace_begin(pid);
    ssize_t ignored = write(fds[1], traced ? "\1" : "", 1);
    (void)ignored;
    close(fds[1]);
    if (pid < 0) {
        return err_sys(err, errno, "start a process");
    }
    int status;
    bool waited = traced ? trace_wait(pid, standins, &status, err) : wait_for(pid, &status, err);
    return waited && check_status(argv[0], status, err);
}

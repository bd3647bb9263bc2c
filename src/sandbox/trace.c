// SPDX-License-Identifier: Apache-2.0
/*
 * A command and all that it starts are followed by ptrace(2), PTRACE_SEIZE: each stops when it
 * starts a program, for the seccomp filter wakes us there (seccomp.c), and at nothing else that
 * is done often. Signals and job control go on as if nobody looked.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "sandbox/internal.h"

enum { EVENT_SHIFT = 16 };

bool trace_begin(pid_t command) {
    unsigned long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                            PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    return ptrace(PTRACE_SEIZE, command, NULL, options) == 0;
}

static bool stops_group(int number) {
    return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

/* It is gone when it does not go on: killed meanwhile. */
static void go_on(pid_t pid, int number) {
    (void)!ptrace(PTRACE_CONT, pid, NULL, (long)number);
}

static void handle_stop(pid_t pid, int status, const struct sandbox_standins *standins) {
    int number = WSTOPSIG(status);
    switch (status >> EVENT_SHIFT) {
    case 0: /* a signal is on its way */
        go_on(pid, number);
        return;
    case PTRACE_EVENT_SECCOMP:
        standin_start(standins, pid);
        break;
    case PTRACE_EVENT_STOP:
        if (stops_group(number)) {
            (void)!ptrace(PTRACE_LISTEN, pid, NULL, NULL);
            return;
        }
        break;
    default:
        break;
    }
    go_on(pid, 0);
}

bool trace_wait(pid_t command, const struct sandbox_standins *standins, int *ret_status,
                struct err *err) {
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno != EINTR) {
            return err_sys(err, errno, "wait for the command");
        }
        if (pid > 0 && WIFSTOPPED(status)) {
            handle_stop(pid, status, standins);
        } else if (pid == command) {
            *ret_status = status;
            return true;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
/* The parent's side: start, pass the output on, cancel, collect. */
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "sandbox/internal.h"

enum { TICK_MS = 200, OUTPUT_BLOCK_BYTES = 64 * 1024 /* what a pipe holds */ };

struct channel {
    int read;
    int write;
};

static void channel_close(struct channel *c) {
    fd_close_auto(&c->read);
    fd_close_auto(&c->write);
}

static bool channel_open(struct channel *c, struct err *err) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return err_sys(err, errno, "create a pipe");
    }
    *c = (struct channel){ fds[0], fds[1] };
    return true;
}
#define AUTO_CHANNEL __attribute__((cleanup(channel_close))) struct channel

/* fork with namespaces: the child has a copy of our memory. */
static pid_t fork_into(uint64_t namespaces) {
    struct clone_args args = { .flags = namespaces, .exit_signal = SIGCHLD };
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static bool is_cancelled(const struct sandbox_spec *spec) {
    return spec->cancelled != NULL && *spec->cancelled != 0;
}

/* Passes on one piece; closes the fd at the end of the stream. */
static void pass_output(const struct sandbox_spec *spec, int *fd) {
    char block[OUTPUT_BLOCK_BYTES];
    ssize_t n = read(*fd, block, sizeof block);
    if (n > 0) {
        if (spec->on_output != NULL) {
            spec->on_output(spec->self, (str){ block, (size_t)n });
        }
    } else if (n == 0 || errno != EINTR) {
        close(take_fd(fd));
    }
}

/* Until the report pipe and the output are at their ends, or we are told to stop. True when a
 * whole report came. */
static bool watch(const struct sandbox_spec *spec, pid_t pid, int *outputfd, int *reportfd,
                  struct report *report, bool *ret_cancelled) {
    bool reported = false;
    uint64_t ticked_ms = 0;
    while (*outputfd >= 0 || *reportfd >= 0) {
        struct pollfd fds[] = {
            { .fd = *outputfd, .events = POLLIN },
            { .fd = *reportfd, .events = POLLIN },
        };
        poll(fds, ARRAY_LEN(fds), TICK_MS);
        uint64_t now_ms = time_now_ms();
        if (spec->on_tick != NULL && now_ms - ticked_ms >= TICK_MS) {
            spec->on_tick(spec->self);
            ticked_ms = now_ms;
        }
        if (is_cancelled(spec) && !*ret_cancelled) {
            *ret_cancelled = true;
            kill(pid, SIGKILL);
        }
        if (fds[0].revents != 0) {
            pass_output(spec, outputfd);
        }
        if (fds[1].revents != 0) {
            ssize_t n = read(*reportfd, report, sizeof *report);
            reported = reported || n == (ssize_t)sizeof *report;
            if (n == 0 || (n < 0 && errno != EINTR)) {
                close(take_fd(reportfd));
            }
        }
    }
    return reported;
}

static void reap(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static void read_status(const struct report *report, struct sandbox_result *result) {
    int status = report->wait_status;
    if (WIFSIGNALED(status)) {
        result->signal = WTERMSIG(status);
        result->exit_code = 128 + result->signal;
    } else {
        result->exit_code = WEXITSTATUS(status);
    }
}

static bool finish(struct report *report, bool reported, struct sandbox_result *result,
                   struct err *err) {
    if (result->cancelled) {
        return true;
    }
    if (reported && report->kind == REPORT_EXITED) {
        read_status(report, result);
        return true;
    }
    if (reported) {
        if (err != NULL) {
            *err = report->err;
        }
        return false;
    }
    if (result->out_of_memory) { /* the first process itself was the victim */
        result->signal = SIGKILL;
        result->exit_code = 128 + SIGKILL;
        return true;
    }
    return err_set(err, "the sandbox process was killed");
}

bool sandbox_run(const struct sandbox_spec *spec, struct sandbox_result *ret, struct err *err) {
    AUTO_CHANNEL output = { -1, -1 };
    AUTO_CHANNEL report_pipe = { -1, -1 };
    AUTO_CHANNEL start = { -1, -1 };
    if (!channel_open(&output, err) || !channel_open(&report_pipe, err) ||
        !channel_open(&start, err)) {
        return false;
    }
    if (!spec->insecure && !prepare_system_calls(spec->standins != NULL, err)) {
        return false;
    }
    AUTO_ARENA scratch = arena_new();
    struct quota quota;
    struct cgroup cgroup;
    quota_find(scratch, spec, &quota);
    cgroup_open(&cgroup, &quota);
    uint64_t namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    if (spec->network == SANDBOX_NETWORK_NONE) {
        namespaces |= CLONE_NEWNET;
    }
    pid_t pid = fork_into(namespaces);
    if (pid == 0) {
        close(output.read); /* else we never see that our parent is gone */
        close(report_pipe.read);
        close(start.write);
        init_main(spec, &cgroup, output.write, report_pipe.write, start.read);
    }
    struct sandbox_result result = { 0 };
    if (pid < 0) {
        err_sys(err, errno, "create namespaces");
        cgroup_close(&cgroup, &result);
        return false;
    }
    close(take_fd(&output.write));
    close(take_fd(&report_pipe.write));
    /* The kernel takes some ten milliseconds for this: the child sets itself up meanwhile. */
    cgroup_add(&cgroup, pid);
    close(take_fd(&start.write));
    struct report report;
    bool reported = watch(spec, pid, &output.read, &report_pipe.read, &report, &result.cancelled);
    reap(pid);
    cgroup_close(&cgroup, &result);
    if (!finish(&report, reported, &result, err)) {
        return false;
    }
    *ret = result;
    return true;
}

bool sandbox_call(const struct sandbox_spec *spec, sandbox_function *function, void *self,
                  struct err *err) {
    AUTO_CHANNEL output = { -1, -1 };
    AUTO_CHANNEL report_pipe = { -1, -1 };
    if (!channel_open(&output, err) || !channel_open(&report_pipe, err)) {
        return false;
    }
    pid_t pid = fork_into(CLONE_NEWNS | CLONE_NEWPID);
    if (pid == 0) {
        close(output.read);
        close(report_pipe.read);
        call_main(spec, output.write, report_pipe.write, function, self);
    }
    if (pid < 0) {
        return err_sys(err, errno, "create a mount namespace");
    }
    close(take_fd(&output.write));
    close(take_fd(&report_pipe.write));
    struct report report;
    struct sandbox_result result = { 0 };
    bool reported = watch(spec, pid, &output.read, &report_pipe.read, &report, &result.cancelled);
    reap(pid);
    if (!finish(&report, reported, &result, err)) {
        return false;
    }
    return !result.cancelled || err_sys(err, EINTR, "stopped");
}

// SPDX-License-Identifier: Apache-2.0
/*
 * The child's side: the first process of a step. It sets the sandbox up by a table of steps, runs
 * the command as a child of its own, kills what that leaves behind, tidies up and reports.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sandbox/internal.h"

/* Whom the kernel kills first when memory ends: the command, then what holds its mounts. */
enum { OOM_COMMAND = 800, OOM_INIT = 500 };

extern char **environ;

static _Noreturn void send_report(int fd, const struct report *r) {
    ssize_t ignored = write(fd, r, sizeof *r);
    (void)ignored;
    _exit(0);
}

static bool set_names(struct inside *in, struct err *err) {
    const char *name = in->spec->hostname != NULL ? in->spec->hostname : "localhost";
    return sethostname(name, strlen(name)) == 0 || err_sys(err, errno, "set the host name");
}

/* A network namespace of its own starts with its loopback device down. */
static bool raise_loopback(struct inside *in, struct err *err) {
    if (in->spec->network != SANDBOX_NETWORK_NONE) {
        return true;
    }
    AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0) {
        return err_sys(err, errno, "start the loopback device");
    }
    return true;
}

static const struct setup_step {
    const char *name;
    bool (*run)(struct inside *in, struct err *err);
} run_steps[] = {
    { "prepare the mount namespace", mount_staging },
    { "merge the layers of a mount", mount_extra_roots },
    { "write what the step reads", write_files },
    { "make mount points", make_points },
    { "merge the layers", mount_root },
    { "name the host", set_names },
    { "set up the network", raise_loopback },
    { "mount the system's file systems", mount_system },
    { "hide the host's kernel", mask_system },
    { "mount what the step asks for", mount_wanted },
    { "enter the root file system", enter_root },
};

static const struct setup_step call_steps[] = {
    { "prepare the mount namespace", mount_staging },
    { "merge the layers", mount_root },
    { "merge the layers of a mount", mount_extra_roots },
};

static bool run_setup(struct inside *in, const struct setup_step *steps, size_t count,
                      struct err *err) {
    for (size_t i = 0; i < count; i++) {
        if (!steps[i].run(in, err)) {
            return err_wrap(err, "%s", steps[i].name);
        }
    }
    return true;
}

/* Dies with the parent. In a new pid namespace getppid() says nothing, so look whether somebody
 * still reads what we write. */
static void die_with_parent(int pipefd) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd p = { .fd = pipefd };
    if (poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)) != 0) {
        _exit(1);
    }
}

/* Of what our parent has open a step's first process needs only its pipes; stdin becomes startfd.
 */
static void close_others(int outputfd, int reportfd, int startfd) {
    unsigned low = (unsigned)(outputfd < reportfd ? outputfd : reportfd);
    unsigned high = (unsigned)(outputfd < reportfd ? reportfd : outputfd);
    dup2(outputfd, 1);
    dup2(outputfd, 2);
    dup2(startfd, 0);
    close_range(3, low - 1, 0); /* main() sees to it that 0, 1 and 2 are always open */
    close_range(low + 1, high - 1, 0);
    close_range(high + 1, ~0U, 0);
}

/* Until our parent has put us into the control groups of the step. */
static void wait_for_start(void) {
    char ignored;
    while (read(0, &ignored, 1) > 0 || errno == EINTR) {
        errno = 0;
    }
}

/* proc_pid_oom_score_adj(5). What of it was asked for by others, as a higher one, stays. */
static void prefer_victim(int fd, int wanted) {
    static int before = INT_MIN;
    char text[16];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n > 0 && before == INT_MIN) {
        text[n] = '\0';
        int64_t number;
        before = str_to_i64(str_trim(str_from_c(text)), &number) ? (int)number : 0;
    }
    int len = snprintf(text, sizeof text, "%d", wanted > before ? wanted : before);
    ssize_t ignored = pwrite(fd, text, (size_t)len, 0);
    (void)ignored;
}

static void reset_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
}

static char **command_env(struct inside *in, const struct sandbox_ids *ids) {
    const char *const *env = in->spec->env;
    size_t count = 0;
    bool has_home = false;
    while (env[count] != NULL) {
        has_home = has_home || strncmp(env[count], "HOME=", 5) == 0;
        count++;
    }
    const char **full = ARENA_ARRAY(in->arena, const char *, count + 2);
    memcpy(full, env, count * sizeof *env);
    if (!has_home) {
        full[count] = str_fmt(in->arena, "HOME=%s", ids->home).ptr;
    }
    return (char **)full;
}

static bool become_user(const struct inside *in, const struct sandbox_ids *ids, bool traced,
                        struct err *err) {
    bool insecure = in->spec->insecure;
    bool single = in->rights == SANDBOX_SINGLE; /* the kernel then allows no setgroups */
    if ((!single && setgroups(ids->group_count, ids->groups) < 0) || setgid(ids->gid) < 0) {
        err_sys(err, errno, "become group %u", ids->gid);
        return errno == EINVAL && idmaps_help(err);
    }
    if (!in->cgroup->limits_pids && in->rights != SANDBOX_ROOT) {
        /* Counted for each user of our namespace; the machine's root would not be. */
        struct rlimit limit = { in->cgroup->quota.pids, in->cgroup->quota.pids };
        (void)setrlimit(RLIMIT_NPROC, &limit);
    }
    if (!insecure && !drop_capabilities(in->spec->network == SANDBOX_NETWORK_NONE, err)) {
        return false;
    }
    if (setuid(ids->uid) < 0) {
        err_sys(err, errno, "become user %u", ids->uid);
        return errno == EINVAL && idmaps_help(err);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return err_sys(err, errno, "forbid new privileges");
    }
    return insecure || forbid_system_calls(traced, err);
}

/* execvp(3) gives what the kernel does not know to /bin/sh, and tells what became of that. */
static bool run_failed(const struct sandbox_spec *spec, int number, struct err *err) {
    const char *program = spec->argv[0];
    bool has_path = strchr(program, '/') != NULL;
    if (number == ENOENT && has_path) {
        execv(program, (char *const *)spec->argv);
        number = errno;
    }
    if (number == ENOEXEC) {
        err_sys(err, number, "run '%s': it is for another architecture or is not a program",
                program);
        return err_help(err, "check that it matches the target platform (--platform); "
                             "qemu-user-static lets this machine run programs for other platforms");
    }
    if (number == ENOENT && has_path && access(program, X_OK) == 0) {
        err_sys(err, number, "run '%s': its interpreter or loader is missing", program);
        return err_help(err, "copy the interpreter named after #! or the loader of its C library, "
                             "or link it statically");
    }
    return err_sys(err, number, "run '%s'", program);
}

static bool start_command(struct inside *in, int outputfd, bool traced, struct err *err) {
    const struct sandbox_spec *spec = in->spec;
    struct sandbox_ids ids;
    if (!sandbox_find_ids(in->arena, in->rootfd, spec->user, &ids, err)) {
        return false;
    }
    AUTO_FD null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(outputfd, 1) < 0 || dup2(outputfd, 2) < 0) {
        return err_sys(err, errno, "connect the output");
    }
    setsid();
    environ = command_env(in, &ids);
    if (!become_user(in, &ids, traced, err)) {
        return false;
    }
    if (chdir(spec->cwd) < 0) {
        return err_sys(err, errno, "enter the folder '%s'", spec->cwd);
    }
    execvp(spec->argv[0], (char *const *)spec->argv);
    return run_failed(spec, errno, err);
}

/* Reaps everything until the command itself has ended. */
static bool wait_for(pid_t command, int *ret_status, struct err *err) {
    for (;;) {
        int status;
        pid_t pid = wait(&status);
        if (pid == command) {
            *ret_status = status;
            return true;
        }
        if (pid < 0 && errno != EINTR) {
            return err_sys(err, errno, "wait for the command");
        }
    }
}

/* Once the command has ended, nothing else may live on. */
static void end_others(void) {
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR) {
    }
}

/* The command's start failed when its close-on-exec pipe has something to say. */
static bool command_started(int fd, struct err *err) {
    struct err failure;
    ssize_t n;
    do {
        n = read(fd, &failure, sizeof failure);
    } while (n < 0 && errno == EINTR);
    if (n == sizeof failure) {
        *err = failure;
        return false;
    }
    return true;
}

/* The command's side: its parent says whether it is followed. */
static _Noreturn void run_command(struct inside *in, int outputfd, int followedfd, int failurefd) {
    struct err failure = ERR_INIT;
    char traced = 0;
    if (read(followedfd, &traced, 1) != 1) {
        err_set(&failure, "the first process has ended");
    } else {
        (void)!start_command(in, outputfd, traced != 0, &failure);
    }
    ssize_t ignored = write(failurefd, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

/* `ret_traced`: it is followed, so it starts only once somebody waits for it. */
static pid_t fork_command(struct inside *in, int outputfd, int *ret_failurefd, bool *ret_traced,
                          struct err *err) {
    int fds[2];
    int followed[2];
    if (pipe2(fds, O_CLOEXEC) < 0 || pipe2(followed, O_CLOEXEC) < 0) {
        err_sys(err, errno, "create a pipe");
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        close(followed[1]);
        run_command(in, outputfd, followed[0], fds[1]);
    }
    if (pid < 0) {
        err_sys(err, errno, "start a process");
    }
    close(fds[1]);
    close(followed[0]);
    *ret_failurefd = fds[0];
    *ret_traced = pid > 0 && in->spec->standins != NULL && !in->spec->insecure && trace_begin(pid);
    ssize_t ignored = write(followed[1], *ret_traced ? "\1" : "", 1);
    (void)ignored;
    close(followed[1]);
    return pid;
}

_Noreturn void init_main(const struct sandbox_spec *spec, const struct cgroup *cgroup, int outputfd,
                         int reportfd, int startfd) {
    die_with_parent(outputfd);
    close_others(outputfd, reportfd, startfd);
    reset_signals();
    setsid();
    umask(022);
    AUTO_FD oomfd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    struct inside in = { .spec = spec,
                         .cgroup = cgroup,
                         .rights = sandbox_rights(),
                         .arena = arena_new(),
                         .rootfd = -1 };
    struct report report = { .kind = REPORT_SETUP_FAILED, .err = ERR_INIT };
    if (!run_setup(&in, run_steps, ARRAY_LEN(run_steps), &report.err)) {
        send_report(reportfd, &report);
    }
    wait_for_start();
    AUTO_FD failurefd = -1;
    bool traced = false;
    prefer_victim(oomfd, OOM_COMMAND); /* it inherits that; we come after it, and before others */
    pid_t command = fork_command(&in, outputfd, &failurefd, &traced, &report.err);
    prefer_victim(oomfd, OOM_INIT);
    if (command > 0) {
        bool waited = traced ? trace_wait(command, spec->standins, &report.wait_status, &report.err)
                             : wait_for(command, &report.wait_status, &report.err);
        end_others();
        if (command_started(failurefd, &report.err) && waited) {
            report.kind = REPORT_EXITED;
        }
    }
    stubs_remove(&in);
    send_report(reportfd, &report);
}

_Noreturn void call_main(const struct sandbox_spec *spec, int outputfd, int reportfd,
                         sandbox_function *function, void *self) {
    die_with_parent(reportfd);
    reset_signals();
    signal(SIGXFSZ, SIG_IGN); /* the function's write() fails instead */
    setsid();
    umask(0);
    dup2(outputfd, STDOUT_FILENO);
    dup2(outputfd, STDERR_FILENO);
    struct inside in = {
        .spec = spec, .rights = sandbox_rights(), .arena = arena_new(), .rootfd = -1
    };
    struct report report = { .kind = REPORT_SETUP_FAILED, .err = ERR_INIT };
    if (run_setup(&in, call_steps, ARRAY_LEN(call_steps), &report.err)) {
        /* The function wants to read through it. */
        AUTO_FD rootfd = open(in.rootpath, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (rootfd < 0) {
            err_sys(&report.err, errno, "open '%s'", in.rootpath);
        } else if (function(self, rootfd, in.rootfds, &report.err)) {
            report.kind = REPORT_EXITED;
        }
    }
    send_report(reportfd, &report);
}

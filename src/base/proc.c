// SPDX-License-Identifier: Apache-2.0
#include "base/proc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/os.h"

extern char **environ;

enum {
    TICK_MS = 100,
    GRACE_MS = 5000, /* from SIGTERM to SIGKILL */
};

const char *proc_find(struct arena *a, const char *program) {
    if (strchr(program, '/') != NULL) {
        return access(program, X_OK) == 0 ? program : NULL;
    }
    const char *path = getenv("PATH");
    str rest =
        str_fmt(a, "%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", path == NULL ? "" : path);
    while (rest.len > 0) {
        str dir = str_cut(&rest, ':');
        if (dir.len == 0) {
            continue;
        }
        const char *candidate = str_fmt(a, "%.*s/%s", STR_FMT(dir), program).ptr;
        struct stat st;
        if (stat(candidate, &st) == 0 && S_ISREG(st.st_mode) && access(candidate, X_OK) == 0) {
            return candidate;
        }
    }
    return NULL;
}

static bool same_key(const char *a, const char *b) {
    size_t len = strcspn(b, "=");
    return strncmp(a, b, len) == 0 && a[len] == '=';
}

static const char **merge_env(struct arena *a, const char *const *extra) {
    size_t count = 0;
    for (char **e = environ; *e != NULL; e++) {
        count++;
    }
    size_t extra_count = 0;
    while (extra != NULL && extra[extra_count] != NULL) {
        extra_count++;
    }
    const char **env = ARENA_ARRAY(a, const char *, count + extra_count + 1);
    size_t len = 0;
    for (char **e = environ; *e != NULL; e++) {
        bool replaced = false;
        for (size_t i = 0; i < extra_count; i++) {
            replaced = replaced || same_key(*e, extra[i]);
        }
        if (!replaced) {
            env[len++] = *e;
        }
    }
    for (size_t i = 0; i < extra_count; i++) {
        env[len++] = extra[i];
    }
    return env;
}

struct pipes {
    int in[2];
    int out[2];
    int errors[2];
    int failed[2]; /* the child's errno when exec did not happen */
};

static void pipes_close(struct pipes *p) {
    int *all[] = { p->in, p->out, p->errors, p->failed };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        fd_close_auto(&all[i][0]);
        fd_close_auto(&all[i][1]);
    }
}

static bool pipes_open(struct pipes *p, struct err *err) {
    int *all[] = { p->in, p->out, p->errors, p->failed };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (os_pipe(all[i]) < 0) {
            return err_sys(err, errno, "create a pipe");
        }
    }
    return true;
}

/* Between fork and exec: no allocation, no stdio. */
static _Noreturn void child(const struct proc_spec *spec, const char *program, const char **env,
                            const struct pipes *p, pid_t parent) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    os_die_with_parent();
    os_close_on_exec_from(3); /* also those that we were started with */
    int in = spec->input_fd > 0 ? spec->input_fd : p->in[0];
    int out = spec->output_fd > 0 ? spec->output_fd : p->out[1];
    if (getppid() == parent && dup2(in, 0) == 0 && dup2(out, 1) == 1 &&
        dup2(p->errors[1], 2) == 2 && (spec->cwd == NULL || chdir(spec->cwd) == 0) &&
        (spec->before_exec == NULL || spec->before_exec())) {
        execve(program, (char *const *)spec->argv, (char *const *)env);
    }
    int why = errno;
    ssize_t ignored = write(p->failed[1], &why, sizeof why);
    (void)ignored;
    _exit(127);
}

static void deliver(const struct proc_spec *spec, int stream, str piece) {
    struct buf *to = stream == 1 ? spec->out : spec->errors;
    if (spec->on_output != NULL) {
        spec->on_output(spec->self, stream, piece);
    } else if (to != NULL) {
        /* What does not fit is dropped from the end; the pipe is drained all the same. */
        size_t room = to->max - to->len;
        if (piece.len > room) {
            buf_add(to, str_slice(piece, 0, room));
            to->full = true;
        } else {
            buf_add(to, piece);
        }
    }
}

/* Reads once; closes the fd at its end. */
static void read_stream(const struct proc_spec *spec, int stream, int *fd) {
    char block[16 * 1024];
    ssize_t n = read(*fd, block, sizeof block);
    if (n > 0) {
        deliver(spec, stream, (str){ block, (size_t)n });
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        close(take_fd(fd));
    }
}

static void write_input(int *fd, str *input) {
    ssize_t n = input->len == 0 ? 0 : write(*fd, input->ptr, input->len);
    if (n > 0) {
        *input = str_slice(*input, (size_t)n, input->len);
    }
    if (input->len == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        close(take_fd(fd));
    }
}

/* How long poll() may wait; 0: the time is over. */
static int wait_ms(const struct proc_spec *spec, uint64_t start) {
    bool ticks = spec->on_tick != NULL || spec->cancelled != NULL;
    uint64_t left = ticks ? TICK_MS : UINT64_MAX;
    if (spec->timeout_ms > 0) {
        uint64_t spent = time_now_ms() - start;
        uint64_t rest = spec->timeout_ms > spent ? spec->timeout_ms - spent : 0;
        left = rest < left ? rest : left;
    }
    return left == UINT64_MAX ? -1 : (int)(left > 1000000 ? 1000000 : left);
}

/* Asked once to end, then made to. */
static void pass_cancel_on(const struct proc_spec *spec, pid_t pid, uint64_t *asked_ms) {
    if (spec->cancelled == NULL || !*spec->cancelled) {
        return;
    }
    uint64_t now = time_now_ms();
    if (*asked_ms == 0) {
        *asked_ms = now;
        kill(pid, SIGTERM);
    } else if (now - *asked_ms > GRACE_MS) {
        kill(pid, SIGKILL);
    }
}

/* Until both streams are closed or the time is over. */
static void watch(const struct proc_spec *spec, struct pipes *p, pid_t pid, bool *ret_timed_out) {
    str input = spec->input;
    uint64_t start = time_now_ms();
    uint64_t asked_ms = 0;
    fcntl(p->in[1], F_SETFL, O_NONBLOCK);
    while (p->out[0] >= 0 || p->errors[0] >= 0) {
        struct pollfd fds[] = {
            { .fd = p->out[0], .events = POLLIN },
            { .fd = p->errors[0], .events = POLLIN },
            { .fd = p->in[1], .events = POLLOUT },
        };
        int wait = wait_ms(spec, start);
        if (wait == 0) {
            *ret_timed_out = true;
            return;
        }
        if (poll(fds, ARRAY_LEN(fds), wait) < 0 && errno != EINTR) {
            return;
        }
        if (fds[0].revents != 0) {
            read_stream(spec, 1, &p->out[0]);
        }
        if (fds[1].revents != 0) {
            read_stream(spec, 2, &p->errors[0]);
        }
        if (fds[2].revents != 0) {
            write_input(&p->in[1], &input);
        }
        if (spec->on_tick != NULL) {
            spec->on_tick(spec->self);
        }
        pass_cancel_on(spec, pid, &asked_ms);
    }
}

static bool reap(pid_t pid, struct proc_result *result, struct err *err) {
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return err_sys(err, errno, "wait for a program");
        }
    }
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return true;
}

bool proc_run(const struct proc_spec *spec, struct proc_result *ret, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const char *program = proc_find(scratch, spec->argv[0]);
    if (program == NULL) {
        err_sys(err, ENOENT, "run '%s'", spec->argv[0]);
        return err_help(err, "install the program '%s'", spec->argv[0]);
    }
    const char **env = merge_env(scratch, spec->env);
    __attribute__((
        cleanup(pipes_close))) struct pipes p = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
    if (!pipes_open(&p, err)) {
        return false;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return err_sys(err, errno, "run '%s'", spec->argv[0]);
    }
    if (pid == 0) {
        child(spec, program, env, &p, parent);
    }
    close(take_fd(&p.in[0]));
    close(take_fd(&p.out[1]));
    close(take_fd(&p.errors[1]));
    close(take_fd(&p.failed[1]));

    struct proc_result result = { 0 };
    int child_errno = 0;
    bool started = read(p.failed[0], &child_errno, sizeof child_errno) != sizeof child_errno;
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction before;
    sigaction(SIGPIPE, &ignore, &before);
    if (started) {
        watch(spec, &p, pid, &result.timed_out);
    }
    sigaction(SIGPIPE, &before, NULL);
    if (result.timed_out) {
        kill(pid, SIGKILL);
    }
    bool reaped = reap(pid, &result, err);
    if (!started) {
        return err_sys(err, child_errno, "run '%s'", spec->argv[0]);
    }
    if (reaped) {
        *ret = result;
    }
    return reaped;
}

static str last_line(str text) {
    text = str_trim(text);
    size_t at = str_find_last_char(text, '\n');
    return at == STR_NONE ? text : str_slice(text, at + 1, text.len);
}

bool proc_check(const struct proc_spec *spec, struct err *err) {
    AUTO_BUF own = BUF_INIT(64 * 1024);
    struct proc_spec with = *spec;
    if (with.errors == NULL && with.on_output == NULL) {
        with.errors = &own;
    }
    struct proc_result result;
    if (!proc_run(&with, &result, err)) {
        return false;
    }
    if (result.timed_out) {
        return err_set(err, "'%s' did not end within %llu ms", spec->argv[0],
                       (unsigned long long)spec->timeout_ms);
    }
    if (result.signal != 0) {
        return err_set(err, "'%s' was killed by signal %d (%s)", spec->argv[0], result.signal,
                       strsignal(result.signal));
    }
    if (result.exit_code == 0) {
        return true;
    }
    str why = with.errors == NULL ? (str){ 0 } : last_line(buf_str(with.errors));
    return err_set(err, "'%s' exited with status %d%s%.*s", spec->argv[0], result.exit_code,
                   why.len > 0 ? ": " : "", STR_FMT(why));
}

// SPDX-License-Identifier: Apache-2.0
// capsem-pty-agent: runs in the guest, started by capsem-init when the root is ready. Keeps a
// control channel and a terminal open to the host, and ends when the host says so or the
// interactive shell has ended; then the machine powers off. One thread, one poll loop; every buffer
// has a fixed size.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent.h"
#include "lib/log.h"
#include "lib/number.h"

enum {
    END_FLUSH_MS = 1000, // how long the last bytes may take to leave
    END_FLUSH_STEP_MS = 100,
    FIXED_POLLS = 5, // signals, control, terminal, shell, the end of the boot
};

static int signals_open(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_signals(struct agent *agent, int fd) {
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGCHLD) {
            agent->ending = true;
        }
    }
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        agent_reaped(agent, pid, status);
    }
}

static void control_lost(struct agent *agent) {
    transport_drop(&agent->control);
    agent_leave(agent);
    agent->ending = agent->ending || transport_is_over(&agent->control);
}

static void move_control(struct agent *agent, short events) {
    if (events & (POLLIN | POLLHUP | POLLERR) &&
        queue_read(&agent->in, agent->control.fd, SIZE_MAX) == IO_LOST) {
        // What came whole before the end still counts: a host may say shutdown and go.
        agent_take_frames(agent);
        control_lost(agent);
        return;
    }
    if (events & POLLOUT && queue_write(&agent->out, agent->control.fd) == IO_LOST) {
        control_lost(agent);
    }
}

static void move_terminal(struct agent *agent, short events) {
    bool lost = events & (POLLIN | POLLHUP | POLLERR) &&
                queue_read(&agent->to_shell, agent->terminal.fd, SIZE_MAX) == IO_LOST;
    lost =
        lost || (events & POLLOUT && queue_write(&agent->to_host, agent->terminal.fd) == IO_LOST);
    if (lost) {
        transport_drop(&agent->terminal);
    } else if (events & POLLIN) {
        transport_proven(&agent->terminal);
    }
}

static void move_shell(struct agent *agent, short events) {
    bool lost = events & (POLLIN | POLLHUP | POLLERR) &&
                queue_read(&agent->to_host, agent->pty.master, SIZE_MAX) == IO_LOST;
    lost =
        lost || (events & POLLOUT && queue_write(&agent->to_shell, agent->pty.master) == IO_LOST);
    if (lost) {
        pty_close(&agent->pty);
    }
}

static bool is_up(const struct transport *transport) {
    return transport->state == TRANSPORT_UP;
}

// An entry that wants nothing is left out (-1): a hung-up descriptor would wake poll for ever.
static struct pollfd want(int fd, bool in, bool out) {
    short events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
    return (struct pollfd){ .fd = events ? fd : -1, .events = events };
}

static void fill_polls(const struct agent *agent, int signals, struct pollfd fds[FIXED_POLLS]) {
    bool takes_frames = queue_room(&agent->out) >= EXEC_REPLIES && queue_room(&agent->in) > 0;
    bool connecting = agent->control.state == TRANSPORT_CONNECTING;
    fds[0] = want(signals, true, false);
    fds[1] = want(agent->control.fd, !connecting && takes_frames && !agent->ending,
                  connecting || agent->out.len > 0);
    connecting = agent->terminal.state == TRANSPORT_CONNECTING;
    fds[2] =
        want(agent->terminal.fd, !connecting && queue_room(&agent->to_shell) > 0 && !agent->ending,
             connecting || agent->to_host.len > 0);
    fds[3] = want(agent->pty.master, is_up(&agent->terminal) && queue_room(&agent->to_host) > 0,
                  agent->to_shell.len > 0);
    fds[4] = want(agent->boot_fd, true, false);
}

static int sooner(int a, int b) {
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void move_bytes(struct agent *agent, const struct pollfd fds[FIXED_POLLS]) {
    if (fds[1].revents && agent->control.state == TRANSPORT_CONNECTING) {
        transport_connected(&agent->control);
    } else if (fds[1].revents) {
        move_control(agent, fds[1].revents);
    }
    if (fds[2].revents && agent->terminal.state == TRANSPORT_CONNECTING) {
        transport_connected(&agent->terminal);
    } else if (fds[2].revents) {
        move_terminal(agent, fds[2].revents);
    }
    if (fds[3].revents) {
        move_shell(agent, fds[3].revents);
    }
    char none[16];
    if (fds[4].revents && read(agent->boot_fd, none, sizeof none) <= 0) {
        agent_booted(agent);
    }
}

// Opens what is down and answers what came, as far as that goes without waiting.
static void work(struct agent *agent) {
    transport_open(&agent->control);
    transport_open(&agent->terminal);
    if (is_up(&agent->control) && agent->phase == AGENT_ALONE) {
        agent_greet(agent);
    }
    if (is_up(&agent->control) && !agent_take_frames(agent)) {
        control_lost(agent);
    }
    exec_pump(&agent->execs, &agent->out);
}

static void wait_and_move(struct agent *agent, int signals, int wait_ms) {
    struct pollfd fds[FIXED_POLLS + EXEC_POLLS];
    fill_polls(agent, signals, fds);
    size_t count = FIXED_POLLS + exec_poll(&agent->execs, &agent->out, fds + FIXED_POLLS);
    wait_ms = sooner(wait_ms, transport_wait_ms(&agent->control));
    wait_ms = sooner(wait_ms, transport_wait_ms(&agent->terminal));
    if (poll(fds, count, wait_ms) < 0) {
        return;
    }
    if (fds[0].revents) {
        take_signals(agent, signals);
    }
    move_bytes(agent, fds);
}

// What is queued leaves before the machine does.
static void flush(struct agent *agent, int signals) {
    uint64_t deadline = clock_ms() + END_FLUSH_MS;
    while (clock_ms() < deadline) {
        bool control = is_up(&agent->control) && agent->out.len > 0;
        bool terminal = is_up(&agent->terminal) && agent->to_host.len > 0;
        if (!control && !terminal) {
            return;
        }
        wait_and_move(agent, signals, END_FLUSH_STEP_MS);
    }
}

// The last words of the shell come before the news of its end.
static void end_shell(struct agent *agent, int signals) {
    while (agent->pty.master >= 0 &&
           queue_read(&agent->to_host, agent->pty.master, SIZE_MAX) == IO_MOVED) {
    }
    flush(agent, signals);
    agent_tell_shell_end(agent);
}

static void run(struct agent *agent, int signals) {
    for (;;) {
        work(agent);
        bool over = agent->shell_ended && !exec_any(&agent->execs);
        if (agent->ending || (over && !agent->linger)) {
            break;
        }
        if (agent->shell_ended && agent->linger && !agent->shell_told) {
            end_shell(agent, signals);
            pty_close(&agent->pty);
            agent->shell_told = true;
        }
        wait_and_move(agent, signals, -1);
    }
    agent->ending = true;
    exec_kill_all(&agent->execs);
    if (agent->shell_ended && !agent->shell_told) {
        end_shell(agent, signals);
    }
    flush(agent, signals);
    pty_close(&agent->pty);
}

enum { FD_MAX = 1000000 };

static int parse_fd(const char *text) {
    return number_parse(text, FD_MAX);
}

static const char usage[] =
    "capsem-pty-agent: the guest's end of the control and terminal channels\n"
    "  --control-fd N    use this open descriptor as the control channel\n"
    "  --terminal-fd N   and this one as the terminal\n"
    "  --timing FILE     the boot stages, JSON lines\n"
    "  --keep-clock      do not set the clock\n";

static bool parse_options(struct agent *agent, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        bool last = i + 1 == argc;
        if (strcmp(argv[i], "--keep-clock") == 0) {
            agent->set_clock = false;
        } else if (!last && strcmp(argv[i], "--control-fd") == 0 && parse_fd(argv[i + 1]) >= 0) {
            transport_lend(&agent->control, parse_fd(argv[++i]));
        } else if (!last && strcmp(argv[i], "--terminal-fd") == 0 && parse_fd(argv[i + 1]) >= 0) {
            transport_lend(&agent->terminal, parse_fd(argv[++i]));
        } else if (!last && strcmp(argv[i], "--timing") == 0) {
            agent->timing_path = argv[++i];
        } else {
            return false;
        }
    }
    // With one of them given, nothing else is looked for.
    agent->control.lent |= agent->terminal.lent;
    agent->terminal.lent |= agent->control.lent;
    return true;
}

// What is still to be done of the boot goes on beside us, and this descriptor ends with it. Not an
// option: the init may be newer than the agent of the image.
static void take_boot_fd(struct agent *agent) {
    const char *text = getenv("CAPSEM_BOOT_FD");
    int fd = text ? parse_fd(text) : -1;
    unsetenv("CAPSEM_BOOT_FD");
    if (fd > STDERR_FILENO && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
        agent->boot_fd = fd;
    }
}

int main(int argc, char **argv) {
    static struct agent agent; // a megabyte of buffers
    agent_init(&agent);
    if (!parse_options(&agent, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    take_boot_fd(&agent);
    int signals = signals_open();
    if (signals < 0) {
        log_line("signalfd: %s", strerror(errno));
        return 1;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    run(&agent, signals);
    // capsem-init does this when we end; without one it is on us.
    if (getpid() == 1) {
        sync();
        reboot(RB_POWER_OFF);
    }
    return 0;
}

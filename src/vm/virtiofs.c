// SPDX-License-Identifier: Apache-2.0
/*
 * Folders of the host's in the guest: a virtiofsd for each, at the other end of a socket that QEMU
 * gets. It ends when that socket does, whatever ended QEMU. There are two programs of that name,
 * the older in C and the newer in Rust: both take these options.
 */
#include <errno.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "vm/internal.h"

enum {
    ANSWER_MS = 3000,
    END_MS = 3000,
    END_STEP_MS = 5,
    ERRORS_MAX = 4096,
    GET_FEATURES = 1, /* vhost-user, "Front-end message types" */
    VERSION_1 = 1,
    IS_REPLY = 4,
};

static const char *const steps[] = {
    [VIRTIOFS_IDS] = "wait for the ids of virtiofsd",
    [VIRTIOFS_MOUNT_NAMESPACE] = "create a mount namespace for virtiofsd",
    [VIRTIOFS_MOUNT] = "mount the folder for virtiofsd",
    [VIRTIOFS_READ_ONLY] = "make the folder read-only for virtiofsd",
    [VIRTIOFS_FILTER] = "load a seccomp filter for virtiofsd",
    [VIRTIOFS_EXEC] = "start virtiofsd",
};

/* Where distributions have it beside PATH, the newer one first. */
static const char *find_program(struct arena *a) {
    static const char *const places[] = { "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd",
                                          "/usr/lib/qemu/virtiofsd" };
    const char *found = proc_find(a, "virtiofsd");
    for (size_t i = 0; i < ARRAY_LEN(places) && found == NULL; i++) {
        found = access(places[i], X_OK) == 0 ? places[i] : NULL;
    }
    return found;
}

/* A listening socket, and one connected to it: nobody else can, its name is gone at once. */
static bool open_sockets(int *ret_listening, int *ret_connected, struct err *err) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char dir[] = "/tmp/capsem-volume-XXXXXX";
    if (mkdtemp(dir) == NULL) {
        return err_sys(err, errno, "create a folder in /tmp");
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", dir);
    const struct sockaddr *any = (const struct sockaddr *)&address;
    AUTO_FD listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_FD connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = listening >= 0 && connected >= 0 && bind(listening, any, sizeof address) == 0 &&
                listen(listening, 1) == 0 && connect(connected, any, sizeof address) == 0;
    int number = errno;
    unlink(address.sun_path);
    rmdir(dir);
    if (!good) {
        return err_sys(err, number, "open a socket for virtiofsd");
    }
    *ret_listening = take_fd(&listening);
    *ret_connected = take_fd(&connected);
    return true;
}

/* One that serves answers a first question; QEMU asks it again. */
static bool answers(int fd) {
    const uint32_t question[] = { GET_FEATURES, VERSION_1, 0 };
    uint32_t answer[5];
    size_t len = 0;
    uint64_t deadline_ms = time_now_ms() + ANSWER_MS;
    if (send(fd, question, sizeof question, MSG_NOSIGNAL) != sizeof question) {
        return false;
    }
    while (len < sizeof answer) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        uint64_t now = time_now_ms();
        if (now >= deadline_ms || poll(&wait, 1, (int)(deadline_ms - now)) < 0) {
            return false;
        }
        ssize_t n = wait.revents == 0
                        ? -1
                        : recv(fd, (char *)answer + len, sizeof answer - len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    return answer[0] == GET_FEATURES && answer[1] == (VERSION_1 | IS_REPLY) &&
           answer[2] == sizeof(uint64_t);
}

void virtiofs_end(pid_t pid) {
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

/* Why it does not serve: the step that failed, or its own last line. */
static bool fail_start(int failed_fd, int errors_fd, struct err *err) {
    char text[ERRORS_MAX];
    struct virtiofs_failure failure;
    if (read(failed_fd, &failure, sizeof failure) == sizeof failure) {
        return err_sys(err, failure.number, "%s", steps[failure.step]);
    }
    ssize_t n = read(errors_fd, text, sizeof text);
    str line = tail_last_line((str){ text, n > 0 ? (size_t)n : 0 });
    return err_set(err, "virtiofsd did not start%s%.*s", line.len > 0 ? ": " : "",
                   STR_FMT(str_clip(line, 200)));
}

static bool start(struct arena *a, const struct vm_volume *volume, bool stays, int *ret_fd,
                  pid_t *ret_pid, struct err *err) {
    struct sock_fprog filter;
    AUTO_FD listening = -1, connected = -1;
    int errors[2], failed[2];
    const char *const args[] = { "virtiofsd", "--fd=3",
                                 "-f",        "--rlimit-nofile=0",
                                 "-o",        "source=" VIRTIOFS_SOURCE,
                                 "-o",        "sandbox=namespace",
                                 NULL };
    struct virtiofs_child c = { .host = volume->host,
                                .read_only = volume->read_only,
                                .stays = stays,
                                .filter = &filter,
                                .program = find_program(a),
                                .args = args,
                                .parent = getpid() };
    if (c.program == NULL) {
        err_set(err, "virtiofsd is not installed");
        return err_help(err, "apt-get install -y --no-install-recommends virtiofsd");
    }
    if (!virtiofs_filter(a, &filter, err) || !open_sockets(&listening, &connected, err)) {
        return false;
    }
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) {
        return err_sys(err, errno, "create a pipe");
    }
    AUTO_FD errors_in = errors[0], errors_out = errors[1];
    if (pipe2(failed, O_CLOEXEC | O_NONBLOCK) != 0) {
        return err_sys(err, errno, "create a pipe");
    }
    AUTO_FD failed_in = failed[0], failed_out = failed[1];
    c.listen_fd = listening;
    c.errors_fd = errors_out;
    c.failed_fd = failed_out;
    pid_t pid;
    if (!virtiofs_fork(&c, &pid, err)) {
        return false;
    }
    /* Once nobody holds the listener any more, a question that nobody will take ends at once. */
    close(take_fd(&listening));
    if (!answers(connected)) {
        virtiofs_end(pid);
        return fail_start(failed_in, errors_in, err);
    }
    *ret_fd = take_fd(&connected);
    *ret_pid = pid;
    return true;
}

bool volumes_start(const struct vm_spec *spec, struct volumes *ret, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    ret->stay = spec->keep_dir != NULL;
    for (size_t i = 0; i < spec->volume_count; i++) {
        const struct vm_volume *volume = &spec->volumes[i];
        if (volume->image_fd > 0) {
            /* A descriptor of our own: which ones are closed depends on no kind. */
            ret->fds[i] = fcntl(volume->image_fd, F_DUPFD_CLOEXEC, 3);
            if (ret->fds[i] < 0) {
                return err_sys(err, errno, "keep the copy of '%s' open", volume->host);
            }
        } else if (!start(scratch, volume, ret->stay, &ret->fds[i], &ret->pids[i], err)) {
            return err_wrap(err, "share '%s'", volume->host);
        }
    }
    return true;
}

void volumes_hand_over(struct volumes *volumes) {
    for (size_t i = 0; i < VM_VOLUMES_MAX; i++) {
        fd_close_auto(&volumes->fds[i]);
        volumes->fds[i] = -1;
    }
}

static void wait_for_end(pid_t pid) {
    const struct timespec pause = { .tv_nsec = END_STEP_MS * 1000000L };
    for (uint64_t deadline_ms = time_now_ms() + END_MS; time_now_ms() < deadline_ms;) {
        pid_t ended = waitpid(pid, NULL, WNOHANG);
        if (ended == pid || (ended < 0 && errno != EINTR)) {
            return;
        }
        nanosleep(&pause, NULL);
    }
    virtiofs_end(pid);
}

void volumes_done(struct volumes *volumes) {
    volumes_hand_over(volumes);
    for (size_t i = 0; i < VM_VOLUMES_MAX; i++) {
        if (volumes->pids[i] > 0 && !volumes->stay) {
            wait_for_end(volumes->pids[i]);
        }
        volumes->pids[i] = 0;
    }
}

bool vm_volume_try(const struct vm_volume *volume, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    AUTO_FD fd = -1;
    pid_t pid;
    if (!start(scratch, volume, false, &fd, &pid, err)) {
        return false;
    }
    virtiofs_end(pid);
    return true;
}

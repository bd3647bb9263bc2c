// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "vm/internal.h"

enum { BACKLOG = 4, NOTE_MAX = 64, END_MS = 5000, START_BYTES = 48 };

static const char *const socket_names[] = {
    [KEPT_CONSOLE] = "console",
    [KEPT_CONTROL] = "control",
    [KEPT_TERMINAL] = "terminal",
};

static bool open_socket(const char *dir, enum kept_socket which, bool listens, int *ret_fd,
                        struct err *err) {
    AUTO_FD dirfd = open(dir, OS_FOLDER | O_CLOEXEC);
    if (dirfd < 0) {
        return err_sys(err, errno, "open '%s'", dir);
    }
    AUTO_FD fd = os_socket(AF_UNIX, SOCK_STREAM);
    const char *name = socket_names[which];
    if (listens) {
        unlinkat(dirfd, name, 0);
    }
    if (fd < 0 ||
        (listens ? os_bind_at(fd, dirfd, name) != 0 || listen(fd, BACKLOG) != 0
                 : os_connect_at(fd, dirfd, name) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)) {
        return err_sys(err, errno, "open the socket '%s/%s'", dir, name);
    }
    *ret_fd = take_fd(&fd);
    return true;
}

bool kept_listen(const char *dir, enum kept_socket which, int *ret_fd, struct err *err) {
    return open_socket(dir, which, true, ret_fd, err);
}

bool kept_connect(const char *dir, enum kept_socket which, int *ret_fd, struct err *err) {
    return open_socket(dir, which, false, ret_fd, err);
}

static const char *note_path(struct arena *a, const char *dir) {
    return path_join(a, dir, "pid");
}

bool kept_note(const char *dir, pid_t pid, struct err *err) {
    AUTO_ARENA a = arena_new();
    char start[START_BYTES] = "";
    (void)os_process_start(pid, start, sizeof start);
    str note = str_fmt(a, "%d %s\n", (int)pid, start);
    return fs_store(AT_FDCWD, note_path(a, dir), note, 0600, err);
}

pid_t kept_pid(const char *dir) {
    AUTO_ARENA a = arena_new();
    str note;
    uint64_t pid;
    char now[START_BYTES];
    if (!fs_load(a, AT_FDCWD, note_path(a, dir), NOTE_MAX, &note, NULL)) {
        return 0;
    }
    str start = str_trim(note);
    if (!str_to_u64(str_cut(&start, ' '), &pid) || pid == 0 || pid > INT32_MAX || start.len == 0 ||
        !os_process_start((pid_t)pid, now, sizeof now) || !str_eq(str_from_c(now), start)) {
        return 0;
    }
    return (pid_t)pid;
}

bool kept_lock(const char *dir, int *ret_fd, struct err *err) {
    AUTO_ARENA a = arena_new();
    const char *path = path_join(a, dir, "lock");
    AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_sys(err, errno, "open '%s'", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? err_set(err, "another run or attach is using this machine")
                                    : err_sys(err, errno, "lock '%s'", path);
    }
    *ret_fd = take_fd(&fd);
    return true;
}

bool vm_is_kept(const char *dir) {
    return kept_pid(dir) != 0;
}

bool vm_end_kept(const char *dir, struct err *err) {
    pid_t pid = kept_pid(dir);
    if (pid != 0) {
        AUTO_FD fd = os_process_fd(pid);
        /* Looked at again: the descriptor is of the process that the note means. */
        if (fd < 0 || kept_pid(dir) != pid || kill(pid, SIGKILL) != 0) {
            return err_sys(err, errno, "end the machine's process %d", (int)pid);
        }
        struct pollfd gone = { .fd = fd, .events = POLLIN };
        if (poll(&gone, 1, END_MS) != 1) {
            return err_set(err, "the machine's process %d did not end", (int)pid);
        }
    }
    return fs_remove_tree(AT_FDCWD, dir, err);
}

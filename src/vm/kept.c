// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "vm/internal.h"

enum { BACKLOG = 4, NOTE_MAX = 64, END_MS = 5000, STAT_MAX = 4096, START_WORD = 19 };

static const char *const socket_names[] = {
    [KEPT_CONSOLE] = "console",
    [KEPT_CONTROL] = "control",
    [KEPT_TERMINAL] = "terminal",
};

/* A socket's path has 107 bytes; that of a descriptor is short, whatever the folder's is. */
static bool make_address(int dirfd, enum kept_socket which, struct sockaddr_un *ret) {
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    int len = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", dirfd,
                       socket_names[which]);
    return len > 0 && (size_t)len < sizeof ret->sun_path;
}

static bool open_socket(const char *dir, enum kept_socket which, bool listens, int *ret_fd,
                        struct err *err) {
    struct sockaddr_un address;
    AUTO_FD dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0 || !make_address(dirfd, which, &address)) {
        return err_sys(err, errno, "open '%s'", dir);
    }
    AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *any = (const struct sockaddr *)&address;
    if (listens) {
        unlinkat(dirfd, socket_names[which], 0);
    }
    if (fd < 0 ||
        (listens ? bind(fd, any, sizeof address) != 0 || listen(fd, BACKLOG) != 0
                 : connect(fd, any, sizeof address) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)) {
        return err_sys(err, errno, "open the socket '%s/%s'", dir, socket_names[which]);
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

/* When a process was started, as proc(5) has it: with it a pid means one process for ever. */
static str started(struct arena *a, pid_t pid) {
    str text;
    const char *path = str_fmt(a, "/proc/%d/stat", (int)pid).ptr;
    if (!fs_load(a, AT_FDCWD, path, STAT_MAX, &text, NULL)) {
        return S("");
    }
    /* Behind the name, which may hold anything, in parentheses. */
    str rest = str_slice(text, str_find_last_char(text, ')') + 2, text.len);
    str word = S("");
    for (int i = 0; i <= START_WORD; i++) {
        word = str_cut(&rest, ' ');
    }
    return word;
}

static const char *note_path(struct arena *a, const char *dir) {
    return path_join(a, dir, "pid");
}

bool kept_note(const char *dir, pid_t pid, struct err *err) {
    AUTO_ARENA a = arena_new();
    str start = started(a, pid);
    str note = str_fmt(a, "%d %.*s\n", (int)pid, STR_FMT(start));
    return fs_store(AT_FDCWD, note_path(a, dir), note, 0600, err);
}

pid_t kept_pid(const char *dir) {
    AUTO_ARENA a = arena_new();
    str note;
    uint64_t pid;
    if (!fs_load(a, AT_FDCWD, note_path(a, dir), NOTE_MAX, &note, NULL)) {
        return 0;
    }
    str start = str_trim(note);
    if (!str_to_u64(str_cut(&start, ' '), &pid) || pid == 0 || pid > INT32_MAX || start.len == 0 ||
        !str_eq(started(a, (pid_t)pid), start)) {
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
        return errno == EWOULDBLOCK ? err_set(err, "another run or attach uses this machine")
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
        AUTO_FD fd = (int)syscall(SYS_pidfd_open, pid, 0);
        /* Looked at again: the descriptor is of the process that the note means. */
        if (fd < 0 || kept_pid(dir) != pid || kill(pid, SIGKILL) != 0) {
            return err_sys(err, errno, "end the machine's process %d", (int)pid);
        }
        struct pollfd gone = { .fd = fd, .events = POLLIN };
        if (poll(&gone, 1, END_MS) != 1) {
            return err_set(err, "the machine's process %d does not end", (int)pid);
        }
    }
    return fs_remove_tree(AT_FDCWD, dir, err);
}

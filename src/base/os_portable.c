// SPDX-License-Identifier: Apache-2.0
/* What POSIX.1-2008 and macOS have. Compiled where Linux's side is not: macOS, and -Dportable=true.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "base/fs.h"
#include "base/os.h"
#include "base/proc.h"

static int failed(int number) {
    errno = number;
    return -1;
}

static bool refused(int number) {
    errno = number;
    return false;
}

/* ---- processes ---- */

void os_die_with_parent(void) {
}

/* A limit of millions is as good as none: what we open has low numbers. */
static int descriptors_end(void) {
    long end = sysconf(_SC_OPEN_MAX);
    return end < 0 || end > 4096 ? 4096 : (int)end;
}

bool os_close_from(int first) {
    for (int fd = first; fd < descriptors_end(); fd++) {
        close(fd);
    }
    return true;
}

void os_close_on_exec_from(int first) {
    for (int fd = first; fd < descriptors_end(); fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0) {
            fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        }
    }
}

unsigned os_processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (unsigned)count;
}

struct watched {
    pid_t pid;
    int fd; /* closed when it has ended */
};

/* A child is waited for without being reaped; of another process the signal 0 tells. */
static void *watch(void *given) {
    enum { LOOK_MS = 50 };
    struct watched w = *(struct watched *)given;
    siginfo_t info;
    free(given);
    while (waitid(P_PID, (id_t)w.pid, &info, WEXITED | WNOWAIT) < 0) {
        if (errno == ECHILD && kill(w.pid, 0) < 0 && errno == ESRCH) {
            break;
        }
        poll(NULL, 0, LOOK_MS);
    }
    close(w.fd);
    return NULL;
}

int os_process_fd(pid_t pid) {
    int fds[2];
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    struct watched *w = malloc(sizeof *w);
    if (w == NULL || os_pipe(fds) < 0) {
        free(w);
        return -1;
    }
    *w = (struct watched){ pid, fds[1] };
    sigfillset(&all); /* signals are for the other threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int why = pthread_create(&thread, NULL, watch, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (why != 0) {
        free(w);
        close(fds[0]);
        close(fds[1]);
        errno = why;
        return -1;
    }
    pthread_detach(thread);
    return fds[0];
}

bool os_process_start(pid_t pid, char *ret, size_t size) {
    char number[32];
    const char *const argv[] = { "ps", "-o", "lstart=", "-p", number, NULL };
    snprintf(number, sizeof number, "%d", (int)pid);
    AUTO_BUF out = BUF_INIT(4096);
    struct proc_spec spec = { .argv = argv, .out = &out, .timeout_ms = 10000 };
    if (!proc_check(&spec, NULL)) {
        return false;
    }
    str start = str_trim(buf_str(&out));
    size_t at = 0;
    for (; at < start.len && at + 1 < size; at++) { /* one word of it */
        ret[at] = start.ptr[at] == ' ' ? '-' : start.ptr[at];
    }
    ret[at] = '\0';
    return at > 0;
}

const char *os_own_program(void) {
#ifdef __APPLE__
    static char path[PATH_MAX];
    uint32_t size = sizeof path;
    return _NSGetExecutablePath(path, &size) == 0 ? path : "capsem-builder";
#else
    return "/proc/self/exe"; /* which several systems have */
#endif
}

bool os_boot_id(char *ret, size_t size) {
    (void)size;
    ret[0] = '\0';
    return false;
}

uint64_t os_boot_time_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- signals ---- */

enum { SIGNALS_MAX = 4, NUMBERS_MAX = 32 };

/* The end of each pipe that a handler writes to, and what for; -1: free. */
static struct {
    volatile sig_atomic_t fd;
    int read_fd;
    sigset_t signals;
} taken[SIGNALS_MAX] = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 }, { .fd = -1 } };

static void on_signal(int number) {
    int before = errno;
    unsigned char byte = (unsigned char)number;
    for (int i = 0; i < SIGNALS_MAX; i++) {
        if (taken[i].fd >= 0 && sigismember(&taken[i].signals, number) == 1) {
            ssize_t ignored = write(taken[i].fd, &byte, 1);
            (void)ignored;
        }
    }
    errno = before;
}

int os_signals_open(const sigset_t *signals) {
    int fds[2];
    int slot = 0;
    while (slot < SIGNALS_MAX && taken[slot].fd >= 0) {
        slot++;
    }
    if (slot == SIGNALS_MAX || os_pipe(fds) < 0) {
        return slot == SIGNALS_MAX ? failed(EMFILE) : -1;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    taken[slot].signals = *signals;
    taken[slot].read_fd = fds[0];
    taken[slot].fd = fds[1];
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    for (int number = 1; number < NUMBERS_MAX; number++) {
        if (sigismember(signals, number) == 1) {
            sigaction(number, &action, NULL);
        }
    }
    sigprocmask(SIG_UNBLOCK, signals, NULL);
    return fds[0];
}

int os_signals_next(int fd) {
    unsigned char number;
    return read(fd, &number, 1) == 1 ? number : 0;
}

void os_signals_close(int *fd) {
    for (int i = 0; i < SIGNALS_MAX && *fd >= 0; i++) {
        if (taken[i].fd >= 0 && taken[i].read_fd == *fd) {
            int end = taken[i].fd;
            taken[i].fd = -1;
            close(end);
        }
    }
    fd_close_auto(fd);
    *fd = -1;
}

/* ---- descriptors ---- */

/* Not in one step: who forks meanwhile in another thread would hand it on. Nobody here does. */
static int close_on_exec(int fd) {
    if (fd >= 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
}

int os_pipe(int fds[2]) {
    if (pipe(fds) < 0) {
        return -1;
    }
    close_on_exec(fds[0]);
    close_on_exec(fds[1]);
    return 0;
}

int os_socket(int domain, int type) {
    return close_on_exec(socket(domain, type, 0));
}

int os_socket_pair(int domain, int type, int fds[2]) {
    if (socketpair(domain, type, 0, fds) < 0) {
        return -1;
    }
    close_on_exec(fds[0]);
    close_on_exec(fds[1]);
    return 0;
}

int os_dup_to(int fd, int place) {
    return close_on_exec(dup2(fd, place));
}

typedef int name_function(int fd, const struct sockaddr *address, socklen_t len);

/* For calls that take no descriptor of a folder: the working folder is that one meanwhile. */
static int enter_folder(int dirfd) {
    AUTO_FD here = open(".", OS_FOLDER | O_CLOEXEC);
    return here < 0 || (dirfd != AT_FDCWD && fchdir(dirfd) < 0) ? -1 : take_fd(&here);
}

static int leave_folder(int here, int result) {
    int why = errno;
    int back = fchdir(here);
    close(here);
    errno = why;
    return back < 0 ? -1 : result;
}

/* By its name alone: a socket's path has about a hundred bytes. */
static int call_at(int fd, int dirfd, const char *name, name_function *function) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(name) >= sizeof address.sun_path) {
        return failed(ENAMETOOLONG);
    }
    memcpy(address.sun_path, name, strlen(name) + 1);
    int here = enter_folder(dirfd);
    return here < 0 ? -1
                    : leave_folder(here,
                                   function(fd, (const struct sockaddr *)&address, sizeof address));
}

int os_bind_at(int fd, int dirfd, const char *name) {
    return call_at(fd, dirfd, name, bind);
}

int os_connect_at(int fd, int dirfd, const char *name) {
    return call_at(fd, dirfd, name, connect);
}

/* ---- opening ---- */

enum { LINKS_MAX = 40 };

/* The first part of a path, copied; the rest after its slashes. */
static bool next_part(const char **path, char ret[NAME_MAX + 1]) {
    size_t len = strcspn(*path, "/");
    if (len > NAME_MAX) {
        return false;
    }
    memcpy(ret, *path, len);
    ret[len] = '\0';
    *path += len + strspn(*path + len, "/");
    return true;
}

static int open_parts(int dirfd, const char *path, int flags, mode_t mode) {
    AUTO_FD here = -1;
    char part[NAME_MAX + 1];
    if (path[0] == '/') {
        return failed(EXDEV);
    }
    for (;;) {
        if (!next_part(&path, part)) {
            return failed(ENAMETOOLONG);
        }
        if (strcmp(part, "..") == 0) {
            return failed(EXDEV);
        }
        bool last = path[0] == '\0';
        int next = openat(here < 0 ? dirfd : here, part,
                          (last ? flags : OS_FOLDER) | O_NOFOLLOW | O_CLOEXEC, mode);
        int why = errno;
        fd_close_auto(&here);
        here = -1;
        if (next < 0 || last) {
            errno = why;
            return next;
        }
        here = next;
    }
}

int os_open_beneath(int dirfd, const char *path, int flags) {
    return open_parts(dirfd, path, flags, 0);
}

/* A path on its way: what is known to be free of links, and what is still to be looked at. */
struct resolution {
    char done[PATH_MAX]; /* "" is the root */
    char rest[PATH_MAX];
    int links;
};

static void go_up(struct resolution *r) {
    char *slash = strrchr(r->done, '/');
    r->done[slash == NULL ? 0 : slash - r->done] = '\0';
}

static bool append(char path[PATH_MAX], const char *part) {
    size_t len = strlen(path);
    int more = snprintf(path + len, PATH_MAX - len, "%s%s", len == 0 ? "" : "/", part);
    return more >= 0 && (size_t)more < PATH_MAX - len;
}

/* -1: it is no link, or not there. */
static ssize_t read_link(int rootfd, const char *folder, const char *part, char ret[PATH_MAX]) {
    AUTO_FD dirfd = open_parts(rootfd, folder[0] == '\0' ? "." : folder, OS_FOLDER, 0);
    ssize_t len = dirfd < 0 ? -1 : readlinkat(dirfd, part, ret, PATH_MAX - 1);
    if (len >= 0) {
        ret[len] = '\0';
    }
    return len;
}

static bool enter_link(struct resolution *r, const char *target) {
    char rest[PATH_MAX];
    if (++r->links > LINKS_MAX) {
        return refused(ELOOP);
    }
    int len = snprintf(rest, sizeof rest, "%s%s%s", target, r->rest[0] == '\0' ? "" : "/", r->rest);
    if (len < 0 || (size_t)len >= sizeof rest) {
        return refused(ENAMETOOLONG);
    }
    if (target[0] == '/') {
        r->done[0] = '\0';
    }
    memcpy(r->rest, rest, (size_t)len + 1);
    return true;
}

static bool step(struct resolution *r, int rootfd, bool follows_last) {
    char part[NAME_MAX + 1];
    char target[PATH_MAX];
    const char *at = r->rest + strspn(r->rest, "/");
    if (!next_part(&at, part)) {
        return refused(ENAMETOOLONG);
    }
    memmove(r->rest, at, strlen(at) + 1);
    if (part[0] == '\0' || strcmp(part, ".") == 0) {
        return true;
    }
    if (strcmp(part, "..") == 0) {
        go_up(r);
        return true;
    }
    if ((r->rest[0] != '\0' || follows_last) && read_link(rootfd, r->done, part, target) >= 0) {
        return enter_link(r, target);
    }
    return append(r->done, part) || refused(ENAMETOOLONG);
}

/* The links are looked at first and the way is gone without any afterwards: whoever changes one
 * meanwhile gets an error, never a way out. */
int os_open_in_root(int rootfd, const char *path, int flags, mode_t mode) {
    struct resolution r = { .links = 0 };
    size_t len = strlen(path);
    if (len == 0) {
        return failed(ENOENT);
    }
    if (len >= sizeof r.rest) {
        return failed(ENAMETOOLONG);
    }
    memcpy(r.rest, path, len + 1);
    bool follows_last =
        (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
    while (r.rest[0] != '\0') {
        if (!step(&r, rootfd, follows_last)) {
            return -1;
        }
    }
    return open_parts(rootfd, r.done[0] == '\0' ? "." : r.done, flags, mode);
}

int os_open_unnamed(const char *folder) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/.tmp-XXXXXX", folder) >= (int)sizeof path) {
        return failed(ENAMETOOLONG);
    }
    int fd = close_on_exec(mkstemp(path));
    if (fd >= 0) {
        unlink(path);
    }
    return fd;
}

/* ---- listing a folder ---- */

bool os_listing_begin(struct os_listing *l, int fd, char *buf, size_t size) {
    AUTO_FD own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    *l = (struct os_listing){ .fd = fd, .buf = buf, .size = size };
    l->stream = own < 0 ? NULL : fdopendir(own);
    if (l->stream != NULL) {
        take_fd(&own);
    }
    return l->stream != NULL;
}

const char *os_listing_next(struct os_listing *l) {
    errno = 0;
    const struct dirent *entry = readdir(l->stream);
    return entry == NULL ? NULL : entry->d_name;
}

void os_listing_end(struct os_listing *l) {
    closedir(l->stream);
}

/* ---- files ---- */

int os_make_special(int dirfd, const char *name, mode_t mode, dev_t device) {
    int here = enter_folder(dirfd);
    return here < 0 ? -1 : leave_folder(here, mknod(name, mode, device));
}

#ifdef __APPLE__
int os_rename_new(int dirfd, const char *from, int to_dirfd, const char *to) {
    return renameatx_np(dirfd, from, to_dirfd, to, RENAME_EXCL);
}

int os_rename_swap(int dirfd, const char *from, int to_dirfd, const char *to) {
    return renameatx_np(dirfd, from, to_dirfd, to, RENAME_SWAP);
}
#else
/* A second name is given only where there is none; a folder cannot have two. */
int os_rename_new(int dirfd, const char *from, int to_dirfd, const char *to) {
    struct stat st;
    if (linkat(dirfd, from, to_dirfd, to, 0) == 0) {
        return unlinkat(dirfd, from, 0);
    }
    if (errno != EPERM) {
        return -1;
    }
    if (fstatat(to_dirfd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return failed(EEXIST);
    }
    return renameat(dirfd, from, to_dirfd, to);
}

int os_rename_swap(int dirfd, const char *from, int to_dirfd, const char *to) {
    char aside[PATH_MAX];
    if (snprintf(aside, sizeof aside, "%s.old-%d", from, (int)getpid()) >= (int)sizeof aside) {
        return failed(ENAMETOOLONG);
    }
    if (renameat(to_dirfd, to, dirfd, aside) < 0) {
        return -1;
    }
    if (renameat(dirfd, from, to_dirfd, to) < 0) {
        int why = errno;
        (void)!renameat(dirfd, aside, to_dirfd, to);
        return failed(why);
    }
    return renameat(dirfd, aside, dirfd, from);
}
#endif

int os_clone(int from, int to) {
    (void)from;
    (void)to;
    return failed(ENOTSUP);
}

ssize_t os_copy_range(int from, off_t *from_at, int to, off_t *to_at, size_t len) {
    (void)from;
    (void)from_at;
    (void)to;
    (void)to_at;
    (void)len;
    return failed(ENOSYS);
}

int os_sync_data(int fd) {
    return fsync(fd);
}

int os_sync_filesystem(int fd) {
    (void)fd;
    return failed(ENOTSUP);
}

void os_sync_start(int fd) {
    (void)fd;
}

uint64_t os_mount_id(int fd) {
    (void)fd;
    return 0;
}

bool os_path_at(int dirfd, const char *name, char *ret, size_t size) {
    (void)dirfd;
    (void)name;
    (void)ret;
    (void)size;
    return false;
}

ssize_t os_list_xattrs(const char *name, int fd, char *ret, size_t size) {
    (void)name;
    (void)fd;
    (void)ret;
    (void)size;
    return failed(ENOTSUP);
}

ssize_t os_get_xattr(const char *name, int fd, const char *attribute, void *ret, size_t size) {
    (void)name;
    (void)fd;
    (void)attribute;
    (void)ret;
    (void)size;
    return failed(ENOTSUP);
}

int os_set_xattr(const char *name, int fd, const char *attribute, const void *value, size_t len) {
    (void)name;
    (void)fd;
    (void)attribute;
    (void)value;
    (void)len;
    return failed(ENOTSUP);
}

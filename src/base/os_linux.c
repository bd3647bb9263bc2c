// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/os.h"
#include "base/str.h"

/* ---- processes ---- */

void os_die_with_parent(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void os_close_on_exec_from(int first) {
    close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC);
}

bool os_close_from(int first) {
    return close_range((unsigned)first, ~0U, 0) == 0;
}

unsigned os_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : (unsigned)CPU_COUNT(&set);
}

int os_process_fd(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* proc(5), /proc/PID/stat: after the name, which may hold anything, in parentheses. */
bool os_process_start(pid_t pid, char *ret, size_t size) {
    enum { STARTTIME = 22, STATE = 3 };
    char text[4096];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (len <= 0) {
        return false;
    }
    str rest = { text, (size_t)len };
    size_t name_end = str_find_last_char(rest, ')');
    str word = S("");
    rest = str_slice(rest, name_end == STR_NONE ? rest.len : name_end + 2, rest.len);
    for (int i = STATE; i <= STARTTIME; i++) {
        word = str_cut(&rest, ' ');
    }
    return word.len > 0 && snprintf(ret, size, "%.*s", STR_FMT(word)) < (int)size;
}

const char *os_own_program(void) {
    return "/proc/self/exe";
}

bool os_boot_id(char *ret, size_t size) {
    AUTO_FD fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
    ret[n > 0 ? n : 0] = '\0';
    if (n <= 0) { /* not known: another one for each process, so that none believes another's */
        snprintf(ret, size, "%d %llu", (int)getpid(), (unsigned long long)os_boot_time_ns());
    }
    return true;
}

uint64_t os_boot_time_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- signals ---- */

int os_signals_open(const sigset_t *signals) {
    return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int os_signals_next(int fd) {
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

void os_signals_close(int *fd) {
    fd_close_auto(fd);
    *fd = -1;
}

/* ---- descriptors ---- */

int os_pipe(int fds[2]) {
    return pipe2(fds, O_CLOEXEC);
}

int os_socket(int domain, int type) {
    return socket(domain, type | SOCK_CLOEXEC, 0);
}

int os_socket_pair(int domain, int type, int fds[2]) {
    return socketpair(domain, type | SOCK_CLOEXEC, 0, fds);
}

int os_dup_to(int fd, int place) {
    return dup3(fd, place, O_CLOEXEC);
}

/* A socket's path has 107 bytes; that of a descriptor is short. */
static bool address_at(int dirfd, const char *name, struct sockaddr_un *ret) {
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    int len = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", dirfd, name);
    errno = ENAMETOOLONG;
    return len > 0 && (size_t)len < sizeof ret->sun_path;
}

int os_bind_at(int fd, int dirfd, const char *name) {
    struct sockaddr_un address;
    return address_at(dirfd, name, &address)
               ? bind(fd, (const struct sockaddr *)&address, sizeof address)
               : -1;
}

int os_connect_at(int fd, int dirfd, const char *name) {
    struct sockaddr_un address;
    return address_at(dirfd, name, &address)
               ? connect(fd, (const struct sockaddr *)&address, sizeof address)
               : -1;
}

/* ---- opening ---- */

static int open_how(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve) {
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? mode : 0,
        .resolve = resolve,
    };
    int fd;
    do { /* EAGAIN: a rename raced with the resolution of ".." */
        fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    } while (fd < 0 && errno == EAGAIN);
    return fd;
}

int os_open_in_root(int rootfd, const char *path, int flags, mode_t mode) {
    return open_how(rootfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int os_open_beneath(int dirfd, const char *path, int flags) {
    return open_how(dirfd, path, flags | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int os_open_unnamed(const char *folder) {
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
        return fd;
    }
    char path[PATH_MAX]; /* a file system that does not know it */
    if (snprintf(path, sizeof path, "%s/.tmp-XXXXXX", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        unlink(path);
    }
    return fd;
}

/* ---- listing a folder ---- */

bool os_listing_begin(struct os_listing *l, int fd, char *buf, size_t size) {
    *l = (struct os_listing){ .fd = fd, .buf = buf, .size = size };
    return true;
}

const char *os_listing_next(struct os_listing *l) {
    errno = 0;
    if (l->at == l->len) {
        ssize_t len = getdents64(l->fd, l->buf, l->size);
        if (len <= 0) {
            return NULL;
        }
        l->len = (size_t)len;
        l->at = 0;
    }
    const struct dirent64 *entry = (const void *)(l->buf + l->at);
    l->at += entry->d_reclen;
    return entry->d_name;
}

void os_listing_end(struct os_listing *l) {
    (void)l;
}

/* ---- files ---- */

int os_make_special(int dirfd, const char *name, mode_t mode, dev_t device) {
    return mknodat(dirfd, name, mode, device);
}

int os_rename_new(int dirfd, const char *from, int to_dirfd, const char *to) {
    return renameat2(dirfd, from, to_dirfd, to, RENAME_NOREPLACE);
}

int os_rename_swap(int dirfd, const char *from, int to_dirfd, const char *to) {
    return renameat2(dirfd, from, to_dirfd, to, RENAME_EXCHANGE);
}

int os_clone(int from, int to) {
    return ioctl(to, FICLONE, from);
}

ssize_t os_copy_range(int from, off_t *from_at, int to, off_t *to_at, size_t len) {
    return copy_file_range(from, from_at, to, to_at, len, 0);
}

int os_sync_data(int fd) {
    return fdatasync(fd);
}

int os_sync_filesystem(int fd) {
    return syncfs(fd);
}

void os_sync_start(int fd) {
    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* As statx(2) lays them out; the C library's struct does not have the number yet. */
enum { MNT_ID_UNIQUE = 0x4000, MASK_AT = 0, MNT_ID_AT = 0x90, STATX_BYTES = 256 }; /* Linux 6.8 */

uint64_t os_mount_id(int fd) {
    unsigned char buf[STATX_BYTES];
    uint32_t mask;
    uint64_t id;
    if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, MNT_ID_UNIQUE, buf) < 0) {
        return 0;
    }
    memcpy(&mask, buf + MASK_AT, sizeof mask);
    memcpy(&id, buf + MNT_ID_AT, sizeof id);
    return (mask & MNT_ID_UNIQUE) != 0 ? id : 0;
}

bool os_path_at(int dirfd, const char *name, char *ret, size_t size) {
    int len = snprintf(ret, size, "/proc/self/fd/%d/%s", dirfd, name);
    return len > 0 && (size_t)len < size;
}

ssize_t os_list_xattrs(const char *name, int fd, char *ret, size_t size) {
    return name != NULL ? llistxattr(name, ret, size) : flistxattr(fd, ret, size);
}

ssize_t os_get_xattr(const char *name, int fd, const char *attribute, void *ret, size_t size) {
    return name != NULL ? lgetxattr(name, attribute, ret, size)
                        : fgetxattr(fd, attribute, ret, size);
}

int os_set_xattr(const char *name, int fd, const char *attribute, const void *value, size_t len) {
    return name != NULL ? lsetxattr(name, attribute, value, len, 0)
                        : fsetxattr(fd, attribute, value, len, 0);
}

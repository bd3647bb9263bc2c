// SPDX-License-Identifier: Apache-2.0
/*
 * What kernels do differently, in one place: os_linux.c has it as Linux does, os_portable.c with
 * what POSIX.1-2008 and macOS have. The rest of the program, but for the rooms and files that
 * src/meson.build calls Linux-only, uses nothing else of a kernel than POSIX;
 * tests/lint/portable.py looks.
 *
 * Functions return -1 and set errno, where nothing else is said.
 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#ifdef __linux__
#include <sys/sysmacros.h> /* major(), minor(), makedev(): elsewhere of sys/types.h */
#endif

/* ---- processes ---- */

/* In a child: it is killed when its parent ends, where the kernel can promise that. Elsewhere it
 * ends when it next writes to what its parent read. */
void os_die_with_parent(void);
/* Descriptors from `first` on are closed by exec. */
void os_close_on_exec_from(int first);
bool os_close_from(int first);
/* Processors that this process may use; at least 1. */
unsigned os_processors(void);

/* A descriptor that is ready to be read once the process has ended, a child or not. */
int os_process_fd(pid_t pid);
/* When it was started, in some text: with it a pid means one process for ever. False: it is not
 * there. */
bool os_process_start(pid_t pid, char *ret, size_t size);

/* Where this program can be started from again. */
const char *os_own_program(void);

/* A text that another start of this machine has not. False: it cannot be told. */
bool os_boot_id(char *ret, size_t size);
/* Nanoseconds since this machine was started, sleep included: never the same twice after a step
 * back of the clock. */
uint64_t os_boot_time_ns(void);

/* ---- signals as something to wait for ---- */

/* The signals are blocked by the caller, in its only thread. The descriptor is ready when one of
 * them has come, and does not block. */
int os_signals_open(const sigset_t *signals);
/* The number of the next one; 0: none. One of several descriptors may have it, or all. */
int os_signals_next(int fd);
void os_signals_close(int *fd);

/* ---- descriptors: each is close-on-exec ---- */

int os_pipe(int fds[2]);
int os_socket(int domain, int type);
int os_socket_pair(int domain, int type, int fds[2]);
int os_dup_to(int fd, int place);
/* A Unix socket by its name in a folder, however long the folder's path is. */
int os_bind_at(int fd, int dirfd, const char *name);
int os_connect_at(int fd, int dirfd, const char *name);

/* ---- opening ---- */

/* A folder to open things in, not to read it. */
#ifdef CAPSEM_PORTABLE
#define OS_FOLDER  (O_RDONLY | O_DIRECTORY)
#define OS_NOATIME 0
#else
#define OS_FOLDER  (O_PATH | O_DIRECTORY)
#define OS_NOATIME O_NOATIME /* reading does not show; only the owner may */
#endif

/* Below `rootfd` as if it were the root: neither ".." nor an absolute link leaves it. */
int os_open_in_root(int rootfd, const char *path, int flags, mode_t mode);
/* Below `dirfd`, through no link at all; "..", which would leave it, is refused. */
int os_open_beneath(int dirfd, const char *path, int flags);
/* A file without a name, in a folder of its file system. */
int os_open_unnamed(const char *folder);

/* ---- listing a folder ---- */

struct os_listing {
    int fd; /* of the folder, the caller's; at its start */
    char *buf;
    size_t size;
    size_t len; /* of what is in buf */
    size_t at;
    void *stream; /* where names come one by one */
};
/* `buf`, the caller's, holds some names at once; it starts as a struct may. */
bool os_listing_begin(struct os_listing *l, int fd, char *buf, size_t size);
/* In no order, and "." and ".." too. NULL: the end, or errno is not 0. Valid until the next call.
 */
const char *os_listing_next(struct os_listing *l);
void os_listing_end(struct os_listing *l);

/* ---- files ---- */

/* A pipe, a socket or a device. */
int os_make_special(int dirfd, const char *name, mode_t mode, dev_t device);
/* Fails with EEXIST when `to` is there. */
int os_rename_new(int dirfd, const char *from, int to_dirfd, const char *to);
/* Both must be there. In one step, where the kernel has one. */
int os_rename_swap(int dirfd, const char *from, int to_dirfd, const char *to);
/* All of `from` becomes all of `to`, and shares its blocks. */
int os_clone(int from, int to);
/* As copy_file_range(2), with ENOSYS where there is none. */
ssize_t os_copy_range(int from, off_t *from_at, int to, off_t *to_at, size_t len);
/* The content is on the disk; of the times those that it takes to read it. */
int os_sync_data(int fd);

/* Everything that was written to the file system of `fd` before the call is on the disk. ENOTSUP:
 * this system cannot promise that. */
int os_sync_filesystem(int fd);
/* Starts to write the file to the disk, without waiting. */
void os_sync_start(int fd);
/* A number of the mount that `fd` is on, which no later mount of this machine has. 0: unknown. */
uint64_t os_mount_id(int fd);

/* A path of `name` in a folder that is open, for functions that take no descriptor. False: this
 * system has none, or it does not fit. */
bool os_path_at(int dirfd, const char *name, char *ret, size_t size);

/* Extended attributes of `name`, never through a link, or of `fd` when `name` is NULL. ENOTSUP:
 * there are none here; those of macOS mean nothing in a guest. */
ssize_t os_list_xattrs(const char *name, int fd, char *ret, size_t size);
ssize_t os_get_xattr(const char *name, int fd, const char *attribute, void *ret, size_t size);
int os_set_xattr(const char *name, int fd, const char *attribute, const void *value, size_t len);

// SPDX-License-Identifier: Apache-2.0
/*
 * Files. Parameters are "directory fd, then path"; AT_FDCWD works everywhere. Everything opened
 * is close-on-exec. Outputs are written beside their place and renamed, so a reader sees the old
 * file or the new one.
 */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

static inline void fd_close_auto(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
}
/* int fd that is closed when it leaves its scope; -1 is none. */
#define AUTO_FD __attribute__((cleanup(fd_close_auto))) int

static inline int take_fd(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void dir_close_auto(DIR **dir) {
    if (*dir != NULL) {
        closedir(*dir);
    }
}
#define AUTO_DIR __attribute__((cleanup(dir_close_auto))) DIR *

/* Whole content of a regular file, at most max_bytes (more is an error); NUL-terminated after
 * its length. Folders, devices and pipes are refused. */
MUST_CHECK bool fs_load(struct arena *a, int dirfd, const char *path, size_t max_bytes, str *ret,
                        struct err *err);
/* The same from an open fd of any kind (stdin, a pipe), to its end; `name` is for messages. */
MUST_CHECK bool fs_load_fd(struct arena *a, int fd, const char *name, size_t max_bytes, str *ret,
                           struct err *err);

MUST_CHECK bool fs_write_all(int fd, const void *data, size_t len, struct err *err);

/* Writes `data` to a fresh file beside `path` and renames it over. */
MUST_CHECK bool fs_store(int dirfd, const char *path, str data, mode_t mode, struct err *err);

/* The same; the content is on the disk before it has its name. */
MUST_CHECK bool fs_store_synced(int dirfd, const char *path, str data, mode_t mode,
                                struct err *err);

/* A file being written beside its place, as .tmp-PID-NUMBER.NAME.part, locked: open, write to `fd`,
 * then commit; done() removes what was not committed. */
struct fs_replace {
    int fd; /* -1 when not open */
    int dirfd;
    char path[PATH_MAX];
    char temp[PATH_MAX + 32];
};
#define FS_REPLACE_INIT ((struct fs_replace){ .fd = -1 })
MUST_CHECK bool fs_replace_open(struct fs_replace *r, int dirfd, const char *path, mode_t mode,
                                struct err *err);
/* Closes and renames; with `sync` the content is on the disk before the rename. */
MUST_CHECK bool fs_replace_commit(struct fs_replace *r, bool sync, struct err *err);
void fs_replace_done(struct fs_replace *r);
/* Removes what processes that were killed have left beside `path` while they wrote it. Best effort:
 * what stays harms nothing. */
void fs_replace_sweep(int dirfd, const char *path);
/* The names in the folder that holds `path` are on the disk. */
MUST_CHECK bool fs_sync_folder_of(int dirfd, const char *path, struct err *err);
#define AUTO_FS_REPLACE __attribute__((cleanup(fs_replace_done))) struct fs_replace

/* Creates all missing folders of `path`. */
MUST_CHECK bool fs_mkdir_p(int dirfd, const char *path, mode_t mode, struct err *err);
/* Opens a folder to be filled: made when it is missing, refused when something is in it. */
MUST_CHECK bool fs_open_empty_dir(const char *path, int *ret_fd, struct err *err);

/* Removes a file or a whole tree, never through a symbolic link and never across a mount. A path
 * that is not there is fine. */
MUST_CHECK bool fs_remove_tree(int dirfd, const char *path, struct err *err);

/* Opens below `rootfd` as if it were the root (base/os.h): neither `..` nor an
 * absolute link leaves it. Returns -1 and errno. */
int fs_open_in_root(int rootfd, const char *path, int flags, mode_t mode);

/* Names in a folder without "." and "..", sorted by bytes. */
MUST_CHECK bool fs_list(struct arena *a, int dirfd, const char *path, const char ***ret_names,
                        size_t *ret_count, struct err *err);

bool fs_exists(int dirfd, const char *path); /* follows links */
bool fs_is_dir(int dirfd, const char *path); /* follows links */

/* Copies all bytes from one fd to another, in the kernel or by reflink where that works. */
MUST_CHECK bool fs_copy_fd(int from, int to, struct err *err);
/* The same from the start of a file to a new one, which has a hole wherever the first has one. */
MUST_CHECK bool fs_copy_sparse(int from, int to, struct err *err);

/* Path text helpers; results in the arena. */
const char *path_join(struct arena *a, const char *dir, const char *name);
/* Lexically: no ".", no "//", ".." folded; absolute stays absolute, ".." above the start of a
 * relative path stays. "" becomes ".". */
str path_clean(struct arena *a, str path);
str path_base(str path); /* after the last slash */
str path_dir(str path);  /* before the last slash; "." when there is none, "/" for the root */

// SPDX-License-Identifier: Apache-2.0
#include "base/fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/arena.h"
#include "base/arith.h"
#include "base/err.h"
#include "base/os.h"

bool fs_load_fd(struct arena *a, int fd, const char *name, size_t max_bytes, str *ret,
                struct err *err) {
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return err_sys(err, errno, "read '%s'", name);
    }
    size_t cap = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 4096;
    cap = min_size(cap, max_bytes) + 1; /* one more: to see that there is more */
    char *data = arena_alloc(a, cap + 1);
    size_t len = 0;
    for (;;) {
        if (len == cap) {
            if (len > max_bytes) {
                err_set(err, "'%s' is larger than %zu bytes", name, max_bytes);
                if (err != NULL) {
                    err->code = EFBIG;
                }
                return false;
            }
            size_t cap_new = min_size(cap * 2, max_bytes + 1);
            char *moved = arena_alloc(a, cap_new + 1);
            memcpy(moved, data, len);
            data = moved;
            cap = cap_new;
        }
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "read '%s'", name);
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    data[len] = '\0';
    *ret = (str){ data, len };
    return true;
}

bool fs_load(struct arena *a, int dirfd, const char *path, size_t max_bytes, str *ret,
             struct err *err) {
    /* O_NONBLOCK: a pipe by this name must not hang us before we see what it is. */
    AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return err_sys(err, errno, "open '%s'", path);
    }
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return err_sys(err, errno, "open '%s'", path);
    }
    if (S_ISDIR(st.st_mode)) {
        return err_sys(err, EISDIR, "read '%s'", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, "'%s' is not a regular file", path);
    }
    if (st.st_size > 0 && (uint64_t)st.st_size > max_bytes) {
        err_set(err, "'%s' is larger than %zu bytes", path, max_bytes);
        if (err != NULL) {
            err->code = EFBIG;
        }
        return false;
    }
    return fs_load_fd(a, fd, path, max_bytes, ret, err);
}

bool fs_write_all(int fd, const void *data, size_t len, struct err *err) {
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "write");
        }
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* Of the folder in a path, with the slash. */
static int folder_len(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (int)(slash - path) + 1;
}

/* The name of what is written is part of it, unless that is too long: what is left of a process
 * that was killed is found again by it. */
static void temp_name(struct fs_replace *r, unsigned number) {
    int dir_len = folder_len(r->path);
    const char *name = r->path + dir_len;
    int len = snprintf(r->temp, sizeof r->temp, "%.*s.tmp-%d-%u.%s.part", dir_len, r->path,
                       (int)getpid(), number, name);
    if (len - dir_len > NAME_MAX) {
        snprintf(r->temp, sizeof r->temp, "%.*s.tmp-%d-%u", dir_len, r->path, (int)getpid(),
                 number);
    }
}

bool fs_replace_open(struct fs_replace *r, int dirfd, const char *path, mode_t mode,
                     struct err *err) {
    static unsigned counter;
    if (strlen(path) >= sizeof r->path) {
        return err_sys(err, ENAMETOOLONG, "write '%s'", path);
    }
    r->dirfd = dirfd;
    memcpy(r->path, path, strlen(path) + 1);
    for (int tries = 0; tries < 100; tries++) {
        temp_name(r, counter++);
        r->fd = openat(dirfd, r->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (r->fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    if (r->fd < 0) {
        return err_sys(err, errno, "write '%s'", path);
    }
    flock(r->fd, LOCK_EX | LOCK_NB); /* for fs_replace_sweep(); where there are no locks, without */
    return true;
}

/* ".tmp-PID-NUMBER.NAME.part": whoever looks for files of a kind does not take it for one. */
static bool is_temp_of(str temp, str name) {
    str rest = str_slice(temp, S(".tmp-").len, temp.len);
    str pid = str_cut(&rest, '-');
    str number = str_cut(&rest, '.');
    uint64_t n;
    return str_starts(temp, S(".tmp-")) && str_to_u64(pid, &n) && str_to_u64(number, &n) &&
           str_starts(rest, name) && str_eq(str_slice(rest, name.len, rest.len), S(".part"));
}

void fs_replace_sweep(int dirfd, const char *path) {
    AUTO_ARENA a = arena_new();
    const char **names;
    size_t count;
    int dir_len = folder_len(path);
    const char *dir = dir_len == 0 ? "." : str_fmt(a, "%.*s", dir_len, path).ptr;
    if (!fs_list(a, dirfd, dir, &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_temp_of(str_from_c(names[i]), str_from_c(path + dir_len))) {
            continue;
        }
        const char *temp = path_join(a, dir, names[i]);
        AUTO_FD fd = openat(dirfd, temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            unlinkat(dirfd, temp, 0);
        }
    }
}

bool fs_sync_folder_of(int dirfd, const char *path, struct err *err) {
    AUTO_ARENA a = arena_new();
    int dir_len = folder_len(path);
    const char *dir = dir_len == 0 ? "." : str_fmt(a, "%.*s", dir_len, path).ptr;
    AUTO_FD fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems cannot sync a folder, and keep names in their order all the same. */
    return (fd >= 0 && (fsync(fd) == 0 || errno == EINVAL)) ||
           err_sys(err, errno, "write folder '%s' to the disk", dir);
}

bool fs_replace_commit(struct fs_replace *r, bool sync, struct err *err) {
    if (sync && fsync(r->fd) < 0) {
        return err_sys(err, errno, "write '%s'", r->path);
    }
    int fd = take_fd(&r->fd);
    bool ok = close(fd) == 0 && renameat(r->dirfd, r->temp, r->dirfd, r->path) == 0;
    if (!ok) {
        err_sys(err, errno, "write '%s'", r->path);
        unlinkat(r->dirfd, r->temp, 0);
    }
    return ok;
}

void fs_replace_done(struct fs_replace *r) {
    if (r->fd >= 0) {
        close(r->fd);
        r->fd = -1;
        unlinkat(r->dirfd, r->temp, 0);
    }
}

static bool store(int dirfd, const char *path, str data, mode_t mode, bool sync, struct err *err) {
    AUTO_FS_REPLACE r = FS_REPLACE_INIT;
    if (!fs_replace_open(&r, dirfd, path, mode, err)) {
        return false;
    }
    if (!fs_write_all(r.fd, data.ptr, data.len, err)) {
        return err_wrap(err, "write '%s'", path);
    }
    return fs_replace_commit(&r, sync, err);
}

bool fs_store(int dirfd, const char *path, str data, mode_t mode, struct err *err) {
    return store(dirfd, path, data, mode, false, err);
}

bool fs_store_synced(int dirfd, const char *path, str data, mode_t mode, struct err *err) {
    return store(dirfd, path, data, mode, true, err);
}

bool fs_mkdir_p(int dirfd, const char *path, mode_t mode, struct err *err) {
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof part) {
        return err_sys(err, ENAMETOOLONG, "create folder '%s'", path);
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdirat(dirfd, part, mode) < 0 && errno != EEXIST) {
            return err_sys(err, errno, "create folder '%s'", path);
        }
    }
    struct stat st;
    if (fstatat(dirfd, path, &st, 0) < 0) {
        return err_sys(err, errno, "create folder '%s'", path);
    }
    return S_ISDIR(st.st_mode) || err_sys(err, ENOTDIR, "create folder '%s'", path);
}

int fs_open_in_root(int rootfd, const char *path, int flags, mode_t mode) {
    return os_open_in_root(rootfd, path, flags, mode);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool fs_list(struct arena *a, int dirfd, const char *path, const char ***ret_names,
             size_t *ret_count, struct err *err) {
    AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "list folder '%s'", path);
    }
    AUTO_DIR dir = fdopendir(fd);
    if (dir == NULL) {
        return err_sys(err, errno, "list folder '%s'", path);
    }
    take_fd(&fd);
    const char **names = NULL;
    size_t count = 0;
    size_t cap = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            ARENA_PUSH(a, names, count, cap, str_to_c(a, str_from_c(entry->d_name)));
        }
    }
    if (errno != 0) {
        return err_sys(err, errno, "list folder '%s'", path);
    }
    if (count > 0) {
        qsort(names, count, sizeof *names, compare_names);
    }
    *ret_names = names;
    *ret_count = count;
    return true;
}

bool fs_open_empty_dir(const char *path, int *ret_fd, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    if (!fs_mkdir_p(AT_FDCWD, path, 0755, err) ||
        !fs_list(scratch, AT_FDCWD, path, &names, &count, err)) {
        return false;
    }
    if (count > 0) {
        err_set(err, "the folder '%s' is not empty", path);
        return err_help(err, "remove it, or choose another one");
    }
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd >= 0 || err_sys(err, errno, "open folder '%s'", path);
}

bool fs_exists(int dirfd, const char *path) {
    struct stat st;
    return fstatat(dirfd, path, &st, 0) == 0;
}

bool fs_is_dir(int dirfd, const char *path) {
    struct stat st;
    return fstatat(dirfd, path, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

// SPDX-License-Identifier: Apache-2.0
/* Copying one entry of a source, and what is below it, with its metadata. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>

#include "embedded/copy.h"

enum { XATTR_BYTES_MAX = 64 * 1024 };

/* ---- one entry's metadata ---- */

static void owner_of(const struct copier *c, const struct stat *st, uid_t *uid, gid_t *gid) {
    *uid = c->owner.is_set ? c->owner.uid : c->job->keep_owner ? st->st_uid : 0;
    *gid = c->owner.is_set ? c->owner.gid : c->job->keep_owner ? st->st_gid : 0;
}

static mode_t mode_of(const struct copier *c, const struct stat *st) {
    uint32_t mode = st->st_mode & 07777;
    if (c->job->chmod != NULL) {
        (void)!chmod_apply(str_from_c(c->job->chmod), mode, S_ISDIR(st->st_mode), &mode);
    }
    return mode;
}

static bool copy_xattrs(int from, int to, bool *any) {
    char names[XATTR_BYTES_MAX];
    static char value[XATTR_BYTES_MAX];
    ssize_t len = flistxattr(from, names, sizeof names);
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        const char *name = names + at;
        ssize_t n = unpack_takes_xattr(name) ? fgetxattr(from, name, value, sizeof value) : -1;
        if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != ENOTSUP) {
            return false;
        }
        *any = *any || n >= 0;
    }
    return true;
}

/* The owner first: chown clears setuid bits and capabilities. An attribute may change the mode.
 * What is right already costs no system call: of a thousand small files these are most of the time.
 */
bool copy_set_metadata(const struct copier *c, int from, int to, const struct stat *st) {
    uid_t uid;
    gid_t gid;
    owner_of(c, st, &uid, &gid);
    mode_t mode = mode_of(c, st);
    struct timespec times[2] = { st->st_mtim, st->st_mtim };
    struct stat now;
    if (fstat(to, &now) < 0) {
        return false;
    }
    bool moded = (now.st_mode & 07777) == mode;
    if (now.st_uid != uid || now.st_gid != gid) {
        moded = false;
        if (fchown(to, uid, gid) < 0) {
            return false;
        }
    }
    bool any = false;
    if (from >= 0 && !copy_xattrs(from, to, &any)) {
        return false;
    }
    return ((moded && !any) || fchmod(to, mode) == 0) && futimens(to, times) == 0;
}

bool copy_failed(const struct copier *c, const char *what, const char *path) {
    return err_sys(c->err, errno, "%s '%s'", what, path);
}

/* ---- entries ---- */

bool copy_make_room(const struct copier *c, int todir, const char *name, const char *path) {
    struct stat st;
    if (fstatat(todir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT || copy_failed(c, "look at", path);
    }
    if (S_ISDIR(st.st_mode)) {
        return err_set(c->err, "cannot replace the folder '%s' with a file", path);
    }
    return unlinkat(todir, name, 0) == 0 || copy_failed(c, "replace", path);
}

static bool is_later(struct timespec a, struct timespec b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/* The key was made of what the file held then. (A time in the future is of another clock.) */
static bool changed_since(const struct copier *c, int from) {
    struct stat st;
    struct timespec now;
    return c->may_change && c->job->looked_at.tv_sec > 0 && fstat(from, &st) == 0 &&
           is_later(st.st_ctim, c->job->looked_at) && clock_gettime(CLOCK_REALTIME, &now) == 0 &&
           !is_later(st.st_ctim, now);
}

/* Most names are new: only when one is not, it is looked at. */
static int create_file(struct copier *c, const struct stat *st, int todir, const char *name,
                       const char *path) {
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    mode_t mode = mode_of(c, st) & 0777;
    int fd = openat(todir, name, flags, mode);
    if (fd < 0 && errno == EEXIST) {
        if (!copy_make_room(c, todir, name, path)) {
            return -1;
        }
        fd = openat(todir, name, flags, mode);
    }
    if (fd < 0) {
        copy_failed(c, "create", path);
    }
    return fd;
}

static bool has_holes(const struct stat *st) {
    return st->st_blocks < st->st_size / 512;
}

static bool copy_content(struct copier *c, int from, const struct stat *st, int todir,
                         const char *name, const char *path) {
    AUTO_FD to = create_file(c, st, todir, name, path);
    if (to < 0) {
        return false;
    }
    if (has_holes(st) ? !fs_copy_sparse(from, to, c->err) : !fs_copy_fd(from, to, c->err)) {
        return err_wrap(c->err, "copy to '%s'", path);
    }
    if (changed_since(c, from)) {
        err_set(c->err, "the source of '%s' was changed during the build", path);
        return err_help(c->err, "build again");
    }
    return copy_set_metadata(c, from, to, st) || copy_failed(c, "set up", path);
}

/* A source with several names stays one file. */
static bool link_known(struct copier *c, const struct stat *st, int todir, const char *name,
                       const char *path, bool *ret_done) {
    *ret_done = false;
    if (st->st_nlink < 2) {
        return true;
    }
    str key = str_fmt(c->arena, "%llx:%llx", (unsigned long long)st->st_dev,
                      (unsigned long long)st->st_ino);
    const char *first = map_find(&c->links, key);
    if (first == NULL) {
        map_put(&c->links, key, (void *)str_to_c(c->arena, str_from_c(path)));
        return true;
    }
    *ret_done = true;
    return copy_make_room(c, todir, name, path) &&
           (linkat(AT_FDCWD, first, todir, name, 0) == 0 || copy_failed(c, "link", path));
}

bool copy_file(struct copier *c, int from, const struct stat *st, int todir, const char *name,
               const char *path) {
    bool done;
    return link_known(c, st, todir, name, path, &done) &&
           (done || copy_content(c, from, st, todir, name, path));
}

static bool copy_link(struct copier *c, int fromdir, const char *name, const struct stat *st,
                      int todir, const char *to_name, const char *to_path) {
    char target[PATH_MAX];
    uid_t uid;
    gid_t gid;
    owner_of(c, st, &uid, &gid);
    struct timespec times[2] = { st->st_mtim, st->st_mtim };
    ssize_t n = readlinkat(fromdir, name, target, sizeof target - 1);
    if (n < 0) {
        return copy_failed(c, "read the link", to_path);
    }
    target[n] = '\0';
    if (!copy_make_room(c, todir, to_name, to_path)) {
        return false;
    }
    return (symlinkat(target, todir, to_name) == 0 &&
            fchownat(todir, to_name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 &&
            utimensat(todir, to_name, times, AT_SYMLINK_NOFOLLOW) == 0) ||
           copy_failed(c, "create the link", to_path);
}

static bool copy_special(struct copier *c, const struct stat *st, int todir, const char *name,
                         const char *path) {
    if (S_ISSOCK(st->st_mode)) {
        return true; /* means nothing without its process */
    }
    uid_t uid;
    gid_t gid;
    owner_of(c, st, &uid, &gid);
    struct timespec times[2] = { st->st_mtim, st->st_mtim };
    return copy_make_room(c, todir, name, path) &&
           ((mknodat(todir, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) == 0 &&
             fchownat(todir, name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 &&
             fchmodat(todir, name, mode_of(c, st), 0) == 0 &&
             utimensat(todir, name, times, AT_SYMLINK_NOFOLLOW) == 0) ||
            copy_failed(c, "create", path) ||
            (c->err->code == EPERM && sandbox_devices_help(c->err)));
}

bool copy_children(struct copier *c, int from, const char *source_path, int to, const char *to_path,
                   int depth) {
    if (depth > COPY_DEPTH_MAX) {
        return err_set(c->err, "folders are nested more than %d deep: '%s'", COPY_DEPTH_MAX,
                       source_path);
    }
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    if (!fs_list(scratch, from, ".", &names, &count, c->err)) {
        return err_wrap(c->err, "read folder '%s'", source_path);
    }
    for (size_t i = 0; i < count; i++) {
        const char *below = path_join(scratch, source_path, names[i]);
        const char *to_below = path_join(scratch, to_path, names[i]);
        if (!copy_entry(c, from, names[i], below, to, names[i], to_below, depth)) {
            return false;
        }
    }
    return true;
}

static bool copy_folder(struct copier *c, int fromdir, const char *name, const char *source_path,
                        const struct stat *st, int todir, const char *to_name, const char *to_path,
                        bool only_passage, int depth) {
    AUTO_FD from = openat(fromdir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0) {
        return copy_failed(c, "open folder", source_path);
    }
    bool made = mkdirat(todir, to_name, 0700) == 0;
    if (!made && errno != EEXIST) {
        return copy_failed(c, "create folder", to_path);
    }
    AUTO_FD to = openat(todir, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0) {
        return errno == ENOTDIR || errno == ELOOP
                   ? err_set(c->err, "cannot replace '%s' with a folder", to_path)
                   : copy_failed(c, "open folder", to_path);
    }
    if (!copy_children(c, from, source_path, to, to_path, depth + 1)) {
        return false;
    }
    /* Entered for the sake of what an exception may name in it, and nothing was there. */
    if (made && only_passage && unlinkat(todir, to_name, AT_REMOVEDIR) == 0) {
        return true;
    }
    return copy_set_metadata(c, from, to, st) || copy_failed(c, "set up", to_path);
}

bool copy_entry(struct copier *c, int fromdir, const char *name, const char *source_path, int todir,
                const char *to_name, const char *to_path, int depth) {
    struct stat st;
    if (fstatat(fromdir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return copy_failed(c, "read", source_path);
    }
    enum context_part part = context_part_of(c->ignore, c->job->excludes, source_path,
                                             c->exclude_from, S_ISDIR(st.st_mode));
    if (part == CONTEXT_LEFT_OUT) {
        return true;
    }
    switch (st.st_mode & S_IFMT) {
    case S_IFREG: {
        AUTO_FD from = openat(fromdir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        return from < 0 ? copy_failed(c, "open", source_path)
                        : copy_file(c, from, &st, todir, to_name, to_path);
    }
    case S_IFDIR:
        return copy_folder(c, fromdir, name, source_path, &st, todir, to_name, to_path,
                           part == CONTEXT_PASSAGE, depth);
    case S_IFLNK:
        return copy_link(c, fromdir, name, &st, todir, to_name, to_path);
    default:
        return copy_special(c, &st, todir, to_name, to_path);
    }
}

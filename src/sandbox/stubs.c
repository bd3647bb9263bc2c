// SPDX-License-Identifier: Apache-2.0
/*
 * Mount points that the root does not have. They are in a layer of their own below all others:
 * then nothing of the root is touched, and what is mounted for a step never shows in its layer.
 * Where that does not help (a link, a folder that hides what is below it) they are made in the
 * root and taken away after the step.
 */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "sandbox/internal.h"

enum { LINKS_MAX = 40 };

/* In the staging tmpfs, where nothing is a link. What cannot be made is made later, or not. */
static bool make_point(struct inside *in, int pointsfd, const char *target, bool is_dir,
                       struct err *err) {
    str path = path_clean(in->arena, str_concat(in->arena, S("/"), str_from_c(target)));
    if (path.len == 1) {
        return true;
    }
    const char *place = str_to_c(in->arena, str_slice(path, 1, path.len));
    const char *dir = is_dir ? place : str_to_c(in->arena, path_dir(str_from_c(place)));
    if (!fs_mkdir_p(pointsfd, dir, 0755, err)) {
        return false;
    }
    AUTO_FD fd = is_dir ? -1 : openat(pointsfd, place, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    return is_dir || fd >= 0 || err_sys(err, errno, "create '%s'", target);
}

bool make_points(struct inside *in, struct err *err) {
    static const char *const system[] = { "/proc", "/sys", "/dev" };
    const struct sandbox_spec *spec = in->spec;
    in->points = path_join(in->arena, spec->staging, "points");
    AUTO_FD fd =
        mkdir(in->points, 0755) < 0 ? -1 : open(in->points, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "create '%s'", in->points);
    }
    for (size_t i = 0; i < ARRAY_LEN(system); i++) {
        if (!make_point(in, fd, system[i], true, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < spec->mount_count; i++) {
        struct err ignored = ERR_INIT;
        struct stat st = { .st_mode = S_IFDIR };
        AUTO_FD source = spec->mounts[i].kind == SANDBOX_TMPFS ? -1 : mount_source_open(in, i);
        if (source < 0 || fstat(source, &st) == 0) {
            (void)!make_point(in, fd, spec->mounts[i].target, S_ISDIR(st.st_mode), &ignored);
        }
    }
    return true;
}

static struct timespec mtime_of(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_mtim : (struct timespec){ 0 };
}

static bool make_stub(struct inside *in, int parentfd, const char *path, const char *name,
                      bool is_dir) {
    struct stub s = {
        .path = path,
        .name = name,
        .is_dir = is_dir,
        .mtime_before = mtime_of(parentfd),
    };
    if (is_dir) {
        if (mkdirat(parentfd, name, 0755) < 0) {
            return errno == EEXIST;
        }
    } else {
        AUTO_FD fd = openat(parentfd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
        if (fd < 0) {
            return errno == EEXIST;
        }
    }
    s.mtime_after = mtime_of(parentfd);
    s.parentfd = fcntl(parentfd, F_DUPFD_CLOEXEC, 3);
    ARENA_PUSH(in->arena, in->stubs, in->stub_count, in->stub_cap, s);
    return true;
}

/* Where a link that leads nowhere leads to: the text of the path with the link replaced. */
static bool follow_link(struct inside *in, int parentfd, str path, str rest, str *ret) {
    char target[PATH_MAX];
    ssize_t n = readlinkat(parentfd, str_to_c(in->arena, path_base(path)), target, sizeof target);
    if (n <= 0 || n == (ssize_t)sizeof target) {
        return false;
    }
    str to = { target, (size_t)n };
    str dir = target[0] == '/' ? S("") : path_dir(path);
    *ret = path_clean(
        in->arena, str_fmt(in->arena, "%.*s/%.*s%.*s", STR_FMT(dir), STR_FMT(to), STR_FMT(rest)));
    return true;
}

/* One pass down a path that makes what is missing. At a link that leads nowhere it stops: *ret_next
 * is the path to go on with; it is empty when all is there. */
static bool make_missing(struct inside *in, str path, bool is_dir, str *ret_next) {
    *ret_next = (str){ 0 };
    for (size_t end = 1; end <= path.len; end++) {
        if (end < path.len && path.ptr[end] != '/') {
            continue;
        }
        str part = str_slice(path, 0, end);
        const char *name = str_to_c(in->arena, part);
        AUTO_FD there = fs_open_in_root(in->rootfd, name, O_PATH, 0);
        if (there >= 0) {
            continue;
        }
        AUTO_FD parentfd = fs_open_in_root(in->rootfd, str_to_c(in->arena, path_dir(part)),
                                           O_RDONLY | O_DIRECTORY, 0);
        if (parentfd < 0) {
            return false;
        }
        if (follow_link(in, parentfd, part, str_slice(path, end, path.len), ret_next)) {
            return true;
        }
        if (!make_stub(in, parentfd, name, str_to_c(in->arena, path_base(part)),
                       is_dir || end < path.len)) {
            return false;
        }
    }
    return true;
}

/* Links are resolved inside the root; also those whose end is not there yet, as the resolv.conf of
 * systemd-resolved. */
bool stub_open(struct inside *in, const char *target, bool is_dir, int *ret_fd, struct err *err) {
    str path = path_clean(in->arena, str_concat(in->arena, S("/"), str_from_c(target)));
    int fd = -1;
    for (int links = 0; links < LINKS_MAX && path.len > 0; links++) {
        fd = fs_open_in_root(in->rootfd, str_to_c(in->arena, path), O_PATH, 0);
        if (fd >= 0) {
            *ret_fd = fd;
            return true;
        }
        str next;
        if (!make_missing(in, path, is_dir, &next)) {
            return err_sys(err, errno, "make the mount point '%s'", target);
        }
        path = next.len > 0 ? next : path;
    }
    return err_sys(err, ELOOP, "make the mount point '%s'", target);
}

static bool is_empty_file(int parentfd, const char *name) {
    struct stat st;
    return fstatat(parentfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_size == 0;
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* In reverse: a folder after what is in it. We are inside the root, alone. */
void stubs_remove(struct inside *in) {
    for (size_t i = in->stub_count; i > 0; i--) {
        struct stub *s = &in->stubs[i - 1];
        while (umount2(s->path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
        }
        bool untouched = same_time(mtime_of(s->parentfd), s->mtime_after);
        bool removed = s->is_dir ? unlinkat(s->parentfd, s->name, AT_REMOVEDIR) == 0
                                 : is_empty_file(s->parentfd, s->name) &&
                                       unlinkat(s->parentfd, s->name, 0) == 0;
        if (removed && untouched) {
            struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, s->mtime_before };
            futimens(s->parentfd, times);
        }
        close(s->parentfd);
    }
    in->stub_count = 0;
}

// SPDX-License-Identifier: Apache-2.0
/* Where the entries of an archive belong: below the folder that is unpacked to, through its links.
 */
#include <errno.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#include "unpack/internal.h"

enum {
    LINKS_MAX = 40,     /* as the kernel has it */
    FOLDERS_MAX = 4000, /* in each other; a tree takes 4096 */
};

bool unpack_clean_name(struct unpacker *u, const char *name, const char **ret) {
    str clean = path_clean(u->arena, str_from_c(name));
    while (str_starts(clean, S("/"))) {
        clean = str_slice(clean, 1, clean.len);
    }
    if (str_eq(clean, S("..")) || str_starts(clean, S("../"))) {
        return err_set(u->err, "archive '%s' contains the name '%s', which points outside it",
                       u->name, name);
    }
    *ret = clean.len == 0 ? "." : str_to_c(u->arena, clean);
    size_t slashes = 0;
    for (const char *at = *ret; (at = strchr(at, '/')) != NULL; at++) {
        slashes++;
    }
    return slashes <= FOLDERS_MAX ||
           err_set(u->err, "archive '%s' nests folders more than %d deep: '%.*s...'", u->name,
                   FOLDERS_MAX, 80, name);
}

static int open_piece(const struct unpacker *u, int at, const char *piece) {
    struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = u->is_root ? RESOLVE_NO_MAGICLINKS : RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, at, piece, &how, sizeof how);
}

/* A path may be longer than the kernel takes: the way there is gone in pieces. */
static int open_folder(const struct unpacker *u, const char *path) {
    AUTO_FD here = -1;
    while (strlen(path) >= PATH_MAX) {
        char piece[PATH_MAX];
        memcpy(piece, path, PATH_MAX - 1);
        piece[PATH_MAX - 1] = '\0';
        char *slash = strrchr(piece, '/');
        if (slash == NULL || slash == piece) {
            errno = ENAMETOOLONG;
            return -1;
        }
        *slash = '\0';
        int next = open_piece(u, here < 0 ? u->folderfd : here, piece);
        fd_close_auto(&here);
        here = next;
        if (next < 0) {
            return -1;
        }
        path += slash - piece + 1;
    }
    return open_piece(u, here < 0 ? u->folderfd : here, path);
}

static int make_folder(struct unpacker *u, const char *path, int links);

/* The link at the end of a path leads to what is not there. */
static int make_target(struct unpacker *u, int dirfd, const char *name, const char *dir,
                       int links) {
    char target[PATH_MAX];
    ssize_t len = readlinkat(dirfd, name, target, sizeof target - 1);
    if (len <= 0) {
        errno = errno == EINVAL ? ENOTDIR : errno;
        return -1;
    }
    target[len] = '\0';
    if (links >= LINKS_MAX || (target[0] == '/' && !u->is_root)) {
        errno = links >= LINKS_MAX ? ELOOP : EXDEV;
        return -1;
    }
    const char *path = target + strspn(target, "/");
    return make_folder(u, target[0] == '/' ? path : path_join(u->arena, dir, path), links + 1);
}

/* The folder, made when it is missing. -1 and errno. */
static int make_folder(struct unpacker *u, const char *path, int links) {
    int fd = open_folder(u, path);
    if (fd >= 0 || errno != ENOENT) {
        return fd;
    }
    const char *dir = str_to_c(u->arena, path_dir(str_from_c(path)));
    const char *name = str_to_c(u->arena, path_base(str_from_c(path)));
    AUTO_FD dirfd = make_folder(u, dir, links);
    if (dirfd < 0) {
        return -1;
    }
    if (mkdirat(dirfd, name, 0755) == 0) {
        return openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    return errno == EEXIST ? make_target(u, dirfd, name, dir, links) : -1;
}

static bool no_parent(const struct unpacker *u, const char *path) {
    switch (errno) {
    case EXDEV:
        return err_set(u->err, "archive '%s' follows a link that points outside it: '%s'", u->name,
                       path);
    case ENOTDIR:
        return err_set(u->err, "unpack '%s': %s: a file exists where its folder should be", u->name,
                       path);
    default:
        return err_sys(u->err, errno, "unpack '%s': %s: find its folder", u->name, path);
    }
}

int unpack_parent(struct unpacker *u, const char *path) {
    const char *dir = str_to_c(u->arena, path_dir(str_from_c(path)));
    if (u->parentfd >= 0 && !u->parent_stale && str_eq(buf_str(&u->parent), str_from_c(dir))) {
        return u->parentfd;
    }
    fd_close_auto(&u->parentfd);
    u->parent_stale = false;
    u->parentfd = make_folder(u, dir, 0);
    if (u->parentfd < 0) {
        no_parent(u, path);
        return -1;
    }
    u->parent.len = 0;
    buf_add_c(&u->parent, dir);
    return u->parentfd;
}

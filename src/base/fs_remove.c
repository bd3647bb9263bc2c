// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/fs.h"

/*
 * Depth is bounded by the file system's own limits, not by the stack: the folder is emptied level
 * by level with one open fd a level, so a very deep tree would run out of fds. Such a tree is
 * flattened instead: a folder found deeper than this is renamed up to the top and handled there.
 */
enum { DEPTH_MAX = 200 };

struct removal {
    int topfd; /* the folder being removed */
    dev_t dev; /* never leave this file system */
    unsigned moved;
    const char *path; /* for messages */
};

static bool remove_entries(struct removal *r, int fd, int depth, struct err *err);

static bool move_up(struct removal *r, int dirfd, const char *name, struct err *err) {
    char fresh[32];
    int result;
    do { /* a removal that was killed has left some of these names */
        snprintf(fresh, sizeof fresh, ".deep-%u", r->moved++);
        result = renameat(dirfd, name, r->topfd, fresh);
    } while (result < 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR));
    return result == 0 || err_sys(err, errno, "remove '%s'", r->path);
}

static bool remove_folder(struct removal *r, int dirfd, const char *name, int depth,
                          struct err *err) {
    AUTO_FD fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0) {
        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "remove '%s/%s'", r->path, name);
    }
    if (st.st_dev != r->dev) {
        return err_set(err, "remove '%s': '%s' below it is a mount point", r->path, name);
    }
    if (!remove_entries(r, fd, depth + 1, err)) {
        return false;
    }
    return unlinkat(dirfd, name, AT_REMOVEDIR) == 0 ||
           err_sys(err, errno, "remove '%s/%s'", r->path, name);
}

static bool remove_entry(struct removal *r, int fd, const char *name, int depth, struct err *err) {
    if (unlinkat(fd, name, 0) == 0 || errno == ENOENT) {
        return true;
    }
    if (errno == EACCES && fchmod(fd, 0700) == 0 && unlinkat(fd, name, 0) == 0) {
        return true;
    }
    if (errno != EISDIR && errno != EPERM && errno != EACCES) {
        return err_sys(err, errno, "remove '%s/%s'", r->path, name);
    }
    if (depth >= DEPTH_MAX) {
        return move_up(r, fd, name, err);
    }
    return remove_folder(r, fd, name, depth, err);
}

/* Reads again from the start until a pass finds nothing: entries move while we delete. */
static bool remove_entries(struct removal *r, int fd, int depth, struct err *err) {
    int copy = dup(fd);
    AUTO_DIR dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir == NULL) {
        if (copy >= 0) {
            close(copy);
        }
        return err_sys(err, errno, "remove '%s'", r->path);
    }
    bool found = true;
    while (found) {
        found = false;
        rewinddir(dir);
        const struct dirent *entry;
        while ((entry = readdir(dir)) != NULL) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
                continue;
            }
            found = true;
            if (!remove_entry(r, fd, entry->d_name, depth, err)) {
                return false;
            }
        }
    }
    return true;
}

bool fs_remove_tree(int dirfd, const char *path, struct err *err) {
    if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT || errno == ENOTDIR) {
        return true;
    }
    AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(dirfd, path, 0700, 0) == 0) {
        fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "remove '%s'", path);
    }
    struct removal r = { .topfd = fd, .dev = st.st_dev, .path = path };
    if (!remove_entries(&r, fd, 0, err)) {
        return false;
    }
    return unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || err_sys(err, errno, "remove '%s'", path);
}

// SPDX-License-Identifier: Apache-2.0
/* The bytes of regular files, wherever they are. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "tree/internal.h"

/* A path may be longer than the kernel takes: the way there is gone in pieces. */
int tree_open_path(int dirfd, const char *path, int flags) {
    AUTO_FD here = -1;
    while (strlen(path) >= PATH_MAX) {
        char piece[PATH_MAX];
        memcpy(piece, path, PATH_MAX - 1);
        piece[PATH_MAX - 1] = '\0';
        char *slash = strrchr(piece, '/'); /* there is one: names have 255 bytes */
        ASSERT(slash != NULL);
        *slash = '\0';
        int next = os_open_beneath(here < 0 ? dirfd : here, piece, OS_FOLDER);
        fd_close_auto(&here);
        here = next;
        if (next < 0) {
            return -1;
        }
        path += slash - piece + 1;
    }
    return os_open_beneath(here < 0 ? dirfd : here, path, flags);
}

static bool open_in_layer(const struct tree *t, const struct tree_inode *inode,
                          struct tree_content *c, struct err *err) {
    AUTO_BUF path = BUF_INIT(SIZE_MAX);
    tree_path_relative(&path, inode->origin);
    int layerfd = t->sources[inode->source].fd;
    /* O_NONBLOCK: should it have become a pipe meanwhile. */
    AUTO_FD fd = tree_open_path(layerfd, path.ptr, O_RDONLY | OS_NOATIME | O_NONBLOCK);
    if (fd < 0 && errno == EPERM) { /* not the owner's */
        fd = tree_open_path(layerfd, path.ptr, O_RDONLY | O_NONBLOCK);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "open '/%s'", path.ptr);
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != inode->size) {
        return err_set(err, "'/%s' has changed since the layer was read", path.ptr);
    }
    c->fd = take_fd(&fd);
    c->fd_is_ours = true;
    return true;
}

bool tree_open_content(const struct tree *t, const struct tree_inode *inode,
                       struct tree_content *ret, struct err *err) {
    ASSERT(S_ISREG(inode->mode));
    struct tree_content c = { .fd = -1, .size = inode->size };
    switch ((enum tree_place)inode->place) {
    case TREE_NOWHERE:
        break;
    case TREE_IN_LAYER:
        if (!open_in_layer(t, inode, &c, err)) {
            return false;
        }
        break;
    case TREE_IN_SPOOL:
        c.fd = t->spool;
        c.start = inode->offset;
        break;
    case TREE_IN_MEMORY:
        c.bytes = inode->bytes;
        break;
    }
    *ret = c;
    return true;
}

void tree_close_content(struct tree_content *c) {
    if (c->fd_is_ours) {
        fd_close_auto(&c->fd);
    }
    *c = TREE_CONTENT_INIT;
}

bool tree_read_content(const struct tree_content *c, uint64_t offset, void *ret, size_t len,
                       struct err *err) {
    uint64_t end;
    if (!add_u64(offset, len, &end) || end > c->size) {
        return err_set(err, "read beyond the end of a file");
    }
    if (c->fd < 0) {
        if (len > 0) {
            memcpy(ret, c->bytes + offset, len);
        }
        return true;
    }
    char *p = ret;
    while (len > 0) {
        ssize_t n = pread(c->fd, p, len, (off_t)(c->start + offset));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "read");
        }
        if (n == 0) {
            return err_set(err, "read: the file became shorter meanwhile");
        }
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

uint64_t tree_next_data(const struct tree_content *c, uint64_t offset) {
    if (c->fd < 0) {
        return offset;
    }
    off_t data = lseek(c->fd, (off_t)(c->start + offset), SEEK_DATA);
    if (data < 0) {
        return errno == ENXIO ? c->size : offset;
    }
    uint64_t found = (uint64_t)data - c->start;
    return found < c->size ? found : c->size;
}

bool tree_load_content(const struct tree *t, const struct tree_inode *inode, struct arena *a,
                       size_t max_bytes, str *ret, struct err *err) {
    if (inode->size > max_bytes) {
        return err_sys(err, EFBIG, "a file of %llu bytes", (unsigned long long)inode->size);
    }
    AUTO_TREE_CONTENT c = TREE_CONTENT_INIT;
    if (!tree_open_content(t, inode, &c, err)) {
        return false;
    }
    char *data = arena_alloc(a, (size_t)inode->size + 1);
    if (!tree_read_content(&c, 0, data, (size_t)inode->size, err)) {
        return false;
    }
    *ret = (str){ data, (size_t)inode->size };
    return true;
}

/* --- copies ----------------------------------------------------------------------------------- */

static bool copy_by_reading(const struct tree_content *c, uint64_t offset, uint64_t end, int to,
                            struct err *err) {
    char block[64 * 1024];
    while (offset < end) {
        size_t len = min_size(sizeof block, (size_t)(end - offset));
        if (!tree_read_content(c, offset, block, len, err)) {
            return false;
        }
        for (size_t done = 0; done < len;) {
            ssize_t n = pwrite(to, block + done, len - done, (off_t)(offset + done));
            if (n < 0 && errno != EINTR) {
                return err_sys(err, errno, "write");
            }
            done += n < 0 ? 0 : (size_t)n;
        }
        offset += len;
    }
    return true;
}

/* In the kernel, where blocks may be shared; what it cannot do is read and written. */
static bool copy_data(const struct tree_content *c, uint64_t offset, uint64_t end, int to,
                      struct err *err) {
    while (offset < end) {
        off_t in = (off_t)(c->start + offset);
        off_t out = (off_t)offset;
        ssize_t n = os_copy_range(c->fd, &in, to, &out, (size_t)(end - offset));
        if (n <= 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return copy_by_reading(c, offset, end, to, err);
        }
        offset += (uint64_t)n;
    }
    return true;
}

/* The pieces that hold data; between them are holes. */
static bool copy_sparse(const struct tree_content *c, int to, struct err *err) {
    uint64_t at = 0;
    while (at < c->size) {
        off_t data = lseek(c->fd, (off_t)(c->start + at), SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            return true; /* a hole up to the end */
        }
        off_t hole = data < 0 ? -1 : lseek(c->fd, data, SEEK_HOLE);
        if (hole < 0) {
            return copy_data(c, at, c->size, to, err); /* it does not tell */
        }
        uint64_t from = (uint64_t)data - c->start;
        uint64_t end = (uint64_t)hole - c->start;
        if (from >= c->size) {
            return true;
        }
        end = end < c->size ? end : c->size;
        if (!copy_data(c, from, end, to, err)) {
            return false;
        }
        at = end;
    }
    return true;
}

bool tree_copy_content(const struct tree *t, const struct tree_inode *inode, int to,
                       struct err *err) {
    AUTO_TREE_CONTENT c = TREE_CONTENT_INIT;
    if (!tree_open_content(t, inode, &c, err)) {
        return false;
    }
    if (c.size > 0 && ftruncate(to, (off_t)c.size) < 0) {
        return err_sys(err, errno, "write");
    }
    return c.fd < 0 ? copy_by_reading(&c, 0, c.size, to, err) : copy_sparse(&c, to, err);
}

/* --- spool ------------------------------------------------------------------------------------ */

bool tree_spool_open(struct tree *t, const char *folder, struct err *err) {
    if (t->spool >= 0) {
        return true;
    }
    t->spool = os_open_unnamed(folder);
    return t->spool >= 0 || err_sys(err, errno, "make a temporary file in '%s'", folder);
}

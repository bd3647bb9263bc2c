// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

#include "store/internal.h"

enum { CLAIM_BYTES_MAX = 64 * 1024 };

static bool lock(int fd, int how) {
    int result;
    do {
        result = flock(fd, how);
    } while (result < 0 && errno == EINTR);
    return result == 0;
}

/* The folder is locked while a file gets its lock or loses its name, so that none is ever seen
 * between the two. */
static int lock_folder(const struct store *s) {
    AUTO_FD folder = openat(s->fd, "claims", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0 && lock(folder, LOCK_EX) ? take_fd(&folder) : -1;
}

bool store_claim_begin(struct store *s, const char *name, str text, struct store_claim *ret,
                       struct err *err) {
    AUTO_FD folder = lock_folder(s);
    AUTO_FD fd =
        folder < 0 ? -1 : openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || !lock(fd, LOCK_EX | LOCK_NB)) {
        return err_sys(err, errno, "lock '%s/claims/%s'", s->path, name);
    }
    *ret = (struct store_claim){ .store = s, .text = text };
    snprintf(ret->name, sizeof ret->name, "%s", name);
    if (!fs_write_all(fd, text.ptr, text.len, err)) {
        unlinkat(folder, name, 0);
        return err_wrap(err, "write '%s/claims/%s'", s->path, name);
    }
    ret->fd = take_fd(&fd);
    return true;
}

void store_claim_done(struct store_claim *c) {
    if (c->fd < 0) {
        return;
    }
    AUTO_FD folder = lock_folder(c->store);
    if (folder >= 0) {
        unlinkat(folder, c->name, 0);
    }
    store_claim_leave(c);
}

void store_claim_leave(struct store_claim *c) {
    fd_close_auto(&c->fd);
    *c = STORE_CLAIM_INIT;
}

/* Locks are released when a process ends, however it ends. */
static bool take_orphan(struct store *s, struct arena *a, int folder, const char *name,
                        struct store_claim *ret) {
    AUTO_FD fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    struct store_claim c = { .store = s };
    if (fd < 0 || !lock(fd, LOCK_EX | LOCK_NB) ||
        !fs_load_fd(a, fd, name, CLAIM_BYTES_MAX, &c.text, NULL)) {
        return false;
    }
    snprintf(c.name, sizeof c.name, "%s", name);
    c.fd = take_fd(&fd);
    *ret = c;
    return true;
}

size_t store_claims_orphaned(struct store *s, struct arena *a, struct store_claim **ret) {
    const char **names;
    size_t count;
    size_t found = 0;
    AUTO_FD folder = lock_folder(s);
    *ret = NULL;
    if (folder < 0 || !fs_list(a, folder, ".", &names, &count, NULL)) {
        return 0;
    }
    *ret = ARENA_ARRAY(a, struct store_claim, count);
    for (size_t i = 0; i < count; i++) {
        found += take_orphan(s, a, folder, names[i], &(*ret)[found]);
    }
    return found;
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/os.h"

enum { BLOCK_BYTES = 64 * 1024 };

static bool copy_by_reading(int from, int to, struct err *err) {
    char block[BLOCK_BYTES];
    for (;;) {
        ssize_t n = read(from, block, sizeof block);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "read");
        }
        if (n == 0) {
            return true;
        }
        if (!fs_write_all(to, block, (size_t)n, err)) {
            return false;
        }
    }
}

/* Reading and writing beats what the kernel may refuse to do: one call each. */
static bool is_small(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= BLOCK_BYTES;
}

bool fs_copy_fd(int from, int to, struct err *err) {
    if (is_small(from)) {
        return copy_by_reading(from, to, err);
    }
    if (os_clone(from, to) == 0) {
        return true;
    }
    bool any = false;
    for (;;) {
        ssize_t n = os_copy_range(from, NULL, to, NULL, (size_t)1 << 30);
        if (n > 0) {
            any = true;
            continue;
        }
        /* 0 at the first call may also be a file of /proc, which has no length: read it. */
        if (n == 0 && any) {
            return true;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && any && errno == ENOSPC) {
            return err_sys(err, errno, "write");
        }
        return copy_by_reading(from, to, err);
    }
}

static bool copy_range(int from, int to, off_t at, off_t end, struct err *err) {
    char block[BLOCK_BYTES];
    while (at < end) {
        size_t want = end - at < BLOCK_BYTES ? (size_t)(end - at) : BLOCK_BYTES;
        ssize_t n = pread(from, block, want, at);
        if (n < 0 && errno != EINTR) {
            return err_sys(err, errno, "read");
        }
        if (n == 0) {
            return true; /* shorter than it was */
        }
        for (ssize_t done = 0; done < n;) {
            ssize_t m = pwrite(to, block + done, (size_t)(n - done), at + done);
            if (m < 0 && errno != EINTR) {
                return err_sys(err, errno, "write");
            }
            done += m > 0 ? m : 0;
        }
        at += n > 0 ? n : 0;
    }
    return true;
}

bool fs_copy_sparse(int from, int to, struct err *err) {
    struct stat st;
    if (os_clone(from, to) == 0) {
        return true;
    }
    if (fstat(from, &st) < 0) {
        return err_sys(err, errno, "read");
    }
    if (ftruncate(to, st.st_size) < 0) {
        return err_sys(err, errno, "write");
    }
    for (off_t at = 0; at < st.st_size;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            return true; /* a hole up to the end */
        }
        off_t hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
        if (hole < 0) {
            return err_sys(err, errno, "read");
        }
        if (!copy_range(from, to, data, hole, err)) {
            return false;
        }
        at = hole;
    }
    return true;
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "base/fs.h"

static bool copy_by_reading(int from, int to, struct err *err) {
    char block[64 * 1024];
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

bool fs_copy_fd(int from, int to, struct err *err) {
    if (ioctl(to, FICLONE, from) == 0) {
        return true;
    }
    bool any = false;
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);
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

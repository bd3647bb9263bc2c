// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_make_parents(const char *path) {
    char folder[4096];
    size_t len = strlen(path);
    if (len >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (path[i] != '/') {
            continue;
        }
        memcpy(folder, path, i);
        folder[i] = '\0';
        if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
            return false;
        }
    }
    return true;
}

static bool write_all(int fd, const uint8_t *data, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

bool file_write(const char *path, const uint8_t *data, size_t len, mode_t mode) {
    char beside[4096];
    int n = snprintf(beside, sizeof beside, "%s.capsem-new", path);
    if (n < 0 || (size_t)n >= sizeof beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (!file_make_parents(path)) {
        return false;
    }
    unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return false;
    }
    // fchmod, not open's mode: the umask is the shell's business.
    bool good = write_all(fd, data, len) && fchmod(fd, mode & 0777) == 0;
    good = close(fd) == 0 && good;
    if (good && rename(beside, path) == 0) {
        return true;
    }
    int saved = errno;
    unlink(beside);
    errno = saved;
    return false;
}

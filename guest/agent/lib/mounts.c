// SPDX-License-Identifier: Apache-2.0
#include "mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

enum { DEVICE_MAX = 300 };

static bool has_serial(const char *disk, const char *tag) {
    char path[DEVICE_MAX], serial[MOUNTS_TAG_MAX] = "";
    snprintf(path, sizeof path, "/sys/block/%s/serial", disk);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, serial, sizeof serial - 1);
    if (fd >= 0) {
        close(fd);
    }
    // An attribute's text may end with a line end.
    return n > 0 && strcspn(serial, "\n") == strlen(tag) && strncmp(serial, tag, strlen(tag)) == 0;
}

static bool find_disk(const char *tag, char device[DEVICE_MAX]) {
    DIR *disks = opendir("/sys/block");
    bool found = false;
    while (disks && !found) {
        struct dirent *entry = readdir(disks);
        if (!entry) {
            break;
        }
        found = has_serial(entry->d_name, tag);
        if (found) {
            snprintf(device, DEVICE_MAX, "/dev/%s", entry->d_name);
        }
    }
    if (disks) {
        closedir(disks);
    }
    return found;
}

static const char *make_folder(const char *path) {
    struct stat st;
    if (!file_make_parents(path) || (mkdir(path, 0755) != 0 && errno != EEXIST)) {
        return strerror(errno);
    }
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? NULL : strerror(ENOTDIR);
}

const char *mounts_add(const char *tag, const char *type, const char *path, bool read_only) {
    char device[DEVICE_MAX];
    const char *source = tag;
    if (strcmp(type, "squashfs") == 0) {
        if (!find_disk(tag, device)) {
            return "there is no such disk";
        }
        source = device;
    } else if (strcmp(type, "virtiofs") != 0) {
        return "a file system of unknown type";
    }
    const char *why = make_folder(path);
    if (why) {
        return why;
    }
    unsigned long flags = MS_NOSUID | MS_NODEV | (read_only ? MS_RDONLY : 0);
    if (mount(source, path, type, flags, NULL) == 0) {
        return NULL;
    }
    return errno == ENODEV ? MOUNTS_NO_TYPE : strerror(errno);
}

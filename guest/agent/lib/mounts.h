// SPDX-License-Identifier: Apache-2.0
// A folder of the host's in the guest: a virtiofs share by its tag, or a disk with a read-only copy
// of it, by its serial number.
#pragma once

#include <stdbool.h>

enum {
    MOUNTS_TAG_MAX = 21, // virtio-blk's serial number has 20 bytes
    MOUNTS_TYPE_MAX = 16,
};

// What mounts_add says of a kernel without the file system.
#define MOUNTS_NO_TYPE "the kernel has no such file system"

// Makes the folder `path`, which has passed guard_mount, and mounts there. `type` is "virtiofs" or
// "squashfs". NULL, or why not.
const char *mounts_add(const char *tag, const char *type, const char *path, bool read_only);

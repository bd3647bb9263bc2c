// SPDX-License-Identifier: Apache-2.0
/* A disk without room, as the reason of what failed. */
#include <errno.h>
#include <sys/statvfs.h>

#include "store/store.h"

/* Less is as good as nothing for a program that has failed for lack of it. */
#define NEARLY_FULL_BYTES (UINT64_C(64) << 20)

const char store_disk_help[] = "'capsem-builder cache prune --keep-days 7' removes entries unused "
                               "for a week; --cache-dir puts the store on another disk";

const char *store_disk_full(const char *path, bool said) {
    struct statvfs disk;
    if (statvfs(path, &disk) < 0) {
        return NULL;
    }
    if (disk.f_bavail == 0 ||
        (said && (uint64_t)disk.f_bavail * disk.f_frsize < NEARLY_FULL_BYTES)) {
        return "is full";
    }
    return disk.f_files > 0 && (disk.f_favail == 0 || (said && disk.f_favail < 64))
               ? "has no free inodes"
               : NULL;
}

bool store_disk_shortage(const struct store *s, const struct err *err, struct err *ret) {
    const char *full = err->code == ENOSPC ? store_disk_full(store_path(s), true) : NULL;
    if (full == NULL) {
        return false;
    }
    *ret = *err;
    (void)err_wrap(ret, "the disk that holds the store %s: '%s'", full, store_path(s));
    (void)err_help(ret, "%s", store_disk_help);
    return true;
}

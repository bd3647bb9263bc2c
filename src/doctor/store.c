// SPDX-License-Identifier: Apache-2.0
/* The store, and room on the disks. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "doctor/internal.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

/* What a first build of the default image takes, and below what it does not fit. */
#define SPACE_WARN_BYTES  (UINT64_C(12) * 1000 * 1000 * 1000)
#define SPACE_FAIL_BYTES  (UINT64_C(5) * 1000 * 1000 * 1000)
#define OUTPUT_FAIL_BYTES (UINT64_C(1) * 1000 * 1000 * 1000)

void doctor_check_store(struct doctor *d) {
    if (d->store != NULL) {
        doctor_report(d, FINDING_PASS, NULL, "%s is writable", store_path(d->store));
        return;
    }
    if (err_is_set(&d->rights_err)) {
        return; /* which has been said */
    }
    AUTO_BUF text = BUF_INIT(TEXT_BYTES_MAX);
    err_text(&d->store_err, &text);
    struct doctor_finding *f = doctor_report(d, FINDING_FAIL, NULL, "%s", text.ptr);
    doctor_fix(d, f, "export CAPSEM_CACHE_DIR=/var/tmp/capsem-builder");
}

/* --- space ------------------------------------------------------------------------------------ */

/* Free bytes where `path` is, or will be: of the nearest folder above it that is there. */
static bool free_space(struct arena *a, const char *path, uint64_t *ret) {
    str at = str_from_c(path);
    struct statvfs st;
    while (statvfs(str_to_c(a, at), &st) != 0) {
        str up = path_dir(at);
        if (errno != ENOENT || str_eq(up, at)) {
            return false;
        }
        at = up;
    }
    *ret = (uint64_t)st.f_bavail * st.f_frsize;
    return true;
}

static void check_space_of(struct doctor *d, const char *about, const char *path,
                           uint64_t fail_below, uint64_t warn_below) {
    uint64_t bytes;
    if (!free_space(d->arena, path, &bytes)) {
        doctor_report(d, FINDING_WARN, about, "cannot read the free space of %s: %s", path,
                      strerror(errno));
    } else if (bytes >= warn_below) {
        doctor_report(d, FINDING_PASS, about, "%s free in %s", unit_bytes(bytes).text, path);
    } else {
        struct doctor_finding *f =
            doctor_report(d, bytes < fail_below ? FINDING_FAIL : FINDING_WARN, about,
                          "%s free in %s; a first build needs up to %s", unit_bytes(bytes).text,
                          path, unit_bytes(warn_below).text);
        doctor_fix(d, f, "capsem-builder cache prune --keep-size 1 # or a larger disk");
    }
}

void doctor_check_space(struct doctor *d) {
    check_space_of(d, "of the store", d->request->cache_dir, SPACE_FAIL_BYTES, SPACE_WARN_BYTES);
    check_space_of(d, "of the output", "assets", OUTPUT_FAIL_BYTES, OUTPUT_FAIL_BYTES);
}

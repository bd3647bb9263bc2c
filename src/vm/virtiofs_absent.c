// SPDX-License-Identifier: Apache-2.0
/* Where there are no namespaces to start a virtiofsd in: only images of folders are volumes. */
#include <errno.h>

#include "vm/internal.h"

bool vm_volume_try(const struct vm_volume *volume, struct err *err) {
    (void)volume;
    return err_set(err, "virtiofsd needs Linux");
}

bool volumes_start(const struct vm_spec *spec, struct volumes *ret, struct err *err) {
    for (size_t i = 0; i < spec->volume_count; i++) {
        const struct vm_volume *volume = &spec->volumes[i];
        if (volume->image_fd <= 0) {
            return vm_volume_try(volume, err) || err_wrap(err, "share '%s'", volume->host);
        }
        ret->fds[i] = fcntl(volume->image_fd, F_DUPFD_CLOEXEC, 3);
        if (ret->fds[i] < 0) {
            return err_sys(err, errno, "share '%s'", volume->host);
        }
    }
    return true;
}

void volumes_hand_over(struct volumes *volumes) {
    for (size_t i = 0; i < VM_VOLUMES_MAX; i++) {
        fd_close_auto(&volumes->fds[i]);
        volumes->fds[i] = -1;
    }
}

void volumes_done(struct volumes *volumes) {
    volumes_hand_over(volumes);
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/capability.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "sandbox/internal.h"

/* What Docker leaves a container by default. */
static const cap_value_t kept[] = {
    CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,      CAP_MKNOD,
    CAP_NET_RAW, CAP_SETGID,       CAP_SETUID,           CAP_SETFCAP,     CAP_SETPCAP,
    CAP_KILL,    CAP_SYS_CHROOT,   CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE,
};

static bool is_kept(int cap) {
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (kept[i] == cap) {
            return true;
        }
    }
    return false;
}

bool drop_capabilities(struct err *err) {
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (!is_kept(cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            return err_sys(err, errno, "drop capability %d", cap);
        }
    }
    cap_t caps = cap_init();
    bool ok = caps != NULL &&
              cap_set_flag(caps, CAP_PERMITTED, ARRAY_LEN(kept), kept, CAP_SET) == 0 &&
              cap_set_flag(caps, CAP_EFFECTIVE, ARRAY_LEN(kept), kept, CAP_SET) == 0 &&
              cap_set_proc(caps) == 0;
    int why = errno;
    cap_free(caps);
    return ok || err_sys(err, why, "drop capabilities");
}

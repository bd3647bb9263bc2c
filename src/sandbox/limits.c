// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "sandbox/internal.h"

/* What Docker leaves a container by default, */
static const cap_value_t kept[] = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FSETID,  CAP_FOWNER, CAP_MKNOD,      CAP_SETGID,
    CAP_SETUID, CAP_SETFCAP,      CAP_SETPCAP, CAP_KILL,   CAP_SYS_CHROOT, CAP_AUDIT_WRITE,
};
/* and these of it only in a network of its own: in the host's, a step would read what others send
 * and answer in a service's place. */
static const cap_value_t kept_in_own_network[] = { CAP_NET_RAW, CAP_NET_BIND_SERVICE };

struct kept {
    cap_value_t caps[ARRAY_LEN(kept) + ARRAY_LEN(kept_in_own_network)];
    int count;
};

static struct kept find_kept(bool own_network) {
    struct kept k = { .count = ARRAY_LEN(kept) };
    memcpy(k.caps, kept, sizeof kept);
    if (own_network) {
        memcpy(k.caps + k.count, kept_in_own_network, sizeof kept_in_own_network);
        k.count += (int)ARRAY_LEN(kept_in_own_network);
    }
    return k;
}

static bool is_kept(const struct kept *k, int cap) {
    for (int i = 0; i < k->count; i++) {
        if (k->caps[i] == cap) {
            return true;
        }
    }
    return false;
}

bool drop_capabilities(bool own_network, struct err *err) {
    struct kept k = find_kept(own_network);
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (!is_kept(&k, cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            return err_sys(err, errno, "drop capability %d", cap);
        }
    }
    cap_t caps = cap_init();
    bool ok = caps != NULL && cap_set_flag(caps, CAP_PERMITTED, k.count, k.caps, CAP_SET) == 0 &&
              cap_set_flag(caps, CAP_EFFECTIVE, k.count, k.caps, CAP_SET) == 0 &&
              cap_set_proc(caps) == 0;
    int why = errno;
    cap_free(caps);
    return ok || err_sys(err, why, "drop capabilities");
}

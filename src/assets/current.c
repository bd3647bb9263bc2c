// SPDX-License-Identifier: Apache-2.0
/* Which assets of a folder are meant. */
#include <limits.h>
#include <unistd.h>

#include "assets/assets.h"
#include "machine/machine.h"

static const char *host_arch(void) {
    const struct machine *host = machine_host();
    return host != NULL ? host->assets : machines[0].assets;
}

const char *assets_default_arch(struct arena *a, const char *assets) {
    char target[PATH_MAX];
    ssize_t len = readlink(path_join(a, assets, "current"), target, sizeof target);
    if (len <= 0 || (size_t)len == sizeof target) {
        return host_arch();
    }
    return str_to_c(a, path_base((str){ target, (size_t)len }));
}

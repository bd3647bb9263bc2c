// SPDX-License-Identifier: Apache-2.0
/* A command run in a built image, for what it prints; nothing it changes is kept. */
#include <errno.h>

#include "embedded/internal.h"

bool embedded_probe(struct arena *a, const struct embedded_probe *probe, struct sandbox_result *ret,
                    struct err *err) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    if (!store_work_begin(probe->store, &work, err)) {
        return false;
    }
    static const char *const folders[] = { "upper", "work", "staging" };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(work.fd, folders[i], 0755) < 0) {
            return err_sys(err, errno, "create a work folder");
        }
    }
    struct sandbox_spec spec = {
        .root = { probe->layers, probe->layer_count },
        .upper = store_work_path(&work, a, "upper"),
        .work = store_work_path(&work, a, "work"),
        .staging = store_work_path(&work, a, "staging"),
        .network = SANDBOX_NETWORK_NONE,
        .argv = probe->argv,
        .env = probe->env,
        .cwd = "/",
        .on_output = probe->on_output,
        .self = probe->self,
        .cancelled = probe->cancelled,
    };
    return sandbox_run(&spec, ret, err);
}

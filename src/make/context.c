// SPDX-License-Identifier: Apache-2.0
#include "make/internal.h"

#include <errno.h>

bool make_prepare(struct arena *a, const struct make_run *run, const struct recipe *recipe,
                  struct store_work *work, struct build_request *ret, struct err *err) {
    if (!store_work_begin(run->store, work, err)) {
        return false;
    }
    const char *context = store_work_path(work, a, "context");
    if (mkdir(context, 0755) < 0) {
        return err_sys(err, errno, "create '%s'", context);
    }
    *ret = (struct build_request){
        .store = run->store,
        .sources = run->sources,
        .dockerfile = recipe->source,
        .context = context,
        .policy = run->policy,
        .events = run->events->steps,
        .self = run->events->steps_self,
        .cancelled = run->events->cancelled,
    };
    return recipe_write_context(recipe, context, run->policy.epoch_s, err) &&
           oci_platform_parse(a, run->arch->docker_platform.text, &ret->platform, err);
}

int make_open_built(struct arena *a, const struct build_result *result, const char *name) {
    for (size_t i = result->layer_count; i > 0; i--) {
        int fd = open(path_join(a, result->layers[i - 1], name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) {
            return fd;
        }
    }
    return -1;
}

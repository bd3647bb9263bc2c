// SPDX-License-Identifier: Apache-2.0
/* Programs of this machine for a RUN of another architecture. */
#include "embedded/internal.h"

static bool mentions(str command, const char *word) {
    return str_find(command, str_from_c(word), 0) != STR_NONE;
}

/* A base for this machine is fetched only for what is worth it. */
bool native_plan(struct step *step, str command, struct sandbox_mount *mount,
                 const struct sandbox_standins **ret) {
    struct builder *b = step->builder;
    const struct stage *s = step->stage;
    bool installs = mentions(command, "apt") || mentions(command, "dpkg");
    const struct native_request request = {
        .finder = &b->finder,
        .ref = &s->base,
        .platform = &s->config.platform,
        .fetch = installs,
        .status = native_packages(b->request->store, b->arena, &s->stack),
        .python = installs && mentions(command, "python") ? native_python : NULL,
        .self = b,
    };
    struct native_set set;
    if (b->request->policy.emulate || request.status.len == 0 || !native_find(&request, &set)) {
        return false;
    }
    *mount = (struct sandbox_mount){
        .kind = SANDBOX_BIND,
        .source = set.layer,
        .target = NATIVE_FOLDER,
        .readonly = true,
    };
    *ret = set.table;
    step_uses_layer(step, &set.layer_key);
    return true;
}

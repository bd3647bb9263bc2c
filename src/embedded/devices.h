// SPDX-License-Identifier: Apache-2.0
/* devices.c: RUN --device. */
#pragma once

#include "embedded/internal.h"

struct devices {
    struct sandbox_mount *items;
    size_t len;
    size_t cap;
    struct oci_pairs env; /* no part of a key */
};
/* What the step's devices are on this machine; reports what is wrong, missing or not allowed. */
MUST_CHECK bool devices_plan(struct step *step, const struct dockerfile_run *run,
                             struct devices *ret);
void devices_key(const struct dockerfile_run *run, const struct devices *devices,
                 struct store_key_hash *k);

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "check/check.h"
#include "dockerfile/dockerfile.h"

/*
 * Reports what a Dockerfile leaves out of the image: W017 for an artifact that has no place and
 * that no instruction takes, W018 without a CA certificate; and what a build will not find: E302
 * without artifacts, E303 without sources of the guest binaries, each W019 when no build follows.
 * `file` is the parsed text of the recipe.
 */
void artifact_check(struct arena *a, const struct check_request *check, const struct recipe *recipe,
                    const struct dockerfile *file, struct diag_sink *sink);

/* Reports E014. */
void manager_check(struct arena *a, const struct guest_config *config,
                   const struct config_architecture *arch, struct diag_sink *sink);

/* Reports E012. */
void kernel_check(struct arena *a, const struct config_architecture *arch, struct diag_sink *sink);

// SPDX-License-Identifier: Apache-2.0
/* Are the templates right? Without an engine, as `validate` asks and `build` before it starts. */
#pragma once

#include "recipe/recipe.h"

struct recipe_check {
    const struct guest_config *config;
    const char *templates_dir;  /* NULL: the compiled-in templates */
    const char *kernel_version; /* NULL: the last one known */
    /* The config has no errors. Else only that templates render is checked (E400): what they make
     * of defaults in the place of broken values tells nothing. */
    bool sound;
    /* The embedded engine will execute it: E405 also for a RUN that this machine cannot run. */
    bool runs_here;
    struct recipe_templates *templates; /* zeroed at first: what several checks share */
};

/*
 * Renders the Dockerfile of an architecture and reports what is wrong with it: E400, then E401 when
 * the text does not parse, E403 for its stages, E402 for a COPY of what is not in the build context
 * (when the artifacts are known), E405 for a platform; E302 when an artifact cannot be read. What
 * was reported for another architecture already is not said again.
 */
void recipe_check(struct arena *a, const struct recipe_check *check,
                  const struct config_architecture *arch, enum recipe_kind kind,
                  struct sources *sources, struct diag_sink *sink);
/* The same for all architectures and both templates. */
void recipe_check_all(struct arena *a, const struct recipe_check *check, struct sources *sources,
                      struct diag_sink *sink);

// SPDX-License-Identifier: Apache-2.0
/* A rendered recipe on its way through an engine. */
#pragma once

#include "cli/progress.h"
#include "recipe/recipe.h"

struct recipe_run {
    struct store *store;
    struct sources *sources; /* that the recipe was rendered with */
    const struct config_architecture *arch;
    bool no_cache;
    bool emulate;
    bool pull;
    bool offline;
    int64_t epoch_s;
};

/* Writes the build context into a work folder, which must outlive the build, and fills the request:
 * for build_run(), or an engine that takes the same. */
MUST_CHECK bool recipe_prepare(struct cli *cli, const struct recipe_run *run,
                               const struct recipe *recipe, struct progress *p,
                               struct store_work *work, struct build_request *ret, struct err *err);

/* Prints why a build ended: the end of what its step printed, diagnostics, err. Always false. */
bool recipe_report(struct cli *cli, struct progress *p, struct diag_sink *sink, str failed_output,
                   const struct err *err);

/* A file as the highest layer has it, open for reading; -1: there is none. */
int recipe_open_built(struct arena *a, const struct build_result *result, const char *name);

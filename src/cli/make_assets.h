// SPDX-License-Identifier: Apache-2.0
/* `build`: from a configuration to the assets of one architecture. */
#pragma once

#include "cli/cli.h"
#include "cli/engine.h"
#include "config/config.h"
#include "recipe/recipe.h"
#include "store/store.h"

struct make_request {
    const struct guest_config *config;
    struct sources *sources;
    struct store *store;
    const struct engine *engine;
    const char *output_dir; /* assets/ */
    const char *templates_dir;
    const char *kernel_version;
    const char *binaries_dir;
    const char *progress; /* of progress_words */
    bool kernel;
    bool rootfs;
    bool no_cache;
    bool emulate;
    bool why;   /* say it of each step */
    bool fresh; /* package sets that grew are installed in one line */
    bool pull;
    bool offline;
    int64_t epoch_s;
};

/* What became of one asset, for the summary. */
struct made_asset {
    const char *name;
    uint64_t bytes;
    uint64_t duration_ms;
    size_t steps_run;
    size_t steps_cached;
    bool fresh; /* written now */
};
enum { MADE_ASSETS_MAX = 3 };

/* Builds, packs and publishes. False: everything was printed. */
bool make_assets(struct cli *cli, const struct make_request *request,
                 const struct config_architecture *arch, struct made_asset ret[MADE_ASSETS_MAX],
                 size_t *ret_count);

// SPDX-License-Identifier: Apache-2.0
/* --why: for each step of a build the reason why it runs, or comes from the store. The steps of the
 * last build of a guest are kept in the store; what differs is the reason. */
#pragma once

#include "assets/assets.h"
#include "cli/grow.h"
#include "recipe/recipe.h"

struct why_step {
    str stage;
    str text; /* the instruction as it stands in the Dockerfile */
    str key;
    str own;
};

struct why_ran {
    str stage;
    size_t number;
};

struct why {
    struct arena *arena;
    struct store *store; /* NULL: there is none */
    struct sources *sources;
    const struct guest_config *config;
    const struct recipe *recipe;
    const struct grow *grow; /* of the root filesystem; NULL: nothing grows */
    bool no_cache;
    str record;
    struct why_step *last; /* of the last build */
    size_t last_count;
    struct assets_input *files; /* the files of its build context */
    size_t file_count;
    struct why_ran *ran; /* of each stage: the newest step that runs for a reason of its own */
    size_t ran_count;
    size_t ran_cap;
};

/* The members up to no_cache are the caller's. Reads what the store has of the last build. */
void why_begin(struct why *w, const struct config_architecture *arch);
/* One line for the next step; to be asked for each, in order. */
str why_reason(struct why *w, const struct build_step *step, bool cached);
/* --dry-run: what a build would do, and why, on stderr. */
void why_print(struct why *w, const struct cli *cli, const struct config_architecture *arch,
               int64_t epoch_s);
/* After a build: its steps are those of the last one. */
MUST_CHECK bool why_save(const struct why *w, const struct build_result *result,
                         const struct assets_input *files, size_t file_count, struct err *err);

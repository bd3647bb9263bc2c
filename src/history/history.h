// SPDX-License-Identifier: Apache-2.0
/*
 * history/: what earlier builds of a guest left in the store, and what follows from it. The lines
 * of package sets that grow; the steps of the last build, and so why one runs now; the inputs of a
 * recipe, by their digests. A record that is torn or unreadable is one that is not there.
 */
#pragma once

#include "assets/assets.h"
#include "build/build.h"
#include "config/config.h"
#include "recipe/recipe.h"

/* ---- inputs.c ---- */

/* The rendered Dockerfile (kind "dockerfile") and the files of its build context ("file" for a
 * copy of one on disk, "config" for one made of the config), with their BLAKE3. */
MUST_CHECK bool history_inputs(struct arena *a, const struct recipe *recipe,
                               struct assets_input **ret, size_t *ret_count, struct err *err);

/* ---- grow.c: which RUN lines the root filesystem's Dockerfile has, from what was built last in
 * this store and what of that is still there ---- */

struct history_grow {
    struct arena *arena;
    struct store *store; /* NULL: there is none, so there was no build */
    const struct guest_config *config;
    str record;                 /* name of the lines in the store */
    str engine_record;          /* and of who built them */
    struct recipe_lines before; /* of the last build */
    struct recipe_lines last;   /* those of them that count */
    struct recipe_lines lines;
};

/* `fresh`: the last build does not count. */
void history_grow_begin(struct history_grow *g, struct arena *a, struct store *store,
                        const struct guest_config *config, const struct config_architecture *arch,
                        bool fresh);
/* What a store knows of a guest's builds has this name; `what` it is about is a word. */
str history_grow_record_name(struct arena *a, const char *what, const struct guest_config *config,
                             const struct config_architecture *arch);
/* Empty: there is none. */
str history_grow_record_load(struct arena *a, struct store *store, str name);
/* Writes what is not there yet. */
MUST_CHECK bool history_grow_record_save(struct store *store, str name, str text, struct err *err);
/* Has something an addition? Only then is it worth a look at what is in the store. */
bool history_grow_adds(const struct history_grow *g);
/*
 * Looks at what a build of the rendered lines would find in the store; `request` is that of the
 * build, whose `pull` is done then. True: the lines are others now, and are to be rendered again. A
 * line that is not there any more is put together with its additions.
 */
bool history_grow_look(struct history_grow *g, const struct recipe *recipe,
                       struct build_request *request);
/*
 * The same for an engine whose cache cannot be looked at: it has the lines that it was the last to
 * build, or runs them again, which costs no more than a build from nothing. `engine` is how its
 * name begins.
 */
bool history_grow_trust(struct history_grow *g, str engine);
/* What a build would find, asked without one: nothing is fetched. False: nobody knows. */
bool history_grow_look_offline(struct arena *a, struct store *store,
                               const struct config_architecture *arch, const struct recipe *recipe,
                               struct sources *sources, const struct build_share *share,
                               int64_t epoch_s, struct build_result *ret);
/* The second half of history_grow_look(). */
bool history_grow_decide(struct history_grow *g, const struct recipe *recipe,
                         const struct build_result *looked);
/* Was it an addition that could not be installed? Then all of its set in one line may: true, with
 * the set's name, and the lines are to be rendered again. */
bool history_grow_retry(struct history_grow *g, const struct recipe *recipe,
                        const struct diag_sink *sink, str *ret_name);
/* One line a set from now on. */
void history_grow_fresh(struct history_grow *g);
/* After a build: the lines are those of the last one, and the engine's cache has them. */
MUST_CHECK bool history_grow_save(const struct history_grow *g, str engine, struct err *err);

/* ---- why.c: for each step of a build the reason why it runs, or comes from the store ---- */

struct history_why_step {
    str stage;
    str text; /* the instruction as it stands in the Dockerfile */
    str key;
    str own;
};

struct history_why_ran {
    str stage;
    size_t number;
};

struct history_why {
    struct arena *arena;
    struct store *store; /* NULL: there is none */
    struct sources *sources;
    const struct guest_config *config;
    const struct recipe *recipe;
    const struct history_grow *grow; /* of the root filesystem; NULL: nothing grows */
    bool no_cache;
    str record;
    struct history_why_step *last; /* of the last build */
    size_t last_count;
    struct assets_input *files; /* the files of its build context */
    size_t file_count;
    struct history_why_ran
        *ran; /* of each stage: the newest step that runs for a reason of its own */
    size_t ran_count;
    size_t ran_cap;
};

/* The members up to no_cache are the caller's. Reads what the store has of the last build. */
void history_why_begin(struct history_why *w, const struct config_architecture *arch);
/* One line for the next step; to be asked for each, in order. */
str history_why_reason(struct history_why *w, const struct build_step *step, bool cached);
/* After a build: its steps are those of the last one. */
MUST_CHECK bool history_why_save(const struct history_why *w, const struct build_result *result,
                                 const struct assets_input *files, size_t file_count,
                                 struct err *err);

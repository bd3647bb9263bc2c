// SPDX-License-Identifier: Apache-2.0
/* Package sets that grow: which RUN lines the root filesystem's Dockerfile has, from what was built
 * last in this store and what of that is still there. */
#pragma once

#include "build/build.h"
#include "cli/cli.h"
#include "config/config.h"
#include "recipe/recipe.h"

struct grow {
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
void grow_begin(struct grow *g, struct arena *a, struct store *store,
                const struct guest_config *config, const struct config_architecture *arch,
                bool fresh);
/* What a store knows of a guest's builds has this name; `what` it is about is a word. */
str grow_record_name(struct arena *a, const char *what, const struct guest_config *config,
                     const struct config_architecture *arch);
/* Empty: there is none. */
str grow_record_load(struct arena *a, struct store *store, str name);
/* Writes what is not there yet. */
MUST_CHECK bool grow_record_save(struct store *store, str name, str text, struct err *err);
/* Has something an addition? Only then is it worth a look at what is in the store. */
bool grow_adds(const struct grow *g);
/*
 * Looks at what a build of the rendered lines would find in the store; `request` is that of the
 * build, whose `pull` is done then. True: the lines are others now, and are to be rendered again. A
 * line that is not there any more is put together with its additions.
 */
bool grow_look(struct grow *g, const struct recipe *recipe, struct build_request *request);
/*
 * The same for an engine whose cache cannot be looked at: it has the lines that it was the last to
 * build, or runs them again, which costs no more than a build from nothing. `engine` is how its
 * name begins.
 */
bool grow_trust(struct grow *g, str engine);
/* What a build would find, asked without one: nothing is fetched. False: nobody knows. */
bool grow_look_offline(struct arena *a, struct store *store, const struct config_architecture *arch,
                       const struct recipe *recipe, struct sources *sources, int64_t epoch_s,
                       struct build_result *ret);
/* The second half of grow_look(). */
bool grow_decide(struct grow *g, const struct recipe *recipe, const struct build_result *looked);
/* Was it an addition that could not be installed? Then all of its set in one line may: true, with
 * the set's name, and the lines are to be rendered again. */
bool grow_retry(struct grow *g, const struct recipe *recipe, const struct diag_sink *sink,
                str *ret_name);
/* One line a set from now on. */
void grow_fresh(struct grow *g);
/* After a build: the lines are those of the last one, and the engine's cache has them. */
MUST_CHECK bool grow_save(const struct grow *g, str engine, struct err *err);

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "make/make.h"

/* ---- context.c: a rendered recipe on its way through an engine ---- */

struct make_run {
    struct store *store;
    struct sources *sources; /* that the recipe was rendered with */
    const struct config_architecture *arch;
    struct build_policy policy;
    const struct make_events *events;
};

/* Writes the build context into a work folder, which must outlive the build, and fills the
 * request. */
MUST_CHECK bool make_prepare(struct arena *a, const struct make_run *run,
                             const struct recipe *recipe, struct store_work *work,
                             struct build_request *ret, struct err *err);

/* A file as the highest layer has it, open for reading; -1: there is none. */
int make_open_built(struct arena *a, const struct build_result *result, const char *name);

/* ---- container.c: guest binaries compiled on an engine, in an image that has a compiler ---- */

MUST_CHECK bool make_binaries_in_container(struct arena *a, const struct make_binaries *request,
                                           struct sources *sources,
                                           const struct make_events *events,
                                           struct guestbin_binary *ret,
                                           struct make_failure *failure);

/* ---- versions.c: tool-versions.txt, what the programs of an image say about themselves ---- */

/* The text for a built root filesystem, remembered in the store by its content. False: err is set;
 * so it is when an enabled AI CLI says nothing. */
MUST_CHECK bool make_versions(struct arena *a, struct store *store,
                              const struct guest_config *config, const struct engine_built *built,
                              str *ret, struct err *err);

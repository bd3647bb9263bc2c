// SPDX-License-Identifier: Apache-2.0
/*
 * embedded/: the engine of our own. Takes the parsed Dockerfile, a context folder and a store;
 * gives the layers of the wanted stage and its image config. Every step that changes files is a
 * layer in the store under a content key; a step whose key is there does not run. Only stages that
 * the target needs are looked at.
 *
 * Follows the Dockerfile reference; what a step may do is sandbox/'s business.
 */
#pragma once

#include "build/build.h"
#include "sandbox/sandbox.h"

/*
 * Builds the target. False when diagnostics were reported (the text is wrong, a step failed: E404
 * with its last output in ret->failed_output) or when err is set (the world refused); both may be.
 */
MUST_CHECK bool embedded_run(struct arena *a, const struct build_request *request,
                             struct diag_sink *sink, struct build_result *ret, struct err *err);

/* What embedded_run looks at before its first step: can this machine run the RUNs of every stage
 * that the target needs? Executes nothing and opens no store. False: it was reported (E405, or what
 * is wrong with the text). Takes of the request: sources, dockerfile, target, build_args, platform.
 */
MUST_CHECK bool embedded_check_platforms(struct arena *a, const struct build_request *request,
                                         struct diag_sink *sink);

/* ---- a look into what was built ---- */

struct embedded_probe {
    struct store *store;
    const char *const *layers; /* lowest first */
    size_t layer_count;
    const char *const *argv; /* NULL-terminated */
    const char *const *env;
    void (*on_output)(void *self, str piece); /* stdout and stderr */
    void *self;
    const volatile sig_atomic_t *cancelled;
};
/* Runs a command in the image, without network; what it changes is thrown away. */
MUST_CHECK bool embedded_probe(struct arena *a, const struct embedded_probe *probe,
                               struct sandbox_result *ret, struct err *err);

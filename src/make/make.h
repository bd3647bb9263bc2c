// SPDX-License-Identifier: Apache-2.0
/*
 * make/: a guest folder and a request in, assets and events out: the whole job, without a terminal.
 * Renders the recipes, has an engine execute them, compiles the guest binaries, asks the image's
 * programs for their versions, packs and publishes. Nothing is printed, and this program is not
 * started.
 */
#pragma once

#include <signal.h>

#include "config/config.h"
#include "engine/engine.h"
#include "guestbin/guestbin.h"
#include "recipe/recipe.h"
#include "store/store.h"

struct json_t;

/* What is told while it goes on. */
struct make_events {
    void *self;
    /* A template begins, "rootfs x86_64": what is told from now on is about it. `why` gives the
     * reason why a step ran, or did not; NULL unless the request has `why`. */
    void (*begin)(void *self, const char *label,
                  str (*why)(void *why_self, const struct build_step *step, bool cached),
                  void *why_self);
    void (*end)(void *self);              /* it went well */
    void (*notice)(void *self, str line); /* outside of a template */
    void (*warning)(void *self, str line);
    const struct build_events *steps; /* of the template that has begun, */
    void *steps_self;
    struct pack_events pack;
    const volatile sig_atomic_t *cancelled; /* not 0: stop */
};

/* Why something could not be made: what the user's texts have, the end of what a step or a compiler
 * printed, what the world refused. Each may be empty. */
struct make_failure {
    struct diag_sink sink;
    str output;
    struct err err;
};

/* ---- guest binaries ---- */

struct make_binaries {
    const struct guest_config *config;
    const struct config_architecture *arch;
    const char *cache_dir;     /* of the store that an image with a compiler is made in */
    const char *output_dir;    /* gets ARCH/NAME */
    const char *templates_dir; /* NULL: the compiled-in ones */
    bool container;            /* in an image that has a compiler, be there one here or not */
};

/* Are they compiled by this machine's compiler, rather than in an image that has one? */
bool make_binaries_here(struct arena *a, const struct make_binaries *request);
/* What guestbin/ is asked for then. */
struct guestbin_request make_binaries_request(struct arena *a, const struct make_binaries *request);
/* *ret has an entry for each guest binary of the config. `sources` get the texts that diagnostics
 * are about. */
MUST_CHECK bool make_binaries(struct arena *a, const struct make_binaries *request,
                              struct sources *sources, const struct make_events *events,
                              struct guestbin_binary **ret, struct make_failure *failure);

/* ---- what steps may share with this machine, as the config says ---- */

struct build_share make_share(struct arena *a, const struct guest_config *config);
/* Cache mounts become those of a folder, unless they have a name already. */
void make_share_of_folder(struct arena *a, const char *folder, struct build_share *share);

/* ---- assets ---- */

struct make_request {
    const struct guest_config *config;
    struct sources *sources;
    struct store *store;
    const char *cache_dir; /* where the store is */
    const struct engine *engine;
    const char *output_dir; /* assets/ */
    const char *templates_dir;
    const char *kernel_version;
    const char *binaries_dir;
    int manifest_format; /* 1 or 2; 0: as it was */
    bool kernel;
    bool rootfs;
    bool why;   /* say it of each step */
    bool fresh; /* package sets that grew are installed in one line */
    struct build_policy policy;
};

/* What became of one asset, for the summary. */
struct make_asset {
    const char *name;
    uint64_t bytes;
    uint64_t duration_ms;
    size_t steps_run;
    size_t steps_cached;
    bool fresh; /* written now */
};
enum { MADE_ASSETS_MAX = 3 };

/* Builds, packs and publishes the assets of one architecture. False: `failure` says why, and the
 * assets are as they were. */
MUST_CHECK bool make_assets(struct arena *a, const struct make_request *request,
                            const struct config_architecture *arch,
                            const struct make_events *events,
                            struct make_asset ret[MADE_ASSETS_MAX], size_t *ret_count,
                            struct make_failure *failure);

/* ---- a guest folder as a whole ---- */

struct make_job {
    /* The caller's: the folder, the architectures of its config (without: this machine's, or the
     * only one), the engine ("auto"), and of the request all but what load fills in. */
    const char *guest_dir;
    struct config_names names;
    const char *engine_word;
    bool
        has_epoch; /* request.policy.epoch_s is given; else it is the newest change of the config */
    struct make_request request;
    /* Filled in by make_job_load(), with request.config, sources, and of the policy share and
     * epoch_s. `engine` and
     * `store` are for make_job_build() only. */
    struct guest_config config;
    struct sources sources;
    const struct config_architecture **archs;
    size_t arch_count;
};

/* "1700000000" as SOURCE_DATE_EPOCH has it: seconds since 1970. */
MUST_CHECK bool make_epoch_parse(str text, int64_t *ret, struct err *err);
MUST_CHECK bool make_job_load(struct arena *a, struct make_job *job, struct make_failure *failure);
/* The templates that the request names, the kernel before the rootfs, as they are built. */
size_t make_job_kinds(const struct make_job *job, enum recipe_kind ret[2]);
/* Checks the templates before anything is built: a COPY of a file that is not there would fail only
 * after the steps before it, a RUN for another architecture after a whole kernel. `dry_run`: what
 * only a build needs may be missing. `runs_here`: the embedded engine will execute them. */
MUST_CHECK bool make_job_check(struct arena *a, struct make_job *job, bool dry_run, bool runs_here,
                               struct diag_sink *sink);
/* Chooses the engine: engine_choose(). */
MUST_CHECK bool make_job_engine(struct arena *a, struct make_job *job, struct engine *ret,
                                str *ret_notice, struct err *err);
/* The kernel's version is asked for when the source is chosen by it; *ret may be NULL. *ret_warning
 * says when it is one that this program knows, because nobody answered; else it is empty. */
MUST_CHECK bool make_job_kernel_version(struct arena *a, const struct make_job *job,
                                        const struct config_architecture *arch, const char **ret,
                                        str *ret_warning, struct err *err);

/* What a build would do, asked without one. */
struct make_look_step {
    enum recipe_kind kind;
    const struct config_architecture *arch;
    const struct build_record *record; /* NULL: all steps */
    bool cached;
    str reason;
};
struct make_look {
    void *self;
    void (*step)(void *self, const struct make_look_step *step);
};
/* The Dockerfile that a build would execute now, which depends on what the store has of the last
 * one. `look` is told each of its steps, and why it would run or not; it may be NULL. */
MUST_CHECK bool make_job_render(struct arena *a, struct make_job *job,
                                const struct config_architecture *arch, enum recipe_kind kind,
                                const struct make_look *look, struct recipe *ret,
                                struct make_failure *failure);
/* All of them, as `build --dry-run --json` prints them; `template` is its word for them. With both
 * templates, each architecture has the rootfs as "dockerfile" and the kernel beside. *ret is the
 * caller's. */
MUST_CHECK bool make_job_json(struct arena *a, struct make_job *job, const char *template,
                              const struct make_look *look, struct json_t **ret,
                              struct make_failure *failure);

/* Builds one of job->archs: make_assets(). */
MUST_CHECK bool make_job_build(struct arena *a, struct make_job *job, size_t index,
                               const struct make_events *events,
                               struct make_asset ret[MADE_ASSETS_MAX], size_t *ret_count,
                               struct make_failure *failure);

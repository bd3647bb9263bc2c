// SPDX-License-Identifier: Apache-2.0
/*
 * build/: what a build takes, gives and tells, whichever engine does it: the request, the events,
 * the result. And what engines share: what steps get of this machine, and the cause of a failed
 * step in what it printed.
 */
#pragma once

#include <signal.h>

#include "base/base.h"
#include "diag/diag.h"
#include "images/images.h"
#include "oci/oci.h"
#include "sandbox/sandbox.h"
#include "store/store.h"

/* One step as shown to people. */
struct build_step {
    str stage;     /* name or number of the stage */
    size_t number; /* 1-based, in its stage */
    size_t count;  /* of the stage's steps */
    str text;      /* the instruction on one line */
    struct span span;
    struct store_key key; /* of the layer; empty: it is no step, or not known yet */
    struct store_key own; /* the same without what the step builds on */
};

enum build_step_end {
    BUILD_STEP_DONE,
    BUILD_STEP_CACHED,
    BUILD_STEP_FAILED,
};

/* Told what happens, in order; all mandatory. Pointers are valid during the call only. */
struct build_events {
    void (*begin)(void *self, const struct build_step *step);
    void (*output)(void *self, const struct build_step *step, str piece);
    void (*end)(void *self, const struct build_step *step, enum build_step_end how,
                uint64_t duration_ms);
    /* Several times a second while a step runs: for a clock on the screen. */
    void (*tick)(void *self, const struct build_step *step);
    /* What is worth knowing besides: a base image is bootstrapped, another build is waited for. */
    void (*notice)(void *self, str text);
};

enum build_network {
    BUILD_NETWORK_HOST,
    BUILD_NETWORK_NONE,
};

/* What a step may read and no layer or key has in it. */
struct build_secret {
    str id;
    str content;
};
struct build_agent {
    str id;             /* "default" */
    const char *socket; /* of an ssh-agent */
};

/* --build-context: what a name in FROM, --from and from= stands for. */
struct build_named_context {
    str name;
    const char *folder; /* or NULL: */
    str image;          /* a reference */
};

/* The last second of the year 9999: a later one cannot be written as a date. */
#define BUILD_EPOCH_MAX_S 253402300799

/* Credentials of this machine, by what has them: bit 1 << KIND of build_share.credentials. */
enum build_credentials {
    BUILD_CREDENTIALS_NPM,   /* tokens and passwords of the npmrc files */
    BUILD_CREDENTIALS_PIP,   /* users in URLs of pip.conf, PIP_... and UV_... */
    BUILD_CREDENTIALS_APT,   /* users in URLs of apt's settings */
    BUILD_CREDENTIALS_PROXY, /* users in http_proxy and the like */
    BUILD_CREDENTIALS_GO,    /* users in GOPROXY */
    BUILD_CREDENTIALS_COUNT,
};
/* The bit of a kind by its name: "npm". False: there is no such kind. */
bool build_credentials_find(str name, unsigned *ret);
/* "npm,pip" */
str build_credentials_names(struct arena *a, unsigned credentials);
/* When what a step printed says that it lacked credentials that were withheld: a sentence that says
 * how it gets them; else empty. */
str build_credentials_hint(struct arena *a, unsigned withheld, str output);

/* What steps get of this machine, by the will of whoever builds. */
struct build_share {
    unsigned credentials;  /* of which kinds steps see the host's: bits */
    uint64_t memory_bytes; /* what a step may take; 0: by the machine */
    uint64_t pids;         /* how many processes and threads it may have; 0: by the machine */
    str cache_namespace;   /* cache mounts, those with an id too, are shared within one only */
};

/* What whoever builds wants of the work as a whole. Every request has it as it is. */
struct build_policy {
    bool no_cache; /* every step is run again */
    bool emulate;  /* steps for another architecture: without tools of this machine */
    bool pull;     /* base images: the registry is asked even when the store has them */
    bool offline;  /* base images: nothing but the store is asked */
    /*
     * Seconds; times of what the engine itself makes. With `epoch_is_now` it is the time of the
     * build, and SOURCE_DATE_EPOCH may come from build_args or from the Dockerfile's global ARGs:
     * a number, "context", or a stage's name (Dockerfile reference, "BuildKit built-in build
     * args"). Without, the number counts.
     */
    int64_t epoch_s;
    bool epoch_is_now;
    bool epoch_from_env; /* the one in build_args is the environment's: for messages */
    struct build_share share;
};

struct build_result;
struct build_request {
    struct store *store;
    struct sources *sources;
    uint32_t dockerfile;         /* its source */
    const char *context;         /* folder; NULL: there is none */
    const char *target;          /* stage name or number; NULL: the last */
    struct oci_pairs build_args; /* --build-arg */
    struct oci_platform platform;
    struct build_policy policy;
    enum build_network network; /* of steps that do not say */
    const struct build_secret *secrets;
    size_t secret_count;
    const struct build_agent *agents;
    size_t agent_count;
    const struct build_named_context *contexts;
    size_t context_count;
    bool allow_insecure; /* RUN --security=insecure is the user's will */
    bool allow_device;   /* and RUN --device */
    bool look;           /* run nothing: the records say what the store has, and what would run */
    const struct build_events *events;
    void *self;
    const volatile sig_atomic_t *cancelled;
    /* Is the content of the result going to be read? Then its layers are checked first, and what is
     * damaged is built again. NULL: it is not. */
    bool (*reads)(void *self, const struct build_result *result);
    void *reads_self;
};

struct build_record {
    str stage;
    size_t number; /* in its stage, of `count` */
    size_t count;
    str text;
    struct span span;
    struct store_key key; /* empty: of a look, after a step that would run */
    struct store_key own; /* as in build_step */
    bool cached;
    uint64_t duration_ms;
};

struct build_result {
    struct oci_config config;
    struct images_origin origin;
    const char **layers; /* absolute folders, lowest first: what a tree is made of */
    size_t layer_count;
    struct store_key *layer_keys; /* of all layers, those included that changed nothing */
    size_t layer_key_count;
    struct store_key key;      /* names the content: same key, same tree */
    int64_t source_date_epoch; /* what the build had, seconds; ... */
    bool epoch_is_now;         /* ... nothing has set it */
    str failed_output;         /* the end of what the failing step printed */
    int failed_exit_code;      /* of that step; 0 when no step failed */
    struct build_record *records;
    size_t record_count;
    size_t record_cap;
};

/* When a step ran, in milliseconds of the clock of the wall. A file with such a time was made by
 * it, at a time that says nothing: a build on another day has another one. */
struct build_time {
    int64_t began_ms;
    int64_t ended_ms;
};
/* Of the steps of a result, of those in the store too; in the arena. */
void build_times(struct store *s, struct arena *a, const struct build_result *result,
                 struct build_time **ret, size_t *ret_count);

/* The layers of all steps of a result, and what they were made from: store_layers_basis(). */
str build_basis(const struct store *s, struct arena *a, const struct build_result *result);

/*
 * What steps see of this machine: files in the folder BUILD_HOST_FOLDER and in /etc, and the
 * variables that name them. None of it is part of an image or of a key. Secrets are in it only of
 * the kinds that `share` names.
 */
#define BUILD_HOST_FOLDER "/run/capsem"
struct build_host {
    struct store_work work; /* has the files; those of BUILD_HOST_FOLDER in its folder "capsem" */
    struct sandbox_mount mounts[4];
    size_t mount_count;
    struct oci_pairs env; /* set unless the image sets them */
    unsigned withheld;    /* kinds of credentials that were left out: bits, as build_share has */
};
/* `hostname`: the steps' own, or empty. */
MUST_CHECK bool build_host_make(struct arena *a, struct store *store,
                                const struct build_share *share, str hostname,
                                struct build_host *ret, struct err *err);
void build_host_done(struct build_host *h);

/*
 * cause.c: what the end of a failed step's output tells of its cause. `command` is what the step
 * ran, for programs that say it with their exit code alone. `what` is empty: nothing is known.
 */
struct build_cause {
    str what; /* "apt finds no package 'jk'" */
    str help;
};
struct build_cause build_cause_find(struct arena *a, str output, str command, int exit_code);

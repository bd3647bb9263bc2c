// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"
#include "docker/docker.h"
#include "dockerfile/dockerfile.h"

enum {
    DOCKER_TEXT_MAX = 4 * 1024 * 1024, /* of what a command prints */
    DOCKER_ASK_MS = 30000,             /* how long an engine may take to answer a question */
    DOCKER_LABEL_BYTES = 64,
};

/* The label of everything that this program makes in an engine. */
#define DOCKER_LABEL "capsem-builder.build"
/* What it is called there: ':' and the label follow. */
#define DOCKER_IMAGE_NAME "capsem-builder"
#define DOCKER_BASE_NAME  "capsem-builder-base"

/* ---- call.c: one command ---- */

/* A command line that grows. */
struct argv {
    struct arena *arena;
    const char **items; /* NULL-terminated */
    size_t len;
    size_t cap;
};
void argv_add(struct argv *v, const char *word);
void argv_addf(struct argv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Runs `docker ARGUMENTS`; its stdout, trimmed, in the arena. `timeout_ms` 0: none. False: err has
 * the reason that docker gives, with a help where the reason is known. */
MUST_CHECK bool call_ask(struct arena *a, const char *const *argv, uint64_t timeout_ms,
                         const volatile sig_atomic_t *cancelled, str *ret, struct err *err);
/* The same without an answer, and without a word when it fails: for cleaning up. */
bool call_quietly(const char *const *argv);
/* What a failing docker printed, as an error: its last telling line, and what helps. */
bool call_explain(str printed, int exit_code, struct err *err);

/* ---- json.c ---- */

struct json_t;
/* The string at a dotted path of an answer; empty: there is none. */
str json_text_at(struct arena *a, const struct json_t *o, const char *path);
uint64_t json_number_at(const struct json_t *o, const char *path);

/* ---- rewrite.c ---- */

/* What stands in for a base image: its name in the file, and the one in the engine. */
struct base_name {
    str platform;
    str name;
    const char *as;
};
struct base_names {
    struct base_name *items;
    size_t len;
    size_t cap;
};

/* What a step is to see of the host. */
struct host_files {
    struct store_work work; /* holds them */
    struct oci_pairs env;
    const char **names; /* of the files: "apt.conf" */
    size_t count;
    unsigned withheld; /* credentials that steps do not see: build_host_make() */
};
MUST_CHECK bool host_files_make(struct arena *a, const struct build_request *request,
                                struct host_files *ret, struct err *err);

/*
 * The Dockerfile as an engine of any age takes it: a shell's text with heredocs becomes one line,
 * what is of the host comes in as secrets and ARGs that no image keeps, bases have the names that
 * the engine knows them by.
 */
str rewrite(struct arena *a, const struct dockerfile *file, str text, const struct host_files *host,
            const struct base_names *bases);
/* The name that the last stage has in it. */
#define REWRITE_LAST_STAGE "capsem-image"
str rewrite_last_stage(const struct dockerfile *file);
/* E405 for each instruction that the classic builder does not know. True: there is none. */
bool rewrite_check_classic(const struct dockerfile *file, struct diag_sink *sink);

/* FROM's name and platform with the file's global ARGs replaced. */
struct platforms {
    struct oci_platform build;
    struct oci_platform target;
};
MUST_CHECK bool from_expand(struct arena *a, const struct dockerfile *file,
                            const struct dockerfile_from *from, const struct platforms *platforms,
                            struct diag_sink *sink, str *ret_name,
                            struct oci_platform *ret_platform);

/* ---- bases.c ---- */

struct bases {
    struct arena *arena;
    const struct docker_request *request;
    const struct dockerfile *file;
    struct diag_sink *sink;
    const char *label;
    struct platforms platforms;
    struct base_names names; /* filled */
    struct err *err;
};
/* Sees to it that the engine has the base of every stage, loading what no registry gives. */
MUST_CHECK bool bases_prepare(struct bases *b);
/* Removes what was loaded. */
void bases_done(struct bases *b);

/* ---- leftovers.c ---- */

/* Before anything with the label is made. */
MUST_CHECK bool leftovers_claim(struct arena *a, struct store *store,
                                const struct docker_engine *engine, const char *label,
                                struct store_claim *ret, struct err *err);

/* ---- container.c ---- */

MUST_CHECK bool container_create(struct arena *a, const struct docker_image *image,
                                 const char *name, const char **ret, struct err *err);
void container_remove(const char *container); /* NULL is fine */

/* ---- watch.c: what a build prints ---- */

struct watched;
struct watched *watched_new(struct arena *a, const struct build_request *request,
                            const struct dockerfile *file, struct build_result *result);
void watched_free(struct watched *w);
/* For proc_spec. */
void watched_output(void *self, int stream, str piece);
void watched_tick(void *self);
/* The build has failed: reports the step that did. False: no step did. `withheld`: as host_files
 * has it. */
bool watched_report(struct watched *w, const struct docker_engine *engine, unsigned withheld,
                    struct diag_sink *sink);
/* The end of all that was printed. */
str watched_tail(const struct watched *w);

/* ---- kept.c ---- */

/* How to get what an export loses. */
MUST_CHECK bool kept_open(struct arena *a, struct docker_source *s, struct err *err);
void kept_close(struct docker_source *s);
/* Reads that, from a worker that has begun, into a folder of its own in the tree. */
MUST_CHECK bool kept_read(const struct docker_source *s, struct worker *w, const char *spool_folder,
                          struct tree *t, struct err *err);
/* Puts it into its place. */
MUST_CHECK bool kept_restore(struct tree *t, struct err *err);

/* ---- stream.c ---- */

/* Runs a command that writes a tar to its stdout; one that ends early is an error. */
MUST_CHECK bool stream_begin(const char *const *argv, struct worker *ret, struct err *err);
/* Reads it. */
MUST_CHECK bool stream_end(struct worker *w, const char *spool_folder, struct tree *t,
                           struct err *err);
/* Both. */
MUST_CHECK bool stream_read(const char *const *argv, const char *spool_folder, struct tree *t,
                            struct err *err);

/* How to get from a builder what it has built: all of it is in its cache. */
struct docker_stream {
    const char *const *argv;     /* ends with the context */
    str text;                    /* the Dockerfile */
    str last_stage;              /* its name */
    struct store_work work;      /* the Dockerfile's */
    struct store_work host_work; /* the secrets' */
    struct bases bases;          /* it is built on, until it is done */
    bool has_step_network;       /* RUN --network is known */
};
const char *const *stream_argv(const struct docker_stream *s);
MUST_CHECK bool stream_copy_out(struct arena *a, const struct docker_stream *s,
                                const char *const *names, size_t count, const char *to_folder,
                                struct err *err);
MUST_CHECK bool stream_ask(struct arena *a, struct docker_stream *s, const char *const *argv,
                           const char *const *env, struct buf *out, struct err *err);
void stream_done(struct docker_stream *s);

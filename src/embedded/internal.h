// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "diag/diag.h"
#include "dockerfile/dockerfile.h"
#include "embedded/embedded.h"
#include "images/images.h"
#include "native/native.h"
#include "oci/oci.h"
#include "remote/remote.h"
#include "store/store.h"
#include "unpack/unpack.h"

enum {
    OUTPUT_TAIL_BYTES = 16 * 1024,
};

/* ---- shown.c ---- */

str shown_text(struct arena *a, const struct dockerfile_instruction *i);

/* --- state -------------------------------------------------------------------------------------
 */

enum stage_phase {
    STAGE_NEW,
    STAGE_BUILDING,
    STAGE_DONE,
};

struct stage {
    const struct dockerfile_stage *ast;
    enum stage_phase phase;
    str name;
    struct images_stack stack;
    struct oci_reference base;   /* of the image that it goes back to; no domain: none */
    struct images_origin origin; /* of that image; its layers are the lowest of the stack */
    size_t inherited;            /* layers of that image, the base's and those above */
    struct oci_config config;
    struct oci_pairs args; /* ARGs declared so far, with their values */
    bool has_cmd;          /* the stage itself has a CMD */
    bool missed;           /* in a look: a step would run, so what follows would too */
    size_t step_count;
    size_t step_number;
};

struct build_context;

/* step_work.c: the folders of one step after the other. */
struct step_work {
    struct store_work store; /* open from the first step on */
    size_t number;           /* of the step; in the names of what it alone has in the folder */
    size_t spare_count;
    size_t old_count;
};
#define STEP_WORK_INIT ((struct step_work){ .store = STORE_WORK_INIT })

/* A build while it runs. */
struct builder {
    const struct build_request *request;
    struct arena *arena;
    struct diag_sink *sink;
    struct err *err;
    const struct dockerfile *file;
    struct stage *stages;
    struct build_result *result;
    struct build_host *host; /* made for the first RUN */
    struct build_context *context;
    struct oci_pairs global_args;
    int64_t epoch_s;         /* of what the engine itself makes */
    bool epoch_is_set;       /* else it is now, and no ARG */
    bool epoch_is_looked_at; /* epoch_find has done so */
    struct oci_platform build_platform;
    struct images_finder finder; /* of base images */
    struct step_work work;
    bool work_taken; /* a step runs in it */
    /* Layers that steps of this run read besides those of the stages (basis.c). */
    struct store_key *used;
    size_t used_len;
    size_t used_cap;
};

/* One step that changes files: what vars.c and the steps hand around. */
struct step {
    struct builder *builder;
    struct stage *stage;
    const struct dockerfile_instruction *instruction;
    struct build_step shown;
    struct store_key key;
    struct step_work *work;   /* while it runs: this, */
    struct sandbox_root root; /* what the stage has so far, and */
    const char *upper;        /* where its changes go, absolute */
    struct store_key *basis;  /* layers that it reads besides those of its stage */
    size_t basis_len;
    size_t basis_cap;
};

/* foreign_stages.c: what a RUN for the platform needs. *ret_interpreter: a program that must be in
 * the root under its own path; NULL: none. False: the machine cannot run its programs, reported at
 * `span`. */
MUST_CHECK bool foreign_find(struct builder *b, const struct oci_platform *platform,
                             struct span span, const char **ret_interpreter);
/* The same for every stage that the target needs. */
MUST_CHECK bool foreign_check(struct builder *b, size_t target);
/* The value of "from" in the raw value of a --mount; empty: there is none. */
str foreign_mount_from(str value);

/* --- vars.c ------------------------------------------------------------------------------------
 */

void vars_global(struct builder *b);
void vars_stage_begin(struct builder *b, struct stage *s);
/* Value of a name as an instruction of the stage sees it: ENV before ARG. */
bool vars_find(const struct stage *s, str name, str *ret);
struct dockerfile_expander vars_expander(struct builder *b, struct stage *s);
/* For FROM: only global ARGs. */
struct dockerfile_expander vars_global_expander(struct builder *b);
MUST_CHECK bool vars_declare_arg(struct builder *b, struct stage *s,
                                 const struct dockerfile_pair *pair);
/* "K=V" of ENV and declared ARGs, for a RUN. */
void vars_step_env(struct builder *b, const struct stage *s, struct oci_pairs *ret);
/* Proxies of --build-arg, declared or not: no part of a key. */
const struct oci_pairs *vars_given_proxies(struct builder *b);

/* epoch.c: SOURCE_DATE_EPOCH of the build. False: it is not a time, reported; or err is set. */
MUST_CHECK bool epoch_find(struct builder *b);
#define EPOCH_ARG S("SOURCE_DATE_EPOCH")

/* --- stage.c -----------------------------------------------------------------------------------
 */

/* Builds a stage once. */
MUST_CHECK bool stage_build(struct builder *b, size_t index);
/* The stack that `from` names, seen from a stage: a stage (built first) or an image. */
MUST_CHECK bool stage_find_root(struct builder *b, struct stage *s, struct dockerfile_word from,
                                const struct images_stack **ret);

/* --- step.c ------------------------------------------------------------------------------------
 */

/* Makes the change of a step into `step->upper`. */
typedef bool step_function(struct step *step, void *self);
/*
 * The frame of every step: when the key's layer is in the store it is pushed on the stack;
 * otherwise `function` runs in a fresh work folder and what it leaves is committed.
 */
MUST_CHECK bool step_execute(struct step *step, step_function *function, void *self);
/* In a look: the step would run. */
void step_missed(struct step *step);
/* The same as step_execute without a word: only the layer is made, if it is missing. */
MUST_CHECK bool step_make_layer(struct step *step, step_function *function, void *self);
/* ---- basis.c: what a layer is made from, for the day on which that is found damaged ---- */

/* The step reads the content of a stack, or of one layer besides. */
void step_uses(struct step *step, const struct images_stack *stack);
void step_uses_layer(struct step *step, const struct store_key *key);
/* This run reads a layer, in whatever step: it is looked at when a step fails. */
void builder_uses(struct builder *b, const struct store_key *key);
/* All that, and the stage's own stack, as the "on" of a layer's description. */
struct json_t *step_basis(struct step *step);
/* Says which layers turned out to be damaged and are gone. */
void tell_damages(struct builder *b);

/* Absolute paths of a stack's layers that hold something. */
const char **stack_paths(struct builder *b, const struct images_stack *stack, size_t *ret_count);
/* step.c: the layers of a stack, as many as can be mounted. False: reported. */
MUST_CHECK bool stack_root(struct builder *b, const struct images_stack *stack, struct span span,
                           struct sandbox_root *ret);
/* A spec with root, upper, work and staging filled in. */
struct sandbox_spec step_sandbox(struct step *step);

/* --- step_work.c ------------------------------------------------------------------------------
 */

/* Makes "step/fs" like `root`, "step/work" and "staging". */
MUST_CHECK bool step_work_begin(struct builder *b, struct step_work *w, const struct stat *root,
                                struct err *err);
/* What is not part of the layer leaves "step". */
MUST_CHECK bool step_work_finish(struct step_work *w, const struct stat *root, struct err *err);

/* --- the instructions that change files ----------------------------------------------------------
 */

MUST_CHECK bool step_run(struct step *step); /* run_step.c */
/* The same for a step that no file has: only its layer is made, if it is missing. */
MUST_CHECK bool step_run_aside(struct step *step);
MUST_CHECK bool step_copy(struct step *step);              /* copy_step.c: COPY and ADD */
MUST_CHECK bool step_workdir(struct step *step, str path); /* workdir.c */
/* What a copy of a path of a build context to "/" would make, as a layer of its own that is kept
 * in the store. */
MUST_CHECK bool step_copy_context(struct step *step, const struct build_context *context,
                                  const char *path, const struct images_stack **ret);

/* run_failure.c: E404 with the cause and the way out; `output` is the end of what it printed. */
void run_report_failure(struct step *step, const struct sandbox_result *result, str command,
                        str output);

/* ---- run_mounts.c ---- */

struct run_mount {
    struct dockerfile_mount ast;     /* with its target absolute and clean */
    const char *source;              /* BIND, CACHE: below its root */
    const struct images_stack *root; /* of from=; NULL: the build context */
    bool partly;                     /* of the build context, without what .dockerignore names */
    const char *cache;               /* CACHE, once it is open: its folder */
    struct store_mount opened;       /* that, unless another mount of the step has opened it */
    str content;                     /* SECRET */
    const char *socket;              /* SSH */
};
struct run_mounts {
    struct run_mount *items;
    size_t len;
    struct oci_pairs env; /* secrets as variables, the agent's socket: no part of a key */
};
MUST_CHECK bool run_mounts_plan(struct step *step, const struct dockerfile_run *run,
                                struct run_mounts *ret);
MUST_CHECK bool run_mounts_key(struct step *step, struct run_mounts *mounts,
                               struct store_key_hash *k);
/* run_secrets.c: of a mount of type secret or ssh. False in *ret_wanted: nothing is to be mounted.
 */
MUST_CHECK bool run_secret_plan(struct step *step, struct run_mounts *mounts, struct run_mount *m,
                                bool *ret_wanted);
MUST_CHECK bool run_agent_plan(struct step *step, struct run_mounts *mounts, struct run_mount *m,
                               bool *ret_wanted);
void run_secret_open(const struct run_mount *m, struct sandbox_mount *to);
/* Fills to[0..len); waits for caches that are locked. False: reported, or err is set. */
MUST_CHECK bool run_mounts_open(struct step *step, struct run_mounts *mounts,
                                struct sandbox_mount *to, struct err *err);
/* Leaves the caches to others. */
void run_mounts_close(struct step *step, struct run_mounts *mounts);

/* ---- copy.c: in the child, with the destination's root as "/" ---- */

struct copy_source {
    const char *path;      /* below the source's root; clean, "." for the root itself */
    str content;           /* a heredoc's text, when path is NULL */
    const char *name;      /* of the file a heredoc or a URL makes */
    struct remote *remote; /* what is fetched for it; NULL: nothing */
    int rootfd;            /* of that; 0: the job's root */
    bool unpack;           /* ADD: it may be an archive */
    bool parents;          /* the folders that lead to it are kept, */
    size_t pivot;          /* but for so many at the start */
};

struct copy_job {
    struct arena *arena;
    int sourcefd; /* root of the sources: the context's folder; -1: roots[0] of the sandbox */
    const struct copy_source *sources;
    size_t source_count;
    const char *destination;                  /* absolute */
    bool destination_is_dir;                  /* ends in a slash, or several sources */
    bool keep_owner;                          /* from a stage */
    const char *chown;                        /* "user:group" or NULL */
    const char *chmod;                        /* octal or symbolic, or NULL */
    const struct dockerfile_ignore *ignore;   /* of the context, NULL for a stage */
    const struct dockerfile_ignore *excludes; /* --exclude */
    struct timespec now;                      /* for what has no time of its own */
    struct timespec looked_at;                /* before the key was made; 0: the source is ours */
};
/* What copy_step.c makes a job of. */
struct copy_plan {
    struct copy_job job;
    const struct images_stack *from; /* NULL: the build context */
    struct copy_source *sources;
    size_t count;
    size_t cap;
    bool found; /* a source, be it one that --exclude leaves out */
    struct store_key_hash *key;
};
bool step_unpacks(const struct step *step);
/* copy_sources.c: fills the plan's sources and adds them to its key. */
MUST_CHECK bool copy_plan_sources(struct step *step, struct copy_plan *plan);

/* copy_place.c: where a destination leads when its links are followed; what it names need not be
 * there. In the child, whose "/" is the merged root. */
MUST_CHECK bool copy_place(struct arena *a, const char *path, const char **ret, struct err *err);

/* signal.c */
bool signal_is_known(str text);

/* A sandbox_function. */
bool copy_into_root(void *job, int rootfd, const int *roots, struct err *err);

/* chmod.c: `mode` with a symbolic or octal change applied; false when the text is malformed. */
MUST_CHECK bool chmod_apply(str text, uint32_t mode, bool is_dir, uint32_t *ret);

/* --- context.c -----------------------------------------------------------------------------------
 */

struct build_context {
    int fd; /* -1: there is none */
    const char *path;
    const struct dockerfile_ignore *ignore;
};
MUST_CHECK bool context_open(struct builder *b);
/* A folder with a .dockerignore of its own. */
MUST_CHECK bool context_open_folder(struct builder *b, const char *dir, struct build_context *ret);
void context_close(struct build_context *context);
/* Paths in a root that a pattern names, sorted; a plain path gives itself when it is there. */
MUST_CHECK bool context_glob(struct arena *a, int rootfd, const char *pattern,
                             const struct dockerfile_ignore *ignore, const char ***ret,
                             size_t *ret_count, struct err *err);
/* parents.c: a source of COPY --parents. What is before a first "/./" is not kept: the clean path
 * without slash at its start, and how many of its names that are. In the pattern after it "**"
 * stands for any number of folders. */
void parents_split(struct arena *a, str source, const char **ret_pattern, size_t *ret_pivot);
size_t parents_offset(const char *path, size_t pivot); /* of the part that is kept */
MUST_CHECK bool parents_glob(struct arena *a, int rootfd, const char *pattern, size_t pivot,
                             const struct dockerfile_ignore *ignore, const char ***ret,
                             size_t *ret_count, struct err *err);
/* What .dockerignore and --exclude make of a path below the root. --exclude is relative to the
 * source that is copied: to a folder, or to where a file lies; context_exclude_from() gives the
 * number of bytes before that. */
enum context_part {
    CONTEXT_TAKEN,
    CONTEXT_PASSAGE, /* a folder that is left out, but exceptions may name something in it */
    CONTEXT_LEFT_OUT,
};
enum context_part context_part_of(const struct dockerfile_ignore *ignore,
                                  const struct dockerfile_ignore *excludes, const char *path,
                                  size_t exclude_from, bool is_dir);
size_t context_exclude_from(const char *source, bool is_dir);
/* Of a source that a pattern has found, or that is a file: is it excluded by its own name? */
bool context_excludes(const struct dockerfile_ignore *excludes, const char *source);
/* Adds everything that a copy of `path` would bring to the key. `ret_partly`, which may be NULL,
 * becomes true when .dockerignore leaves something of it out. */
MUST_CHECK bool context_digest(struct builder *b, const struct build_context *context,
                               const char *path, const struct dockerfile_ignore *excludes,
                               struct store_key_hash *key, bool *ret_partly, struct err *err);

/* The same for a source of --parents, of which the folders from `kept` on count too. */
MUST_CHECK bool context_digest_parents(struct builder *b, const char *path, size_t kept,
                                       const struct dockerfile_ignore *excludes,
                                       struct store_key_hash *key, struct err *err);

/* ---- host.c: what steps see of the host ---- */

/* BUILDKIT_SANDBOX_HOSTNAME of --build-arg; NULL: not given. False: it is not a name, reported. */
MUST_CHECK bool host_name_given(struct builder *b, struct span span, const char **ret);

/* What steps see of this machine; made once. False: err of the builder is set. */
MUST_CHECK bool host_settings_get(struct builder *b, const struct build_host **ret);
void host_settings_done(struct builder *b);

/* ---- bases.c ---- */

void bases_begin(struct builder *b);
/* Fetches every image that the target needs, before a step runs. */
MUST_CHECK bool bases_find(struct builder *b, size_t target);

/* ---- native_run.c, native_python.c ---- */

/* Programs of this machine for a RUN of another architecture. The mount is to be among the step's.
 */
bool native_plan(struct step *step, str command, struct sandbox_mount *mount,
                 const struct sandbox_standins **ret);
/* A base image of a distribution with its smallest python on top. Without, when that cannot be had.
 */
void native_python(void *builder, const struct stored_image *native, struct images_stack *stack);

/* ---- remote.c: sources of ADD that are somewhere else ---- */

struct remote_env remote_env_of(const struct builder *b);
/* Adds the source to plan and key; fetches what has to be known for the key. */
MUST_CHECK bool remote_source(struct step *step, struct copy_plan *plan,
                              struct dockerfile_word word, str text);
/* The folder with its content; fetches what is not there yet. */
MUST_CHECK bool remote_open(struct step *step, struct remote *r, int *ret_fd);

/* named.c: --build-context. What of that a name means goes before stages and images; a folder
 * becomes a layer. False in *ret_found: there is none of the name. */
/* NULL: no context has this name. */
const struct build_named_context *named_context(struct builder *b, str name);
MUST_CHECK bool named_find(struct builder *b, struct stage *s, struct dockerfile_word word,
                           const struct oci_platform *platform, struct stored_image *ret,
                           bool *ret_found);

/* A diagnostic for the instruction that fails for the world's reasons; returns false. */
bool fail_at(struct builder *b, struct span span, const char *code, const struct err *err);
bool is_cancelled(const struct builder *b);

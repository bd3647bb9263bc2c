// SPDX-License-Identifier: Apache-2.0
/*
 * assets/: what a build leaves, in a folder that others boot from (docs/spec/outputs.md).
 *
 *   DIR/ARCH/{initrd.img,rootfs.squashfs,vmlinuz,tool-versions.txt,build.json,config.json}
 *   DIR/B3SUMS, DIR/manifest.json    cover every architecture folder that is there
 *   DIR/current -> ARCH              the architecture built last
 *
 * Takes finished files and build, writes all of it beside its place and renames it there. Killing
 * the program at any moment leaves old files or new ones; when the moment lies between the renames
 * of one commit, B3SUMS does not fit until the next commit, which looks at the files themselves.
 * Several processes may write to one folder: the last commit of a file counts, and the sums are
 * right.
 */
#pragma once

#include "base/base.h"
#include "tree/tree.h"

/* In the order of B3SUMS, which is that of the names. */
enum asset {
    ASSET_INITRD,
    ASSET_ROOTFS,
    ASSET_KERNEL,
    ASSET_COUNT,
};
extern const char *const asset_names[ASSET_COUNT]; /* "initrd.img", ... */

enum { ASSET_DIGEST_BYTES = 32 };

/* BLAKE3 of a whole regular file from somebody who remembers (the store): files that this commit
 * did not write are asked for here, all of them, each time. */
struct asset_digests {
    bool (*digest)(void *self, int fd, uint8_t ret[ASSET_DIGEST_BYTES], struct err *err);
    void *self;
};

/* --- tool-versions.txt ------------------------------------------------------------------------ */

struct assets_tool_version {
    str key;
    str output;    /* of the version command; its first line that is not empty is taken */
    bool failed;   /* the command did: "N/A" */
    bool required; /* an enabled AI provider's CLI: the image is nothing without it */
};
struct assets_tool_section {
    str title; /* "System", "Python", "AI CLIs" */
    const struct assets_tool_version *tools;
    size_t count;
};
/* Sections without entries are left out. */
void assets_tool_versions_text(const struct assets_tool_section *sections, size_t count,
                               struct buf *out);
/* The first required one that says nothing or N/A; NULL when all are there. */
const struct assets_tool_version *
assets_tool_versions_missing(const struct assets_tool_section *sections, size_t count);

/* --- build.json ------------------------------------------------------------------------------- */

struct assets_input {
    str kind;   /* "config", "template", "artifact", "base image", ... */
    str name;   /* path or reference */
    str digest; /* hex; may be empty */
};
/* Those of a template in DIR/ARCH/build.json; none when it is not there or says nothing. */
void assets_inputs_load(struct arena *a, const char *dir, const char *arch, const char *template,
                        struct assets_input **ret, size_t *ret_count);
struct assets_step {
    str stage;       /* of the Dockerfile; empty for what comes after it (packing) */
    str instruction; /* or what was done */
    str key;         /* content key; may be empty */
    bool cached;     /* did not run */
    uint64_t duration_ms;
};
struct assets_size {
    str name; /* "content", "layers", ... */
    uint64_t bytes;
};
/* The build of one template. */
struct assets_template {
    str name;          /* of the template: "kernel", "rootfs" */
    int64_t started_s; /* epoch */
    uint64_t duration_ms;
    const struct assets_input *inputs;
    size_t input_count;
    const struct assets_step *steps;
    size_t step_count;
    const struct assets_size *sizes; /* besides those of the assets, which are added */
    size_t size_count;
};
struct assets_build {
    str image_name;
    str image_version;
    str engine; /* "embedded", "docker", "buildx" */
    int64_t source_date_epoch;
    /* Those built now; of others, what build.json said before is kept. */
    const struct assets_template *templates;
    size_t template_count;
};

/* --- renewing an architecture's folder -------------------------------------------------------- */

struct assets_update;

/* Creates DIR and DIR/ARCH when missing and removes what dead builds left there. `arch` is
 * [A-Za-z0-9_][A-Za-z0-9._-]*. Both texts are copied. */
MUST_CHECK bool assets_update_begin(const char *dir, const char *arch, struct assets_update **ret,
                                    struct err *err);
/* Takes away what was not committed. */
void assets_update_done(struct assets_update *u); /* NULL is fine */
static inline void assets_update_auto(struct assets_update **u) {
    assets_update_done(*u);
}
#define AUTO_ASSETS_UPDATE __attribute__((cleanup(assets_update_auto))) struct assets_update *

/* An empty file beside the asset's place, open for reading and writing: fill it, leave it open.
 * Once for each asset. */
MUST_CHECK bool assets_update_open(struct assets_update *u, enum asset asset, int *ret_fd,
                                   struct err *err);

struct assets_commit {
    str version;                      /* V of manifest.json; empty: as it was, else the program's */
    int manifest_format;              /* 1 or 2; 0: as it was, else 1 */
    str tool_versions;                /* text; ptr NULL: the file stays */
    str config;                       /* text of config.json; ptr NULL: the file stays */
    const struct assets_build *build; /* NULL: build.json stays */
    bool current;                     /* DIR/current shall point here */
    unsigned threads;                 /* that hash; 0: one a CPU. They have ended at return */
    const struct asset_digests *digests; /* NULL: every asset is read */
};
/*
 * Puts everything in its place, then B3SUMS and manifest.json. Also without any opened file: the
 * sums then follow what is in the folders. Files whose text is the same are not touched. Once.
 */
MUST_CHECK bool assets_update_commit(struct assets_update *u, const struct assets_commit *c,
                                     struct err *err);

/* --- checking --------------------------------------------------------------------------------- */

struct asset_finding {
    const char *name; /* below DIR */
    const char *what; /* is wrong with it */
};
/*
 * Reads every asset and compares with B3SUMS, and that with manifest.json. False when there is no
 * B3SUMS or it cannot be read; what does not fit is a finding.
 */
MUST_CHECK bool assets_verify(const char *dir, unsigned threads, struct arena *a,
                              struct asset_finding **ret, size_t *ret_count, struct err *err);

/* --- gates: before a tree is packed -------------------------------------------------------------
 */

struct asset_gates {
    bool allow_setuid;            /* else no regular file is setuid or setgid */
    const char *const *forbidden; /* paths that must not be there; links are not followed */
    size_t forbidden_count;
};
/* What is wrong, at most a hundred things, with the path in the tree as name. */
void assets_check_tree(const struct tree *t, const struct asset_gates *gates, struct arena *a,
                       struct asset_finding **ret, size_t *ret_count);

/* The architecture built last, which `current` in the folder points at, else this machine's. */
const char *assets_default_arch(struct arena *a, const char *assets);

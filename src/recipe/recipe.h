// SPDX-License-Identifier: Apache-2.0
/*
 * recipe/: from a configuration to what an engine builds: a Dockerfile, rendered from a Jinja
 * template, and the files of its build context. Follows docs/spec/recipes.md.
 *
 * The templates are compiled into the program; a folder with files of the same names
 * (Dockerfile.rootfs.j2, Dockerfile.kernel.j2, Dockerfile.agent.j2) takes their place.
 */
#pragma once

#include "base/base.h"
#include "config/config.h"
#include "diag/diag.h"
#include "jinja/jinja.h"

enum recipe_kind {
    RECIPE_KERNEL,
    RECIPE_ROOTFS,
    RECIPE_AGENT, /* the guest binaries, where the machine has no compiler for them */
    RECIPE_KINDS,
};
const char *recipe_kind_name(enum recipe_kind kind); /* "kernel", "rootfs", "agent" */

/* Templates that were parsed already: zeroed at first, for requests that share sources and arena.
 */
struct recipe_templates {
    const struct jinja_template *compiled_in[RECIPE_KINDS]; /* by kind */
};

/* --- package sets that grow (lines.c) ------------------------------------------------------------
 *
 * A RUN line that was built once is cached as long as its text is the same. So what is added to a
 * package set goes into a line of its own, after all others, and the set's own line stays as it
 * was. Which packages are in which line is decided from those of the last build.
 */

enum { RECIPE_ADDED_MAX = 8 }; /* lines of additions; more are joined, one a set */

/* Packages of one set that a RUN line installs. */
struct recipe_line {
    str set; /* "apt", "python", "npm", "curl", "set KEY", "ai KEY" */
    str *packages;
    size_t count;
    size_t cap;
    bool stale; /* of the last build: not in the store any more, so there is nothing to leave */
};

struct recipe_lines {
    struct recipe_line *first; /* one a set, in its place; empty: all of it is among the added */
    size_t first_count;
    size_t first_cap;
    struct recipe_line *added; /* in the order in which they were */
    size_t added_count;
    size_t added_cap;
};

/*
 * The lines for a config. `last` (NULL: none) has those of the last build: where a set only gained
 * members, its line stays and the new ones are a line that is added. From the first line on that
 * will run, all are in the order of the sets, one a set: each finds what the sets before it have.
 * Together the lines of a set always have each of its packages once, whatever `last` says.
 */
void recipe_lines_make(struct arena *a, const struct guest_config *config,
                       const struct recipe_lines *last, struct recipe_lines *ret);
/* The line of a set in its place; NULL: none. */
struct recipe_line *recipe_lines_first(const struct recipe_lines *lines, str set);
str recipe_lines_encode(struct arena *a, const struct recipe_lines *lines);
/* False: it is no such text. */
bool recipe_lines_decode(struct arena *a, str text, struct recipe_lines *ret);
/* What people call a set: its name in the config. */
str recipe_set_name(struct arena *a, const struct guest_config *config, str set);

struct recipe_request {
    const struct guest_config *config;
    const struct config_architecture *arch;
    enum recipe_kind kind;
    const char *kernel_version;         /* NULL: recipe_kernel_version_known() */
    const char *templates_dir;          /* NULL: the compiled-in templates */
    const char *binaries_dir;           /* holds ARCH/NAME of the guest binaries */
    struct recipe_templates *templates; /* NULL: parse them */
    const struct recipe_lines *lines;   /* NULL: each set has one line */
    bool names_only;                    /* files that are made of the config stay empty */
};

/* One file of the build context. */
struct recipe_file {
    const char *path;      /* inside the context; clean, relative */
    const char *host_path; /* a file of the host; NULL: `content` */
    str content;
    uint32_t mode; /* permission bits */
};

/* A value of the config that the template used. */
struct recipe_origin {
    struct span span;
    str text; /* of a string; empty: a list or a number */
};

#define RECIPE_VALUE_NOTE "with this value from the config"

struct recipe {
    enum recipe_kind kind;
    str text;                            /* the Dockerfile */
    uint32_t source;                     /* of the text in `sources`, for spans */
    struct jinja_output output;          /* maps the text back to the template and to `origins` */
    const struct recipe_origin *origins; /* a run's origin is an index + 1 */
    size_t origin_count;
    const struct recipe_file *files; /* sorted by path */
    size_t file_count;
};

/* Needs no network, and no engine. False: reported, or err is set (an artifact that cannot be
 * read). */
MUST_CHECK bool recipe_render(struct arena *a, const struct recipe_request *request,
                              struct sources *sources, struct diag_sink *sink, struct recipe *ret,
                              struct err *err);

/* The place in the template that wrote a byte of the Dockerfile: to the line where the template's
 * text was taken as it is, else the expression. */
struct span recipe_template_span(const struct recipe *recipe, struct sources *sources,
                                 size_t offset);

/* The values of the config that bytes [start, end) of the Dockerfile were made of: each once, in
 * order, at most `max` of them. Returns their number. */
size_t recipe_config_values(const struct recipe *recipe, size_t start, size_t end,
                            const struct recipe_origin **ret, size_t max);

/* Do bytes [start, end) of the Dockerfile name a package of the line? */
bool recipe_installs(const struct recipe *recipe, const struct guest_config *config,
                     const struct recipe_line *line, size_t start, size_t end);

/* Has something at the top of artifacts/ a place, in the image or another use? */
bool recipe_artifact_is_known(const struct guest_config *config, str name);

/* Where a file of the context goes in the image, by its path in artifacts/; *ret_mode is 0 for the
 * file's own. False: nowhere. */
bool recipe_artifact_goes(struct arena *a, const struct guest_config *config, str path,
                          str *ret_path, uint32_t *ret_mode);

/* Writes the context's files below an empty folder; their times become `epoch_s`. */
MUST_CHECK bool recipe_write_context(const struct recipe *recipe, const char *dir, int64_t epoch_s,
                                     struct err *err);

/* --- kernel versions ---------------------------------------------------------------------------
 */

enum recipe_kernel_origin {
    RECIPE_KERNEL_NEWEST, /* what kernel.org or the distribution has now */
    RECIPE_KERNEL_KNOWN,  /* neither answered: the last one this program knows */
};

/* Fetches a URL into the arena; tests put their own here. */
struct recipe_fetch_ops {
    bool (*fetch)(void *self, struct arena *a, const char *url, str *ret, struct err *err);
};
extern const struct recipe_fetch_ops recipe_fetch_curl;

/*
 * The newest version of a branch for its kernel source. With RECIPE_KERNEL_KNOWN, `why` has what
 * went wrong. False: nothing answered and the branch is not known.
 */
MUST_CHECK bool recipe_kernel_version(struct arena *a, const struct config_architecture *arch,
                                      const struct recipe_fetch_ops *ops, void *self,
                                      str *ret_version, enum recipe_kernel_origin *ret_origin,
                                      struct err *why);
/* The newest of kernel.org's release list: moniker longterm, not end of life, BRANCH.N; empty when
 * there is none. */
MUST_CHECK bool recipe_kernel_parse_releases(struct arena *a, str json, str branch, str *ret,
                                             struct err *err);
/* The last version of a branch known when this program was made; the branch itself when none. */
str recipe_kernel_version_known(str branch);

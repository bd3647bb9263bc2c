// SPDX-License-Identifier: Apache-2.0
/*
 * contents/: what a root filesystem consists of: its files, the packages that they belong to, and
 * the lines of the config that asked for those. Reads the packed image alone, whichever engine
 * made it: dpkg's lists (deb-control(5), dpkg(1)), package.json of npm, *.dist-info of Python
 * (PyPA, "Recording installed projects").
 *
 * An image of a stranger is data: what does not parse is a file of no package.
 */
#pragma once

#include "base/base.h"
#include "config/config.h"
#include "image/image.h"
#include "store/store.h"

enum contents_kind {
    CONTENTS_DEB,
    CONTENTS_NPM,
    CONTENTS_PYTHON,
    CONTENTS_KIND_COUNT,
};
extern const char *const contents_kind_words[CONTENTS_KIND_COUNT]; /* "deb", "npm", "python" */

#define CONTENTS_NONE SIZE_MAX

struct contents_package {
    enum contents_kind kind;
    str name;
    str version;
    str architecture;   /* DEB */
    str source;         /* DEB: the source package; the name when it is the same */
    str source_version; /* DEB */
    str licence;        /* as its metadata has it; may be empty */
    str place;          /* NPM, PYTHON: its folder */
    bool base;          /* DEB: essential, or needed by what is: no line asks for it */
    str needs;          /* DEB: Pre-Depends and Depends; NPM: names, "a,b" */
    size_t parent;      /* NPM: in whose node_modules it is; CONTENTS_NONE: in no package's */
    size_t line;        /* of `lines`; CONTENTS_NONE: the base image or the templates have it */
    size_t needed_by;   /* of `packages`: why it is here, when no line names it; or CONTENTS_NONE */
    uint64_t bytes;     /* of its files, each inode once */
    uint64_t packed_bytes;
    size_t files;
};

/* A package that the config names: "packages/apt.toml:9", "git". */
struct contents_line {
    str place; /* of the TOML text; without one, the table: "package_sets.apt" */
    str name;
    enum contents_kind kind;
    str wanted; /* the name without version or options */
};

struct contents {
    struct image_reader *reader; /* may be NULL in tests */
    const struct image_node *nodes;
    size_t node_count;
    size_t *owner;                     /* of each node, an index of `packages` or CONTENTS_NONE */
    struct contents_package *packages; /* by kind, name, place */
    size_t package_count;
    size_t package_cap;
    struct contents_line *lines;
    size_t line_count;
    size_t line_cap;
    uint64_t bytes;        /* of all files */
    uint64_t packed_bytes; /* of the file */
    struct map by_path;    /* of the nodes, index + 1 */
};

/* Reads an image; `config`, which may be NULL, has the lines. Everything lives in the arena;
 * contents_done() also after a failure. */
MUST_CHECK bool contents_read(struct arena *a, const char *path, struct sources *sources,
                              const struct guest_config *config, struct contents *ret,
                              struct err *err);
void contents_done(struct contents *c);
#define AUTO_CONTENTS __attribute__((cleanup(contents_done))) struct contents
#define CONTENTS_INIT ((struct contents){ 0 })

/* The same of assets: an image's file, the folder of an architecture, or the folder of several, of
 * which `arch` (NULL: the current one) is taken. The lines are those of the config beside it. */
struct contents_assets {
    const char *image;
    const char *folder; /* of the architecture; NULL: the image is a file by itself */
    const char *arch;   /* NULL: not known */
    bool has_config;
    struct sources sources;
    struct guest_config config;
    struct contents contents;
};
MUST_CHECK bool contents_open(struct arena *a, const char *path, const char *arch,
                              struct contents_assets *ret, struct err *err);
void contents_close(struct contents_assets *assets);
#define AUTO_CONTENTS_ASSETS __attribute__((cleanup(contents_close))) struct contents_assets

/* ---- groups ---- */

enum contents_by {
    CONTENTS_BY_LINE,
    CONTENTS_BY_PACKAGE,
    CONTENTS_BY_FOLDER,
    CONTENTS_BY_FILE,
    CONTENTS_BY_TYPE, /* program, library, script, ... */
    CONTENTS_BY_COUNT,
};
extern const char *const contents_by_words[CONTENTS_BY_COUNT + 1]; /* NULL-terminated */
struct contents_group {
    str name;
    str detail; /* a package's version, a line's place; may be empty */
    uint64_t bytes;
    uint64_t packed_bytes;
    size_t files;
};
/* The largest packed ones first. */
void contents_groups(struct arena *a, const struct contents *c, enum contents_by by,
                     struct contents_group **ret, size_t *ret_count);
/* Files of the same content: what all but one of each take, unpacked. */
uint64_t contents_duplicate_bytes(const struct contents *c, size_t *ret_files);

/* ---- one file ---- */

/* A step of the build. */
struct contents_step {
    str template;  /* "rootfs" */
    size_t number; /* 1-based */
    size_t count;
    str text;
};
/* Index of a path ("/usr/bin/jq"; a missing slash is put before it); links on the way are followed,
 * the last one is not. CONTENTS_NONE: the image does not have it. */
size_t contents_find_path(struct arena *a, const struct contents *c, str path);
/* The step that made or changed it last, by the layers that the store still has of those in
 * build.json. False: it is of the base image, or that is not known. */
bool contents_find_step(struct arena *a, const struct contents_assets *assets, struct store *store,
                        str path, struct contents_step *ret);

/* ---- differences ---- */

enum contents_change {
    CONTENTS_ADDED,
    CONTENTS_REMOVED,
    CONTENTS_CHANGED,
};
struct contents_difference {
    enum contents_change change;
    const struct image_node *before; /* NULL: ADDED */
    const struct image_node *after;  /* NULL: REMOVED */
    str what;                        /* CHANGED: "content, mode" */
    str package;                     /* that has it now, or had; may be empty */
};
struct contents_package_difference {
    enum contents_change change;
    const struct contents_package *before;
    const struct contents_package *after;
};
struct contents_diff {
    struct contents_difference *files; /* by path */
    size_t file_count;
    size_t file_cap;
    struct contents_package_difference *packages; /* by kind and name */
    size_t package_count;
    size_t package_cap;
    int64_t bytes; /* after less before */
    int64_t packed_bytes;
};
/* Contents of files are compared where size and owner are the same. */
MUST_CHECK bool contents_compare(struct arena *a, const struct contents *before,
                                 const struct contents *after, struct contents_diff *ret,
                                 struct err *err);

/* ---- bills of materials ---- */

struct contents_bill {
    const struct contents *contents;
    str image_name;
    str image_version;
    str architecture;   /* as the config calls it */
    str distribution;   /* ID of os-release: "debian" */
    str release;        /* VERSION_ID: "12" */
    str codename;       /* "bookworm" */
    str kernel_version; /* empty: not known */
    str digest;         /* BLAKE3 of the root filesystem in hex; may be empty */
    int64_t epoch_s;
};
/* What the image itself says of its distribution. */
void contents_distribution(struct arena *a, const struct contents *c, struct contents_bill *ret);
/* CycloneDX 1.6, SPDX 2.3. The same contents give the same text. */
str contents_cyclonedx(struct arena *a, const struct contents_bill *bill);
str contents_spdx(struct arena *a, const struct contents_bill *bill);

// SPDX-License-Identifier: Apache-2.0
/* What the files of a copy share: copy.c (sources, destination), copy_entry.c, copy_parents.c. */
#pragma once

#include "embedded/internal.h"

enum { COPY_DEPTH_MAX = 256 };

struct copier {
    const struct copy_job *job;
    struct arena *arena;
    struct err *err;
    int sourcefd;
    const char *destination; /* the job's, its links followed */
    bool destination_is_dir;
    struct unpack_owner owner; /* of everything that is made */
    /* of the source that is being copied: */
    const struct dockerfile_ignore *ignore;
    bool may_change;     /* the user has it, not the store */
    size_t exclude_from; /* --exclude matches what is after so many bytes of a path */
    struct map links;    /* "dev:ino" of a file with several names -> path of the first copy */
    struct map parents;  /* paths of folders that --parents has made */
};

/* Sets errno's text with what was done to which path; false. */
bool copy_failed(const struct copier *c, const char *what, const char *path);

/* ---- copy_entry.c ---- */

/* Owner, attributes, mode and times of what `st` describes; `from` is -1 for what has no source. */
MUST_CHECK bool copy_set_metadata(const struct copier *c, int from, int to, const struct stat *st);
/* Whatever was there makes room; a folder does not. */
MUST_CHECK bool copy_make_room(const struct copier *c, int todir, const char *name,
                               const char *path);
MUST_CHECK bool copy_file(struct copier *c, int from, const struct stat *st, int todir,
                          const char *name, const char *path);
MUST_CHECK bool copy_children(struct copier *c, int from, const char *source_path, int to,
                              const char *to_path, int depth);
MUST_CHECK bool copy_entry(struct copier *c, int fromdir, const char *name, const char *source_path,
                           int todir, const char *to_name, const char *to_path, int depth);

/* ---- copy.c ---- */

/* The folder of the destination, made with those above it; -1: the error is set. */
int copy_open_folder(const struct copier *c, const char *path);
/* A path that names a source is followed when it is a link, inside the source's root. */
MUST_CHECK bool copy_path(struct copier *c, const char *path, const struct copy_source *source);

/* ---- copy_parents.c ---- */

MUST_CHECK bool copy_with_parents(struct copier *c, const char *path,
                                  const struct copy_source *source);

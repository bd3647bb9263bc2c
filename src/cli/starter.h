// SPDX-License-Identifier: Apache-2.0
/* What a new guest folder is made of, and how it comes to its place. */
#pragma once

#include "cli/cli.h"

/* A file of the default guest, compiled into the program; made by embed_guest.py. */
struct starter_file {
    const char *path; /* below the guest folder */
    bool executable;
    size_t len;
    const char *content;
};
extern const struct starter_file starter_files[];
extern const size_t starter_file_count;

/*
 * A guest folder being made in a hidden folder of its target: open, write below `stage`, then
 * commit, which puts its folders in their place; done() removes what was not committed.
 */
struct starter {
    const char *target;
    const char *stage; /* a folder in the target; NULL when not open */
    bool fresh;        /* the target was not there */
};
MUST_CHECK bool starter_open(struct arena *a, const char *target, struct starter *ret,
                             struct err *err);
MUST_CHECK bool starter_write(struct arena *a, const struct starter *s, const char *path, str text,
                              bool executable, struct err *err);
/* Each folder that was made replaces the one in the target; config/ comes last. */
MUST_CHECK bool starter_commit(struct arena *a, struct starter *s, struct err *err);
/* The first of the folders that is in the target already; NULL: none. */
const char *starter_find_existing(struct arena *a, const char *target);
void starter_done(struct starter *s);
#define AUTO_STARTER __attribute__((cleanup(starter_done))) struct starter

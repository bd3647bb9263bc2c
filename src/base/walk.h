// SPDX-License-Identifier: Apache-2.0
/*
 * A walk over a tree: every entry, a folder before what is in it, siblings in the order of their
 * bytes. Links are not followed. Trees may be deeper than a path may be long and than a process may
 * have descriptors: one is open at a time. The tree must not change meanwhile; where it does, the
 * walk fails or leaves entries out, but does not leave the tree.
 */
#pragma once

#include <sys/stat.h>

#include "base/attr.h"
#include "base/str.h"

struct err;
struct walk;

struct walk_entry {
    int dirfd;        /* of the folder that it is in; borrowed until the next call */
    const char *name; /* in that folder; "." for the root itself */
    str path;         /* below the root, "." for the root; valid until the next call */
    struct stat st;
};

enum walk_result {
    WALK_ENTRY,
    WALK_END,
    WALK_FAILED, /* err is set */
};

/* The root is a folder. The walk is the caller's, to be closed. */
MUST_CHECK bool walk_open(int dirfd, const char *path, struct walk **ret, struct err *err);
/* The next entry; the first one is the root. */
MUST_CHECK enum walk_result walk_next(struct walk *w, struct walk_entry *ret, struct err *err);
void walk_close(struct walk *w); /* NULL is fine */

static inline void walk_close_auto(struct walk **w) {
    walk_close(*w);
}
#define AUTO_WALK __attribute__((cleanup(walk_close_auto))) struct walk *

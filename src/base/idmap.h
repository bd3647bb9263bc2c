// SPDX-License-Identifier: Apache-2.0
/*
 * Which user and group ids this process can give to files: every one, or, in a user namespace,
 * those that are mapped. See user_namespaces(7).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct buf;
struct err;

enum { IDMAP_RANGES_MAX = 340 }; /* the kernel's limit */

struct idmap_range {
    uint32_t inside;
    uint32_t outside;
    uint32_t count;
};

struct idmap {
    struct idmap_range ranges[IDMAP_RANGES_MAX];
    size_t len;
};

struct idmaps {
    struct idmap uids;
    struct idmap gids;
};

/* Lines of "INSIDE OUTSIDE COUNT", as in /proc/PID/uid_map. False: they are something else. */
MUST_CHECK bool idmap_parse(str text, struct idmap *ret);
/* Of this process. A kernel without user namespaces has every id. */
MUST_CHECK bool idmaps_load(struct idmaps *ret, struct err *err);

bool idmap_is_whole(const struct idmap *m); /* every id is as it is on the machine */
bool idmap_is_single(const struct idmap *m);
bool idmap_has(const struct idmap *m, uint32_t id);

/* This process is in no user namespace of its own, so its root is the machine's. */
bool idmaps_are_whole(void);

/* "uid 0 1000 1\n..." or "all\n": equal for maps that give files the same owners. */
void idmaps_describe(const struct idmaps *m, struct buf *out);

/* Sets the error for a file that cannot get its owner, EINVAL of chown(2), and how to get more ids.
 */
bool idmaps_refuse(const char *path, int64_t uid, int64_t gid, struct err *err);
/* Only the sentence how. */
bool idmaps_help(struct err *err);

// SPDX-License-Identifier: Apache-2.0
/* What the files that unpack an archive share: unpack.c reads it, entry.c makes its entries,
 * place.c finds where they belong. In the child, whose "/" nothing leaves. */
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "unpack/unpack.h"

struct unpack_folder; /* whose time is set last */

struct unpacker {
    struct archive *from;
    const char *name;    /* of the archive, for messages */
    struct arena *arena; /* of one entry */
    struct arena *kept;  /* of all of them */
    int folderfd;        /* what is unpacked to */
    bool is_root;        /* that is "/": no link leads out */
    bool is_layer;       /* no mount: what is set there may be a mark to overlayfs */
    struct unpack_owner owner;
    unpack_hook *hook; /* NULL: every entry is unpacked */
    void *hook_self;
    int parentfd;      /* the folder of the last entry; -1: none */
    struct buf parent; /* its path */
    bool parent_stale; /* something was taken away: the way there may be another one */
    struct unpack_folder *folders;
    size_t folder_count;
    size_t folder_cap;
    size_t entry_count;
    struct err *err;
};

/* ---- place.c ---- */

/* The clean name without leading slash of what an archive calls `name`; "." is the folder itself.
 * False: it leaves the folder. */
MUST_CHECK bool unpack_clean_name(struct unpacker *u, const char *name, const char **ret);
/* The folder that holds `path`, made with all that is missing on the way; links are followed as
 * long as they stay inside. Borrowed until the next call; -1: err is set. */
int unpack_parent(struct unpacker *u, const char *path);

/* ---- entry.c ---- */

/* Makes the entry, over what is there: only a folder over a folder keeps what is in it. */
MUST_CHECK bool unpack_entry(struct unpacker *u, struct archive_entry *entry, const char *path);
/* Of all folders, when nothing comes into them any more. */
MUST_CHECK bool unpack_set_times(struct unpacker *u);
/* The archive itself is damaged. `entry` may be NULL. */
bool unpack_damaged(struct unpacker *u, const char *entry);

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/base.h"
#include "store/store.h"

struct digest_cache;
struct keeper;

enum { SESSION_BYTES = 40, STAMP_BYTES = SESSION_BYTES + 20 };

struct store {
    struct arena *arena;
    const char *path; /* absolute */
    int fd;
    int lockfd; /* shared while the store is open; exclusive for prune and verify */
    uint64_t opened_ms;
    unsigned counter;             /* makes names unique within the process */
    struct digest_cache *digests; /* loaded at first use */
    char session[SESSION_BYTES];  /* of this machine and this mount: session.c */
    struct map checked;    /* keys of layers that were found whole, or made, by this process */
    struct map inodes;     /* the folders of layers as this process found them: ino_t */
    bool basis_lost;       /* a layer was refused: what it was made from is gone */
    struct keeper *keeper; /* NULL: not needed so far */
    struct store_damage *damages;
    size_t damage_count;
    size_t damage_cap;
    size_t damage_shown;
};

/* digests.c */
void digest_cache_close(struct store *s);

/* ---- session.c: what a lost power can tear ---- */

void session_find(struct store *s);
/* Waits until everything in the store is on the disk, and marks it as durable. */
bool session_sync(struct store *s);

enum stamp_state {
    STAMP_NONE,     /* it was never complete, or its stamp is damaged */
    STAMP_OURS,     /* complete, and as it was written */
    STAMP_VOLATILE, /* of another session, and perhaps torn since */
    STAMP_DURABLE,  /* of another start of this machine, on the disk as it was complete then */
};
enum stamp_state stamp_look(const struct store *s, const char *path);
/* Makes or replaces the stamp DIRFD/`path`: complete at `time_ns` of this session. */
MUST_CHECK bool stamp_put(struct store *s, int dirfd, const char *path, uint64_t time_ns);
/* Removes what processes left that died between making a stamp and putting it in its place. */
void stamp_sweep(struct store *s, struct arena *scratch);
/* A stamp of something that is being changed: no mark reaches this time. */
#define STAMP_CHANGING UINT64_MAX

/* ---- layer_check.c ---- */

/* Lists the new layer DIRFD/fs with this description when it has little; false: it is listed
 * later. */
bool layer_list_little(int dirfd, str meta);
/* The listing of a layer that is there, made from what it is now. */
bool layer_list(struct store *s, const char *hex);
/* Reads all of a layer that another session has left; false: it was damaged, and dropped. */
bool layer_read_again(struct store *s, const char *hex);
/* This process need not look at it again. */
void layer_found_whole(struct store *s, const char *hex);

/* layers.c: layers get and lose their names while the folder of layers is locked; the descriptor is
 * closed to unlock. */
int layers_lock(struct store *s);
/* The layer is there, in the folder in which this process found it, or was not looked at so far. */
bool layer_is_the_same(const struct store *s, const char *hex);

/* drop.c: the layer goes with all that was made from it; `what` is wrong with it. Nothing happens
 * when another process was faster: the layer of that name is not in the folder `dirfd` any more,
 * or, without one (-1), is complete by now. */
void layer_drop(struct store *s, const char *hex, int dirfd, const char *what);

/* ---- keeper.c: what goes on beside the steps ---- */

/* From now on something is made that is to be durable some time. */
void keeper_begin(struct store *s);
/* Lists a layer. */
void keeper_tell(struct store *s, const char *hex);
/* Waits for the listings as long as that; listing and syncing go on. */
void keeper_end(struct store *s, uint64_t budget_ms);

/* records.c: the record in a file of the store; not there or torn: true with an empty text. */
MUST_CHECK bool record_read(const struct store *s, struct arena *a, const char *path, str *ret_json,
                            struct err *err);

/* owners.c: that files get the owners that they were made with. */
MUST_CHECK bool store_check_owners(struct store *s, struct err *err);

/* trash.c: removes what dead processes left in tmp/; called at open. */
void store_sweep(struct store *s);
/* Removes trash until the time is over. */
void store_trash_some(struct store *s, uint64_t budget_ms);

/* ---- mounts.c ---- */

/* Locks and stamps of mounts that are gone. No other process may have the store open. */
void mounts_sweep(struct store *s);

/* A name for a new entry: pid and counter. */
void store_unique_name(struct store *s, char ret[64]);

/* blobs.c: what is wrong with the content of a blob; NULL: nothing. */
const char *store_blob_check(struct store *s, struct arena *a, const char *name);

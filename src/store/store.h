// SPDX-License-Identifier: Apache-2.0
/*
 * store/: the cache on disk. Layers (overlay upper folders) under content keys, image records,
 * file digests, cache mounts, and work folders of builds that are running.
 *
 *   DIR/layers/KEY/fs        the change a step made; complete once the folder is there
 *   DIR/layers/KEY/meta.json what made it
 *   DIR/images/HEX.json      a named base image: its layers and its config
 *   DIR/results/HEX.json     what a build has left: assets, the lines and steps of its Dockerfile
 *   DIR/mounts/ID/           RUN --mount=type=cache
 *   DIR/blocks/              compressed blocks (blocks.h)
 *   DIR/owners               the user and group ids that its files are made with
 *   DIR/digests              digests of files by (device, inode, size, mtime, ctime)
 *   DIR/claims/NAME          what a process has made outside the store; locked while it lives
 *   DIR/tmp/NAME/            work in progress, locked by its process; stale ones are swept
 *   DIR/trash/               renamed away, removed later: deleting a large tree slows the disk
 *
 * Everything enters by one rename. Killing a process at any moment leaves a store that needs no
 * repair. Several processes may use one store.
 */
#pragma once

#include "base/base.h"

struct store;

/* Creates what is missing. `dir` may be relative. Ownership of *ret passes to the caller. */
MUST_CHECK bool store_open(const char *dir, struct store **ret, struct err *err);
/* Writes the digests; when no other process has the store open, removes trash for at most a
 * fraction of a second. */
void store_close(struct store *s);

static inline void store_close_auto(struct store **s) {
    if (*s != NULL) {
        store_close(*s);
    }
}
#define AUTO_STORE __attribute__((cleanup(store_close_auto))) struct store *

const char *store_path(const struct store *s); /* absolute */
int store_fd(const struct store *s);           /* of the folder, borrowed */

/* A content key: BLAKE3, in hex. 40 digits (160 bits) name a layer. */
enum { STORE_KEY_HEX = 40 };
struct store_key {
    char hex[STORE_KEY_HEX + 1];
};

/* --- work folders ------------------------------------------------------------------------- */

/* A folder of ours below tmp/. Gone after done(), whatever happened. */
struct store_work {
    struct store *store;
    int fd;     /* of the folder */
    int lockfd; /* held as long as the work lives */
    char name[64];
};
#define STORE_WORK_INIT ((struct store_work){ .fd = -1, .lockfd = -1 })
MUST_CHECK bool store_work_begin(struct store *s, struct store_work *w, struct err *err);
void store_work_done(struct store_work *w);
#define AUTO_STORE_WORK __attribute__((cleanup(store_work_done))) struct store_work
/* Absolute path of something inside. */
const char *store_work_path(const struct store_work *w, struct arena *a, const char *name);

/* --- claims ------------------------------------------------------------------------------- */

/*
 * What a process makes outside the store, said before it is made. Whoever finds a claim whose
 * process is gone, killed before it could clean up, does that in its place.
 */
struct store_claim {
    struct store *store;
    int fd; /* locked as long as the claim lives */
    char name[64];
    str text; /* the claimant's */
};
#define STORE_CLAIM_INIT ((struct store_claim){ .fd = -1 })
/* `name` is new, and a file name. */
MUST_CHECK bool store_claim_begin(struct store *s, const char *name, str text,
                                  struct store_claim *ret, struct err *err);
/* Nothing of it is left. */
void store_claim_done(struct store_claim *c);
/* Something may be: the next one to look sees to it. */
void store_claim_leave(struct store_claim *c);
/* The claims of dead processes, in the arena; each is the caller's until done() or leave(). An
 * empty text: its process ended before it said what it would make. */
size_t store_claims_orphaned(struct store *s, struct arena *a, struct store_claim **ret);

/* --- layers ------------------------------------------------------------------------------- */

bool store_layer_has(const struct store *s, const struct store_key *key);
/* Absolute path of the layer's "fs" folder, whether or not it is there. */
const char *store_layer_path(const struct store *s, struct arena *a, const struct store_key *key);

/*
 * Makes the folder `name` of a work ("NAME/fs" must exist) the layer `key`, with `meta` as its
 * meta.json. A layer that is already there is kept, or with `replace` goes to the trash.
 */
MUST_CHECK bool store_layer_commit(struct store_work *w, const char *name,
                                   const struct store_key *key, bool replace, str meta,
                                   struct err *err);

/*
 * One builder a key. While another process has the lock: with `wait` until it is free (a signal
 * that is handled ends that, EINTR), else *ret_fd is -1. Once it is taken, ask store_layer_has
 * again. The fd is closed to unlock.
 */
MUST_CHECK bool store_key_lock(struct store *s, const struct store_key *key, bool wait, int *ret_fd,
                               struct err *err);

/* What store_layer_commit was given for it; false: there is no such layer. */
bool store_layer_meta(const struct store *s, struct arena *a, const struct store_key *key,
                      str *ret_meta);

/* Marks the layer as used now: pruning goes by that. */
void store_layer_touch(const struct store *s, const struct store_key *key);

/* --- records: small JSON texts under a kind ("images", "results") and a name ---------------- */

/* Not found: true with an empty text. */
MUST_CHECK bool store_record_load(const struct store *s, struct arena *a, const char *kind,
                                  str name, str *ret_json, struct err *err);
MUST_CHECK bool store_record_save(const struct store *s, const char *kind, str name, str json,
                                  struct err *err);
/* True when there was one. */
bool store_record_remove(const struct store *s, const char *kind, str name);
/* Every text of the kind, in the order of file names. */
MUST_CHECK bool store_record_list(const struct store *s, struct arena *a, const char *kind,
                                  str **ret, size_t *ret_count, struct err *err);

/* --- cache mounts --------------------------------------------------------------------------- */

enum store_sharing {
    STORE_SHARED,  /* several steps at once */
    STORE_LOCKED,  /* the next one waits */
    STORE_PRIVATE, /* the next one gets a folder of its own */
};
/*
 * Absolute path of the folder for `id`; *ret_fresh tells that it was made now. *ret_lockfd keeps it
 * locked until it is closed (-1 for STORE_SHARED).
 */
MUST_CHECK bool store_mount_open(struct store *s, struct arena *a, str id,
                                 enum store_sharing sharing, const char **ret, bool *ret_fresh,
                                 int *ret_lockfd, struct err *err);

/* --- file digests --------------------------------------------------------------------------- */

enum { STORE_DIGEST_BYTES = 32 };
/*
 * BLAKE3 of a regular file's content. Remembered by (device, inode, size, mtime, ctime); files
 * changed in the last two seconds are not remembered, as a second change may not show in the
 * times.
 */
MUST_CHECK bool store_file_digest(struct store *s, int fd, uint8_t ret[STORE_DIGEST_BYTES],
                                  struct err *err);

/* --- housekeeping --------------------------------------------------------------------------- */

/* Renames DIR/`path` into the trash; a path that is not there is fine. */
MUST_CHECK bool store_trash(struct store *s, const char *path, struct err *err);
/* Removes all trash now. */
MUST_CHECK bool store_trash_empty(struct store *s, struct err *err);

struct store_item {
    const char *kind; /* "layer", "mount", "blocks", "image", "trash" */
    const char *name;
    str what;       /* the instruction that made a layer, ... */
    uint64_t bytes; /* on disk */
    int64_t used_s; /* epoch seconds of the last use */
};
/* For what must not happen while another process builds: fails when one has the store open. */
MUST_CHECK bool store_lock_alone(struct store *s, struct err *err);

/* Everything in the store, least recently used first. Reads the disk: not for a build. */
MUST_CHECK bool store_items(struct store *s, struct arena *a, struct store_item **ret,
                            size_t *ret_count, struct err *err);
/* Removes an item of that list. */
MUST_CHECK bool store_item_remove(struct store *s, const struct store_item *item, struct err *err);

struct store_finding {
    const char *name; /* below the store's folder */
    const char *what; /* is wrong with it */
};
/* Finds layers and images that are damaged or incomplete and moves them to the trash. */
MUST_CHECK bool store_verify(struct store *s, struct arena *a, struct store_finding **ret,
                             size_t *ret_count, struct err *err);

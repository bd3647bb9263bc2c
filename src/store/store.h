// SPDX-License-Identifier: Apache-2.0
/*
 * store/: the cache on disk. Layers (overlay upper folders) under content keys, image records,
 * file digests, cache mounts, and work folders of builds that are running.
 *
 *   DIR/layers/KEY/fs        the change a step made; not there: it changed nothing
 *   DIR/layers/KEY/meta.json what made it
 *   DIR/layers/KEY/listing   every file of it, by digest (listing.h)
 *   DIR/layers/KEY/stamp     when it was complete (session.c)
 *   DIR/images/HEX.json      a named base image: its layers and its config
 *   DIR/results/HEX.json     what a build has left: assets, the lines and steps of its Dockerfile
 *   DIR/mounts/ID/           RUN --mount=type=cache; mounts/.stamp-ID as for layers
 *   DIR/blobs/HEX            a layer of an image as its registry has it; HEX is its SHA-256
 *   DIR/blocks/              compressed blocks (blocks.h)
 *   DIR/durable/SESSION      up to when what was made is on the disk (session.c)
 *   DIR/owners               the user and group ids that its files are made with
 *   DIR/digests              digests of files by (device, inode, size, mtime, ctime)
 *   DIR/claims/NAME          what a process has made outside the store; locked while it lives
 *   DIR/tmp/NAME/            work in progress, locked by its process; stale ones are swept
 *   DIR/trash/               renamed away, removed later: deleting a large tree slows the disk
 *
 * Everything enters by one rename. Killing a process at any moment leaves a store that needs no
 * repair. A lost power leaves entries that are torn: they are told from whole ones before they are
 * used, and are then not there. Several processes may use one store.
 */
#pragma once

#include "base/base.h"
#include "hash/hash.h"

struct store;

/* Creates what is missing. `dir` may be relative. Ownership of *ret passes to the caller.
 * err->code is STORE_OTHER_IDS where it was made with other user ids than ours. */
#define STORE_OTHER_IDS EXDEV
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

/* "is full", "has no free inodes": the disk that holds `path`; NULL: it has room. `said`: a program
 * has failed for lack of it, so that what it removed again counts, too. */
const char *store_disk_full(const char *path, bool said);
/* The error says that the disk of the store has no room: *ret begins with that, and has help. */
bool store_disk_shortage(const struct store *s, const struct err *err, struct err *ret);
extern const char store_disk_help[];

/* A content key: BLAKE3, in hex. 40 digits (160 bits) name a layer. */
enum { STORE_KEY_HEX = 40 };
struct store_key {
    char hex[STORE_KEY_HEX + 1];
};

/* A key as it is written. False: it is not one. */
MUST_CHECK bool store_key_parse(str hex, struct store_key *ret);

/* --- keys ---------------------------------------------------------------------------------- */

/*
 * A key is the hash of parts, each with its kind and its length. What there may be any number of is
 * a list, and lists are within each other as brackets are: two different inputs never give the same
 * bytes. What may be missing is a list, too, of none or one.
 */
struct store_key_hash {
    struct blake3 state;
    struct blake3 own; /* without what a step builds on */
};
void store_key_begin(struct store_key_hash *k, const char *what);
/* The key of what a step builds on. */
void store_key_add_below(struct store_key_hash *k, const struct store_key *below);
void store_key_add(struct store_key_hash *k, str part);
void store_key_add_u64(struct store_key_hash *k, uint64_t number);
void store_key_list(struct store_key_hash *k);
void store_key_list_end(struct store_key_hash *k);
struct store_key store_key_end(struct store_key_hash *k);
/* Of all but what was added below: the same step on another image has the same one. */
struct store_key store_key_end_own(struct store_key_hash *k);

/* --- work folders ------------------------------------------------------------------------- */

/* A folder of this process below tmp/. Gone after done(), whatever happened. */
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

/* Is the layer there? One that another session has left is read, and dropped when it is damaged. */
bool store_layer_has(struct store *s, const struct store_key *key);
/*
 * Before the content of layers leaves the store: are they there, and as they were when they were
 * made, and what they were made from too? What is damaged is dropped with all that was made from
 * it. False: something was dropped, or is not there; a new build makes it again.
 */
MUST_CHECK bool store_layers_check(struct store *s, const struct store_key *keys, size_t count);

/* A layer that was found damaged and is gone. */
struct store_damage {
    struct store_key key;
    str text;    /* the instruction that made it; may be empty */
    str what;    /* was wrong with it */
    size_t more; /* layers that were made from it, and went with it */
};
/* The next one that was found since the last call; false: none. Valid while the store is open. */
bool store_damage_next(struct store *s, struct store_damage *ret);
/* Absolute path of the layer's "fs" folder, whether or not it is there. */
const char *store_layer_path(const struct store *s, struct arena *a, const struct store_key *key);

/*
 * Makes the folder `name` of a work ("NAME/fs" must exist) the layer `key`, with `meta` as its
 * meta.json: a JSON object with "text", the instruction that made it, and "on", the keys of the
 * layers that it was made from, as far as those do not follow from each other; with "instead_of",
 * the highest of the layers that it is a copy of. A layer that is already there is kept, or with
 * `replace` goes to the trash.
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

/*
 * The keys of layers and of what each was made from, with a blank between: in the text of a record
 * they make it go when one of them is damaged, also when those between were pruned before.
 */
str store_layers_basis(const struct store *s, struct arena *a, const struct store_key *keys,
                       size_t count);

/* Marks the layer as used now: pruning goes by that. */
void store_layer_touch(const struct store *s, const struct store_key *key);

/* --- records: small JSON texts under a kind ("images", "results") and a name ---------------- */

/* Not found, or torn by a lost power: true with an empty text. */
MUST_CHECK bool store_record_load(const struct store *s, struct arena *a, const char *kind,
                                  str name, str *ret_json, struct err *err);
MUST_CHECK bool store_record_save(const struct store *s, const char *kind, str name, str json,
                                  struct err *err);
/* True when there was one. */
bool store_record_remove(const struct store *s, const char *kind, str name);
/* Every whole text of the kind, in the order of file names. */
MUST_CHECK bool store_record_list(const struct store *s, struct arena *a, const char *kind,
                                  str **ret, size_t *ret_count, struct err *err);

/* --- blobs: layers of images from elsewhere, as they came ------------------------------------- */

/* `digest` is "sha256:HEX". Whether the content is still right is for its user to find out: here
 * only the size is looked at, as after a lost power it may be another one. */
bool store_blob_has(const struct store *s, str digest, uint64_t size_bytes);
const char *store_blob_path(const struct store *s, struct arena *a, str digest); /* absolute */
void store_blob_touch(const struct store *s, str digest); /* it is used now */
/* A file of a work becomes the blob; the caller has checked its digest. */
MUST_CHECK bool store_blob_commit(struct store_work *w, const char *name, str digest,
                                  struct err *err);
MUST_CHECK bool store_blob_remove(struct store *s, str digest, struct err *err);

/* --- cache mounts --------------------------------------------------------------------------- */

enum store_sharing {
    STORE_SHARED,  /* several steps at once */
    STORE_LOCKED,  /* the next one waits */
    STORE_PRIVATE, /* the next one gets a folder of its own */
};
struct store_mount {
    const char *path; /* absolute; NULL: not open */
    bool is_fresh;    /* it was made now */
    int lockfd;       /* -1 for STORE_SHARED */
    int usersfd;
    const char *name; /* of its folder */
};
#define STORE_MOUNT_INIT ((struct store_mount){ .lockfd = -1, .usersfd = -1 })
/* The folder for `id`, to be closed. What a lost power may have torn in it is not in it. */
MUST_CHECK bool store_mount_open(struct store *s, struct arena *a, str id,
                                 enum store_sharing sharing, struct store_mount *ret,
                                 struct err *err);
/* Nothing is written to it any more, by this user. A second time is fine. */
void store_mount_close(struct store *s, struct store_mount *m);

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
    const char *kind; /* "layer", "mount", "blocks", "blob", "image", "trash" */
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
/* Reads all layers and records; those that are damaged or incomplete go to the trash, with what was
 * made from them. */
MUST_CHECK bool store_verify(struct store *s, struct arena *a, struct store_finding **ret,
                             size_t *ret_count, struct err *err);

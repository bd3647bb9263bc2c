// SPDX-License-Identifier: Apache-2.0
/*
 * pack/: what becomes of a built tree. The policy of a guest's root filesystem (nothing runs with
 * another's rights, the same names and times whoever built it), and files of each format, written
 * by a worker process: packing has threads, and a process that starts sandboxes must not.
 */
#pragma once

#include <signal.h>

#include "build/build.h"
#include "image/image.h"
#include "store/store.h"
#include "tree/tree.h"

/* What is told while it goes on, and how it is stopped. Every function may be NULL. */
struct pack_events {
    void *self;
    void (*begin)(void *self, const char *what);
    void (*tick)(void *self, const char *what, uint64_t done_bytes, uint64_t total_bytes);
    void (*end)(void *self, const char *what, const char *result);
    void (*notice)(void *self, str text);
    const volatile sig_atomic_t *cancelled; /* not 0: stop; may be NULL */
};

/* ---- the root filesystem of a guest: SquashFS ---- */

struct pack_options {
    const char *codec; /* a row of image/ */
    int level;
    int64_t source_date_epoch;
    const struct build_time *times; /* what has one of these becomes as old as the epoch */
    size_t time_count;
    bool gated; /* refuse setuid files and what only steps may see */
};

/* Packs layers into a SquashFS file at `fd`, with the store's cache of blocks. False: err says why;
 * what is in the file then is worth nothing. */
MUST_CHECK bool pack_layers(struct store *store, const char *const *layers, size_t layer_count,
                            int fd, const struct pack_options *options,
                            const struct pack_events *events, struct err *err);

/* The same for a tree that `fill` makes in the worker, of an empty one. */
typedef bool pack_fill(void *self, struct tree *t, struct err *err);
MUST_CHECK bool pack_tree(struct store *store, pack_fill *fill, void *self, int fd,
                          const struct pack_options *options, const struct pack_events *events,
                          struct err *err);

/* ---- any built image, in a format of its user's choice ---- */

enum pack_format {
    PACK_TAR,
    PACK_DIR,
    PACK_OCI, /* an OCI layout that is a Docker archive as well */
    PACK_SQUASHFS,
};

struct pack_target {
    enum pack_format format;
    const char *dest; /* a file, replaced as a whole; PACK_DIR: a folder, empty or new */
};

/* `epoch_s`: no file is younger; IMAGE_EPOCH_NONE: they keep their times. */
MUST_CHECK bool pack_write(struct arena *a, const struct pack_target *target, struct store *store,
                           const struct build_result *result, int64_t epoch_s,
                           const struct pack_events *events, struct err *err);

/* ---- images leave the store: as an OCI layout, or to a registry ---- */

/* What an image is written from; the rest of the options is the caller's. False: layers of its base
 * must be written anew, with other digests. */
bool pack_layout_find(struct arena *a, struct store *store, const struct store_key *layers,
                      size_t count, const struct images_origin *from,
                      struct image_oci_options *ret);
extern const char pack_rewritten_text[]; /* a warning about that */

/* A name that ends in ".tar" gets one file, every other a folder, which must be empty or new. The
 * layout of a file is made in the store first. */
MUST_CHECK bool pack_layout_write(struct store *store, const struct image_oci_options *options,
                                  const char *dest, struct err *err);

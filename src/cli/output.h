// SPDX-License-Identifier: Apache-2.0
/* --output of `image build`: what becomes of a built tree. */
#pragma once

#include "build/build.h"
#include "cli/cli.h"
#include "cli/progress.h"

enum output_type {
    OUTPUT_TAR,
    OUTPUT_DIR,
    OUTPUT_OCI,
    OUTPUT_SQUASHFS,
};

struct output_spec {
    enum output_type type;
    const char *dest;
};

/* Parses every "type=T,dest=PATH"; false: a usage error was printed. */
bool output_parse(struct cli *cli, const struct option_list *list, struct output_spec **ret);

MUST_CHECK bool output_write(struct cli *cli, const struct output_spec *spec, struct store *store,
                             const struct build_result *result, int64_t source_date_epoch,
                             struct progress *p, struct err *err);

struct tree;

struct pack_options {
    const char *codec;
    int level;
    int64_t source_date_epoch;
    const struct build_time *times; /* what has one of these becomes as old as the epoch */
    size_t time_count;
    bool gated; /* refuse setuid files and what only steps may see */
};
/*
 * Packs layers into a SquashFS file at an fd. Runs in a worker process: packing has threads, and a
 * process that starts sandboxes must not.
 */
MUST_CHECK bool output_pack_squashfs(struct store *store, const char *const *layers,
                                     size_t layer_count, int fd, const struct pack_options *options,
                                     struct progress *p, struct err *err);
/* The same for a tree that `fill` makes in the worker, of an empty one. */
typedef bool output_fill(void *self, struct tree *t, struct err *err);
MUST_CHECK bool output_pack_tree(struct store *store, output_fill *fill, void *self, int fd,
                                 const struct pack_options *options, struct progress *p,
                                 struct err *err);

// SPDX-License-Identifier: Apache-2.0
/* The room's own: one piece of work (pack.c) in a process of its own (output.c), the policy of its
 * content (content.c), and layouts (layout.c). */
#pragma once

#include "pack/pack.h"

struct pack_board;

/* What the worker is to do. */
struct pack_job {
    struct store *store;
    const char *const *layers;
    size_t layer_count;
    pack_fill *fill; /* in place of layers; may be NULL */
    void *fill_self;
    enum pack_format format;
    const struct pack_options *options; /* PACK_SQUASHFS */
    int64_t epoch_s;
    const struct image_oci_options *oci; /* PACK_OCI */
    bool is_file;
    bool syncs; /* the file is synced when it is complete */
    int fd;     /* the file, or the folder */
};

/* pack.c: in the worker. */
MUST_CHECK bool pack_do(const struct pack_job *job, const struct image_progress *progress,
                        struct err *err);

/* content.c: refuses what may not be in a guest, and makes the rest the same whatever made it. */
MUST_CHECK bool pack_normalise(struct tree *t, int64_t epoch_s, struct err *err);
void pack_forget_times(const struct pack_options *options, struct tree *t);

/* layout.c */
bool pack_layout_is_file(const char *dest);
/* Where the folder (or else the file) is open already. */
MUST_CHECK bool pack_layout_write_fd(struct store *store, const struct image_oci_options *options,
                                     bool is_file, int fd, struct err *err);

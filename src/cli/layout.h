// SPDX-License-Identifier: Apache-2.0
/* Images leave the store: as an OCI layout, or to a registry. */
#pragma once

#include "cli/cli.h"
#include "image/image.h"
#include "store/store.h"

/* A name that ends in ".tar" gets one file, every other a folder, which must be empty or new. The
 * layout of a file is made in the store first. */
bool layout_is_file(const char *dest);
MUST_CHECK bool layout_write(struct store *store, const struct image_oci_options *options,
                             const char *dest, struct err *err);
/* The same, where the folder (or else the file) is open already. */
MUST_CHECK bool layout_write_fd(struct store *store, const struct image_oci_options *options,
                                bool is_file, int fd, struct err *err);

// SPDX-License-Identifier: Apache-2.0
/* What only reading an entry shows, as a digest; for listing.c alone. */
#pragma once

#include <sys/stat.h>

#include "base/base.h"
#include "hash/hash.h"

/* The digest of an entry: see listing.h. */
MUST_CHECK bool listing_read(int dirfd, const char *name, const struct stat *st,
                             uint8_t ret[BLAKE3_OUT_BYTES], struct err *err);

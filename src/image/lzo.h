// SPDX-License-Identifier: Apache-2.0
/* An LZO1X compressor, for SquashFS: the stream that the kernel's Documentation/staging/lzo.rst
 * describes, version 0. libsquashfs has none, and the usual library is not under our licence. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lzo;

/* For inputs of up to max_bytes (at most LZO_INPUT_MAX). NULL without memory. */
enum { LZO_INPUT_MAX = 1 << 20 };
struct lzo *lzo_new(size_t max_bytes);
void lzo_free(struct lzo *z); /* NULL is fine */

/* Length of the stream, or 0 when it does not fit into cap. Level 1 (quick) to 9 (small). */
size_t lzo_compress(struct lzo *z, int level, const uint8_t *in, size_t len, uint8_t *out,
                    size_t cap);

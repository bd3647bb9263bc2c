// SPDX-License-Identifier: Apache-2.0
/* Where archives go: an fd, through a compressor or not. */
#pragma once

#include "hash/hash.h"
#include "image/image.h"

struct sink;

/* Level 0 takes the codec's default for archives that are written once and read often. */
MUST_CHECK bool sink_open(int fd, enum image_compression compression, int level, struct sink **ret,
                          struct err *err);
MUST_CHECK bool sink_write(struct sink *s, const void *data, size_t len, struct err *err);
/* What is written is hashed before it is compressed. */
void sink_set_hash(struct sink *s, struct sha256 *hash);
/* Ends the compressed stream and writes what is left. */
MUST_CHECK bool sink_finish(struct sink *s, struct err *err);
uint64_t sink_written(const struct sink *s); /* bytes before compression */
void sink_close(struct sink *s);             /* NULL is fine */

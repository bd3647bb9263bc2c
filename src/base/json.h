// SPDX-License-Identifier: Apache-2.0
/* JSON text into a buf, where order matters and no tree is needed. (Reading is jansson's.) */
#pragma once

#include "base/str.h"

struct buf;

/* A JSON string with its quotes. Control characters are escaped, bytes that are not UTF-8 become
 * U+FFFD: the result is always valid. */
void buf_add_json(struct buf *b, str text);

// SPDX-License-Identifier: Apache-2.0
/* Text for a terminal. */
#pragma once

#include "base/base.h"

size_t text_width(str text); /* in columns */

/* One paragraph and a line end. Broken at spaces where `width` columns are full, 0: never. It
 * begins at the column `indent`, to which what follows the first line is indented. */
void add_wrapped(struct buf *out, str text, size_t indent, size_t width);

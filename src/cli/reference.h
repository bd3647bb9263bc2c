// SPDX-License-Identifier: Apache-2.0
/* Pages of the manual that are written from tables of this room. */
#pragma once

struct buf;

void man_page(struct buf *out); /* capsem-builder.1 */

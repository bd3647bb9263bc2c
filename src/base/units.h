// SPDX-License-Identifier: Apache-2.0
/* Sizes and durations as people read them. */
#pragma once

#include <stdint.h>

/* As `.text` of a call it lives until the end of the full expression: long enough for a printf. */
struct unit_text {
    char text[32];
};

struct unit_text unit_bytes(uint64_t bytes);    /* "1.2 GB", by thousands */
struct unit_text unit_duration_ms(uint64_t ms); /* "340 ms", "1.2 s", "2:05 min" */

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "base/str.h"

struct arena;

/* Milliseconds of a clock that only goes forward; its zero means nothing. */
uint64_t time_now_ms(void);
/* Seconds since the epoch. */
int64_t time_now_epoch_s(void);
/* "2026-11-30T12:00:00Z"; what no calendar has is empty. */
str time_to_iso(struct arena *a, int64_t epoch_s);

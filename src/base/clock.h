// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* Milliseconds of a clock that only goes forward; its zero means nothing. */
uint64_t time_now_ms(void);
/* Seconds since the epoch. */
int64_t time_now_epoch_s(void);

// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <time.h>

#include "base/arena.h"

uint64_t time_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int64_t time_now_epoch_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

str time_to_iso(struct arena *a, int64_t epoch_s) {
    char text[64];
    time_t when = (time_t)epoch_s;
    struct tm tm;
    if (gmtime_r(&when, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        return S("");
    }
    return str_dup(a, str_from_c(text));
}

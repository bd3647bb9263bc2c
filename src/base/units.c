// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <stdio.h>

#include "base/base.h"

struct unit_text unit_bytes(uint64_t bytes) {
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    struct unit_text ret;
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1000;
        unit++;
    }
    snprintf(ret.text, sizeof ret.text, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
             units[unit]);
    return ret;
}

struct unit_text unit_duration_ms(uint64_t ms) {
    struct unit_text ret;
    if (ms < 1000) {
        snprintf(ret.text, sizeof ret.text, "%u ms", (unsigned)ms);
    } else if (ms < 60000) {
        snprintf(ret.text, sizeof ret.text, "%u.%u s", (unsigned)(ms / 1000),
                 (unsigned)(ms % 1000 / 100));
    } else {
        snprintf(ret.text, sizeof ret.text, "%u:%02u min", (unsigned)(ms / 60000),
                 (unsigned)(ms / 1000 % 60));
    }
    return ret;
}

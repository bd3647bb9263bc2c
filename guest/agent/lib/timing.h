// SPDX-License-Identifier: Apache-2.0
// The stage times that capsem-init leaves: a file of JSON lines {"name": "squashfs", "duration_ms":
// 12}.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    TIMING_STAGES_MAX = 32,
    TIMING_NAME_MAX = 32,    // bytes with the NUL
    TIMING_FILE_MAX = 16384, // bytes that are looked at
};

struct timing_stage {
    char name[TIMING_NAME_MAX];
    uint64_t duration_ms;
};

// Stages of the text in its order; lines of another form are skipped. Returns how many, at most
// TIMING_STAGES_MAX.
size_t timing_parse(const char *text, size_t len, struct timing_stage stages[TIMING_STAGES_MAX]);
// The same of a file; 0 when it cannot be read.
size_t timing_load(const char *path, struct timing_stage stages[TIMING_STAGES_MAX]);

// SPDX-License-Identifier: Apache-2.0
// What the host may set while the guest boots: variables and files, within limits. Pure functions
// on bytes; each says why something is refused, NULL when it is allowed.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    GUARD_KEY_MAX = 256,               // bytes
    GUARD_VALUE_MAX = 131072,          // bytes
    GUARD_PATH_MAX = 4095,             // bytes
    GUARD_ENV_COUNT_MAX = 128,         // variables
    GUARD_FILE_COUNT_MAX = 64,         // files
    GUARD_FILE_TOTAL_MAX = 10u << 20u, // bytes of all files
};

struct guard_budget {
    unsigned env_count, file_count;
    size_t file_bytes;
};

const char *guard_env(const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len);
const char *guard_path(const uint8_t *path, size_t len);
// A folder that something may be mounted at: not one that the system itself lives in.
const char *guard_mount(const uint8_t *path, size_t len);

// Counts one more variable, one more file of `bytes`, when the budget has room for it.
const char *guard_count_env(struct guard_budget *budget);
const char *guard_count_file(struct guard_budget *budget, size_t bytes);

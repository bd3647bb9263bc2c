// SPDX-License-Identifier: Apache-2.0
#include "guards.h"

#include <stdbool.h>
#include <string.h>

// Names that change what programs load or run before they look at anything else: the dynamic
// linker's and the shells'. docs/spec/guest.md, "Guards".
static const struct {
    const char *name;
    bool prefix;
} blocked[] = {
    { "LD_", true },         { "BASH_FUNC_", true },
    { "IFS", false },        { "BASH_ENV", false },
    { "ENV", false },        { "CDPATH", false },
    { "GLOBIGNORE", false }, { "SHELLOPTS", false },
    { "BASHOPTS", false },   { "PROMPT_COMMAND", false },
    { "PS4", false },
};

static bool is_blocked(const uint8_t *key, size_t len) {
    for (size_t i = 0; i < sizeof blocked / sizeof blocked[0]; i++) {
        size_t want = strlen(blocked[i].name);
        bool long_enough = blocked[i].prefix ? len >= want : len == want;
        if (long_enough && memcmp(key, blocked[i].name, want) == 0) {
            return true;
        }
    }
    return false;
}

const char *guard_env(const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len) {
    if (key_len == 0) {
        return "the name is empty";
    }
    if (key_len > GUARD_KEY_MAX) {
        return "the name is longer than 256 bytes";
    }
    if (memchr(key, '=', key_len) || memchr(key, 0, key_len)) {
        return "the name holds '=' or NUL";
    }
    if (is_blocked(key, key_len)) {
        return "the name belongs to the linker or the shell";
    }
    if (value_len > GUARD_VALUE_MAX) {
        return "the value is longer than 131072 bytes";
    }
    if (value_len > 0 && memchr(value, 0, value_len)) {
        return "the value holds NUL";
    }
    return NULL;
}

const char *guard_path(const uint8_t *path, size_t len) {
    if (len == 0 || path[0] != '/') {
        return "the path is not absolute";
    }
    if (len > GUARD_PATH_MAX) {
        return "the path is longer than 4095 bytes";
    }
    if (memchr(path, 0, len)) {
        return "the path holds NUL";
    }
    if (memmem(path, len, "..", 2)) {
        return "the path holds '..'";
    }
    if (path[len - 1] == '/') {
        return "the path names a folder";
    }
    return NULL;
}

const char *guard_mount(const uint8_t *path, size_t len) {
    static const char *const taken[] = { "/proc", "/sys", "/dev", "/run" };
    const char *why = guard_path(path, len);
    if (why) {
        return len == 1 && path[0] == '/' ? "it would hide the whole guest" : why;
    }
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        size_t n = strlen(taken[i]);
        if (len >= n && memcmp(path, taken[i], n) == 0 && (len == n || path[n] == '/')) {
            return "the guest's own file systems are there: /proc, /sys, /dev, /run";
        }
    }
    return NULL;
}

const char *guard_count_env(struct guard_budget *budget) {
    if (budget->env_count >= GUARD_ENV_COUNT_MAX) {
        return "there are 128 variables already";
    }
    budget->env_count++;
    return NULL;
}

const char *guard_count_file(struct guard_budget *budget, size_t bytes) {
    if (budget->file_count >= GUARD_FILE_COUNT_MAX) {
        return "there are 64 files already";
    }
    if (bytes > GUARD_FILE_TOTAL_MAX - budget->file_bytes) {
        return "the files are more than 10 MiB";
    }
    budget->file_count++;
    budget->file_bytes += bytes;
    return NULL;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target over files, and over all files of folders: the corpora are regression tests
 * with any compiler.
 *
 *     replay-toml FILE|FOLDER...
 */
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 64 * 1024 * 1024 };

static size_t runs;

static bool replay_file(const char *path, struct err *err) {
    AUTO_ARENA a = arena_new();
    str input;
    if (!fs_load(a, AT_FDCWD, path, INPUT_BYTES_MAX, &input, err)) {
        return false;
    }
    /* A crash names its input: the line is out before the run. */
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput((const uint8_t *)input.ptr, input.len);
    runs++;
    return true;
}

static bool replay(const char *path, struct err *err) {
    if (!fs_is_dir(AT_FDCWD, path)) {
        return replay_file(path, err);
    }
    AUTO_ARENA a = arena_new();
    const char **names;
    size_t count;
    if (!fs_list(a, AT_FDCWD, path, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!replay(path_join(a, path, names[i]), err)) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct err err = ERR_INIT;
        if (!replay(argv[i], &err)) {
            AUTO_BUF text = BUF_INIT(4096);
            err_text(&err, &text);
            fprintf(stderr, "error: %s\n", text.ptr);
            return 1;
        }
    }
    printf("%zu inputs\n", runs);
    return runs > 0 ? 0 : 1;
}

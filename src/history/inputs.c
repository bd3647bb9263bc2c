// SPDX-License-Identifier: Apache-2.0
#include "history/history.h"

#include "hash/hash.h"

static str hex_of(struct arena *a, const uint8_t digest[BLAKE3_OUT_BYTES]) {
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    hash_hex(digest, BLAKE3_OUT_BYTES, hex);
    return str_dup(a, str_from_c(hex));
}

bool history_inputs(struct arena *a, const struct recipe *recipe, struct assets_input **ret,
                    size_t *ret_count, struct err *err) {
    struct assets_input *inputs = ARENA_ARRAY(a, struct assets_input, recipe->file_count + 1);
    uint8_t digest[BLAKE3_OUT_BYTES];
    blake3_bytes(recipe->text, digest);
    inputs[0] = (struct assets_input){ S("dockerfile"),
                                       str_fmt(a, "Dockerfile.%s", recipe_kind_name(recipe->kind)),
                                       hex_of(a, digest) };
    for (size_t i = 0; i < recipe->file_count; i++) {
        const struct recipe_file *file = &recipe->files[i];
        if (file->host_path == NULL) {
            blake3_bytes(file->content, digest);
        } else if (!blake3_file(AT_FDCWD, file->host_path, digest, err)) {
            return false;
        }
        inputs[i + 1] = (struct assets_input){ file->host_path != NULL ? S("file") : S("config"),
                                               str_from_c(file->path), hex_of(a, digest) };
    }
    *ret = inputs;
    *ret_count = recipe->file_count + 1;
    return true;
}

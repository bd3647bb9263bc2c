// SPDX-License-Identifier: Apache-2.0
/* What build.json says a template was built from. */
#include "assets/internal.h"

static str text_of(struct arena *a, const json_t *row, const char *key) {
    const json_t *value = json_object_get(row, key);
    return json_is_string(value)
               ? str_dup(a, (str){ json_string_value(value), json_string_length(value) })
               : S("");
}

void assets_inputs_load(struct arena *a, const char *dir, const char *arch, const char *template,
                        struct assets_input **ret, size_t *ret_count) {
    str text = { 0 };
    const char *path = path_join(a, dir, path_join(a, arch, "build.json"));
    *ret = NULL;
    *ret_count = 0;
    if (!fs_load(a, AT_FDCWD, path, BUILD_JSON_BYTES_MAX, &text, NULL)) {
        return;
    }
    AUTO_JSON root = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    const json_t *made = json_object_get(json_object_get(root, "templates"), template);
    const json_t *rows = json_object_get(made, "inputs");
    size_t count = json_array_size(rows);
    *ret = ARENA_ARRAY(a, struct assets_input, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(rows, i);
        (*ret)[i] = (struct assets_input){ text_of(a, row, "kind"), text_of(a, row, "name"),
                                           text_of(a, row, "digest") };
    }
    *ret_count = count;
}

// SPDX-License-Identifier: Apache-2.0
/* What the store says of the layers of a result. */
#include <jansson.h>

#include "build/build.h"

void build_times(struct store *s, struct arena *a, const struct build_result *result,
                 struct build_time **ret, size_t *ret_count) {
    *ret = ARENA_ARRAY(a, struct build_time, result->record_count);
    *ret_count = 0;
    for (size_t i = 0; i < result->record_count; i++) {
        str text;
        if (!store_layer_meta(s, a, &result->records[i].key, &text)) {
            continue;
        }
        json_t *meta = json_loadb(text.ptr, text.len, 0, NULL);
        const json_t *began = json_object_get(meta, "began_ms");
        const json_t *ended = json_object_get(meta, "ended_ms");
        if (json_is_integer(began) && json_is_integer(ended)) {
            (*ret)[(*ret_count)++] =
                (struct build_time){ json_integer_value(began), json_integer_value(ended) };
        }
        json_decref(meta);
    }
}

str build_basis(const struct store *s, struct arena *a, const struct build_result *result) {
    size_t count = 0;
    struct store_key *keys =
        ARENA_ARRAY(a, struct store_key, result->record_count + result->layer_key_count);
    for (size_t i = 0; i < result->record_count; i++) {
        if (result->records[i].key.hex[0] != '\0') { /* another engine's have none */
            keys[count++] = result->records[i].key;
        }
    }
    for (size_t i = 0; i < result->layer_key_count; i++) {
        keys[count++] = result->layer_keys[i];
    }
    return store_layers_basis(s, a, keys, count);
}

// SPDX-License-Identifier: Apache-2.0
/* Images in the store: a record names the layers and the config. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "build/internal.h"

static const char kind[] = "images";

/* One image a reference and platform. */
static str record_name(struct arena *a, const struct oci_reference *ref,
                       const struct oci_platform *platform) {
    return str_fmt(a, "%.*s %.*s", STR_FMT(oci_reference_full(a, ref)),
                   STR_FMT(oci_platform_text(a, platform)));
}

static json_t *json_str(str s) {
    return json_stringn(s.ptr == NULL ? "" : s.ptr, s.len);
}

bool build_image_save(struct store *s, const struct build_image *image, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    json_t *root = json_object();
    json_t *layers = json_array();
    for (size_t i = 0; i < image->layer_count; i++) {
        json_array_append_new(layers, json_string(image->layers[i].hex));
    }
    json_object_set_new(root, "name", json_str(oci_reference_full(scratch, &image->ref)));
    json_object_set_new(root, "platform",
                        json_str(oci_platform_text(scratch, &image->config.platform)));
    json_object_set_new(root, "key", json_string(image->key.hex));
    json_object_set_new(root, "layers", layers);
    json_object_set_new(root, "origin", json_str(image->origin));
    if (image->digest.len > 0) {
        json_object_set_new(root, "digest", json_str(image->digest));
    }
    json_object_set_new(root, "created", json_integer(image->created_s));
    json_object_set_new(root, "config", json_str(oci_config_encode(scratch, &image->config)));
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    bool ok = store_record_save(s, kind, record_name(scratch, &image->ref, &image->config.platform),
                                str_from_c(text), err);
    free(text);
    return ok;
}

static str get_str(struct arena *a, const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value)
               ? str_dup(a, (str){ json_string_value(value), json_string_length(value) })
               : S("");
}

static bool to_key(str hex, struct store_key *ret) {
    if (hex.len != STORE_KEY_HEX) {
        return false;
    }
    for (size_t i = 0; i < hex.len; i++) {
        if (char_hex(hex.ptr[i]) < 0) {
            return false;
        }
    }
    memcpy(ret->hex, hex.ptr, hex.len);
    ret->hex[hex.len] = '\0';
    return true;
}

static bool decode_layers(struct arena *a, const json_t *root, struct build_image *image) {
    const json_t *layers = json_object_get(root, "layers");
    image->layer_count = json_array_size(layers);
    image->layers = ARENA_ARRAY(a, struct store_key, image->layer_count);
    for (size_t i = 0; i < image->layer_count; i++) {
        const json_t *hex = json_array_get(layers, i);
        if (!json_is_string(hex) ||
            !to_key((str){ json_string_value(hex), json_string_length(hex) }, &image->layers[i])) {
            return false;
        }
    }
    return true;
}

static bool decode(struct arena *a, str json, struct build_image *ret, struct err *err) {
    json_error_t why;
    json_t *root = json_loadb(json.ptr, json.len, 0, &why);
    struct build_image image = { 0 };
    bool ok = json_is_object(root) && to_key(get_str(a, root, "key"), &image.key) &&
              decode_layers(a, root, &image) &&
              oci_reference_parse(a, get_str(a, root, "name"), &image.ref, err) &&
              oci_config_decode(a, get_str(a, root, "config"), &image.config, err);
    if (ok) {
        image.origin = get_str(a, root, "origin");
        image.digest = get_str(a, root, "digest");
        image.created_s = json_integer_value(json_object_get(root, "created"));
        *ret = image;
    } else if (err == NULL || !err_is_set(err)) {
        err_set(err, "an image record in the store is damaged");
    }
    json_decref(root);
    return ok;
}

enum build_lookup build_image_find(struct store *s, struct arena *a,
                                   const struct oci_reference *ref,
                                   const struct oci_platform *platform, struct build_image *ret,
                                   struct err *err) {
    str json;
    struct build_image image;
    if (!store_record_load(s, a, kind, record_name(a, ref, platform), &json, err)) {
        return BUILD_FAILED;
    }
    if (json.len == 0) {
        return BUILD_NOT_FOUND;
    }
    if (!decode(a, json, &image, err)) {
        return BUILD_FAILED;
    }
    for (size_t i = 0; i < image.layer_count; i++) {
        if (!store_layer_has(s, &image.layers[i])) {
            return BUILD_NOT_FOUND; /* pruned */
        }
        store_layer_touch(s, &image.layers[i]);
    }
    *ret = image;
    return BUILD_FOUND;
}

const char **build_image_paths(struct store *s, struct arena *a, const struct build_image *image,
                               size_t *ret_count) {
    const char **paths = ARENA_ARRAY(a, const char *, image->layer_count + 1);
    *ret_count = 0;
    for (size_t i = 0; i < image->layer_count; i++) {
        const char *path = store_layer_path(s, a, &image->layers[i]);
        if (fs_is_dir(AT_FDCWD, path)) { /* a step that changed nothing has none */
            paths[(*ret_count)++] = path;
        }
    }
    return paths;
}

bool build_image_list(struct store *s, struct arena *a, struct build_image **ret, size_t *ret_count,
                      struct err *err) {
    str *texts;
    size_t count;
    if (!store_record_list(s, a, kind, &texts, &count, err)) {
        return false;
    }
    struct build_image *images = ARENA_ARRAY(a, struct build_image, count);
    for (size_t i = 0; i < count; i++) {
        if (!decode(a, texts[i], &images[i], err)) {
            return false;
        }
    }
    *ret = images;
    *ret_count = count;
    return true;
}

bool build_image_remove(struct store *s, const struct oci_reference *ref,
                        const struct oci_platform *platform, bool *ret_removed, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    (void)err;
    *ret_removed = store_record_remove(s, kind, record_name(scratch, ref, platform));
    return true;
}

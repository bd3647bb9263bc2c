// SPDX-License-Identifier: Apache-2.0
/* Images in the store: a record names the layers and the config. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "images/internal.h"

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

static void save_origin(struct arena *a, json_t *root, const struct stored_image *image) {
    const struct images_origin *from = &image->from;
    json_t *made_by = json_array();
    for (size_t i = from->count; i < image->layer_count; i++) {
        json_array_append_new(made_by, json_str(from->made_by[i - from->count]));
    }
    json_object_set_new(root, "base", json_str(oci_base_encode(a, &from->base)));
    json_object_set_new(root, "base_layers", json_integer((json_int_t)from->count));
    json_object_set_new(root, "made_by", made_by);
}

bool images_save(struct store *s, const struct stored_image *image, struct err *err) {
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
    if (image->from.base.config.len > 0) {
        save_origin(scratch, root, image);
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

static bool decode_layers(struct arena *a, const json_t *root, struct stored_image *image) {
    const json_t *layers = json_object_get(root, "layers");
    image->layer_count = json_array_size(layers);
    image->layers = ARENA_ARRAY(a, struct store_key, image->layer_count);
    for (size_t i = 0; i < image->layer_count; i++) {
        const json_t *hex = json_array_get(layers, i);
        if (!json_is_string(hex) ||
            !store_key_parse((str){ json_string_value(hex), json_string_length(hex) },
                             &image->layers[i])) {
            return false;
        }
    }
    return true;
}

/* Records of older versions have none; what is damaged is as good as that. */
static void decode_origin(struct arena *a, const json_t *root, struct stored_image *image) {
    struct images_origin from = { 0 };
    const json_t *made_by = json_object_get(root, "made_by");
    json_int_t count = json_integer_value(json_object_get(root, "base_layers"));
    if (!oci_base_decode(a, get_str(a, root, "base"), &from.base) || count < 0 ||
        (size_t)count > image->layer_count ||
        json_array_size(made_by) != image->layer_count - (size_t)count) {
        return;
    }
    from.count = (size_t)count;
    from.made_by = ARENA_ARRAY(a, str, json_array_size(made_by));
    for (size_t i = 0; i < json_array_size(made_by); i++) {
        const json_t *text = json_array_get(made_by, i);
        from.made_by[i] = str_dup(a, (str){ json_string_value(text), json_string_length(text) });
    }
    image->from = from;
}

static bool decode(struct arena *a, str json, struct stored_image *ret, struct err *err) {
    json_error_t why;
    json_t *root = json_loadb(json.ptr, json.len, 0, &why);
    struct stored_image image = { 0 };
    bool ok = json_is_object(root) && store_key_parse(get_str(a, root, "key"), &image.key) &&
              decode_layers(a, root, &image) &&
              oci_reference_parse(a, get_str(a, root, "name"), &image.ref, err) &&
              oci_config_decode(a, get_str(a, root, "config"), &image.config, err);
    if (ok) {
        image.origin = get_str(a, root, "origin");
        image.digest = get_str(a, root, "digest");
        image.created_s = json_integer_value(json_object_get(root, "created"));
        decode_origin(a, root, &image);
        *ret = image;
    } else if (err == NULL || !err_is_set(err)) {
        err_set(err, "an image record in the store is damaged");
    }
    json_decref(root);
    return ok;
}

enum images_lookup images_find(struct store *s, struct arena *a, const struct oci_reference *ref,
                               const struct oci_platform *platform, struct stored_image *ret,
                               struct err *err) {
    str json;
    struct stored_image image;
    if (!store_record_load(s, a, kind, record_name(a, ref, platform), &json, err)) {
        return IMAGES_FAILED;
    }
    if (json.len == 0) {
        return IMAGES_NOT_FOUND;
    }
    if (!decode(a, json, &image, err)) {
        return IMAGES_FAILED;
    }
    for (size_t i = 0; i < image.layer_count; i++) {
        if (!store_layer_has(s, &image.layers[i])) {
            return IMAGES_NOT_FOUND; /* pruned */
        }
        store_layer_touch(s, &image.layers[i]);
    }
    *ret = image;
    return IMAGES_FOUND;
}

bool images_check(struct store *s, struct arena *a, const struct stored_image *image,
                  struct err *err) {
    struct store_damage d = { .what = S("one of its layers is missing") };
    if (store_layers_check(s, image->layers, image->layer_count)) {
        return true;
    }
    while (store_damage_next(s, &d)) {
    }
    err_set(err, "the image '%.*s' was damaged in the store and has been removed: %.*s",
            STR_FMT(oci_reference_familiar(a, &image->ref)), STR_FMT(d.what));
    return err_help(err, "pull, import or build it again");
}

const char **images_paths(struct store *s, struct arena *a, const struct stored_image *image,
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

bool images_list(struct store *s, struct arena *a, struct stored_image **ret, size_t *ret_count,
                 struct err *err) {
    str *texts;
    size_t count;
    if (!store_record_list(s, a, kind, &texts, &count, err)) {
        return false;
    }
    struct stored_image *images = ARENA_ARRAY(a, struct stored_image, count);
    for (size_t i = 0; i < count; i++) {
        if (!decode(a, texts[i], &images[i], err)) {
            return false;
        }
    }
    *ret = images;
    *ret_count = count;
    return true;
}

/* ---- the blobs of an image ---- */

static bool names_blob(const struct stored_image *image, str digest) {
    const struct oci_base *base = &image->from.base;
    for (size_t i = 0; i < base->layer_count; i++) {
        if (str_eq(base->layers[i].digest, digest)) {
            return true;
        }
    }
    return false;
}

static bool is_named(const struct stored_image *images, size_t count, str digest) {
    for (size_t i = 0; i < count; i++) {
        if (names_blob(&images[i], digest)) {
            return true;
        }
    }
    return false;
}

/* Those that no other image has: nothing else uses them. */
static bool remove_blobs(struct store *s, struct arena *a, const struct stored_image *image,
                         struct err *err) {
    struct stored_image *others;
    size_t count;
    const struct oci_base *base = &image->from.base;
    if (!images_list(s, a, &others, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < base->layer_count; i++) {
        str digest = base->layers[i].digest;
        if (!is_named(others, count, digest) && !store_blob_remove(s, digest, err)) {
            return false;
        }
    }
    return true;
}

bool images_remove(struct store *s, const struct oci_reference *ref,
                   const struct oci_platform *platform, bool *ret_removed, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    struct stored_image image = { 0 };
    str name = record_name(scratch, ref, platform);
    str json;
    bool known = store_record_load(s, scratch, kind, name, &json, NULL) && json.len > 0 &&
                 decode(scratch, json, &image, NULL);
    *ret_removed = store_record_remove(s, kind, name);
    return !known || !*ret_removed || remove_blobs(s, scratch, &image, err);
}

/* ---- on its way out ---- */

static const char **folders_of(struct store *s, struct arena *a, const struct store_key *layers,
                               size_t count, const str *made_by, const str **ret_made_by,
                               size_t *ret_count) {
    const char **paths = ARENA_ARRAY(a, const char *, count + 1);
    str *texts = ARENA_ARRAY(a, str, count + 1);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const char *path = store_layer_path(s, a, &layers[i]);
        if (fs_is_dir(AT_FDCWD, path)) { /* a step that changed nothing has none */
            texts[len] = made_by == NULL ? S("") : made_by[i];
            paths[len++] = path;
        }
    }
    *ret_made_by = texts;
    *ret_count = len;
    return paths;
}

static const char **find_blobs(struct store *s, struct arena *a, const struct oci_base *base) {
    const char **paths = ARENA_ARRAY(a, const char *, base->layer_count + 1);
    for (size_t i = 0; i < base->layer_count; i++) {
        str digest = base->layers[i].digest;
        if (!store_blob_has(s, digest, base->layers[i].size_bytes)) {
            return NULL;
        }
        store_blob_touch(s, digest);
        paths[i] = store_blob_path(s, a, digest);
    }
    return paths;
}

void images_outgoing_find(struct store *s, struct arena *a, const struct store_key *layers,
                          size_t count, const struct images_origin *from,
                          struct images_outgoing *ret) {
    bool has_base = from->base.config.len > 0;
    const char **blobs = has_base ? find_blobs(s, a, &from->base) : NULL;
    *ret = (struct images_outgoing){
        .base = blobs == NULL ? NULL : &from->base,
        .blobs = blobs,
        .rewritten = has_base && blobs == NULL,
    };
    size_t skip = blobs == NULL ? 0 : from->count;
    ret->layers =
        folders_of(s, a, layers + skip, count - skip, blobs == NULL ? NULL : from->made_by,
                   &ret->made_by, &ret->layer_count);
}

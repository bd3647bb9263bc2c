// SPDX-License-Identifier: Apache-2.0
/* The documents of an image that we write, with OCI media types. */
#include <jansson.h>
#include <stdlib.h>

#include "oci/oci.h"

#define OCI_TYPE "application/vnd.oci.image."

static json_t *json_str(str s) {
    return json_stringn(s.ptr == NULL ? "" : s.ptr, s.len);
}

static str dump(struct arena *a, json_t *root) {
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    ASSERT(text != NULL);
    str copy = str_dup(a, str_from_c(text));
    free(text);
    return copy;
}

static json_t *descriptor(const struct oci_descriptor *d) {
    json_t *object = json_object();
    json_object_set_new(object, "mediaType", json_str(d->media_type));
    json_object_set_new(object, "digest", json_str(d->digest));
    json_object_set_new(object, "size", json_integer((json_int_t)d->size_bytes));
    return object;
}

/* --- config ----------------------------------------------------------------------------------- */

/* Keys of "config" that struct oci_config has: where it has nothing, nothing is meant. */
static const char *const own_keys[] = { "User",    "ExposedPorts", "Env",        "Entrypoint",
                                        "Cmd",     "Healthcheck",  "Volumes",    "WorkingDir",
                                        "OnBuild", "Labels",       "StopSignal", "Shell" };
/* What is about the base's own making. */
static const char *const of_base[] = { "created",        "container", "container_config",
                                       "docker_version", "id",        "parent" };

static json_t *load(str json) {
    return json_loadb(json.ptr == NULL ? "" : json.ptr, json.len, 0, NULL);
}

static size_t filled_count(const json_t *history) {
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(history); i++) {
        count += !json_is_true(json_object_get(json_array_get(history, i), "empty_layer"));
    }
    return count;
}

static void add_history(json_t *history, str made_by) {
    json_t *entry = json_object();
    json_object_set_new(entry, "created_by",
                        json_str(made_by.len > 0 ? made_by : S("capsem-builder")));
    json_array_append_new(history, entry);
}

/* One entry a layer that has something: builders that add a layer compare the two lists. */
static json_t *make_history(const json_t *root, const struct oci_base *base,
                            const struct oci_layers *layers) {
    size_t below = base == NULL ? 0 : base->layer_count;
    json_t *history = json_deep_copy(json_object_get(root, "history"));
    if (!json_is_array(history) || filled_count(history) != below) {
        json_decref(history);
        history = json_array();
        for (size_t i = 0; i < below; i++) {
            add_history(history, S(""));
        }
    }
    for (size_t i = 0; i < layers->len; i++) {
        add_history(history, layers->made_by == NULL ? S("") : layers->made_by[i]);
    }
    return history;
}

static json_t *make_rootfs(const struct oci_base *base, const struct oci_layers *layers) {
    json_t *list = json_array();
    for (size_t i = 0; base != NULL && i < base->layer_count; i++) {
        json_array_append_new(list, json_str(base->diff_ids[i]));
    }
    for (size_t i = 0; i < layers->len; i++) {
        json_array_append_new(list, json_str(layers->diff_ids[i]));
    }
    json_t *rootfs = json_object();
    json_object_set_new(rootfs, "type", json_string("layers"));
    json_object_set_new(rootfs, "diff_ids", list);
    return rootfs;
}

/* Ours over what the base has. */
static json_t *merge(const struct oci_base *base, json_t *ours) {
    json_t *root = base == NULL ? NULL : load(base->config);
    if (!json_is_object(root)) {
        json_decref(root);
        return json_incref(ours);
    }
    for (size_t i = 0; i < ARRAY_LEN(of_base); i++) {
        json_object_del(root, of_base[i]);
    }
    json_t *config = json_deep_copy(json_object_get(root, "config"));
    if (!json_is_object(config)) {
        json_decref(config);
        config = json_object();
    }
    for (size_t i = 0; i < ARRAY_LEN(own_keys); i++) {
        json_object_del(config, own_keys[i]);
    }
    json_object_update(config, json_object_get(ours, "config"));
    json_object_update(root, ours);
    json_object_set_new(root, "config", config);
    return root;
}

str oci_config_complete(struct arena *a, const struct oci_config *config,
                        const struct oci_base *base, const struct oci_layers *layers) {
    json_t *ours = load(oci_config_encode(a, config));
    json_t *root = merge(base, ours);
    json_decref(ours);
    json_object_set_new(root, "history", make_history(root, base, layers));
    json_object_set_new(root, "rootfs", make_rootfs(base, layers));
    return dump(a, root);
}

/* --- what an image stands on ------------------------------------------------------------------ */

str oci_base_encode(struct arena *a, const struct oci_base *base) {
    json_t *root = json_object();
    json_t *layers = json_array();
    for (size_t i = 0; i < base->layer_count; i++) {
        json_t *layer = descriptor(&base->layers[i]);
        json_object_set_new(layer, "diff_id", json_str(base->diff_ids[i]));
        json_array_append_new(layers, layer);
    }
    json_object_set_new(root, "manifest", json_str(base->manifest));
    json_object_set_new(root, "mediaType", json_str(base->media_type));
    json_object_set_new(root, "config", json_str(base->config));
    json_object_set_new(root, "layers", layers);
    return dump(a, root);
}

static str get_str(struct arena *a, const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value)
               ? str_dup(a, (str){ json_string_value(value), json_string_length(value) })
               : S("");
}

bool oci_base_decode(struct arena *a, str json, struct oci_base *ret) {
    json_t *root = load(json);
    const json_t *layers = json_object_get(root, "layers");
    size_t count = json_array_size(layers);
    struct oci_base base = {
        .manifest = get_str(a, root, "manifest"),
        .media_type = get_str(a, root, "mediaType"),
        .config = get_str(a, root, "config"),
        .layers = ARENA_ARRAY(a, struct oci_descriptor, count),
        .diff_ids = ARENA_ARRAY(a, str, count),
        .layer_count = count,
    };
    bool ok = json_is_array(layers) && base.config.len > 0;
    for (size_t i = 0; ok && i < count; i++) {
        const json_t *layer = json_array_get(layers, i);
        base.diff_ids[i] = get_str(a, layer, "diff_id");
        base.layers[i] = (struct oci_descriptor){
            .media_type = get_str(a, layer, "mediaType"),
            .digest = get_str(a, layer, "digest"),
            .size_bytes = (uint64_t)json_integer_value(json_object_get(layer, "size")),
        };
        ok = oci_digest_ok(base.diff_ids[i]) && oci_digest_ok(base.layers[i].digest);
    }
    json_decref(root);
    if (ok) {
        *ret = base;
    }
    return ok;
}

/* --- manifest, index -------------------------------------------------------------------------- */

#define LAYER_TYPE OCI_TYPE "layer.v1.tar"

str oci_layer_type(const uint8_t start[4]) {
    return start[0] == 0x1F && start[1] == 0x8B   ? S(LAYER_TYPE "+gzip")
           : start[0] == 0x28 && start[1] == 0xB5 ? S(LAYER_TYPE "+zstd")
                                                  : S(LAYER_TYPE);
}

str oci_manifest_encode(struct arena *a, const struct oci_descriptor *config,
                        const struct oci_descriptor *layers, size_t layer_count) {
    json_t *root = json_object();
    json_t *list = json_array();
    for (size_t i = 0; i < layer_count; i++) {
        json_array_append_new(list, descriptor(&layers[i]));
    }
    json_object_set_new(root, "schemaVersion", json_integer(2));
    json_object_set_new(root, "mediaType", json_string(OCI_TYPE "manifest.v1+json"));
    json_object_set_new(root, "config", descriptor(config));
    json_object_set_new(root, "layers", list);
    return dump(a, root);
}

str oci_index_encode(struct arena *a, const struct oci_descriptor *manifest, str name) {
    json_t *root = json_object();
    json_t *item = descriptor(manifest);
    json_t *platform = json_object();
    json_t *notes = json_object();
    json_object_set_new(platform, "os", json_str(manifest->platform.os));
    json_object_set_new(platform, "architecture", json_str(manifest->platform.architecture));
    if (manifest->platform.variant.len > 0) {
        json_object_set_new(platform, "variant", json_str(manifest->platform.variant));
    }
    json_object_set_new(item, "platform", platform);
    if (name.len > 0) {
        json_object_set_new(notes, "org.opencontainers.image.ref.name", json_str(name));
        json_object_set_new(item, "annotations", json_incref(notes));
    }
    json_decref(notes);
    json_t *list = json_array();
    json_array_append_new(list, item);
    json_object_set_new(root, "schemaVersion", json_integer(2));
    json_object_set_new(root, "mediaType", json_string(OCI_TYPE "index.v1+json"));
    json_object_set_new(root, "manifests", list);
    return dump(a, root);
}

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

str oci_config_complete(struct arena *a, const struct oci_config *config,
                        const struct oci_strings *diff_ids) {
    str plain = oci_config_encode(a, config);
    json_t *root = json_loadb(plain.ptr, plain.len, 0, NULL);
    json_t *list = json_array();
    /* one entry a layer: builders that add a layer compare the two lists */
    json_t *history = json_array();
    for (size_t i = 0; i < diff_ids->len; i++) {
        json_array_append_new(list, json_str(diff_ids->items[i]));
        json_array_append_new(history, json_pack("{s:s}", "created_by", "capsem-builder"));
    }
    json_object_set_new(root, "history", history);
    json_t *rootfs = json_object();
    json_object_set_new(rootfs, "type", json_string("layers"));
    json_object_set_new(rootfs, "diff_ids", list);
    json_object_set_new(root, "rootfs", rootfs);
    return dump(a, root);
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

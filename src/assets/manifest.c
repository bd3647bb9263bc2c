// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "assets/internal.h"
#include "hash/hash.h"

static json_t *asset_object(const struct asset_sum *row) {
    char hex[2 * ASSET_DIGEST_BYTES + 1];
    hash_hex(row->digest, ASSET_DIGEST_BYTES, hex);
    return json_pack("{s:s, s:s, s:I}", "filename", asset_names[row->asset], "hash", hex, "size",
                     (json_int_t)row->size_bytes);
}

/* {ARCH: {"assets": [...]}}; the rows of an architecture lie together. NULL without memory. */
static json_t *release_object(const struct asset_sums *sums) {
    AUTO_JSON release = json_object();
    json_t *list = NULL; /* borrowed */
    for (size_t i = 0; i < sums->len; i++) {
        const struct asset_sum *row = &sums->rows[i];
        if (i == 0 || strcmp(row->arch, sums->rows[i - 1].arch) != 0) {
            list = json_array();
            if (json_object_set_new(release, row->arch, json_pack("{s:o}", "assets", list)) < 0) {
                return NULL;
            }
        }
        if (json_array_append_new(list, asset_object(row)) < 0) {
            return NULL;
        }
    }
    return json_incref(release);
}

bool asset_manifest_text(struct arena *a, const struct asset_sums *sums, str version, str *ret,
                         struct err *err) {
    if (!str_is_utf8(version, NULL) || str_find_char(version, '\0', 0) != STR_NONE) {
        return err_set(err, "the image's version is not text");
    }
    const char *v = str_to_c(a, version);
    AUTO_JSON root = json_pack("{s:s, s:{s:o}}", "latest", v, "releases", v, release_object(sums));
    if (root == NULL) {
        return err_sys(err, ENOMEM, "write manifest.json");
    }
    return asset_json_dump(a, root, ret, err);
}

str asset_manifest_latest(struct arena *a, int dirfd) {
    str text = { 0 };
    if (!fs_load(a, dirfd, "manifest.json", MANIFEST_BYTES_MAX, &text, NULL)) {
        return (str){ 0 };
    }
    AUTO_JSON root = json_loadb(text.ptr, text.len, 0, NULL);
    const char *latest = json_string_value(json_object_get(root, "latest"));
    return str_dup(a, str_from_c(latest));
}

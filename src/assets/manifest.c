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

/* {ARCH: {NAME: {"hash", "size"}}} */
static json_t *arches_object(const struct asset_sums *sums) {
    json_t *arches = json_object();
    for (size_t i = 0; i < sums->len; i++) {
        const struct asset_sum *row = &sums->rows[i];
        char hex[2 * ASSET_DIGEST_BYTES + 1];
        hash_hex(row->digest, ASSET_DIGEST_BYTES, hex);
        if (json_object_get(arches, row->arch) == NULL) {
            json_object_set_new(arches, row->arch, json_object());
        }
        json_object_set_new(
            json_object_get(arches, row->arch), asset_names[row->asset],
            json_pack("{s:s, s:I}", "hash", hex, "size", (json_int_t)row->size_bytes));
    }
    return arches;
}

/* The format of the first builder's later releases: assets and programs have versions each. */
static json_t *format_2(struct arena *a, const struct asset_sums *sums,
                        const struct asset_manifest *m) {
    const char *version = str_to_c(a, m->version);
    const char *program = str_to_c(a, m->program);
    const char *date = str_to_c(a, m->date);
    json_t *assets = json_pack("{s:s, s:b, s:s, s:o}", "date", date, "deprecated", 0, "min_binary",
                               "1.0.0", "arches", arches_object(sums));
    json_t *programs =
        json_pack("{s:s, s:b, s:s}", "date", date, "deprecated", 0, "min_assets", version);
    return json_pack("{s:i, s:s, s:{s:s, s:{s:o}}, s:{s:s, s:{s:o}}}", "format", 2,
                     "refresh_policy", "24h", "assets", "current", version, "releases", version,
                     assets, "binaries", "current", program, "releases", program, programs);
}

bool asset_manifest_text(struct arena *a, const struct asset_sums *sums,
                         const struct asset_manifest *m, str *ret, struct err *err) {
    if (!str_is_utf8(m->version, NULL) || str_find_char(m->version, '\0', 0) != STR_NONE) {
        return err_set(err, "the image's version is not text");
    }
    const char *v = str_to_c(a, m->version);
    AUTO_JSON root = m->format == 2 ? format_2(a, sums, m)
                                    : json_pack("{s:s, s:{s:o}}", "latest", v, "releases", v,
                                                release_object(sums));
    if (root == NULL) {
        return err_sys(err, ENOMEM, "write manifest.json");
    }
    return asset_json_dump(a, root, ret, err);
}

static str text_at(struct arena *a, const json_t *object, const char *key) {
    return str_dup(a, str_from_c(json_string_value(json_object_get(object, key))));
}

struct asset_manifest asset_manifest_load(struct arena *a, int dirfd) {
    struct asset_manifest m = { 0 };
    str text = { 0 };
    if (!fs_load(a, dirfd, "manifest.json", MANIFEST_BYTES_MAX, &text, NULL)) {
        return m;
    }
    AUTO_JSON root = json_loadb(text.ptr, text.len, 0, NULL);
    if (json_integer_value(json_object_get(root, "format")) == 2) {
        const json_t *assets = json_object_get(root, "assets");
        m.format = 2;
        m.version = text_at(a, assets, "current");
        m.program = text_at(a, json_object_get(root, "binaries"), "current");
        const json_t *releases = json_object_get(assets, "releases");
        m.date = text_at(a, json_object_get(releases, str_to_c(a, m.version)), "date");
    } else {
        m.format = root != NULL ? 1 : 0;
        m.version = text_at(a, root, "latest");
    }
    return m;
}

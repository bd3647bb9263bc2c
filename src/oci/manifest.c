// SPDX-License-Identifier: Apache-2.0
/* Manifests and indexes of both worlds (OCI image specification; Docker image manifest V2.2). */
#include <jansson.h>
#include <stdlib.h>

#include "hash/hash.h"
#include "oci/oci.h"

static const struct {
    str media_type;
    enum oci_manifest_kind kind;
} kinds[] = {
    { S_INIT("application/vnd.oci.image.manifest.v1+json"), OCI_MANIFEST },
    { S_INIT("application/vnd.oci.image.index.v1+json"), OCI_INDEX },
    { S_INIT("application/vnd.docker.distribution.manifest.v2+json"), OCI_MANIFEST },
    { S_INIT("application/vnd.docker.distribution.manifest.list.v2+json"), OCI_INDEX },
};

static str text_of(const json_t *value) {
    return json_is_string(value) ? (str){ json_string_value(value), json_string_length(value) }
                                 : S("");
}

static str get_str(struct arena *a, const json_t *object, const char *key) {
    return str_dup(a, text_of(json_object_get(object, key)));
}

bool oci_digest_ok(str digest) {
    uint8_t bytes[SHA256_BYTES];
    if (digest.len != OCI_DIGEST_BYTES || !str_starts(digest, S("sha256:")) ||
        !hash_unhex(str_slice(digest, 7, digest.len), bytes, sizeof bytes)) {
        return false;
    }
    for (size_t i = 7; i < digest.len; i++) {
        if (digest.ptr[i] >= 'A' && digest.ptr[i] <= 'F') {
            return false;
        }
    }
    return true;
}

str oci_digest_of(struct arena *a, str bytes) {
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256_bytes(bytes, digest);
    hash_hex(digest, sizeof digest, hex);
    return str_fmt(a, "sha256:%s", hex);
}

static bool parse_descriptor(struct arena *a, const json_t *object, struct oci_descriptor *ret,
                             struct err *err) {
    const json_t *size = json_object_get(object, "size");
    struct oci_descriptor d = {
        .media_type = get_str(a, object, "mediaType"),
        .digest = get_str(a, object, "digest"),
    };
    if (!oci_digest_ok(d.digest)) {
        return err_set(err, "'%.*s' is not a sha256 digest", STR_FMT(str_clip(d.digest, 80)));
    }
    if (!json_is_integer(size) || json_integer_value(size) < 0) {
        return err_set(err, "%.*s has no size", STR_FMT(d.digest));
    }
    d.size_bytes = (uint64_t)json_integer_value(size);
    *ret = d;
    return true;
}

/* What Go calls it becomes what we call it; "unknown/unknown" (attestations) stays empty. */
static struct oci_platform parse_platform(struct arena *a, const json_t *object) {
    struct oci_platform p = { 0 };
    str os = text_of(json_object_get(object, "os"));
    str architecture = text_of(json_object_get(object, "architecture"));
    str variant = text_of(json_object_get(object, "variant"));
    str text = str_fmt(a, "%.*s/%.*s%s%.*s", STR_FMT(os), STR_FMT(architecture),
                       variant.len > 0 ? "/" : "", STR_FMT(variant));
    if (str_eq(os, S("unknown")) || !oci_platform_parse(a, text, &p, NULL)) {
        return (struct oci_platform){ 0 };
    }
    return p;
}

/* What BuildKit puts beside an image, and what refers to one (OCI, "Manifest", "artifactType"). */
static bool is_attestation(const json_t *item) {
    const json_t *notes = json_object_get(item, "annotations");
    return json_object_get(notes, "vnd.docker.reference.type") != NULL ||
           json_object_get(item, "artifactType") != NULL;
}

static bool parse_items(struct arena *a, const json_t *array, struct oci_manifest *m, size_t max,
                        struct err *err) {
    const char *what = m->kind == OCI_INDEX ? "manifests" : "layers";
    if (!json_is_array(array)) {
        return err_set(err, "it has no list of %s", what);
    }
    m->len = json_array_size(array);
    if (m->len > max) {
        return err_set(err, "it has %zu %s, more than %zu", m->len, what, max);
    }
    m->items = ARENA_ARRAY(a, struct oci_descriptor, m->len);
    for (size_t i = 0; i < m->len; i++) {
        const json_t *item = json_array_get(array, i);
        if (!parse_descriptor(a, item, &m->items[i], err)) {
            return err_wrap(err, "entry %zu of its %s", i + 1, what);
        }
        if (m->kind == OCI_INDEX) {
            const json_t *platform = json_object_get(item, "platform");
            m->items[i].platform = parse_platform(a, platform);
            m->items[i].any_platform = json_object_size(platform) == 0 && !is_attestation(item);
        }
    }
    return true;
}

/* Its own word, else the sender's, else by what is in it. */
static bool find_kind(const json_t *root, str sent, struct oci_manifest *ret, struct err *err) {
    str own = text_of(json_object_get(root, "mediaType"));
    const str words[] = { own, str_trim(str_cut(&sent, ';')) };
    for (size_t w = 0; w < ARRAY_LEN(words); w++) {
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            if (str_eq(words[w], kinds[i].media_type)) {
                ret->kind = kinds[i].kind;
                ret->media_type = kinds[i].media_type;
                return true;
            }
        }
    }
    if (json_integer_value(json_object_get(root, "schemaVersion")) == 1) {
        return err_set(err, "it is in Docker's first format, which has no digests of layers");
    }
    if (own.len > 0) {
        return err_set(err, "its type '%.*s' is not an image type", STR_FMT(str_clip(own, 100)));
    }
    ret->kind = json_is_array(json_object_get(root, "manifests")) ? OCI_INDEX : OCI_MANIFEST;
    ret->media_type = kinds[ret->kind == OCI_INDEX ? 1 : 0].media_type;
    return true;
}

static bool parse_root(struct arena *a, const json_t *root, str media_type, struct oci_manifest *m,
                       struct err *err) {
    if (!find_kind(root, media_type, m, err)) {
        return false;
    }
    if (m->kind == OCI_INDEX) {
        return parse_items(a, json_object_get(root, "manifests"), m, OCI_INDEX_MAX, err);
    }
    if (!parse_descriptor(a, json_object_get(root, "config"), &m->config, err)) {
        return err_wrap(err, "its config");
    }
    return parse_items(a, json_object_get(root, "layers"), m, OCI_LAYERS_MAX, err);
}

bool oci_manifest_parse(struct arena *a, str json, str media_type, struct oci_manifest *ret,
                        struct err *err) {
    json_error_t why;
    struct oci_manifest m = { 0 };
    json_t *root =
        json_loadb(json.ptr == NULL ? "" : json.ptr, json.len, JSON_REJECT_DUPLICATES, &why);
    bool ok = json_is_object(root) ? parse_root(a, root, media_type, &m, err)
                                   : err_set(err, "it is not a JSON object");
    json_decref(root);
    if (ok) {
        *ret = m;
    }
    return ok;
}

/* "v7" as a number; without one what the architecture starts with. 0: not of this kind. */
static uint64_t variant_number(const struct oci_platform *p) {
    uint64_t number;
    if (p->variant.len == 0) {
        return str_eq(p->architecture, S("arm")) ? 7 : str_eq(p->architecture, S("arm64")) ? 8 : 1;
    }
    return str_starts(p->variant, S("v")) &&
                   str_to_u64(str_slice(p->variant, 1, p->variant.len), &number)
               ? number
               : 0;
}

static const struct oci_descriptor *choose_by_platform(const struct oci_manifest *index,
                                                       const struct oci_platform *platform) {
    const struct oci_descriptor *best = NULL;
    uint64_t best_number = 0;
    uint64_t wanted = variant_number(platform);
    for (size_t i = 0; i < index->len; i++) {
        const struct oci_platform *p = &index->items[i].platform;
        uint64_t number = variant_number(p);
        if (str_eq(p->os, platform->os) && str_eq(p->architecture, platform->architecture) &&
            number <= wanted && number > best_number) {
            best = &index->items[i];
            best_number = number;
        }
    }
    return best;
}

/* The one image without a platform, be it named twice. *ret_count: how many there are. */
static const struct oci_descriptor *choose_nameless(const struct oci_manifest *index,
                                                    size_t *ret_count) {
    const struct oci_descriptor *found = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < index->len; i++) {
        const struct oci_descriptor *d = &index->items[i];
        bool alone = index->len == 1 && d->platform.architecture.len == 0;
        if ((d->any_platform || alone) && (found == NULL || !str_eq(found->digest, d->digest))) {
            found = d;
            ++*ret_count;
        }
    }
    return *ret_count == 1 ? found : NULL;
}

static bool refuse_platform(struct arena *a, const struct oci_manifest *index,
                            const struct oci_platform *platform, size_t nameless, struct err *err) {
    enum { SHOWN_BYTES = 200 };
    AUTO_BUF list = BUF_INIT(64 * 1024);
    for (size_t i = 0; i < index->len && list.len < SHOWN_BYTES; i++) {
        const struct oci_platform *p = &index->items[i].platform;
        if (p->architecture.len > 0) {
            str text = oci_platform_text(a, p);
            buf_addf(&list, "%s%.*s", list.len > 0 ? ", " : "", STR_FMT(text));
        }
    }
    str wanted = oci_platform_text(a, platform);
    if (nameless > 1) {
        err_set(err, "%zu images in the index do not state their platform", nameless);
        return err_help(err, "NAME@sha256:... names one of them by its digest");
    }
    err_set(err, "the image is not made for %.*s%s%.*s", STR_FMT(wanted),
            list.len > 0 ? ", but for " : "", STR_FMT(buf_str(&list)));
    return err_help(err, "select another one with --platform");
}

const struct oci_descriptor *oci_index_choose(struct arena *a, const struct oci_manifest *index,
                                              const struct oci_platform *platform,
                                              struct err *err) {
    size_t nameless = 0;
    const struct oci_descriptor *d = choose_by_platform(index, platform);
    d = d != NULL ? d : choose_nameless(index, &nameless);
    if (d == NULL) {
        refuse_platform(a, index, platform, nameless, err);
    }
    return d;
}

size_t oci_index_alike(const struct oci_manifest *index, const struct oci_descriptor *chosen) {
    const struct oci_platform *wanted = &chosen->platform;
    size_t count = 1;
    for (size_t i = 0; wanted->architecture.len > 0 && i < index->len; i++) {
        const struct oci_platform *p = &index->items[i].platform;
        count += str_eq(p->os, wanted->os) && str_eq(p->architecture, wanted->architecture) &&
                 variant_number(p) == variant_number(wanted) &&
                 !str_eq(index->items[i].digest, chosen->digest);
    }
    return count;
}

bool oci_config_diff_ids(struct arena *a, str json, struct oci_strings *ret, struct err *err) {
    json_t *root = json_loadb(json.ptr == NULL ? "" : json.ptr, json.len, 0, NULL);
    const json_t *array = json_object_get(json_object_get(root, "rootfs"), "diff_ids");
    size_t count = json_array_size(array);
    bool ok = json_is_array(array) && count <= OCI_LAYERS_MAX;
    str *items = ARENA_ARRAY(a, str, ok ? count : 0);
    for (size_t i = 0; ok && i < count; i++) {
        items[i] = str_dup(a, text_of(json_array_get(array, i)));
        ok = oci_digest_ok(items[i]);
    }
    json_decref(root);
    *ret = (struct oci_strings){ items, count };
    return ok || err_set(err, "the image config has no list of layer digests");
}

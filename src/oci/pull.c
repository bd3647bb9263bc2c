// SPDX-License-Identifier: Apache-2.0
/* Manifests, configs and blobs from a registry (OCI distribution specification, "Pull"). */
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>

#include "oci/internal.h"

enum {
    ANSWER_BYTES_MAX = 64 * 1024 * 1024,
    BLOB_TRIES_MAX = 5, /* after each other without a byte more */
    BLOB_TRIES_ALL_MAX = 40,
    BLOB_SLOW_MAX = 2,
};

#define ACCEPTED                                                                                   \
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "        \
    "application/vnd.docker.distribution.manifest.list.v2+json, "                                  \
    "application/vnd.docker.distribution.manifest.v2+json"

/* What the worker finds out. */
struct found {
    str digest; /* of what the reference names */
    str manifest;
    str config;
};

static str path_of(const struct session *s, const char *what, str name) {
    return str_fmt(s->arena, "/v2/%.*s/%s/%.*s", STR_FMT(s->repository), what, STR_FMT(name));
}

/* ---- in the worker: documents ---- */

static bool check_digest(struct session *s, str body, str wanted, struct err *err) {
    str digest = oci_digest_of(s->arena, body);
    return str_eq(digest, wanted) || err_set(err, "the content of %.*s has the digest %.*s",
                                             STR_FMT(wanted), STR_FMT(digest));
}

/* `digest` empty: of a tag, then the registry's own word is checked. */
static bool get_manifest(struct session *s, str name, str digest, struct response *ret,
                         struct err *err) {
    struct request q = {
        .method = "GET",
        .path = path_of(s, "manifests", name),
        .accept = S(ACCEPTED),
        .max_bytes = OCI_MANIFEST_BYTES_MAX,
    };
    if (!session_request(s, &q, ret, err)) {
        return false;
    }
    if (ret->status != 200) {
        return response_failed(s, ret, err);
    }
    if (digest.len == 0 && oci_digest_ok(ret->digest)) {
        digest = ret->digest;
    }
    return digest.len == 0 || check_digest(s, ret->body, digest, err);
}

static bool get_config(struct session *s, const struct oci_descriptor *config, str *ret,
                       struct err *err) {
    struct response r;
    struct request q = {
        .method = "GET",
        .path = path_of(s, "blobs", config->digest),
        .max_bytes = (size_t)config->size_bytes,
    };
    if (config->size_bytes > OCI_CONFIG_BYTES_MAX) {
        return err_set(err, "the image config has %llu bytes",
                       (unsigned long long)config->size_bytes);
    }
    bool ok = session_request(s, &q, &r, err) && (r.status == 200 || response_failed(s, &r, err)) &&
              check_digest(s, r.body, config->digest, err);
    if (!ok) {
        return err_wrap(err, "fetch the image config");
    }
    *ret = r.body;
    return true;
}

/* Down from an index to the manifest of the platform. */
static bool find_manifest(struct session *s, const struct oci_reference *ref,
                          const struct oci_platform *platform, struct found *ret,
                          struct oci_manifest *ret_manifest, struct err *err) {
    str name = ref->digest.len > 0 ? ref->digest : ref->tag;
    str digest = ref->digest;
    for (int depth = 0; depth < OCI_NESTING_MAX; depth++) {
        struct response r;
        if (!get_manifest(s, name, digest, &r, err)) {
            return false;
        }
        if (depth == 0) {
            ret->digest = oci_digest_of(s->arena, r.body);
        }
        ret->manifest = r.body;
        if (!oci_manifest_parse(s->arena, r.body, r.content_type, ret_manifest, err)) {
            return err_wrap(err, "read the manifest");
        }
        if (ret_manifest->kind == OCI_MANIFEST) {
            return true;
        }
        const struct oci_descriptor *next = oci_index_choose(s->arena, ret_manifest, platform, err);
        if (next == NULL) {
            return false;
        }
        name = digest = next->digest;
    }
    return err_set(err, "its indexes are nested more than %d deep", OCI_NESTING_MAX);
}

struct resolve_job {
    const struct oci_registry *registry;
    const struct oci_platform *platform;
};

static bool answer(int outfd, const struct session *s, size_t endpoint, const struct found *found,
                   struct err *err) {
    json_t *root = json_pack(
        "{s:I, s:b, s:s%, s:s%, s:s%, s:s%}", "endpoint", (json_int_t)endpoint, "plain", s->plain,
        "token", s->authorization.len > 0 ? s->authorization.ptr : "", s->authorization.len,
        "digest", found->digest.ptr, found->digest.len, "manifest", found->manifest.ptr,
        found->manifest.len, "config", found->config.ptr, found->config.len);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL) {
        return err_set(err, "the registry's answer is not UTF-8");
    }
    str all = str_from_c(text);
    bool ok = fs_write_all(outfd, all.ptr, all.len, err);
    free(text);
    return ok;
}

static bool ask_endpoint(const struct resolve_job *job, size_t endpoint, int outfd,
                         struct err *err) {
    AUTO_ARENA arena = arena_new();
    AUTO_SESSION s = { 0 };
    struct found found = { 0 };
    struct oci_manifest manifest;
    return session_open(arena, job->registry, endpoint, "pull", &s, err) &&
           find_manifest(&s, &job->registry->ref, job->platform, &found, &manifest, err) &&
           get_config(&s, &manifest.config, &found.config, err) &&
           answer(outfd, &s, endpoint, &found, err);
}

/* A mirror that fails, for whatever reason, is passed over. */
static bool resolve_in_worker(void *self, int outfd, struct err *err) {
    const struct resolve_job *job = self;
    bool answered = false;
    for (size_t i = 0; i < job->registry->endpoint_count; i++) {
        struct err failure = ERR_INIT;
        if (ask_endpoint(job, i, outfd, &failure)) {
            return true;
        }
        answered = answered || failure.code != OCI_UNREACHABLE;
        *err = failure;
    }
    if (answered && err->code == OCI_UNREACHABLE) {
        err->code = 0;
    }
    return false;
}

/* ---- in the parent ---- */

static str get_str(struct arena *a, const json_t *root, const char *key) {
    const json_t *value = json_object_get(root, key);
    return str_dup(a, (str){ json_string_value(value), json_string_length(value) });
}

static bool check_layers(const struct oci_manifest *m, const struct oci_strings *diff_ids,
                         struct err *err) {
    if (m->len != diff_ids->len) {
        return err_set(err, "the manifest has %zu layers, its config %zu", m->len, diff_ids->len);
    }
    for (size_t i = 0; i < m->len; i++) {
        str type = m->items[i].media_type;
        if (str_find(type, S("tar"), 0) == STR_NONE ||
            str_find(type, S("encrypted"), 0) != STR_NONE) {
            return err_set(err, "layer %zu has the type '%.*s', which is not a filesystem layer",
                           i + 1, STR_FMT(str_clip(type, 100)));
        }
    }
    return true;
}

static bool check_platform(struct arena *a, const struct oci_platform *has,
                           const struct oci_platform *wanted, struct err *err) {
    if (has->architecture.len == 0 ||
        (str_eq(has->os, wanted->os) && str_eq(has->architecture, wanted->architecture))) {
        return true;
    }
    return err_set(err, "the image is for %.*s, not for %.*s", STR_FMT(oci_platform_text(a, has)),
                   STR_FMT(oci_platform_text(a, wanted)));
}

bool oci_image_check(struct arena *a, str manifest, str config, const struct oci_platform *platform,
                     struct oci_resolved *ret, struct err *err) {
    struct oci_manifest m;
    struct oci_strings diff_ids;
    if (!oci_manifest_parse(a, manifest, S(""), &m, err)) {
        return err_wrap(err, "read the manifest");
    }
    if (!oci_config_decode(a, config, &ret->image, err) ||
        !oci_config_diff_ids(a, config, &diff_ids, err) || !check_layers(&m, &diff_ids, err) ||
        !check_platform(a, &ret->image.platform, platform, err)) {
        return false;
    }
    ret->image.platform = *platform;
    ret->manifest = manifest;
    ret->media_type = m.media_type;
    ret->config = config;
    ret->layers = m.items;
    ret->layer_count = m.len;
    ret->diff_ids = ARENA_ARRAY(a, str, m.len);
    for (size_t i = 0; i < m.len; i++) {
        ret->diff_ids[i] = diff_ids.items[i];
    }
    return true;
}

bool oci_registry_resolve(struct arena *a, const struct oci_registry *r,
                          const struct oci_platform *platform,
                          const volatile sig_atomic_t *cancelled, struct oci_resolved *ret,
                          struct err *err) {
    AUTO_BUF out = BUF_INIT(ANSWER_BYTES_MAX);
    AUTO_WORKER worker = WORKER_INIT;
    struct resolve_job job = { r, platform };
    if (!worker_start(resolve_in_worker, &job, &worker, err) ||
        !worker_finish(&worker, &out, cancelled, err)) {
        return false;
    }
    json_t *root = json_loadb(out.ptr == NULL ? "" : out.ptr, out.len, 0, NULL);
    struct oci_resolved found = {
        .endpoint = (size_t)json_integer_value(json_object_get(root, "endpoint")),
        .plain = json_is_true(json_object_get(root, "plain")),
        .token = get_str(a, root, "token"),
        .digest = get_str(a, root, "digest"),
    };
    str manifest = get_str(a, root, "manifest");
    str config = get_str(a, root, "config");
    json_decref(root);
    if (!oci_image_check(a, manifest, config, platform, &found, err)) {
        return false;
    }
    *ret = found;
    return true;
}

/* ---- blobs ---- */

struct blob {
    int fd;
    uint64_t size;
    uint64_t offset; /* written so far */
    _Atomic uint64_t *arrived;
    uint64_t skip; /* of what comes: the server began at the start again */
    bool first;
    const struct response *response;
    struct err err; /* why we stopped */
};

static bool begin_bytes(struct blob *b) {
    b->first = false;
    if (b->response->status == 200) {
        b->skip = b->offset;
        return true;
    }
    return b->response->range_from == b->offset ||
           err_set(&b->err,
                   "requested bytes from offset %llu, but the registry sent them from %llu",
                   (unsigned long long)b->offset, (unsigned long long)b->response->range_from);
}

static bool take_blob(void *self, const void *data, size_t len) {
    struct blob *b = self;
    if (b->first && !begin_bytes(b)) {
        return false;
    }
    size_t skipped = b->skip < len ? (size_t)b->skip : len;
    b->skip -= skipped;
    len -= skipped;
    if (len > b->size - b->offset) {
        return err_set(&b->err, "the blob exceeds the %llu bytes given in the manifest",
                       (unsigned long long)b->size);
    }
    if (!fs_write_all(b->fd, (const char *)data + skipped, len, &b->err)) {
        return false;
    }
    b->offset += len;
    if (b->arrived != NULL) {
        *b->arrived += len;
    }
    return true;
}

/* One try. True when it may go on: all is here, or *ret_cut. */
static bool fetch_part(struct session *s, const struct oci_descriptor *blob, struct blob *b,
                       bool *ret_slow, struct err *err) {
    struct response r;
    struct request q = {
        .method = "GET",
        .path = path_of(s, "blobs", blob->digest),
        .range_from = b->offset,
        .on_bytes = take_blob,
        .self = b,
    };
    b->first = true;
    b->response = &r;
    bool ok = session_request(s, &q, &r, err);
    *ret_slow = !ok && r.slow;
    if (err_is_set(&b->err)) {
        *err = b->err;
        return false;
    }
    if (!ok) {
        return r.cut && s->answered;
    }
    if (r.status != 200 && r.status != 206) {
        return response_failed(s, &r, err);
    }
    return b->offset == b->size ||
           err_set(err, "received %llu of %llu bytes", (unsigned long long)b->offset,
                   (unsigned long long)b->size) ||
           true;
}

static bool fetch_all(struct session *s, const struct oci_descriptor *blob, struct blob *b,
                      struct err *err) {
    unsigned idle = 0;
    unsigned slow_count = 0;
    s->answered = true; /* the manifest came from there */
    for (unsigned tries = 0; tries < BLOB_TRIES_ALL_MAX; tries++) {
        bool slow;
        uint64_t before = b->offset;
        if (!fetch_part(s, blob, b, &slow, err)) {
            return false;
        }
        if (b->offset == b->size) {
            return true;
        }
        idle = b->offset > before ? 0 : idle + 1;
        slow_count += slow;
        if (idle >= BLOB_TRIES_MAX || slow_count > BLOB_SLOW_MAX) {
            break;
        }
        poll(NULL, 0, idle == 0 ? 100 : 500 << idle);
    }
    return false;
}

bool oci_registry_fetch_blob(const struct oci_registry *r, const struct oci_resolved *image,
                             const struct oci_descriptor *blob, int fd, _Atomic uint64_t *arrived,
                             struct err *err) {
    AUTO_ARENA arena = arena_new();
    AUTO_SESSION s = { 0 };
    struct blob b = { .fd = fd, .size = blob->size_bytes, .arrived = arrived, .err = ERR_INIT };
    if (!session_open(arena, r, image->endpoint, "pull", &s, err)) {
        return false;
    }
    s.authorization = image->token;
    if (image->plain && !s.plain) {
        s.plain = true;
        s.base = str_concat(arena, S("http"), str_slice(s.base, S("https").len, s.base.len));
    }
    return fetch_all(&s, blob, &b, err);
}

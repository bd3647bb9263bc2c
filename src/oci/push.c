// SPDX-License-Identifier: Apache-2.0
/* OCI distribution specification, "Push". */
#include <errno.h>

#include "oci/internal.h"

struct push_job {
    const struct oci_registry *registry;
    const struct oci_upload *blobs;
    size_t blob_count;
    str manifest;
    str media_type;
};

static bool has_blob(struct session *s, str digest, bool *ret, struct err *err) {
    struct response r;
    struct request q = {
        .method = "HEAD",
        .path = str_fmt(s->arena, "/v2/%.*s/blobs/%.*s", STR_FMT(s->repository), STR_FMT(digest)),
    };
    if (!session_request(s, &q, &r, err)) {
        return false;
    }
    *ret = r.status == 200;
    return *ret || r.status == 404 || response_failed(s, &r, err);
}

/* RFC 9110, 10.2.2: a Location may be a reference relative to the request (RFC 3986, 5.2). What is
 * a path stays one: session_request() knows the host. */
static str resolve_location(struct session *s, str request_path, str location) {
    if (str_starts(location, S("http://")) || str_starts(location, S("https://"))) {
        return location;
    }
    if (str_starts(location, S("//"))) {
        return str_concat(s->arena, s->plain ? S("http:") : S("https:"), location);
    }
    str query = location;
    str path = str_cut(&query, '?');
    if (path.len == 0) {
        path = request_path;
    } else if (path.ptr[0] != '/') {
        path =
            str_fmt(s->arena, "%.*s/%.*s",
                    STR_FMT(path_dir(str_concat(s->arena, request_path, S("x")))), STR_FMT(path));
    }
    bool has_query = str_find_char(location, '?', 0) != STR_NONE;
    bool is_folder = str_ends(path, S("/"));
    str clean = path_clean(s->arena, path);
    return str_fmt(s->arena, "%.*s%s%s%.*s", STR_FMT(clean), is_folder && clean.len > 1 ? "/" : "",
                   has_query ? "?" : "", STR_FMT(query));
}

/* Where the upload goes on: a whole URL or a path. */
static bool begin_upload(struct session *s, str *ret, struct err *err) {
    struct response r;
    struct request q = {
        .method = "POST",
        .path = str_fmt(s->arena, "/v2/%.*s/blobs/uploads/", STR_FMT(s->repository)),
    };
    if (!session_request(s, &q, &r, err)) {
        return false;
    }
    if (r.status != 202) {
        return response_failed(s, &r, err);
    }
    *ret = r.location.len > 0 ? resolve_location(s, q.path, r.location) : S("");
    return r.location.len > 0 || err_set(err, "the registry does not say where to send the blob");
}

static bool send_blob(struct session *s, const struct oci_upload *u, uint64_t *sent,
                      struct err *err) {
    bool there = false;
    str place;
    if (!has_blob(s, u->blob.digest, &there, err) || there) {
        return there;
    }
    AUTO_FD fd = open(u->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open '%s'", u->path);
    }
    if (!begin_upload(s, &place, err)) {
        return false;
    }
    struct response r;
    struct request q = {
        .method = "PUT",
        .path =
            str_fmt(s->arena, "%.*s%sdigest=%.*s", STR_FMT(place),
                    str_find_char(place, '?', 0) == STR_NONE ? "?" : "&", STR_FMT(u->blob.digest)),
        .content_type = S("application/octet-stream"),
        .bodyfd = fd,
        .body_bytes = u->blob.size_bytes,
    };
    if (!session_request(s, &q, &r, err)) {
        return false;
    }
    *sent += u->blob.size_bytes;
    return r.status == 201 || response_failed(s, &r, err);
}

static bool send_manifest(struct session *s, const struct push_job *job, struct err *err) {
    struct response r;
    struct request q = {
        .method = "PUT",
        .path = str_fmt(s->arena, "/v2/%.*s/manifests/%.*s", STR_FMT(s->repository),
                        STR_FMT(job->registry->ref.tag)),
        .content_type = job->media_type,
        .body = job->manifest,
    };
    if (!session_request(s, &q, &r, err) || (r.status != 201 && !response_failed(s, &r, err))) {
        return err_wrap(err, "send the manifest");
    }
    return true;
}

static bool push_in_worker(void *self, int outfd, struct err *err) {
    const struct push_job *job = self;
    AUTO_ARENA arena = arena_new();
    AUTO_SESSION s = { 0 };
    uint64_t sent = 0;
    if (!session_open(arena, job->registry, 0, "pull,push", &s, err)) {
        return false;
    }
    for (size_t i = 0; i < job->blob_count; i++) {
        if (!send_blob(&s, &job->blobs[i], &sent, err)) {
            return err_wrap(err, "send %.*s", STR_FMT(job->blobs[i].blob.digest));
        }
    }
    str text = str_fmt(arena, "%llu", (unsigned long long)sent);
    return send_manifest(&s, job, err) && fs_write_all(outfd, text.ptr, text.len, err);
}

bool oci_registry_push(const struct oci_registry *r, const struct oci_upload *blobs,
                       size_t blob_count, str manifest, str media_type,
                       const volatile sig_atomic_t *cancelled, uint64_t *ret_sent,
                       struct err *err) {
    AUTO_BUF out = BUF_INIT(64);
    AUTO_WORKER worker = WORKER_INIT;
    struct push_job job = { r, blobs, blob_count, manifest, media_type };
    return worker_start(push_in_worker, &job, &worker, err) &&
           worker_finish(&worker, &out, cancelled, err) &&
           (str_to_u64(buf_str(&out), ret_sent) ||
            err_set(err, "a worker returned malformed data"));
}

// SPDX-License-Identifier: Apache-2.0
/* OCI image layout specification; the manifest.json is that of `docker save`. */
#include <errno.h>
#include <stdio.h>

#include "hash/hash.h"
#include "image/internal.h"

enum { LAYER_LEVEL = 6 };

#define BLOBS "blobs/sha256"

struct layout {
    struct arena *arena;
    const struct image_oci_options *options;
    int dirfd;
    struct oci_descriptor *blobs;
    size_t blob_count;
    str *diff_ids;
    struct err *err;
};

static str hex_of(str digest) {
    return str_slice(digest, S("sha256:").len, digest.len);
}

static const char *blob_path(struct layout *l, str digest) {
    return str_fmt(l->arena, BLOBS "/%.*s", STR_FMT(hex_of(digest))).ptr;
}

static str digest_text(struct layout *l, const uint8_t digest[SHA256_BYTES]) {
    char hex[2 * SHA256_BYTES + 1];
    hash_hex(digest, SHA256_BYTES, hex);
    return str_fmt(l->arena, "sha256:%s", hex);
}

static bool put_text(struct layout *l, str text, const char *media_type,
                     struct oci_descriptor *ret) {
    *ret = (struct oci_descriptor){
        .media_type = str_from_c(media_type),
        .digest = oci_digest_of(l->arena, text),
        .size_bytes = text.len,
    };
    return fs_store(l->dirfd, blob_path(l, ret->digest), text, 0644, l->err);
}

/* ---- layers ---- */

static bool write_layer(struct layout *l, const char *folder, int fd, str *ret_diff_id) {
    AUTO_TREE t = NULL;
    AUTO_SHA256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&hash);
    struct image_tar_options options = {
        .epoch_s = l->options->epoch_s,
        .compression = IMAGE_COMPRESS_GZIP,
        .level = LAYER_LEVEL,
        .hash = &hash,
        .progress = l->options->progress,
        .cancelled = l->options->cancelled,
    };
    if (!tree_open_layer_as_oci(folder, &t, l->err) || !image_write_tar(t, &options, fd, l->err)) {
        return false;
    }
    sha256_final(&hash, digest);
    *ret_diff_id = digest_text(l, digest);
    return true;
}

static bool add_layer(struct layout *l, size_t index) {
    static const char temp[] = BLOBS "/.layer";
    struct oci_descriptor *d = &l->blobs[index];
    uint8_t digest[SHA256_BYTES];
    struct stat st;
    AUTO_FD fd = openat(l->dirfd, temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_sys(l->err, errno, "create a layer's file");
    }
    if (!write_layer(l, l->options->layers[index], fd, &l->diff_ids[index]) ||
        !sha256_fd(fd, digest, l->err)) {
        return err_wrap(l->err, "write layer %zu", index + 1);
    }
    *d = (struct oci_descriptor){ .media_type = S("application/vnd.oci.image.layer.v1.tar+gzip"),
                                  .digest = digest_text(l, digest) };
    if (fstat(fd, &st) < 0 || renameat(l->dirfd, temp, l->dirfd, blob_path(l, d->digest)) < 0) {
        return err_sys(l->err, errno, "write layer %zu", index + 1);
    }
    d->size_bytes = (uint64_t)st.st_size;
    return true;
}

/* ---- what names them ---- */

/* Docker's archives have short names; what has no tag has no name there. */
static str docker_manifest(struct layout *l, str config) {
    AUTO_BUF out = BUF_INIT(1024 * 1024);
    struct oci_reference ref;
    buf_addf(&out, "[{\"Config\":\"%s\",\"RepoTags\":[", blob_path(l, config));
    if (oci_reference_parse(l->arena, l->options->name, &ref, NULL) && ref.tag.len > 0) {
        ref.digest = S("");
        buf_add_json(&out, oci_reference_familiar(l->arena, &ref));
    }
    buf_add_c(&out, "],\"Layers\":[");
    for (size_t i = 0; i < l->options->layer_count; i++) {
        buf_addf(&out, "%s\"%s\"", i > 0 ? "," : "", blob_path(l, l->blobs[i].digest));
    }
    buf_add_c(&out, "]}]");
    return str_dup(l->arena, buf_str(&out));
}

static bool write_index(struct layout *l, struct oci_descriptor *manifest, str config) {
    manifest->platform = l->options->config->platform;
    str index = oci_index_encode(l->arena, manifest, l->options->name);
    return fs_store(l->dirfd, "index.json", index, 0644, l->err) &&
           fs_store(l->dirfd, "manifest.json", docker_manifest(l, config), 0644, l->err) &&
           fs_store(l->dirfd, "oci-layout", S("{\"imageLayoutVersion\":\"1.0.0\"}"), 0644, l->err);
}

bool image_write_oci(struct arena *a, const struct image_oci_options *options, int dirfd,
                     struct image_oci *ret, struct err *err) {
    size_t count = options->layer_count;
    struct layout l = {
        .arena = a,
        .options = options,
        .dirfd = dirfd,
        .blobs = ARENA_ARRAY(a, struct oci_descriptor, count + 1),
        .blob_count = count + 1,
        .diff_ids = ARENA_ARRAY(a, str, count),
        .err = err,
    };
    if (!fs_mkdir_p(dirfd, BLOBS, 0755, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!add_layer(&l, i)) {
            return false;
        }
    }
    struct oci_descriptor manifest;
    struct oci_strings diff_ids = { l.diff_ids, count };
    str text;
    if (!put_text(&l, oci_config_complete(a, options->config, &diff_ids),
                  "application/vnd.oci.image.config.v1+json", &l.blobs[count])) {
        return false;
    }
    text = oci_manifest_encode(a, &l.blobs[count], l.blobs, count);
    if (!put_text(&l, text, "application/vnd.oci.image.manifest.v1+json", &manifest) ||
        !write_index(&l, &manifest, l.blobs[count].digest)) {
        return false;
    }
    if (ret != NULL) {
        *ret = (struct image_oci){ l.blobs, l.blob_count, text };
    }
    return true;
}

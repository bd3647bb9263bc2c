// SPDX-License-Identifier: Apache-2.0
/* OCI image layout specification; the manifest.json is that of `docker save`. */
#include <errno.h>
#include <stdio.h>

#include "hash/hash.h"
#include "image/internal.h"
#include "image/sink.h"

enum { LAYER_LEVEL = 6 };

#define BLOBS      "blobs/sha256"
#define LAYER      "application/vnd.oci.image.layer.v1.tar"
#define GZIP_LAYER LAYER "+gzip"

struct layout {
    struct arena *arena;
    const struct image_oci_options *options;
    int dirfd;
    struct oci_descriptor *blobs;
    size_t blob_count;
    size_t below;  /* layers of the base */
    str *diff_ids; /* of the layers above */
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

#define TEMP BLOBS "/.layer"

static bool put_blob(struct layout *l, struct oci_descriptor *d, int fd) {
    uint8_t digest[SHA256_BYTES];
    struct stat st;
    if (!sha256_fd(fd, digest, l->err)) {
        return false;
    }
    d->digest = digest_text(l, digest);
    if (fstat(fd, &st) < 0 || renameat(l->dirfd, TEMP, l->dirfd, blob_path(l, d->digest)) < 0) {
        return err_sys(l->err, errno, "write a blob");
    }
    d->size_bytes = (uint64_t)st.st_size;
    return true;
}

static int open_temp(struct layout *l) {
    int fd = openat(l->dirfd, TEMP, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        err_sys(l->err, errno, "create a layer's file");
    }
    return fd;
}

/* Registries and Docker are used to gzip. */
static bool compress(struct layout *l, int from, int to) {
    char block[64 * 1024];
    struct sink *s = NULL;
    if (!sink_open(to, IMAGE_COMPRESS_GZIP, LAYER_LEVEL, &s, l->err)) {
        return false;
    }
    ssize_t n = 0;
    bool ok = true;
    while (ok && (n = read(from, block, sizeof block)) > 0) {
        ok = sink_write(s, block, (size_t)n, l->err);
    }
    ok = ok && (n == 0 || err_sys(l->err, errno, "read a blob")) && sink_finish(s, l->err);
    sink_close(s);
    return ok;
}

/* A layer of the base, byte for byte; only those of a Docker archive, which has no manifest that
 * names them, are compressed. */
static bool copy_blob(struct layout *l, size_t index) {
    const struct oci_descriptor *has = &l->options->base->layers[index];
    struct oci_descriptor *d = &l->blobs[index];
    AUTO_FD from = open(l->options->blobs[index], O_RDONLY | O_CLOEXEC);
    AUTO_FD to = open_temp(l);
    if (from < 0 || to < 0) {
        return to < 0 ? false : err_sys(l->err, errno, "open '%s'", l->options->blobs[index]);
    }
    bool plain = l->options->base->manifest.len == 0 && str_ends(has->media_type, S(".tar"));
    *d = (struct oci_descriptor){ .media_type = plain ? S(GZIP_LAYER) : has->media_type };
    if (!(plain ? compress(l, from, to) : fs_copy_fd(from, to, l->err)) || !put_blob(l, d, to)) {
        return false;
    }
    if (plain || str_eq(d->digest, has->digest)) {
        return true;
    }
    err_set(l->err, "the blob %.*s in the store is damaged", STR_FMT(has->digest));
    return err_help(
        l->err,
        "'capsem-builder cache verify' removes it; 'image pull' or 'image import' restores it");
}

static bool add_layer(struct layout *l, size_t index) {
    struct oci_descriptor *d = &l->blobs[l->below + index];
    AUTO_FD fd = open_temp(l);
    *d = (struct oci_descriptor){ .media_type = S(GZIP_LAYER) };
    return fd >= 0 && write_layer(l, l->options->layers[index], fd, &l->diff_ids[index]) &&
           put_blob(l, d, fd);
}

static bool add_layers(struct layout *l) {
    for (size_t i = 0; i < l->below; i++) {
        if (!copy_blob(l, i)) {
            return err_wrap(l->err, "write layer %zu", i + 1);
        }
    }
    for (size_t i = 0; i < l->options->layer_count; i++) {
        if (!add_layer(l, i)) {
            return err_wrap(l->err, "write layer %zu", l->below + i + 1);
        }
    }
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
    for (size_t i = 0; i + 1 < l->blob_count; i++) {
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

/* Nothing was built on the base. */
static bool is_untouched(struct layout *l) {
    const struct image_oci_options *o = l->options;
    struct oci_config config;
    if (o->base == NULL || o->layer_count > 0 || o->base->manifest.len == 0 ||
        !oci_config_decode(l->arena, o->base->config, &config, NULL)) {
        return false;
    }
    config.platform = o->config->platform;
    return str_eq(oci_config_encode(l->arena, &config), oci_config_encode(l->arena, o->config));
}

/* OCI's names for Docker's types: a manifest is of one world. */
static void name_types(struct layout *l) {
    for (size_t i = 0; i < l->below; i++) {
        struct oci_descriptor *d = &l->blobs[i];
        bool is_docker = str_starts(d->media_type, S("application/vnd.docker."));
        d->media_type = !is_docker                            ? d->media_type
                        : str_ends(d->media_type, S(".gzip")) ? S(GZIP_LAYER)
                        : str_ends(d->media_type, S(".zstd")) ? S(LAYER "+zstd")
                                                              : S(LAYER);
    }
}

/* The config and the manifest, as they were or on top of them. */
static bool put_documents(struct layout *l, struct oci_descriptor *ret_manifest, str *ret_text) {
    const struct image_oci_options *o = l->options;
    struct oci_descriptor *config = &l->blobs[l->blob_count - 1];
    const struct oci_layers above = { l->diff_ids, o->made_by, o->layer_count };
    if (is_untouched(l)) {
        struct oci_manifest m;
        *ret_text = o->base->manifest;
        return oci_manifest_parse(l->arena, *ret_text, o->base->media_type, &m, l->err) &&
               put_text(l, o->base->config, str_to_c(l->arena, m.config.media_type), config) &&
               put_text(l, *ret_text, str_to_c(l->arena, o->base->media_type), ret_manifest);
    }
    name_types(l);
    if (!put_text(l, oci_config_complete(l->arena, o->config, o->base, &above),
                  "application/vnd.oci.image.config.v1+json", config)) {
        return false;
    }
    *ret_text = oci_manifest_encode(l->arena, config, l->blobs, l->blob_count - 1);
    return put_text(l, *ret_text, "application/vnd.oci.image.manifest.v1+json", ret_manifest);
}

bool image_write_oci(struct arena *a, const struct image_oci_options *options, int dirfd,
                     struct image_oci *ret, struct err *err) {
    size_t below = options->base == NULL ? 0 : options->base->layer_count;
    size_t count = below + options->layer_count;
    struct layout l = {
        .arena = a,
        .options = options,
        .dirfd = dirfd,
        .blobs = ARENA_ARRAY(a, struct oci_descriptor, count + 1),
        .blob_count = count + 1,
        .below = below,
        .diff_ids = ARENA_ARRAY(a, str, options->layer_count),
        .err = err,
    };
    struct oci_descriptor manifest;
    str text;
    if (!fs_mkdir_p(dirfd, BLOBS, 0755, err) || !add_layers(&l) ||
        !put_documents(&l, &manifest, &text) ||
        !write_index(&l, &manifest, l.blobs[count].digest)) {
        return false;
    }
    if (ret != NULL) {
        *ret = (struct image_oci){ l.blobs, l.blob_count, text, manifest.media_type };
    }
    return true;
}

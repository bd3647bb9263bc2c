// SPDX-License-Identifier: Apache-2.0
/*
 * Images as files: an OCI image layout (OCI image specification, "Image Layout"), or what `docker
 * save` writes (manifest.json), each a folder or an archive of it. Nothing is read outside the
 * folder, wherever links in it lead.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "images/internal.h"
#include "oci/registry.h"

/* What an image is made of. */
struct layout {
    struct arena *arena;
    int fd; /* of the folder */
    const struct oci_platform *platform;
    str digest; /* of what the index names; empty: a Docker archive */
    struct oci_config config;
    struct oci_base base; /* its layers' media types and digests are found with their files */
    struct layer_source *sources;
    const char **paths; /* of the layers */
    size_t count;
    struct err *err;
};

/* ---- files ---- */

static int open_file(struct layout *l, const char *path) {
    return fs_open_in_root(l->fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
}

static bool load(struct layout *l, const char *path, size_t max, str *ret) {
    AUTO_FD fd = open_file(l, path);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(l->err, errno, "open '%s'", path);
    }
    return S_ISREG(st.st_mode) ? fs_load_fd(l->arena, fd, path, max, ret, l->err)
                               : err_set(l->err, "'%s' is not a file", path);
}

static const char *blob_path(struct layout *l, str digest) {
    str hex = str_slice(digest, S("sha256:").len, digest.len);
    return str_fmt(l->arena, "blobs/sha256/%.*s", STR_FMT(hex)).ptr;
}

static bool load_blob(struct layout *l, str digest, size_t max, str *ret) {
    if (!load(l, blob_path(l, digest), max, ret)) {
        return false;
    }
    str is = oci_digest_of(l->arena, *ret);
    return str_eq(is, digest) ||
           err_set(l->err, "the content of %.*s has the digest %.*s", STR_FMT(digest), STR_FMT(is));
}

/* ---- OCI ---- */

static bool read_manifest(struct layout *l, str *ret, struct oci_manifest *m) {
    str text;
    if (!load(l, "index.json", OCI_MANIFEST_BYTES_MAX, &text) ||
        !oci_manifest_parse(l->arena, text, S(""), m, l->err)) {
        return err_wrap(l->err, "read 'index.json'");
    }
    for (int depth = 0; m->kind == OCI_INDEX && depth < OCI_NESTING_MAX; depth++) {
        const struct oci_descriptor *d = oci_index_choose(l->arena, m, l->platform, l->err);
        if (d == NULL) {
            return false;
        }
        if (depth == 0 && oci_index_alike(m, d) > 1) {
            str platform = oci_platform_text(l->arena, &d->platform);
            err_set(l->err, "'index.json' has %zu images for %.*s, not one", oci_index_alike(m, d),
                    STR_FMT(platform));
            return err_help(l->err, "copy the image you want into a separate layout");
        }
        if (depth == 0) {
            l->digest = d->digest;
        }
        str media_type = d->media_type;
        if (!load_blob(l, d->digest, OCI_MANIFEST_BYTES_MAX, ret) ||
            !oci_manifest_parse(l->arena, *ret, media_type, m, l->err)) {
            return err_wrap(l->err, "read the manifest");
        }
    }
    return m->kind == OCI_MANIFEST ||
           err_set(l->err, "its indexes are nested more than %d deep", OCI_NESTING_MAX);
}

static void allocate(struct layout *l, size_t count) {
    l->count = count;
    l->sources = ARENA_ARRAY(l->arena, struct layer_source, count);
    l->paths = ARENA_ARRAY(l->arena, const char *, count);
}

static bool read_oci(struct layout *l) {
    struct oci_manifest m;
    struct oci_resolved image;
    str manifest = { 0 };
    str config;
    if (!read_manifest(l, &manifest, &m) ||
        !load_blob(l, m.config.digest, OCI_CONFIG_BYTES_MAX, &config) ||
        !oci_image_check(l->arena, manifest, config, l->platform, &image, l->err)) {
        return false;
    }
    allocate(l, image.layer_count);
    l->config = image.image;
    l->base = (struct oci_base){
        .manifest = manifest,
        .media_type = image.media_type,
        .config = config,
        .layers = image.layers,
    };
    for (size_t i = 0; i < l->count; i++) {
        const struct oci_descriptor *d = &image.layers[i];
        l->sources[i] = (struct layer_source){ d->digest, image.diff_ids[i], d->size_bytes, false };
        l->paths[i] = blob_path(l, d->digest);
    }
    return true;
}

/* ---- Docker ---- */

static bool take_paths(struct layout *l, const json_t *image) {
    const json_t *layers = json_object_get(image, "Layers");
    if (json_array_size(layers) != l->count) {
        return err_set(l->err, "'manifest.json' has %zu layers, the image config %zu",
                       json_array_size(layers), l->count);
    }
    for (size_t i = 0; i < l->count; i++) {
        str path = str_from_c(json_string_value(json_array_get(layers, i)));
        if (!str_to_path(l->arena, path, &l->paths[i], l->err)) {
            return err_wrap(l->err, "the path of layer %zu", i + 1);
        }
    }
    return true;
}

static bool read_docker_image(struct layout *l, const json_t *image) {
    struct oci_strings diff_ids;
    const char *path;
    str config;
    if (!str_to_path(l->arena, str_from_c(json_string_value(json_object_get(image, "Config"))),
                     &path, l->err) ||
        !load(l, path, OCI_CONFIG_BYTES_MAX, &config) ||
        !oci_config_decode(l->arena, config, &l->config, l->err) ||
        !oci_config_diff_ids(l->arena, config, &diff_ids, l->err)) {
        return err_wrap(l->err, "read the image config");
    }
    const struct oci_platform *p = &l->config.platform;
    if (p->architecture.len > 0 &&
        (!str_eq(p->architecture, l->platform->architecture) || !str_eq(p->os, l->platform->os))) {
        err_set(l->err, "the image is for %.*s", STR_FMT(oci_platform_text(l->arena, p)));
        return err_help(l->err, "--platform names it");
    }
    l->config.platform = *l->platform;
    l->base.config = config;
    allocate(l, diff_ids.len);
    l->base.layers = ARENA_ARRAY(l->arena, struct oci_descriptor, l->count);
    for (size_t i = 0; i < l->count; i++) {
        l->sources[i].diff_id = diff_ids.items[i];
    }
    return take_paths(l, image);
}

static bool read_docker(struct layout *l) {
    str text;
    if (!load(l, "manifest.json", OCI_MANIFEST_BYTES_MAX, &text)) {
        return false;
    }
    json_t *root = json_loadb(text.ptr == NULL ? "" : text.ptr, text.len, 0, NULL);
    size_t count = json_array_size(root);
    bool ok = count == 1 ? read_docker_image(l, json_array_get(root, 0))
                         : err_set(l->err, "'manifest.json' has %zu images, not one", count);
    json_decref(root);
    return ok;
}

/* ---- layers ---- */

/* Of a Docker archive, which says nothing about its files. */
static bool describe_blob(struct layout *l, int fd, size_t index) {
    struct layer_source *source = &l->sources[index];
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    uint8_t start[4] = { 0 };
    struct stat st;
    if (fstat(fd, &st) < 0 || pread(fd, start, sizeof start, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        return err_sys(l->err, errno, "read '%s'", l->paths[index]);
    }
    if (!sha256_fd(fd, digest, l->err) || lseek(fd, 0, SEEK_SET) < 0) {
        return false;
    }
    hash_hex(digest, sizeof digest, hex);
    source->blob_digest = str_fmt(l->arena, "sha256:%s", hex);
    source->size_bytes = (uint64_t)st.st_size;
    l->base.layers[index] = (struct oci_descriptor){
        .media_type = oci_layer_type(start),
        .digest = source->blob_digest,
        .size_bytes = source->size_bytes,
    };
    return true;
}

static int open_layer(struct layout *l, size_t index) {
    AUTO_FD fd = open_file(l, l->paths[index]);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(l->err, errno, "open '%s'", l->paths[index]);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        err_set(l->err, "'%s' is not a file", l->paths[index]);
        return -1;
    }
    return l->sources[index].blob_digest.len > 0 || describe_blob(l, fd, index) ? take_fd(&fd) : -1;
}

static bool add_layer(struct layout *l, struct store *s, size_t index) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    struct layer_source *source = &l->sources[index];
    struct store_key key = layer_key(source->diff_id, source->is_lowest);
    AUTO_FD fd = open_layer(l, index);
    if (fd < 0) {
        return false;
    }
    bool has_layer = store_layer_has(s, &key);
    if (has_layer) {
        store_layer_touch(s, &key);
        if (store_blob_has(s, source->blob_digest, source->size_bytes)) {
            return true;
        }
    }
    return images_work_begin(s, &work, l->err) &&
           (has_layer ? layer_keep_blob(&work, source, fd, l->err)
                      : layer_unpack(&work, source, fd, l->err)) &&
           layer_work_commit(&work, source, has_layer ? NULL : "layer of an imported image",
                             l->err);
}

static void keep_origin(struct layout *l, struct stored_image *image) {
    image->from = (struct images_origin){ .base = l->base, .count = image->layer_count };
    image->from.base.layer_count = l->count;
    image->from.base.diff_ids = ARENA_ARRAY(l->arena, str, l->count);
    for (size_t i = 0; i < l->count; i++) {
        image->from.base.diff_ids[i] = l->sources[i].diff_id;
    }
}

static bool import_folder(struct store *s, struct layout *l, struct stored_image *image) {
    bool is_oci = faccessat(l->fd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_oci && faccessat(l->fd, "manifest.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_set(l->err, "it is neither an OCI layout nor a Docker archive");
    }
    if (!(is_oci ? read_oci(l) : read_docker(l))) {
        return false;
    }
    if (image->ref.digest.len > 0 && !str_eq(image->ref.digest, l->digest)) {
        return err_set(l->err, "the image has %s%.*s, not %.*s",
                       l->digest.len > 0 ? "the digest " : "no digest", STR_FMT(l->digest),
                       STR_FMT(image->ref.digest));
    }
    image->layers = ARENA_ARRAY(l->arena, struct store_key, l->count);
    for (size_t i = 0; i < l->count; i++) {
        l->sources[i].is_lowest = i == 0;
        if (!add_layer(l, s, i)) {
            return err_wrap(l->err, "layer %zu of %zu", i + 1, l->count);
        }
        image->layers[i] = layer_key(l->sources[i].diff_id, i == 0);
    }
    image->layer_count = l->count;
    layers_cut_hidden(s, l->arena, &image->layers, &image->layer_count);
    image->key = layers_key(image->layers, image->layer_count);
    image->config = l->config;
    keep_origin(l, image);
    image->digest = l->digest;
    return true;
}

/* ---- archives ---- */

struct unpack_job {
    int fd;
    const char *target;
};

static bool unpack_in_child(void *self, int rootfd, const int *roots, struct err *err) {
    const struct unpack_job *job = self;
    (void)rootfd;
    (void)roots;
    if (chdir(job->target) < 0 || chroot(".") < 0) {
        return err_sys(err, errno, "enter a work folder");
    }
    return sandbox_confine(err) && unpack_archive(job->fd, "the archive", "/",
                                                  (struct unpack_owner){ .is_set = true }, err);
}

static bool import_archive(struct store *s, struct layout *l, int archivefd,
                           struct stored_image *image) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    if (!images_work_begin(s, &work, l->err)) {
        return false;
    }
    struct unpack_job job = { archivefd, store_work_path(&work, l->arena, "step/fs") };
    struct sandbox_spec spec = {
        .root = { (const char *const[]){ job.target }, 1 },
        .staging = store_work_path(&work, l->arena, "staging"),
    };
    if (!sandbox_call(&spec, unpack_in_child, &job, l->err)) {
        return false;
    }
    AUTO_FD folder = open(job.target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    l->fd = folder;
    return folder >= 0 ? import_folder(s, l, image)
                       : err_sys(l->err, errno, "open '%s'", job.target);
}

bool layout_import(struct store *s, struct arena *a, int folderfd, int archivefd,
                   struct stored_image *image, struct err *err) {
    struct oci_platform platform = image->config.platform;
    struct layout l = { .arena = a, .fd = folderfd, .platform = &platform, .err = err };
    return folderfd >= 0 ? import_folder(s, &l, image) : import_archive(s, &l, archivefd, image);
}

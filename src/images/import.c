// SPDX-License-Identifier: Apache-2.0
/* Images out of files: a root filesystem's tar, a Docker archive, an OCI layout. */
#include <errno.h>

#include "base/clock.h"
#include "base/worker.h"
#include "images/internal.h"

struct import_job {
    int fd;
    const char *name;
};

static bool unpack_into_root(void *self, int rootfd, const int *roots, struct err *err) {
    const struct import_job *job = self;
    (void)roots;
    if (fchdir(rootfd) < 0 || chroot(".") < 0) {
        return err_sys(err, errno, "enter the root");
    }
    return sandbox_confine(err) &&
           unpack_archive(job->fd, job->name, "/", (struct unpack_owner){ 0 }, err);
}

/* ---- what a file is ---- */

enum kind { KIND_NOTHING = 'n', KIND_ROOT = 'r', KIND_IMAGE = 'i' };

static bool look_in_worker(void *self, int outfd, struct err *err) {
    const int *fd = self;
    if (!sandbox_confine(err)) {
        return false;
    }
    char kind = (char)(layout_is_archive(*fd)   ? KIND_IMAGE
                       : unpack_is_archive(*fd) ? KIND_ROOT
                                                : KIND_NOTHING);
    return fs_write_all(outfd, &kind, 1, err);
}

static bool find_kind(int fd, enum kind *ret, struct err *err) {
    AUTO_BUF out = BUF_INIT(64);
    AUTO_WORKER worker = WORKER_INIT;
    if (!sandbox_check_root(err) || !worker_start(look_in_worker, &fd, &worker, err) ||
        !worker_finish(&worker, &out, NULL, err)) {
        return false;
    }
    *ret = out.len == 1 ? (enum kind)out.ptr[0] : KIND_NOTHING;
    return true;
}

static bool import_layer(struct store *s, struct arena *a, int fd, const char *tar_path,
                         const struct store_key *key, struct err *err) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    if (!sandbox_check_root(err) || !store_work_begin(s, &work, err)) {
        return false;
    }
    if (mkdirat(work.fd, "step", 0755) < 0 || mkdirat(work.fd, "step/fs", 0755) < 0 ||
        mkdirat(work.fd, "step/work", 0755) < 0 || mkdirat(work.fd, "staging", 0755) < 0 ||
        fchmodat(work.fd, "step/fs", 0755, 0) < 0) {
        return err_sys(err, errno, "create a work folder");
    }
    struct sandbox_spec spec = {
        .upper = store_work_path(&work, a, "step/fs"),
        .work = store_work_path(&work, a, "step/work"),
        .staging = store_work_path(&work, a, "staging"),
    };
    struct import_job job = { fd, tar_path };
    return sandbox_call(&spec, unpack_into_root, &job, err) &&
           fs_remove_tree(work.fd, "step/work", err) &&
           store_layer_commit(&work, "step", key, false, S("{\"text\":\"imported\"}"), err);
}

static bool import_root(struct store *s, struct arena *a, int fd, const char *tar_path,
                        struct stored_image *image, struct err *err) {
    uint8_t digest[STORE_DIGEST_BYTES];
    struct store_key_hash k;
    if (image->ref.digest.len > 0) {
        return err_set(err, "a root filesystem has no digest, so its name cannot include one");
    }
    if (!store_file_digest(s, fd, digest, err)) {
        return err_wrap(err, "read '%s'", tar_path);
    }
    store_key_begin(&k, "import");
    store_key_add(&k, (str){ (const char *)digest, sizeof digest });
    image->key = store_key_end(&k);
    image->layers = &image->key;
    image->layer_count = 1;
    return store_layer_has(s, &image->key) || import_layer(s, a, fd, tar_path, &image->key, err) ||
           err_wrap(err, "import '%s'", tar_path);
}

bool images_import(struct store *s, struct arena *a, const char *path,
                   const struct oci_reference *ref, const struct oci_platform *platform,
                   struct err *err) {
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "open '%s'", path);
    }
    struct stored_image image = {
        .ref = *ref,
        .origin = str_fmt(a, "imported from %s", path),
        .created_s = time_now_epoch_s(),
    };
    image.config.platform = *platform;
    bool is_folder = S_ISDIR(st.st_mode);
    enum kind kind = KIND_IMAGE;
    if (!is_folder && !find_kind(fd, &kind, err)) {
        return err_wrap(err, "look into '%s'", path);
    }
    if (kind == KIND_NOTHING) {
        return err_set(err, "'%s' is not a tar archive of a root filesystem", path);
    }
    if (kind == KIND_ROOT) {
        return import_root(s, a, fd, path, &image, err) && images_save(s, &image, err);
    }
    if (!layout_import(s, a, is_folder ? (int)fd : -1, fd, &image, err)) {
        return err_wrap(err, "import '%s'", path);
    }
    return images_save(s, &image, err);
}

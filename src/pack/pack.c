// SPDX-License-Identifier: Apache-2.0
#include "pack/internal.h"

#include "store/blocks.h"

static bool write_squashfs(const struct pack_job *job, struct tree *t,
                           const struct image_progress *progress, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const struct image_codec_row *codec = image_codec_find(str_from_c(job->options->codec));
    ASSERT(codec != NULL);
    struct blocks *cache = NULL;
    struct image_squashfs_stats stats;
    struct image_squashfs_options options = {
        .codec = codec->codec,
        .level = job->options->level,
        .epoch_s = job->epoch_s,
        .progress = progress,
    };
    const char *folder = path_join(scratch, store_path(job->store), "blocks");
    if (!blocks_open(AT_FDCWD, folder, &cache, err)) {
        return false;
    }
    options.cache = cache;
    pack_forget_times(job->options, t);
    bool ok = image_write_squashfs(t, &options, job->fd, &stats, err);
    struct err ignored = ERR_INIT; /* a cache that cannot be written costs time, not the image */
    if (ok) {
        (void)!blocks_commit(cache, &ignored);
    }
    blocks_close(cache);
    return ok;
}

static bool write_layout(const struct pack_job *job, const struct image_progress *progress,
                         struct err *err) {
    struct image_oci_options options = *job->oci;
    options.progress = progress;
    return pack_layout_write_fd(job->store, &options, job->is_file, job->fd, err);
}

bool pack_do(const struct pack_job *job, const struct image_progress *progress, struct err *err) {
    AUTO_TREE t = NULL;
    if (job->format == PACK_OCI) {
        return write_layout(job, progress, err);
    }
    if (job->fill != NULL) {
        t = tree_new();
    }
    if (job->fill != NULL ? !job->fill(job->fill_self, t, err)
                          : !tree_open_layers(job->layers, job->layer_count, &t, err)) {
        return false;
    }
    if (job->format == PACK_SQUASHFS && job->options->gated) {
        if (!pack_normalise(t, job->epoch_s, err)) {
            return false;
        }
    }
    switch (job->format) {
    case PACK_SQUASHFS:
        return write_squashfs(job, t, progress, err);
    case PACK_TAR: {
        struct image_tar_options options = { .epoch_s = job->epoch_s, .progress = progress };
        return image_write_tar(t, &options, job->fd, err);
    }
    case PACK_DIR: {
        struct image_dir_options options = { .epoch_s = job->epoch_s, .progress = progress };
        return image_write_dir(t, &options, job->fd, err);
    }
    case PACK_OCI:
        break; /* has no merged tree */
    }
    ASSERT(false);
    return false;
}

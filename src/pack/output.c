// SPDX-License-Identifier: Apache-2.0
/* The worker process, and the files and folders that it writes. */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>

#include "base/worker.h"
#include "pack/internal.h"

/* Shared with the worker: how far it is. */
struct pack_board {
    volatile uint64_t done_bytes;
    volatile uint64_t total_bytes;
};

struct packer {
    const struct pack_job *job;
    struct pack_board *board;
};

static void on_progress(void *self, uint64_t done_bytes, uint64_t total_bytes) {
    struct pack_board *board = self;
    board->done_bytes = done_bytes;
    board->total_bytes = total_bytes;
}

/* A worker_function. */
static bool work(void *self, int outfd, struct err *err) {
    const struct packer *p = self;
    const struct image_progress progress = { on_progress, p->board };
    (void)outfd;
    return pack_do(p->job, &progress, err);
}

static void begin(const struct pack_events *events, const char *what) {
    if (events->begin != NULL) {
        events->begin(events->self, what);
    }
}

static void end(const struct pack_events *events, const char *what, const char *result) {
    if (events->end != NULL) {
        events->end(events->self, what, result);
    }
}

static bool is_cancelled(const struct pack_events *events) {
    return events->cancelled != NULL && *events->cancelled != 0;
}

/* Until the worker's end closes its pipe. */
static void watch(struct worker *w, const struct packer *p, const struct pack_events *events,
                  const char *what) {
    enum { TICK_MS = 50, SYNC_TICKS = 20 }; /* a second: the sync at the end has little to do */
    struct pollfd ended = { .fd = w->fd, .events = POLLIN };
    for (unsigned ticks = 1; !is_cancelled(events) && poll(&ended, 1, TICK_MS) <= 0; ticks++) {
        if (events->tick != NULL) {
            events->tick(events->self, what, p->board->done_bytes, p->board->total_bytes);
        }
        if (ticks % SYNC_TICKS == 0 && p->job->syncs) {
            os_sync_start(p->job->fd);
        }
    }
}

static bool run(struct pack_job *job, const struct pack_events *events, const char *what,
                struct err *err) {
    AUTO_WORKER w = WORKER_INIT;
    struct pack_board *board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) {
        return err_sys(err, errno, "share memory with a worker");
    }
    struct packer p = { job, board };
    bool ok = worker_start(work, &p, &w, err);
    if (ok) {
        watch(&w, &p, events, what);
        ok = worker_finish(&w, NULL, events->cancelled, err);
    }
    munmap(board, sizeof *board);
    return ok;
}

static bool write_file(struct pack_job *job, const char *dest, const struct pack_events *events,
                       const char *what, struct err *err) {
    AUTO_FS_REPLACE file = FS_REPLACE_INIT;
    struct stat st;
    fs_replace_sweep(AT_FDCWD, dest);
    if (!fs_replace_open(&file, AT_FDCWD, dest, 0644, err)) {
        return false;
    }
    job->fd = file.fd;
    job->syncs = true;
    begin(events, what);
    if (!run(job, events, what, err) || fstat(file.fd, &st) < 0 ||
        !fs_replace_commit(&file, true, err) || !fs_sync_folder_of(AT_FDCWD, dest, err)) {
        return err_wrap(err, "write '%s'", dest);
    }
    end(events, what, unit_bytes((uint64_t)st.st_size).text);
    return true;
}

/* Half a tree is worth nothing. */
static void empty_folder(const char *dest) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    struct err ignored = ERR_INIT;
    if (!fs_list(scratch, AT_FDCWD, dest, &names, &count, &ignored)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        (void)!fs_remove_tree(AT_FDCWD, path_join(scratch, dest, names[i]), &ignored);
    }
}

/* Into a fresh folder, or an empty one that is there. */
static bool write_folder(struct pack_job *job, const char *dest, const struct pack_events *events,
                         struct err *err) {
    AUTO_FD fd = -1;
    if (!fs_open_empty_dir(dest, &fd, err)) {
        return false;
    }
    job->fd = fd;
    begin(events, "copy");
    if (!run(job, events, "copy", err)) {
        empty_folder(dest);
        return err_wrap(err, "write '%s'", dest);
    }
    end(events, "copy", dest);
    return true;
}

static bool pack_into(struct pack_job *job, const struct pack_events *events, struct err *err) {
    struct stat st;
    begin(events, "pack");
    if (!run(job, events, "pack", err) || fstat(job->fd, &st) < 0) {
        return false;
    }
    end(events, "pack", unit_bytes((uint64_t)st.st_size).text);
    return true;
}

bool pack_layers(struct store *store, const char *const *layers, size_t layer_count, int fd,
                 const struct pack_options *options, const struct pack_events *events,
                 struct err *err) {
    struct pack_job job = {
        .store = store,
        .layers = layers,
        .layer_count = layer_count,
        .format = PACK_SQUASHFS,
        .options = options,
        .epoch_s = options->source_date_epoch,
        .syncs = true,
        .fd = fd,
    };
    return pack_into(&job, events, err);
}

bool pack_tree(struct store *store, pack_fill *fill, void *self, int fd,
               const struct pack_options *options, const struct pack_events *events,
               struct err *err) {
    struct pack_job job = {
        .store = store,
        .fill = fill,
        .fill_self = self,
        .format = PACK_SQUASHFS,
        .options = options,
        .epoch_s = options->source_date_epoch,
        .syncs = true,
        .fd = fd,
    };
    return pack_into(&job, events, err);
}

bool pack_write(struct arena *a, const struct pack_target *target, struct store *store,
                const struct build_result *result, int64_t epoch_s,
                const struct pack_events *events, struct err *err) {
    static const struct pack_options defaults = { .codec = "zstd", .level = 15 };
    struct image_oci_options oci = { .config = &result->config, .epoch_s = epoch_s };
    struct pack_job job = {
        .store = store,
        .layers = result->layers,
        .layer_count = result->layer_count,
        .format = target->format,
        .options = &defaults,
        .epoch_s = epoch_s,
        .oci = &oci,
        .is_file = target->format != PACK_DIR,
    };
    if (target->format == PACK_OCI) {
        if (!pack_layout_find(a, store, result->layer_keys, result->layer_key_count,
                              &result->origin, &oci) &&
            events->notice != NULL) {
            events->notice(events->self, str_from_c(pack_rewritten_text));
        }
        job.is_file = pack_layout_is_file(target->dest);
    }
    const char *what = target->format == PACK_SQUASHFS ? "pack" : "write";
    return job.is_file ? write_file(&job, target->dest, events, what, err)
                       : write_folder(&job, target->dest, events, err);
}

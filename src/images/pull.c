// SPDX-License-Identifier: Apache-2.0
/*
 * An image from its registry. Each layer has two processes of its own: one downloads, the other
 * unpacks what arrives. A layer enters the store when its digests are right, the image's name when
 * all layers are there.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "base/worker.h"
#include "images/internal.h"
#include "oci/registry.h"

enum { LAYERS_AT_ONCE = 4, DOWNLOAD_END_MS = 2000 };

struct fetch {
    const struct oci_registry *registry;
    const struct oci_resolved *image;
    size_t layer;
    struct layer_source source;
    bool only_blob; /* the store has the layer */
    struct store_work work;
    struct worker worker;
    _Atomic uint64_t *arrived;
    int fds[2]; /* in the worker: a pipe for the bytes */
};

struct pull {
    struct arena *arena;
    const struct images_pull_request *request;
    struct oci_registry registry;
    struct oci_resolved image;
    struct fetch running[LAYERS_AT_ONCE];
    size_t running_count;
    size_t next;               /* layer to begin with */
    _Atomic uint64_t *arrived; /* bytes, shared with the workers */
    uint64_t total_bytes;
};

/* ---- one layer, in its worker ---- */

static bool download(void *self, int outfd, struct err *err) {
    const struct fetch *f = self;
    (void)outfd;
    close(f->fds[0]);
    return oci_registry_fetch_blob(f->registry, f->image, &f->image->layers[f->layer], f->fds[1],
                                   f->arrived, err);
}

/* When both failed, one is the reason of the other: a download that ended by itself, unless it was
 * because nobody read any more. */
static bool join(struct worker *downloader, bool unpacked, struct err *err) {
    struct err why = ERR_INIT;
    struct pollfd p = { .fd = downloader->fd, .events = POLLIN };
    if (!unpacked && poll(&p, 1, DOWNLOAD_END_MS) == 0) {
        return false;
    }
    if (worker_finish(downloader, NULL, NULL, &why)) {
        return unpacked;
    }
    if (unpacked || why.code != EPIPE) {
        *err = why;
    }
    return false;
}

static bool fetch_layer(void *self, int outfd, struct err *err) {
    struct fetch *f = self;
    AUTO_WORKER downloader = WORKER_INIT;
    (void)outfd;
    if (pipe2(f->fds, O_CLOEXEC) < 0) {
        return err_sys(err, errno, "make a pipe");
    }
    bool started = worker_start(download, f, &downloader, err);
    close(f->fds[1]);
    bool unpacked = started && (f->only_blob ? layer_keep_blob(&f->work, &f->source, f->fds[0], err)
                                             : layer_unpack(&f->work, &f->source, f->fds[0], err));
    close(f->fds[0]);
    return started && join(&downloader, unpacked, err);
}

/* ---- all of them ---- */

static struct store_key key_of(const struct pull *p, size_t layer) {
    return layer_key(p->image.diff_ids[layer], layer == 0);
}

static bool has_layer(const struct pull *p, size_t layer) {
    struct store_key key = key_of(p, layer);
    return store_layer_has(p->request->store, &key);
}

/* Nothing of it is fetched. */
static bool is_here(const struct pull *p, size_t layer) {
    return has_layer(p, layer) &&
           (!p->request->whole || store_blob_has(p->request->store, p->image.layers[layer].digest,
                                                 p->image.layers[layer].size_bytes));
}

static bool begin_layer(struct pull *p, size_t layer, struct err *err) {
    struct fetch *f = &p->running[p->running_count];
    *f = (struct fetch){
        .registry = &p->registry,
        .image = &p->image,
        .layer = layer,
        .source = { p->image.layers[layer].digest, p->image.diff_ids[layer],
                    p->image.layers[layer].size_bytes, layer == 0 },
        .only_blob = has_layer(p, layer),
        .arrived = p->arrived,
        .work = STORE_WORK_INIT,
        .worker = WORKER_INIT,
    };
    p->running_count++;
    return images_work_begin(p->request->store, &f->work, err) &&
           worker_start(fetch_layer, f, &f->worker, err);
}

static bool is_running(const struct pull *p, size_t layer) {
    for (size_t i = 0; i < p->running_count; i++) {
        const struct layer_source *s = &p->running[i].source;
        if (str_eq(s->diff_id, p->image.diff_ids[layer]) && s->is_lowest == (layer == 0)) {
            return true;
        }
    }
    return false;
}

/* False: err is set. Layers that the store has are passed over. */
static bool begin_some(struct pull *p, struct err *err) {
    for (; p->next < p->image.layer_count && p->running_count < LAYERS_AT_ONCE; p->next++) {
        struct store_key key = key_of(p, p->next);
        if (is_here(p, p->next)) {
            store_layer_touch(p->request->store, &key);
            continue;
        }
        if (!is_running(p, p->next) && !begin_layer(p, p->next, err)) {
            return false;
        }
    }
    return true;
}

/* Index of one that has ended, or whose end can be waited for; LAYERS_AT_ONCE when stopped. */
static size_t wait_for_one(const struct pull *p) {
    struct pollfd fds[LAYERS_AT_ONCE];
    const volatile sig_atomic_t *cancelled = p->request->cancelled;
    for (;;) {
        for (size_t i = 0; i < p->running_count; i++) {
            fds[i] = (struct pollfd){ .fd = p->running[i].worker.fd, .events = POLLIN };
        }
        if (cancelled != NULL && *cancelled != 0) {
            return LAYERS_AT_ONCE;
        }
        if (p->request->progress != NULL) {
            p->request->progress(p->request->self, *p->arrived, p->total_bytes);
        }
        if (poll(fds, p->running_count, 100) <= 0) {
            continue;
        }
        for (size_t i = 0; i < p->running_count; i++) {
            if (fds[i].revents != 0) {
                return i;
            }
        }
    }
}

static bool end_layer(struct pull *p, size_t index, struct err *err) {
    struct fetch f = p->running[index];
    p->running[index] = p->running[--p->running_count];
    bool ok = worker_finish(&f.worker, NULL, p->request->cancelled, err);
    if (!ok) {
        err_wrap(err, "layer %zu of %zu (%.*s)", f.layer + 1, p->image.layer_count,
                 STR_FMT(f.source.blob_digest));
    } else {
        str name = oci_reference_familiar(p->arena, p->request->ref);
        const char *text = str_fmt(p->arena, "layer %zu of %.*s", f.layer + 1, STR_FMT(name)).ptr;
        ok = layer_work_commit(&f.work, &f.source, f.only_blob ? NULL : text, err);
    }
    store_work_done(&f.work);
    return ok;
}

static void stop_all(struct pull *p) {
    for (size_t i = 0; i < p->running_count; i++) {
        worker_done(&p->running[i].worker);
        store_work_done(&p->running[i].work);
    }
}

static bool fetch_layers(struct pull *p, struct err *err) {
    bool ok = begin_some(p, err);
    while (ok && p->running_count > 0) {
        size_t index = wait_for_one(p);
        ok = index < LAYERS_AT_ONCE ? end_layer(p, index, err) && begin_some(p, err)
                                    : err_sys(err, EINTR, "stopped");
    }
    stop_all(p);
    return ok;
}

/* ---- the image ---- */

static void announce(struct pull *p) {
    size_t count = 0;
    for (size_t i = 0; i < p->image.layer_count; i++) {
        if (!is_here(p, i)) {
            count++;
            (void)!add_u64(p->total_bytes, p->image.layers[i].size_bytes, &p->total_bytes);
        }
    }
    uint64_t bytes = p->total_bytes;
    if (p->request->notice != NULL && count > 0) {
        str text = str_fmt(p->arena, "pulling '%.*s' from its registry: %zu %s, %llu.%llu MB",
                           STR_FMT(oci_reference_familiar(p->arena, p->request->ref)), count,
                           count == 1 ? "layer" : "layers", (unsigned long long)(bytes / 1000000),
                           (unsigned long long)(bytes / 100000 % 10));
        p->request->notice(p->request->self, text);
    }
}

static bool save(struct pull *p, struct stored_image *ret, struct err *err) {
    struct arena *a = p->arena;
    size_t count = p->image.layer_count;
    struct stored_image image = {
        .ref = *p->request->ref,
        .config = p->image.image,
        .layers = ARENA_ARRAY(a, struct store_key, count),
        .layer_count = count,
        .origin = str_fmt(a, "pulled, %.*s", STR_FMT(str_slice(p->image.digest, 0, 19))),
        .digest = p->image.digest,
        .created_s = time_now_epoch_s(),
    };
    for (size_t i = 0; i < count; i++) {
        image.layers[i] = key_of(p, i);
    }
    layers_cut_hidden(p->request->store, a, &image.layers, &image.layer_count);
    image.from = (struct images_origin){
        .base = { p->image.manifest, p->image.media_type, p->image.config, p->image.layers,
                  p->image.diff_ids, count },
        .count = image.layer_count,
    };
    image.key = layers_key(image.layers, image.layer_count);
    if (!images_save(p->request->store, &image, err)) {
        return false;
    }
    *ret = image;
    return true;
}

static bool share_counter(struct pull *p, struct err *err) {
    void *page =
        mmap(NULL, sizeof *p->arrived, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return err_sys(err, errno, "share memory with a worker");
    }
    p->arrived = page;
    return true;
}

bool images_pull(struct arena *a, const struct images_pull_request *request,
                 struct stored_image *ret, struct err *err) {
    struct pull p = { .arena = a, .request = request };
    bool ok = oci_registry_open(a, request->ref, false, &p.registry, err);
    if (ok && request->connect_ms > 0) {
        p.registry.connect_ms = request->connect_ms;
    }
    ok = ok &&
         oci_registry_resolve(a, &p.registry, request->platform, request->cancelled, &p.image, err);
    if (ok) {
        announce(&p);
        ok = share_counter(&p, err) && fetch_layers(&p, err) && save(&p, ret, err);
    }
    if (p.arrived != NULL) {
        munmap((void *)(uintptr_t)p.arrived, sizeof *p.arrived);
    }
    return ok || err_wrap(err, "pull '%.*s'", STR_FMT(oci_reference_familiar(a, request->ref)));
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A ring of blocks between one thread, which fills them and takes the results in the same order,
 * and workers, which compress. Order makes the image the same for any number of workers.
 */
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

enum {
    JOBS_PER_THREAD = 16, /* so that a slow block does not stop the others */
    RING_BYTES_MAX = 24 << 20,
    THREADS_MAX = 256,
};

struct worker {
    struct pipeline *pipeline;
    pthread_t thread;
    sqfs_compressor_t *compressor;
};

struct pipeline {
    struct pipeline_spec spec;
    struct job *jobs; /* a ring; the counters below only grow */
    size_t job_count;
    uint32_t out_bytes;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    pthread_cond_t has_result;
    uint64_t submitted;
    uint64_t begun; /* by a worker */
    uint64_t retired;
    bool stopping;
    struct worker *workers;
    size_t worker_count;
};

static struct job *job_at(const struct pipeline *p, uint64_t number) {
    return &p->jobs[number % p->job_count];
}

/* --- workers ---------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *data, size_t len) {
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static void compress_job(struct worker *w, struct job *j) {
    uint32_t block_bytes = w->pipeline->spec.block_bytes;
    if (j->file != NULL && j->raw_len == block_bytes && is_zero(j->raw, block_bytes)) {
        j->zero = true;
        return;
    }
    int len =
        w->compressor->do_block(w->compressor, j->raw, j->raw_len, j->out, w->pipeline->out_bytes);
    j->failed = len < 0 ? len : 0;
    j->out_len = len < 0 ? 0 : (uint32_t)len;
}

static void *work(void *self) {
    struct worker *w = self;
    struct pipeline *p = w->pipeline;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->begun == p->submitted && !p->stopping) {
            pthread_cond_wait(&p->has_work, &p->lock);
        }
        if (p->stopping) {
            break;
        }
        uint64_t number = p->begun++;
        pthread_mutex_unlock(&p->lock);
        compress_job(w, job_at(p, number));
        pthread_mutex_lock(&p->lock);
        job_at(p, number)->done = true;
        if (number == p->retired) { /* the one that is waited for */
            pthread_cond_signal(&p->has_result);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Signals stay with the thread that called us. */
static bool start_workers(struct pipeline *p, struct err *err) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = 0;
    for (size_t i = 0; i < p->spec.threads && failed == 0; i++) {
        struct worker *w = &p->workers[i];
        w->pipeline = p;
        if (!codec_open(p->spec.codec, p->spec.cache, &w->compressor, err)) {
            failed = -1;
            break;
        }
        failed = pthread_create(&w->thread, NULL, work, w);
        if (failed != 0) {
            sqfs_destroy(w->compressor);
            break;
        }
        p->worker_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (p->worker_count > 0) { /* fewer than wanted will do */
        return true;
    }
    return failed < 0 ? false : err_sys(err, failed, "start a thread");
}

/* --- the submitting thread -------------------------------------------------------------------- */

static bool retire_oldest(struct pipeline *p, struct err *err) {
    struct job *j = job_at(p, p->retired);
    pthread_mutex_lock(&p->lock);
    while (!j->done) {
        pthread_cond_wait(&p->has_result, &p->lock);
    }
    p->retired++;
    pthread_mutex_unlock(&p->lock);
    if (j->failed != 0) {
        return err_sqfs(err, j->failed, "compress a block");
    }
    return p->spec.retire(p->spec.self, j, err);
}

struct job *pipeline_take(struct pipeline *p, struct err *err) {
    if (p->submitted - p->retired == p->job_count && !retire_oldest(p, err)) {
        return NULL;
    }
    struct job *j = job_at(p, p->submitted);
    j->file = NULL;
    j->zero = false;
    j->out_len = 0;
    j->failed = 0;
    j->done = false;
    return j;
}

void pipeline_submit(struct pipeline *p) {
    pthread_mutex_lock(&p->lock);
    p->submitted++;
    pthread_cond_signal(&p->has_work);
    pthread_mutex_unlock(&p->lock);
}

bool pipeline_drain(struct pipeline *p, struct err *err) {
    while (p->retired < p->submitted) {
        if (!retire_oldest(p, err)) {
            return false;
        }
    }
    return true;
}

uint64_t pipeline_compressed(const struct pipeline *p) {
    uint64_t sum = 0;
    for (size_t i = 0; i < p->worker_count; i++) {
        sum += codec_compressed(p->workers[i].compressor);
    }
    return sum;
}

/* --- life ------------------------------------------------------------------------------------- */

bool pipeline_start(const struct pipeline_spec *spec, struct pipeline **ret, struct err *err) {
    struct pipeline *p = calloc(1, sizeof *p);
    ASSERT(p != NULL);
    p->spec = *spec;
    p->spec.threads = (unsigned)min_size(spec->threads, THREADS_MAX);
    p->out_bytes = spec->block_bytes;
    size_t job_bytes = (size_t)spec->block_bytes + p->out_bytes;
    p->job_count = min_size((size_t)p->spec.threads * JOBS_PER_THREAD, RING_BYTES_MAX / job_bytes);
    p->job_count = max_size(p->job_count, 2);
    p->jobs = calloc(p->job_count, sizeof *p->jobs);
    p->workers = calloc(p->spec.threads, sizeof *p->workers);
    ASSERT(p->jobs != NULL && p->workers != NULL);
    for (size_t i = 0; i < p->job_count; i++) {
        p->jobs[i].raw = malloc(job_bytes);
        ASSERT(p->jobs[i].raw != NULL);
        p->jobs[i].out = p->jobs[i].raw + spec->block_bytes;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->has_work, NULL);
    pthread_cond_init(&p->has_result, NULL);
    if (!start_workers(p, err)) {
        pipeline_stop(p);
        return false;
    }
    *ret = p;
    return true;
}

void pipeline_stop(struct pipeline *p) {
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->has_work);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->worker_count; i++) {
        pthread_join(p->workers[i].thread, NULL);
        sqfs_destroy(p->workers[i].compressor);
    }
    for (size_t i = 0; i < p->job_count; i++) {
        free(p->jobs[i].raw);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->has_work);
    pthread_cond_destroy(&p->has_result);
    free(p->jobs);
    free(p->workers);
    free(p);
}

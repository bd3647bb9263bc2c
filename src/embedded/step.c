// SPDX-License-Identifier: Apache-2.0
/* The frame of every step that changes files: look the key up, else run, commit, push. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "embedded/internal.h"

bool is_cancelled(const struct builder *b) {
    return b->request->cancelled != NULL && *b->request->cancelled != 0;
}

bool fail_at(struct builder *b, struct span span, const char *code, const struct err *err) {
    struct err full;
    return diag_report_err(b->sink, code, span,
                           store_disk_shortage(b->request->store, err, &full) ? &full : err);
}

const char **stack_paths(struct builder *b, const struct images_stack *stack, size_t *ret_count) {
    return images_stack_paths(b->request->store, b->arena, stack, ret_count);
}

bool stack_root(struct builder *b, const struct images_stack *stack, struct span span,
                struct sandbox_root *ret) {
    struct err err = ERR_INIT;
    struct store_key joined;
    size_t count;
    const char **paths = stack_paths(b, stack, &count);
    *ret = (struct sandbox_root){ paths, count };
    while (ret->layer_count > IMAGES_LAYERS_MAX) {
        if (!images_join(b->request->store, b->request->cancelled, b->arena, ret, &joined, &err)) {
            if (is_cancelled(b)) {
                return err_sys(b->err, EINTR, "stopped");
            }
            err_wrap(&err, "join layers that exceed the mount limit");
            return fail_at(b, span, "E404", &err);
        }
        builder_uses(b, &joined);
    }
    return true;
}

struct sandbox_spec step_sandbox(struct step *step) {
    struct builder *b = step->builder;
    struct sandbox_spec spec = { 0 };
    spec.root = step->root;
    spec.upper = step->upper;
    spec.work = store_work_path(&step->work->store, b->arena, "step/work");
    spec.staging = store_work_path(&step->work->store, b->arena, "staging");
    spec.cancelled = b->request->cancelled;
    return spec;
}

static int64_t now_epoch_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static str describe(struct step *step, int64_t began_ms, uint64_t duration_ms) {
    struct arena *a = step->builder->arena;
    json_t *meta = json_object();
    json_object_set_new(meta, "text", json_stringn(step->shown.text.ptr, step->shown.text.len));
    json_object_set_new(meta, "stage", json_stringn(step->shown.stage.ptr, step->shown.stage.len));
    json_object_set_new(meta, "parent", json_string(step->stage->stack.key.hex));
    json_object_set_new(meta, "on", step_basis(step));
    json_object_set_new(meta, "began_ms", json_integer((json_int_t)began_ms));
    json_object_set_new(meta, "ended_ms", json_integer((json_int_t)now_epoch_ms()));
    json_object_set_new(meta, "duration_ms", json_integer((json_int_t)duration_ms));
    char *text = json_dumps(meta, JSON_COMPACT);
    json_decref(meta);
    str copy = str_dup(a, str_from_c(text == NULL ? "{}" : text));
    free(text);
    return copy;
}

/* What "/" of the merged root is like: overlayfs shows that of the upper folder. */
static bool root_stat(struct step *step, struct stat *ret, struct err *err) {
    size_t count;
    const char **paths = stack_paths(step->builder, &step->stage->stack, &count);
    *ret = (struct stat){ .st_mode = S_IFDIR | 0755, .st_mtim.tv_sec = step->builder->epoch_s };
    return count == 0 || stat(paths[count - 1], ret) == 0 ||
           err_sys(err, errno, "open layer '%s'", paths[count - 1]);
}

static bool run_and_commit(struct step *step, struct step_work *work, step_function *function,
                           void *self) {
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    struct stat root;
    uint64_t start = time_now_ms();
    int64_t began_ms = now_epoch_ms();
    if (!sandbox_check_root(&err) || !root_stat(step, &root, &err) ||
        !step_work_begin(b, work, &root, &err)) {
        return fail_at(b, step->instruction->span, "E404", &err);
    }
    if (!stack_root(b, &step->stage->stack, step->instruction->span, &step->root)) {
        return false;
    }
    step->work = work;
    step->upper = store_work_path(&work->store, b->arena, "step/fs");
    bool ok = function(step, self);
    step->work = NULL;
    if (!ok) {
        return false;
    }
    if (!step_work_finish(work, &root, &err) ||
        !store_layer_commit(&work->store, "step", &step->key, b->request->policy.no_cache,
                            describe(step, began_ms, time_now_ms() - start), &err)) {
        return fail_at(b, step->instruction->span, "E404", &err);
    }
    return true;
}

/* A step that another one wants while it runs has a folder of its own. */
static bool run_alone(struct step *step, step_function *function, void *self) {
    struct builder *b = step->builder;
    struct step_work own = STEP_WORK_INIT;
    struct step_work *work = b->work_taken ? &own : &b->work;
    bool taken = b->work_taken;
    b->work_taken = true;
    bool ok = run_and_commit(step, work, function, self);
    b->work_taken = taken;
    store_work_done(&own.store);
    return ok;
}

static void record(struct step *step, bool cached, uint64_t duration_ms) {
    struct builder *b = step->builder;
    struct build_record r = {
        .stage = step->shown.stage,
        .number = step->shown.number,
        .count = step->shown.count,
        .text = step->shown.text,
        .span = step->shown.span,
        .key = step->key,
        .own = step->shown.own,
        .cached = cached,
        .duration_ms = duration_ms,
    };
    ARENA_PUSH(b->arena, b->result->records, b->result->record_count, b->result->record_cap, r);
}

/* Two builds that want the same step: the second waits, then finds it done. */
static bool lock_key(struct step *step, int *ret_lockfd) {
    struct builder *b = step->builder;
    struct store *store = b->request->store;
    struct err err = ERR_INIT;
    if (!store_key_lock(store, &step->key, false, ret_lockfd, &err)) {
        return fail_at(b, step->instruction->span, "E404", &err);
    }
    if (*ret_lockfd >= 0) {
        return true;
    }
    b->request->events->notice(b->request->self,
                               S("another build is running this step: waiting for it"));
    return store_key_lock(store, &step->key, true, ret_lockfd, &err) ||
           fail_at(b, step->instruction->span, "E404", &err);
}

static bool run_locked(struct step *step, step_function *function, void *self, bool *ret_cached) {
    struct builder *b = step->builder;
    AUTO_FD lockfd = -1;
    if (!lock_key(step, &lockfd)) {
        return false;
    }
    *ret_cached = !b->request->policy.no_cache && store_layer_has(b->request->store, &step->key);
    return *ret_cached || run_alone(step, function, self);
}

bool step_make_layer(struct step *step, step_function *function, void *self) {
    bool cached;
    return store_layer_has(step->builder->request->store, &step->key) ||
           run_locked(step, function, self, &cached);
}

void step_missed(struct step *step) {
    step->stage->missed = true;
    record(step, false, 0);
}

static void look_at(struct step *step) {
    struct builder *b = step->builder;
    if (b->request->policy.no_cache || !store_layer_has(b->request->store, &step->key)) {
        step_missed(step);
        return;
    }
    images_stack_push(b->arena, &step->stage->stack, &step->key);
    record(step, true, 0);
}

bool step_execute(struct step *step, step_function *function, void *self) {
    struct builder *b = step->builder;
    const struct build_events *events = b->request->events;
    if (is_cancelled(b)) {
        return err_sys(b->err, EINTR, "stopped");
    }
    if (b->request->look) {
        look_at(step);
        return true;
    }
    step->shown.key = step->key;
    events->begin(b->request->self, &step->shown);
    uint64_t start = time_now_ms();
    bool cached = !b->request->policy.no_cache && store_layer_has(b->request->store, &step->key);
    if (!cached) {
        tell_damages(b);
    }
    bool ok = cached || run_locked(step, function, self, &cached);
    uint64_t duration = time_now_ms() - start;
    events->end(b->request->self, &step->shown,
                !ok      ? BUILD_STEP_FAILED
                : cached ? BUILD_STEP_CACHED
                         : BUILD_STEP_DONE,
                duration);
    if (!ok) {
        return false;
    }
    store_layer_touch(b->request->store, &step->key);
    images_stack_push(b->arena, &step->stage->stack, &step->key);
    record(step, cached, duration);
    return true;
}

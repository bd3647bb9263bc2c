// SPDX-License-Identifier: Apache-2.0
/* COPY and ADD: makes the key, and hands a copy_job to the child. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "embedded/internal.h"

/* ---- destination and options ---- */

static bool plan_destination(struct step *step, struct copy_plan *plan) {
    struct builder *b = step->builder;
    const struct dockerfile_copy *copy = &step->instruction->copy;
    struct dockerfile_expander e = vars_expander(b, step->stage);
    str text;
    if (!dockerfile_expand(&e, copy->destination, &text)) {
        return false;
    }
    bool is_dir =
        text.len == 0 || str_ends(text, S("/")) || str_eq(text, S(".")) || str_ends(text, S("/."));
    if (copy->source_count > 1 && !is_dir) {
        diag_report(b->sink, "E405", copy->destination.span,
                    "with several sources the destination must end with a slash");
        return false;
    }
    str path = text;
    if (text.len == 0 || text.ptr[0] != '/') {
        path =
            str_fmt(b->arena, "%.*s/%.*s", STR_FMT(step->stage->config.working_dir), STR_FMT(text));
    }
    path = path_clean(b->arena, str_concat(b->arena, S("/"), path));
    plan->job.destination = str_to_c(b->arena, path);
    plan->job.destination_is_dir = is_dir;
    store_key_add(plan->key, path);
    store_key_add_u64(plan->key, is_dir);
    return true;
}

static bool plan_option(struct step *step, struct copy_plan *plan, struct dockerfile_word word,
                        const char **ret) {
    struct builder *b = step->builder;
    str value = { 0 };
    store_key_list(plan->key);
    if (dockerfile_word_is_set(word)) {
        struct dockerfile_expander e = vars_expander(b, step->stage);
        if (!dockerfile_expand(&e, word, &value)) {
            return false;
        }
        *ret = str_to_c(b->arena, value);
        store_key_add(plan->key, value);
    }
    store_key_list_end(plan->key);
    return true;
}

static bool plan_excludes(struct step *step, struct copy_plan *plan) {
    struct builder *b = step->builder;
    const struct dockerfile_copy *copy = &step->instruction->copy;
    store_key_list(plan->key);
    if (copy->exclude_count == 0) {
        store_key_list_end(plan->key);
        return true;
    }
    struct dockerfile_expander e = vars_expander(b, step->stage);
    struct dockerfile_word *words =
        ARENA_ARRAY(b->arena, struct dockerfile_word, copy->exclude_count);
    for (size_t i = 0; i < copy->exclude_count; i++) {
        words[i].span = copy->excludes[i].span;
        if (!dockerfile_expand(&e, copy->excludes[i], &words[i].text)) {
            return false;
        }
        store_key_add(plan->key, words[i].text);
    }
    store_key_list_end(plan->key);
    return dockerfile_ignore_from_words(b->arena, b->sink, words, copy->exclude_count,
                                        &plan->job.excludes);
}

static bool plan_options(struct step *step, struct copy_plan *plan) {
    const struct dockerfile_copy *copy = &step->instruction->copy;
    uint32_t ignored;
    if (!plan_option(step, plan, copy->chown, &plan->job.chown) ||
        !plan_option(step, plan, copy->chmod, &plan->job.chmod)) {
        return false;
    }
    if (plan->job.chmod != NULL &&
        !chmod_apply(str_from_c(plan->job.chmod), 0644, false, &ignored)) {
        diag_report(step->builder->sink, "E405", copy->chmod.span,
                    "'%s' is not a mode: use octal digits such as 0755, or u=rwX,go=rX",
                    plan->job.chmod);
        return false;
    }
    return plan_excludes(step, plan);
}

static bool plan_from(struct step *step, struct copy_plan *plan) {
    struct builder *b = step->builder;
    const struct dockerfile_copy *copy = &step->instruction->copy;
    store_key_list(plan->key);
    if (!dockerfile_word_is_set(copy->from)) {
        store_key_list_end(plan->key);
        return true;
    }
    struct dockerfile_expander e = vars_global_expander(b);
    struct dockerfile_word word = copy->from;
    if (!dockerfile_expand(&e, copy->from, &word.text) ||
        !stage_find_root(b, step->stage, word, &plan->from)) {
        return false;
    }
    store_key_add(plan->key, str_from_c(plan->from->key.hex));
    store_key_list_end(plan->key);
    return true;
}

/* ---- running ---- */

static bool open_remotes(struct step *step, struct copy_plan *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        struct copy_source *source = &plan->sources[i];
        if (source->remote != NULL && !remote_open(step, source->remote, &source->rootfd)) {
            return false;
        }
    }
    return true;
}

static void close_remotes(struct copy_plan *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->sources[i].rootfd > 0) {
            close(plan->sources[i].rootfd);
        }
    }
}

static bool copy_in_child(struct step *step, void *self) {
    struct copy_plan *plan = self;
    if (!open_remotes(step, plan)) {
        return false;
    }
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    struct sandbox_spec spec = step_sandbox(step);
    struct sandbox_root root = { 0 };
    struct sandbox_mount mount = { .kind = SANDBOX_BIND_ROOT, .root = &root };
    if (plan->from != NULL) {
        if (!stack_root(b, plan->from, step->instruction->span, &root)) {
            return false;
        }
        step_uses(step, plan->from);
        spec.mounts = &mount;
        spec.mount_count = 1;
    }
    if (sandbox_call(&spec, copy_into_root, &plan->job, &err)) {
        return true;
    }
    if (is_cancelled(b)) {
        return err_sys(b->err, EINTR, "stopped");
    }
    return fail_at(b, step->instruction->span, "E402", &err);
}

bool step_copy(struct step *step) {
    struct builder *b = step->builder;
    struct store_key_hash key;
    struct copy_plan plan = { .key = &key };
    bool is_add = step->instruction->kind == DOCKERFILE_ADD;
    store_key_begin(&key, is_add ? "ADD" : "COPY");
    store_key_add_below(&key, &step->stage->stack.key);
    plan.job.now.tv_sec = b->epoch_s;
    store_key_add_u64(&key, step_unpacks(step));
    clock_gettime(CLOCK_REALTIME, &plan.job.looked_at);
    if (!plan_from(step, &plan) || !plan_options(step, &plan) || !plan_destination(step, &plan) ||
        !copy_plan_sources(step, &plan)) {
        return false;
    }
    plan.job.arena = b->arena;
    plan.job.sources = plan.sources;
    plan.job.source_count = plan.count;
    plan.job.destination_is_dir =
        plan.job.destination_is_dir || plan.count > 1 || step->instruction->copy.parents;
    plan.job.sourcefd = plan.from == NULL ? b->context->fd : -1;
    plan.job.ignore = plan.from == NULL ? b->context->ignore : NULL;
    plan.job.keep_owner = plan.from != NULL;
    if (plan.from != NULL) {
        plan.job.looked_at = (struct timespec){ 0 };
    }
    step->key = store_key_end(&key);
    step->shown.own = store_key_end_own(&key);
    bool ok = step_execute(step, copy_in_child, &plan);
    close_remotes(&plan);
    return ok;
}

bool step_copy_context(struct step *step, const struct build_context *context, const char *path,
                       const struct images_stack **ret) {
    struct builder *b = step->builder;
    struct images_stack *stack = ARENA_NEW(b->arena, struct images_stack);
    struct stage empty = { .name = step->stage->name };
    struct step copy = {
        .builder = b,
        .stage = &empty,
        .instruction = step->instruction,
        .shown = step->shown,
    };
    struct copy_source source = { .path = path };
    struct copy_plan plan = {
        .job = {
            .arena = b->arena,
            .sourcefd = context->fd,
            .sources = &source,
            .source_count = 1,
            .destination = "/",
            .destination_is_dir = true,
            .ignore = context->ignore,
            .now.tv_sec = b->epoch_s,
        },
    };
    struct store_key_hash key;
    struct err err = ERR_INIT;
    clock_gettime(CLOCK_REALTIME, &plan.job.looked_at);
    store_key_begin(&key, "context");
    store_key_add(&key, str_from_c(path));
    if (!context_digest(b, context, path, NULL, &key, NULL, &err)) {
        return fail_at(b, step->instruction->span, "E402", &err);
    }
    copy.key = store_key_end(&key);
    if (!step_make_layer(&copy, copy_in_child, &plan)) {
        return false;
    }
    images_stack_push(b->arena, stack, &copy.key);
    *ret = stack;
    return true;
}

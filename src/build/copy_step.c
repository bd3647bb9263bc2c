// SPDX-License-Identifier: Apache-2.0
/* COPY and ADD: finds the sources, makes the key, and hands a copy_job to the child. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "build/internal.h"

struct copy_plan {
    struct copy_job job;
    const struct stack *from; /* NULL: the build context */
    struct copy_source *sources;
    size_t count;
    size_t cap;
    bool found; /* a source, be it one that --exclude leaves out */
    struct key_hash *key;
};

/* --- what is not done yet is refused in words ---------------------------------------------------
 */

static bool is_remote(str word) {
    return str_starts(word, S("http://")) || str_starts(word, S("https://")) ||
           str_starts(word, S("git@")) || str_starts(word, S("git://")) ||
           str_starts(word, S("ssh://")) || str_ends(word, S(".git"));
}

static bool refuse(struct step *step, struct span span, const char *what) {
    diag_report(step->builder->sink, "E405", span, "%s is not supported by the embedded engine yet",
                what);
    return false;
}

static bool check_flags(struct step *step) {
    const struct dockerfile_instruction *i = step->instruction;
    if (i->copy.parents) {
        return refuse(step, i->span, "COPY --parents");
    }
    if (dockerfile_word_is_set(i->copy.checksum)) {
        return refuse(step, i->copy.checksum.span, "ADD --checksum");
    }
    return true;
}

/* ---- sources ---- */

static bool missing_source(struct step *step, struct dockerfile_word word, str path,
                           const char *where) {
    struct builder *b = step->builder;
    struct diag *d =
        diag_report(b->sink, "E402", word.span, "'%.*s' is not in %s", STR_FMT(path), where);
    if (step->instruction->copy.from.text.ptr != NULL) {
        return false;
    }
    if (str_find(path, S(".."), 0) != STR_NONE) {
        diag_help(b->sink, d, "a COPY cannot leave the build context '%s': '..' stops at its top",
                  b->request->context);
    } else if (b->context->ignore != NULL) {
        diag_help(b->sink, d, "paths are below '%s'; .dockerignore may leave it out",
                  b->request->context);
    } else {
        diag_help(b->sink, d, "paths are below '%s'", b->request->context);
    }
    return false;
}

/* A link whose end is not there: say where it leads. */
static bool check_link(struct step *step, struct dockerfile_word word, int rootfd,
                       const char *path) {
    AUTO_FD fd = fs_open_in_root(rootfd, path, O_PATH, 0);
    if (fd >= 0) {
        return true;
    }
    AUTO_FD link = fs_open_in_root(rootfd, path, O_PATH | O_NOFOLLOW, 0);
    char target[PATH_MAX];
    ssize_t n = link < 0 ? -1 : readlinkat(link, "", target, sizeof target - 1);
    if (n < 0) {
        return missing_source(step, word, str_from_c(path), "the build context");
    }
    diag_report(step->builder->sink, "E402", word.span,
                "'%s' is a symbolic link to '%.*s', which is not inside the build context", path,
                (int)n, target);
    return false;
}

static void push_source(struct step *step, struct copy_plan *plan, struct copy_source source) {
    ARENA_PUSH(step->builder->arena, plan->sources, plan->count, plan->cap, source);
}

static bool context_sources(struct step *step, struct copy_plan *plan, struct dockerfile_word word,
                            str path) {
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    if (b->context->fd < 0) {
        diag_report(b->sink, "E402", word.span, "there is no build context to copy from");
        return false;
    }
    const char **paths;
    size_t count;
    if (!context_glob(b->arena, b->context->fd, str_to_c(b->arena, path), b->context->ignore,
                      &paths, &count, &err)) {
        return fail_at(b, word.span, "E402", &err);
    }
    bool wildcard = dockerfile_glob_has_wildcard(path);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (context_part_of(b->context->ignore, NULL, paths[i], 0, true) == CONTEXT_LEFT_OUT) {
            continue;
        }
        found = true;
        if (wildcard && context_excludes(plan->job.excludes, paths[i])) {
            continue;
        }
        if (!check_link(step, word, b->context->fd, paths[i])) {
            return false;
        }
        key_add(plan->key, str_from_c(paths[i]));
        if (!context_digest(b, paths[i], plan->job.excludes, plan->key, NULL, &err)) {
            return fail_at(b, word.span, "E402", &err);
        }
        push_source(step, plan, (struct copy_source){ .path = paths[i] });
    }
    plan->found = plan->found || found;
    return found || wildcard || missing_source(step, word, path, "the build context");
}

/* The child expands wildcards of a stage, which only it can see. */
static void stage_source(struct step *step, struct copy_plan *plan, str path) {
    struct arena *a = step->builder->arena;
    key_add(plan->key, path);
    push_source(step, plan, (struct copy_source){ .path = str_to_c(a, path) });
}

static bool heredoc_source(struct step *step, struct copy_plan *plan,
                           const struct dockerfile_heredoc *heredoc) {
    struct builder *b = step->builder;
    struct dockerfile_expander e = vars_expander(b, step->stage);
    str content;
    if (!dockerfile_expand_heredoc(&e, heredoc, &content)) {
        return false;
    }
    key_add(plan->key, heredoc->name);
    key_add(plan->key, content);
    push_source(
        step, plan,
        (struct copy_source){ .content = content, .name = str_to_c(b->arena, heredoc->name) });
    return true;
}

static bool plan_sources(struct step *step, struct copy_plan *plan) {
    struct builder *b = step->builder;
    const struct dockerfile_copy *copy = &step->instruction->copy;
    struct dockerfile_expander e = vars_expander(b, step->stage);
    for (size_t i = 0; i < copy->source_count; i++) {
        const struct dockerfile_source *source = &copy->sources[i];
        str path;
        if (source->heredoc != NULL) {
            if (!heredoc_source(step, plan, source->heredoc)) {
                return false;
            }
            continue;
        }
        if (!dockerfile_expand(&e, source->word, &path)) {
            return false;
        }
        if (step->instruction->kind == DOCKERFILE_ADD && is_remote(path)) {
            return refuse(step, source->word.span, "ADD of a URL or a git repository");
        }
        if (plan->from != NULL) {
            stage_source(step, plan, path);
        } else if (!context_sources(step, plan, source->word, path)) {
            return false;
        }
    }
    /* Of several sources a pattern may match nothing: COPY package.json yarn.lock* ./ */
    struct dockerfile_word first = copy->sources[0].word;
    return plan->count > 0 || plan->found ||
           missing_source(step, first, first.text, "the build context");
}

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
    key_add(plan->key, path);
    key_add_u64(plan->key, is_dir);
    return true;
}

static bool plan_option(struct step *step, struct copy_plan *plan, struct dockerfile_word word,
                        const char **ret) {
    struct builder *b = step->builder;
    str value = { 0 };
    if (dockerfile_word_is_set(word)) {
        struct dockerfile_expander e = vars_expander(b, step->stage);
        if (!dockerfile_expand(&e, word, &value)) {
            return false;
        }
        *ret = str_to_c(b->arena, value);
    }
    key_add(plan->key, value);
    return true;
}

static bool plan_excludes(struct step *step, struct copy_plan *plan) {
    struct builder *b = step->builder;
    const struct dockerfile_copy *copy = &step->instruction->copy;
    if (copy->exclude_count == 0) {
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
        key_add(plan->key, words[i].text);
    }
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
                    "'%s' is not a mode: use octal digits as in 0755, or u=rwX,go=rX",
                    plan->job.chmod);
        return false;
    }
    return plan_excludes(step, plan);
}

static bool plan_from(struct step *step, struct copy_plan *plan) {
    struct builder *b = step->builder;
    const struct dockerfile_copy *copy = &step->instruction->copy;
    if (!dockerfile_word_is_set(copy->from)) {
        return true;
    }
    struct dockerfile_expander e = vars_global_expander(b);
    struct dockerfile_word word = copy->from;
    if (!dockerfile_expand(&e, copy->from, &word.text) ||
        !stage_find_root(b, step->stage, word, &plan->from)) {
        return false;
    }
    key_add(plan->key, str_from_c(plan->from->key.hex));
    return true;
}

/* ---- running ---- */

static bool copy_in_child(struct step *step, void *self) {
    struct copy_plan *plan = self;
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    struct sandbox_spec spec = step_sandbox(step);
    struct sandbox_root root = { 0 };
    struct sandbox_mount mount = { .kind = SANDBOX_BIND_ROOT, .root = &root };
    if (plan->from != NULL) {
        root.layers = stack_paths(b, plan->from, &root.layer_count);
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
    struct key_hash key;
    struct copy_plan plan = { .key = &key };
    bool is_add = step->instruction->kind == DOCKERFILE_ADD;
    key_begin(&key, is_add ? "ADD" : "COPY");
    key_add(&key, str_from_c(step->stage->stack.key.hex));
    plan.job.now.tv_sec = b->request->source_date_epoch;
    plan.job.unpack =
        is_add && (!step->instruction->copy.unpack_set || step->instruction->copy.unpack);
    key_add_u64(&key, plan.job.unpack);
    clock_gettime(CLOCK_REALTIME, &plan.job.looked_at);
    if (!check_flags(step) || !plan_from(step, &plan) || !plan_options(step, &plan) ||
        !plan_sources(step, &plan) || !plan_destination(step, &plan)) {
        return false;
    }
    plan.job.arena = b->arena;
    plan.job.sources = plan.sources;
    plan.job.source_count = plan.count;
    plan.job.destination_is_dir = plan.job.destination_is_dir || plan.count > 1;
    plan.job.sourcefd = plan.from == NULL ? b->context->fd : -1;
    plan.job.ignore = plan.from == NULL ? b->context->ignore : NULL;
    plan.job.keep_owner = plan.from != NULL;
    if (plan.from != NULL) {
        plan.job.looked_at = (struct timespec){ 0 };
    }
    step->key = key_end(&key);
    return step_execute(step, copy_in_child, &plan);
}

bool step_copy_context(struct step *step, const char *path, const struct stack **ret) {
    struct builder *b = step->builder;
    struct stack *stack = ARENA_NEW(b->arena, struct stack);
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
            .sourcefd = b->context->fd,
            .sources = &source,
            .source_count = 1,
            .destination = "/",
            .destination_is_dir = true,
            .ignore = b->context->ignore,
            .now.tv_sec = b->request->source_date_epoch,
        },
    };
    struct key_hash key;
    struct err err = ERR_INIT;
    clock_gettime(CLOCK_REALTIME, &plan.job.looked_at);
    key_begin(&key, "context");
    key_add(&key, str_from_c(path));
    if (!context_digest(b, path, NULL, &key, NULL, &err)) {
        return fail_at(b, step->instruction->span, "E402", &err);
    }
    copy.key = key_end(&key);
    if (!step_make_layer(&copy, copy_in_child, &plan)) {
        return false;
    }
    stack_push(b, stack, &copy.key);
    *ret = stack;
    return true;
}

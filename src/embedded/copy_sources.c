// SPDX-License-Identifier: Apache-2.0
/* The sources of COPY and ADD: where they are, and what of them counts for the key. */
#include <errno.h>
#include <string.h>

#include "embedded/internal.h"

/* Local archives are unpacked unless told not to. */
bool step_unpacks(const struct step *step) {
    const struct dockerfile_instruction *i = step->instruction;
    return i->kind == DOCKERFILE_ADD && (!i->copy.unpack_set || i->copy.unpack);
}

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
        diag_help(b->sink, d, "paths are relative to '%s'; .dockerignore may exclude it",
                  b->request->context);
    } else {
        diag_help(b->sink, d, "paths are relative to '%s'", b->request->context);
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
    store_key_add(plan->key, S("context"));
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
        store_key_add(plan->key, str_from_c(paths[i]));
        if (!context_digest(b, b->context, paths[i], plan->job.excludes, plan->key, NULL, &err)) {
            return fail_at(b, word.span, "E402", &err);
        }
        push_source(step, plan,
                    (struct copy_source){ .path = paths[i], .unpack = step_unpacks(step) });
    }
    plan->found = plan->found || found;
    return found || wildcard || missing_source(step, word, path, "the build context");
}

/* Links are neither followed nor looked at: they are copied as they are. */
static bool context_parents(struct step *step, struct copy_plan *plan, struct dockerfile_word word,
                            const char *pattern, size_t pivot) {
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    const char **paths;
    size_t count;
    if (!parents_glob(b->arena, b->context->fd, pattern, pivot, b->context->ignore, &paths, &count,
                      &err)) {
        return fail_at(b, word.span, "E402", &err);
    }
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (context_part_of(b->context->ignore, NULL, paths[i], 0, true) == CONTEXT_LEFT_OUT) {
            continue;
        }
        found = true;
        store_key_add(plan->key, str_from_c(paths[i]));
        if (!context_digest_parents(b, paths[i], parents_offset(paths[i], pivot),
                                    plan->job.excludes, plan->key, &err)) {
            return fail_at(b, word.span, "E402", &err);
        }
        push_source(step, plan,
                    (struct copy_source){ .path = paths[i], .parents = true, .pivot = pivot });
    }
    plan->found = plan->found || found;
    return found || dockerfile_glob_has_wildcard(str_from_c(pattern)) ||
           missing_source(step, word, str_from_c(pattern), "the build context");
}

static bool parents_source(struct step *step, struct copy_plan *plan, struct dockerfile_word word,
                           str path) {
    struct builder *b = step->builder;
    const char *pattern;
    size_t pivot;
    parents_split(b->arena, path, &pattern, &pivot);
    store_key_add(plan->key, S("parents"));
    store_key_add_u64(plan->key, pivot);
    if (plan->from == NULL && b->context->fd >= 0) {
        return context_parents(step, plan, word, pattern, pivot);
    }
    if (plan->from == NULL) {
        diag_report(b->sink, "E402", word.span, "there is no build context to copy from");
        return false;
    }
    store_key_add(plan->key, str_from_c(pattern));
    push_source(step, plan,
                (struct copy_source){ .path = pattern, .parents = true, .pivot = pivot });
    return true;
}

/* The child expands wildcards of a stage, which only it can see. */
static void stage_source(struct step *step, struct copy_plan *plan, str path) {
    struct arena *a = step->builder->arena;
    store_key_add(plan->key, S("stage"));
    store_key_add(plan->key, path);
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
    store_key_add(plan->key, S("heredoc"));
    store_key_add(plan->key, heredoc->name);
    store_key_add(plan->key, content);
    push_source(
        step, plan,
        (struct copy_source){ .content = content, .name = str_to_c(b->arena, heredoc->name) });
    return true;
}

static bool path_source(struct step *step, struct copy_plan *plan, struct dockerfile_word word) {
    struct builder *b = step->builder;
    struct dockerfile_expander e = vars_expander(b, step->stage);
    str path;
    if (!dockerfile_expand(&e, word, &path)) {
        return false;
    }
    bool is_add = step->instruction->kind == DOCKERFILE_ADD;
    if (is_add && remote_kind_of(path) != REMOTE_NONE && b->request->look) {
        step->stage->missed = true; /* nobody is asked whether it is the same */
        return false;
    }
    if (is_add && remote_kind_of(path) != REMOTE_NONE) {
        return remote_source(step, plan, word, path);
    }
    if (is_add && dockerfile_word_is_set(step->instruction->copy.checksum)) {
        diag_report(b->sink, "E405", step->instruction->copy.checksum.span,
                    "--checksum is for a URL or a git repository, not for '%.*s'", STR_FMT(path));
        return false;
    }
    if (step->instruction->copy.parents) {
        return parents_source(step, plan, word, path);
    }
    if (plan->from != NULL) {
        stage_source(step, plan, path);
        return true;
    }
    return context_sources(step, plan, word, path);
}

bool copy_plan_sources(struct step *step, struct copy_plan *plan) {
    const struct dockerfile_copy *copy = &step->instruction->copy;
    store_key_list(plan->key);
    for (size_t i = 0; i < copy->source_count; i++) {
        const struct dockerfile_source *source = &copy->sources[i];
        store_key_list(plan->key);
        if (source->heredoc != NULL ? !heredoc_source(step, plan, source->heredoc)
                                    : !path_source(step, plan, source->word)) {
            return false;
        }
        store_key_list_end(plan->key);
    }
    store_key_list_end(plan->key);
    /* Of several sources a pattern may match nothing: COPY package.json yarn.lock* ./ */
    struct dockerfile_word first = copy->sources[0].word;
    return plan->count > 0 || plan->found ||
           missing_source(step, first, first.text, "the build context");
}

// SPDX-License-Identifier: Apache-2.0
/* The mounts of a RUN: what they are, what of them counts, where they come from. */
#include <errno.h>

#include "embedded/internal.h"

/* ---- planning ---- */

static bool plan_target(struct step *step, struct dockerfile_mount *m) {
    struct builder *b = step->builder;
    if (m->target.len == 0 || m->target.ptr[0] != '/') {
        m->target = str_fmt(b->arena, "%.*s/%.*s", STR_FMT(step->stage->config.working_dir),
                            STR_FMT(m->target));
    }
    m->target = path_clean(b->arena, str_concat(b->arena, S("/"), m->target));
    if (str_eq(m->target, S("/"))) {
        struct diag *d =
            diag_report(b->sink, "E405", m->span, "a mount cannot cover the whole root");
        diag_help(b->sink, d, "give it a target=, or set WORKDIR before: it is the default");
        return false;
    }
    return true;
}

/* Below the source's root, without a slash at its start; "." is the root itself. */
static const char *clean_source(struct arena *a, str source) {
    str clean = path_clean(a, str_concat(a, S("/"), source));
    return clean.len == 1 ? "." : str_to_c(a, str_slice(clean, 1, clean.len));
}

/* A mount that is not there, and need not be, leaves *ret_wanted false. */
static bool plan_mount(struct step *step, struct run_mounts *mounts, struct run_mount *m,
                       bool *ret_wanted) {
    struct builder *b = step->builder;
    struct span span = m->ast.span;
    *ret_wanted = true;
    switch (m->ast.type) {
    case DOCKERFILE_MOUNT_SECRET:
        return run_secret_plan(step, mounts, m, ret_wanted) &&
               (!*ret_wanted || plan_target(step, &m->ast));
    case DOCKERFILE_MOUNT_SSH:
        return run_agent_plan(step, mounts, m, ret_wanted) &&
               (!*ret_wanted || plan_target(step, &m->ast));
    case DOCKERFILE_MOUNT_CACHE:
        m->source = clean_source(b->arena, m->ast.source);
        break;
    case DOCKERFILE_MOUNT_BIND:
        m->source = clean_source(b->arena, m->ast.source);
        if (m->ast.from.len == 0 && b->context->fd < 0) {
            diag_report(b->sink, "E405", span, "there is no build context to mount");
            return false;
        }
        break;
    case DOCKERFILE_MOUNT_TMPFS:
        break;
    }
    struct dockerfile_word from = { m->ast.from, span };
    return plan_target(step, &m->ast) &&
           (from.text.len == 0 || stage_find_root(b, step->stage, from, &m->root));
}

bool run_mounts_plan(struct step *step, const struct dockerfile_run *run, struct run_mounts *ret) {
    struct builder *b = step->builder;
    struct dockerfile_expander e = vars_expander(b, step->stage);
    struct run_mounts mounts = { .items =
                                     ARENA_ARRAY(b->arena, struct run_mount, run->mount_count) };
    for (size_t i = 0; i < run->mount_count; i++) {
        struct run_mount *m = &mounts.items[mounts.len];
        bool wanted;
        *m = (struct run_mount){ .opened = STORE_MOUNT_INIT };
        if (!dockerfile_mount_parse(&e, b->arena, b->sink, run->mounts[i], &m->ast) ||
            !plan_mount(step, &mounts, m, &wanted)) {
            return false;
        }
        mounts.len += wanted ? 1 : 0;
    }
    *ret = mounts;
    return true;
}

/* ---- the key ---- */

static bool key_bind(struct step *step, struct run_mount *m, struct store_key_hash *k) {
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    store_key_add(k, str_from_c(m->source));
    if (m->root != NULL) {
        store_key_add(k, str_from_c(m->root->key.hex));
        return true;
    }
    return context_digest(b, b->context, m->source, NULL, k, &m->partly, &err) ||
           fail_at(b, m->ast.span, "E402", &err);
}

static void key_number(struct store_key_hash *k, bool has, uint64_t number) {
    store_key_list(k);
    if (has) {
        store_key_add_u64(k, number);
    }
    store_key_list_end(k);
}

/* What the step sees of a mount before it looks inside. */
static void key_attributes(const struct dockerfile_mount *m, struct store_key_hash *k) {
    store_key_add_u64(k, m->readonly);
    key_number(k, m->has_mode, m->mode);
    key_number(k, m->has_uid, m->uid);
    key_number(k, m->has_gid, m->gid);
    store_key_add_u64(k, m->size_bytes);
}

static bool key_mount(struct step *step, struct run_mount *m, struct store_key_hash *k) {
    store_key_add_u64(k, m->ast.type);
    store_key_add(k, m->ast.target);
    key_attributes(&m->ast, k);
    store_key_list(k);
    if (m->ast.type == DOCKERFILE_MOUNT_CACHE) {
        store_key_add(k, m->ast.id);
        store_key_add(k, step->builder->request->policy.share.cache_namespace);
    }
    if (m->ast.type == DOCKERFILE_MOUNT_BIND && !key_bind(step, m, k)) {
        return false;
    }
    if (m->ast.type == DOCKERFILE_MOUNT_CACHE && m->root != NULL) {
        store_key_add(k, str_from_c(m->source));
        store_key_add(k, str_from_c(m->root->key.hex));
    }
    store_key_list_end(k);
    return true;
}

/* Which cache it is counts, and what that begins with, not what it holds; nor does a secret. Whose
 * cache it is counts too: what somebody else's holds may be in a layer that was made with it. */
bool run_mounts_key(struct step *step, struct run_mounts *mounts, struct store_key_hash *k) {
    store_key_list(k);
    for (size_t i = 0; i < mounts->len; i++) {
        if (!key_mount(step, &mounts->items[i], k)) {
            return false;
        }
    }
    store_key_list_end(k);
    store_key_list(k);
    for (size_t i = 0; i < mounts->env.len; i++) {
        store_key_add(k, mounts->env.items[i].key);
    }
    store_key_list_end(k);
    return true;
}

/* ---- caches ---- */

/* As long for each namespace, so that no id of one can look like one of another. */
static str namespace_text(struct builder *b) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    blake3_bytes(b->request->policy.share.cache_namespace, digest);
    hash_hex(digest, sizeof digest, hex);
    return str_dup(b->arena, str_from_c(hex));
}

/* The name of a cache in the store: its id, or else its target, and its namespace. Two
 * architectures do not share a cache, nor do two that begin with different content or are different
 * folders of one. */
static str cache_id(struct builder *b, const struct run_mount *m) {
    str id = str_fmt(b->arena, "%.*s@%.*s", STR_FMT(m->ast.id.len > 0 ? m->ast.id : m->ast.target),
                     STR_FMT(b->request->platform.architecture));
    if (m->root != NULL || !str_eq(str_from_c(m->source), S("."))) {
        id = str_fmt(b->arena, "%.*s:%s:%s", STR_FMT(id), m->root == NULL ? "" : m->root->key.hex,
                     m->source);
    }
    return str_fmt(b->arena, "%.*s %.*s", STR_FMT(id), STR_FMT(namespace_text(b)));
}

/* What such a cache begins with is below an overlay, whose upper folder the cache is. The work
 * folder of the last mount would be refused. */
static bool open_seeded(struct run_mount *m, struct err *err) {
    AUTO_FD fd = open(m->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return (fd >= 0 && fs_remove_tree(fd, "work", err)) ||
           err_wrap(err, "set up the cache mount '%.*s'", STR_FMT(m->ast.target));
}

static bool open_cache(struct builder *b, struct run_mount *m, str id, struct err *err) {
    static const enum store_sharing sharing[] = {
        [DOCKERFILE_SHARED] = STORE_SHARED,
        [DOCKERFILE_PRIVATE] = STORE_PRIVATE,
        [DOCKERFILE_LOCKED] = STORE_LOCKED,
    };
    /* Two overlays cannot have one upper folder: the steps wait for each other. */
    enum store_sharing how = sharing[m->ast.sharing];
    how = m->root != NULL && how == STORE_SHARED ? STORE_LOCKED : how;
    if (!store_mount_open(b->request->store, b->arena, id, how, &m->opened, err)) {
        return false;
    }
    m->cache = m->opened.path;
    if (m->root != NULL) {
        return open_seeded(m, err);
    }
    const struct dockerfile_mount *ast = &m->ast;
    bool ok = !m->opened.is_fresh ||
              (chown(m->cache, ast->has_uid ? ast->uid : 0, ast->has_gid ? ast->gid : 0) == 0 &&
               chmod(m->cache, ast->has_mode ? ast->mode : 0755) == 0);
    if (!ok) {
        int why = errno;
        err_sys(err, why, "set up the cache mount '%.*s'", STR_FMT(ast->target));
        return why == EINVAL && idmaps_help(err);
    }
    return true;
}

/* The cache that comes next in the order of ids, NULL when all are open. */
static struct run_mount *next_cache(struct builder *b, struct run_mounts *mounts, str *ret_id) {
    struct run_mount *next = NULL;
    for (size_t i = 0; i < mounts->len; i++) {
        struct run_mount *m = &mounts->items[i];
        if (m->ast.type != DOCKERFILE_MOUNT_CACHE || m->cache != NULL) {
            continue;
        }
        str id = cache_id(b, m);
        if (next == NULL || str_cmp(id, *ret_id) < 0) {
            next = m;
            *ret_id = id;
        }
    }
    return next;
}

/* In the order of their ids: two builds that lock the same two never wait for each other. And one
 * that is mounted at two places is locked once. */
static bool open_caches(struct builder *b, struct run_mounts *mounts, struct err *err) {
    const struct run_mount *before = NULL;
    str before_id = { 0 };
    str id;
    struct run_mount *m;
    while ((m = next_cache(b, mounts, &id)) != NULL) {
        if (before != NULL && str_eq(id, before_id) && m->root != NULL) {
            return err_set(err,
                           "the cache mounts '%.*s' and '%.*s' are the same one and have content",
                           STR_FMT(before->ast.target), STR_FMT(m->ast.target));
        }
        if (before != NULL && str_eq(id, before_id)) {
            m->cache = before->cache;
            continue;
        }
        if (!open_cache(b, m, id, err)) {
            return false;
        }
        before = m;
        before_id = id;
    }
    return true;
}

/* ---- binds ---- */

static bool make_scratch(struct step *step, size_t number, const char **ret, struct err *err) {
    struct arena *a = step->builder->arena;
    const char *name = str_fmt(a, "mount-%zu-%zu", step->work->number, number).ptr;
    *ret = store_work_path(&step->work->store, a, name);
    return mkdirat(step->work->store.fd, name, 0755) == 0 ||
           err_sys(err, errno, "create '%s'", *ret);
}

/* The context is one more root: a source inside it cannot leave it. What .dockerignore leaves out
 * is not in it: then the rest is copied to a layer of its own. */
static bool context_root(struct step *step, struct run_mount *m, struct sandbox_root *ret) {
    struct builder *b = step->builder;
    if (m->partly) {
        const struct images_stack *stack;
        if (!step_copy_context(step, b->context, m->source, &stack)) {
            return false;
        }
        m->source = ".";
        step_uses(step, stack);
        return stack_root(b, stack, step->instruction->span, ret);
    }
    const char **layers = ARENA_ARRAY(b->arena, const char *, 1);
    layers[0] = b->context->path;
    *ret = (struct sandbox_root){ layers, 1 };
    return true;
}

/* What a step writes to a bind is for the step only. */
static bool open_bind(struct step *step, struct run_mount *m, size_t number,
                      struct sandbox_mount *to, struct err *err) {
    struct builder *b = step->builder;
    struct sandbox_root *root = ARENA_NEW(b->arena, struct sandbox_root);
    to->kind = SANDBOX_BIND_ROOT;
    to->root = root;
    to->readonly = m->ast.readonly;
    if (m->root != NULL ? !stack_root(b, m->root, step->instruction->span, root)
                        : !context_root(step, m, root)) {
        return false;
    }
    to->source = m->source;
    return to->readonly || make_scratch(step, number, &to->scratch, err);
}

static bool open_cache_bind(struct step *step, const struct run_mount *m,
                            struct sandbox_mount *to) {
    struct builder *b = step->builder;
    to->kind = SANDBOX_BIND;
    to->source = m->cache;
    to->readonly = m->ast.readonly;
    if (m->root != NULL) {
        struct sandbox_root *root = ARENA_NEW(b->arena, struct sandbox_root);
        if (!stack_root(b, m->root, step->instruction->span, root)) {
            return false;
        }
        to->kind = SANDBOX_BIND_ROOT;
        to->root = root;
        to->source = m->source;
        to->scratch = m->cache;
    }
    return true;
}

bool run_mounts_open(struct step *step, struct run_mounts *mounts, struct sandbox_mount *to,
                     struct err *err) {
    struct builder *b = step->builder;
    if (!open_caches(b, mounts, err)) {
        return false;
    }
    for (size_t i = 0; i < mounts->len; i++) {
        struct run_mount *m = &mounts->items[i];
        if (m->root != NULL) {
            step_uses(step, m->root);
        }
        to[i] = (struct sandbox_mount){ .target = str_to_c(b->arena, m->ast.target) };
        switch (m->ast.type) {
        case DOCKERFILE_MOUNT_BIND:
            if (!open_bind(step, m, i, &to[i], err)) {
                return false;
            }
            break;
        case DOCKERFILE_MOUNT_CACHE:
            if (!open_cache_bind(step, m, &to[i])) {
                return false;
            }
            break;
        case DOCKERFILE_MOUNT_TMPFS:
            to[i].kind = SANDBOX_TMPFS;
            to[i].size_bytes = m->ast.size_bytes;
            break;
        case DOCKERFILE_MOUNT_SECRET:
        case DOCKERFILE_MOUNT_SSH:
            run_secret_open(m, &to[i]);
            break;
        }
    }
    return true;
}

void run_mounts_close(struct step *step, struct run_mounts *mounts) {
    for (size_t i = 0; i < mounts->len; i++) {
        store_mount_close(step->builder->request->store, &mounts->items[i].opened);
    }
}

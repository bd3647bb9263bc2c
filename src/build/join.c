// SPDX-License-Identifier: Apache-2.0
/*
 * overlayfs merges so many layers and no more. Of a stack that has more the lowest are joined: what
 * they look like together becomes a layer of its own, made once and kept in the store. Steps are
 * added on top, so the next stacks have the same lowest layers.
 */
#include <errno.h>
#include <string.h>

#include "build/layer.h"

enum { JOINED_LAYERS = 400 };

struct copying {
    const char *target;
};

/* A sandbox_function: everything of the merged root, with hard links, owners, times and
 * attributes. */
static bool copy_root(void *self, int rootfd, const int *roots, struct err *err) {
    const struct copying *c = self;
    (void)roots;
    if (fchdir(rootfd) < 0) {
        return err_sys(err, errno, "enter the layers");
    }
    AUTO_BUF errors = BUF_INIT(64 * 1024);
    /* Each by its name: with "all" or -a an attribute that cannot be kept is no failure. */
    const char *const argv[] = { "cp", "-dR", "--preserve=mode,ownership,timestamps,links,xattr",
                                 "--", ".",   c->target,
                                 NULL };
    struct proc_spec spec = { .argv = argv, .errors = &errors };
    return proc_check(&spec, err);
}

static bool make(struct builder *b, const char *const *paths, const struct store_key *key,
                 struct err *err) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    if (!layer_work_begin(b->request->store, &work, err)) {
        return false;
    }
    struct copying c = { store_work_path(&work, b->arena, "step/fs") };
    struct sandbox_spec spec = {
        .root = { paths, JOINED_LAYERS },
        .staging = store_work_path(&work, b->arena, "staging"),
        .cancelled = b->request->cancelled,
    };
    str meta = str_fmt(b->arena, "{\"text\":\"%d layers joined\"}", JOINED_LAYERS);
    return sandbox_call(&spec, copy_root, &c, err) &&
           store_layer_commit(&work, "step", key, false, meta, err);
}

/* The lowest layers become one, in place. */
static bool join(struct builder *b, const char **paths, size_t *count, struct err *err) {
    struct store *store = b->request->store;
    AUTO_FD lockfd = -1;
    struct key_hash k;
    key_begin(&k, "joined 1");
    for (size_t i = 0; i < JOINED_LAYERS; i++) {
        /* ".../layers/KEY/fs" */
        key_add(&k, path_base(path_dir(str_from_c(paths[i]))));
    }
    struct store_key key = key_end(&k);
    if (!store_layer_has(store, &key) &&
        (!store_key_lock(store, &key, true, &lockfd, err) ||
         (!store_layer_has(store, &key) && !make(b, paths, &key, err)))) {
        return false;
    }
    store_layer_touch(store, &key);
    paths[0] = store_layer_path(store, b->arena, &key);
    *count -= JOINED_LAYERS - 1;
    memmove(paths + 1, paths + JOINED_LAYERS, (*count - 1) * sizeof *paths);
    return true;
}

bool stack_root(struct builder *b, const struct stack *stack, struct span span,
                struct sandbox_root *ret) {
    struct err err = ERR_INIT;
    size_t count;
    const char **paths = stack_paths(b, stack, &count);
    while (count > BUILD_LAYERS_MAX) {
        if (!join(b, paths, &count, &err)) {
            if (is_cancelled(b)) {
                return err_sys(b->err, EINTR, "stopped");
            }
            err_wrap(&err, "join layers, of which there are more than can be mounted");
            return fail_at(b, span, "E404", &err);
        }
    }
    *ret = (struct sandbox_root){ paths, count };
    return true;
}

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

/* A sandbox_function: everything of the merged layers, with hard links, owners, times and
 * attributes. Into a mount too: the kernel keeps attributes apart that would be marks. */
static bool copy_layers(void *self, int rootfd, const int *roots, struct err *err) {
    char target[PATH_MAX];
    (void)self;
    if (fchdir(rootfd) < 0 || getcwd(target, sizeof target) == NULL || fchdir(roots[0]) < 0) {
        return err_sys(err, errno, "enter the layers");
    }
    AUTO_BUF errors = BUF_INIT(64 * 1024);
    /* Each by its name: with "all" or -a an attribute that cannot be kept is no failure. */
    const char *const argv[] = { "cp", "-dR", "--preserve=mode,ownership,timestamps,links,xattr",
                                 "--", ".",   target,
                                 NULL };
    struct proc_spec spec = { .argv = argv, .errors = &errors };
    return proc_check(&spec, err);
}

static str key_of(const char *path) {
    return path_base(path_dir(str_from_c(path))); /* ".../layers/KEY/fs" */
}

/* Steps on the highest of the layers see this one in their place. */
static str describe(struct arena *a, const char *const *paths) {
    AUTO_BUF text = BUF_INIT(1024 * 1024);
    buf_addf(&text, "{\"text\":\"%d layers joined\",\"instead_of\":\"%.*s\",\"on\":[",
             JOINED_LAYERS, STR_FMT(key_of(paths[JOINED_LAYERS - 1])));
    for (size_t i = 0; i < JOINED_LAYERS; i++) {
        buf_addf(&text, "%s\"%.*s\"", i > 0 ? "," : "", STR_FMT(key_of(paths[i])));
    }
    buf_add_c(&text, "]}");
    return str_dup(a, buf_str(&text));
}

static bool make(struct builder *b, const char *const *paths, const struct store_key *key,
                 struct err *err) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    if (!layer_work_begin(b->request->store, &work, err)) {
        return false;
    }
    if (mkdirat(work.fd, "step/work", 0755) < 0) {
        return err_sys(err, errno, "create a work folder");
    }
    const struct sandbox_root root = { paths, JOINED_LAYERS };
    const struct sandbox_mount layers = { .kind = SANDBOX_BIND_ROOT, .root = &root };
    struct sandbox_spec spec = {
        .upper = store_work_path(&work, b->arena, "step/fs"),
        .work = store_work_path(&work, b->arena, "step/work"),
        .mounts = &layers,
        .mount_count = 1,
        .staging = store_work_path(&work, b->arena, "staging"),
        .cancelled = b->request->cancelled,
    };
    str meta = describe(b->arena, paths);
    return sandbox_call(&spec, copy_layers, NULL, err) &&
           fs_remove_tree(work.fd, "step/work", err) &&
           store_layer_commit(&work, "step", key, false, meta, err);
}

/* The lowest layers become one, in place. */
static bool join(struct builder *b, const char **paths, size_t *count, struct err *err) {
    struct store *store = b->request->store;
    AUTO_FD lockfd = -1;
    struct store_key_hash k;
    store_key_begin(&k, "joined 1");
    for (size_t i = 0; i < JOINED_LAYERS; i++) {
        store_key_add(&k, key_of(paths[i]));
    }
    struct store_key key = store_key_end(&k);
    if (!store_layers_check(store, &key, 1) &&
        (!store_key_lock(store, &key, true, &lockfd, err) ||
         (!store_layer_has(store, &key) && !make(b, paths, &key, err)))) {
        return false;
    }
    store_layer_touch(store, &key);
    builder_uses(b, &key);
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
            err_wrap(&err, "join layers that exceed the mount limit");
            return fail_at(b, span, "E404", &err);
        }
    }
    *ret = (struct sandbox_root){ paths, count };
    return true;
}

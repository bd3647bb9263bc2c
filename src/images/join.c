// SPDX-License-Identifier: Apache-2.0
/*
 * overlayfs merges so many layers and no more. Of a stack that has more the lowest are joined: what
 * they look like together becomes a layer of its own, made once and kept in the store. Steps are
 * added on top, so the next stacks have the same lowest layers.
 */
#include <errno.h>
#include <string.h>

#include "images/internal.h"

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

struct joiner {
    struct store *store;
    struct arena *arena;
    const volatile sig_atomic_t *cancelled;
    const char *const *paths;
};

static bool make(const struct joiner *j, const struct store_key *key, struct err *err) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    if (!images_work_begin(j->store, &work, err)) {
        return false;
    }
    if (mkdirat(work.fd, "step/work", 0755) < 0) {
        return err_sys(err, errno, "create a work folder");
    }
    const struct sandbox_root root = { j->paths, JOINED_LAYERS };
    const struct sandbox_mount layers = { .kind = SANDBOX_BIND_ROOT, .root = &root };
    struct sandbox_spec spec = {
        .upper = store_work_path(&work, j->arena, "step/fs"),
        .work = store_work_path(&work, j->arena, "step/work"),
        .mounts = &layers,
        .mount_count = 1,
        .staging = store_work_path(&work, j->arena, "staging"),
        .cancelled = j->cancelled,
    };
    str meta = describe(j->arena, j->paths);
    return sandbox_call(&spec, copy_layers, NULL, err) &&
           fs_remove_tree(work.fd, "step/work", err) &&
           store_layer_commit(&work, "step", key, false, meta, err);
}

bool images_join(struct store *s, const volatile sig_atomic_t *cancelled, struct arena *a,
                 struct sandbox_root *root, struct store_key *ret_key, struct err *err) {
    const struct joiner j = { s, a, cancelled, root->layers };
    AUTO_FD lockfd = -1;
    struct store_key_hash k;
    ASSERT(root->layer_count > JOINED_LAYERS);
    store_key_begin(&k, "joined 1");
    for (size_t i = 0; i < JOINED_LAYERS; i++) {
        store_key_add(&k, key_of(root->layers[i]));
    }
    struct store_key key = store_key_end(&k);
    if (!store_layers_check(s, &key, 1) && (!store_key_lock(s, &key, true, &lockfd, err) ||
                                            (!store_layer_has(s, &key) && !make(&j, &key, err)))) {
        return false;
    }
    store_layer_touch(s, &key);
    size_t count = root->layer_count - (JOINED_LAYERS - 1);
    const char **paths = ARENA_ARRAY(a, const char *, count);
    paths[0] = store_layer_path(s, a, &key);
    memcpy(paths + 1, root->layers + JOINED_LAYERS, (count - 1) * sizeof *paths);
    *root = (struct sandbox_root){ paths, count };
    *ret_key = key;
    return true;
}

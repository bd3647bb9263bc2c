// SPDX-License-Identifier: Apache-2.0
#include "scaffold/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* config/ last: a folder without one is no guest folder yet. */
static const char *const folders[] = { "agent", "artifacts", "config" };

bool scaffold_open(struct arena *a, const char *target, struct scaffold *ret, struct err *err) {
    if (target[0] == '\0') {
        return err_set(err, "the name of the guest folder is empty");
    }
    bool fresh = !fs_exists(AT_FDCWD, target);
    if (!fs_mkdir_p(AT_FDCWD, target, 0755, err)) {
        return false;
    }
    char *stage = (char *)(uintptr_t)path_join(a, target, ".capsem-XXXXXX");
    if (mkdtemp(stage) == NULL) {
        return err_sys(err, errno, "create a folder in '%s'", target);
    }
    *ret = (struct scaffold){ target, stage, fresh };
    return true;
}

bool scaffold_write(struct arena *a, const struct scaffold *s, const char *path, str text,
                    bool executable, struct err *err) {
    const char *full = path_join(a, s->stage, path);
    const char *folder = str_to_c(a, path_dir(str_from_c(full)));
    return fs_mkdir_p(AT_FDCWD, folder, 0755, err) &&
           fs_store(AT_FDCWD, full, text, executable ? 0755 : 0644, err);
}

/* The old folder ends up in the stage, which is removed. */
static bool put_folder(struct arena *a, const struct scaffold *s, const char *name,
                       struct err *err) {
    const char *from = path_join(a, s->stage, name);
    const char *to = path_join(a, s->target, name);
    if (os_rename_new(AT_FDCWD, from, AT_FDCWD, to) == 0 ||
        (errno == EEXIST && os_rename_swap(AT_FDCWD, from, AT_FDCWD, to) == 0)) {
        return true;
    }
    return err_sys(err, errno, "move '%s' into place", to);
}

bool scaffold_commit(struct arena *a, struct scaffold *s, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (fs_is_dir(AT_FDCWD, path_join(a, s->stage, folders[i])) &&
            !put_folder(a, s, folders[i], err)) {
            return false;
        }
    }
    return true;
}

const char *scaffold_find_existing(struct arena *a, const char *target) {
    static const char *const names[] = { "config", "artifacts", "agent" };
    struct stat st;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *path = path_join(a, target, names[i]);
        if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            return path;
        }
    }
    return NULL;
}

void scaffold_done(struct scaffold *s) {
    struct err ignored = ERR_INIT;
    if (s->stage == NULL) {
        return;
    }
    bool removed = fs_remove_tree(AT_FDCWD, s->stage, &ignored);
    if (removed && s->fresh) {
        rmdir(s->target); /* fails when something is in it, which is as it should be */
    }
    s->stage = NULL;
}

// SPDX-License-Identifier: Apache-2.0
/* WORKDIR makes its folder when it is missing; new folders belong to the current USER. */
#include <errno.h>

#include "embedded/internal.h"

struct workdir_job {
    const char *path;
    const char *user;
};

/* In the child: the merged root becomes "/", so that no link leads out of it. */
static bool make_folder(void *self, int rootfd, const int *roots, struct err *err) {
    const struct workdir_job *job = self;
    (void)roots;
    AUTO_ARENA scratch = arena_new();
    struct sandbox_ids ids;
    if (!sandbox_find_ids(scratch, rootfd, job->user, &ids, err)) {
        return false;
    }
    if (fchdir(rootfd) < 0 || chroot(".") < 0) {
        return err_sys(err, errno, "enter the root");
    }
    const char *place;
    if (!copy_place(scratch, job->path, &place, err)) {
        return false;
    }
    str path = str_from_c(place);
    for (size_t end = 1; end <= path.len; end++) {
        if (end < path.len && path.ptr[end] != '/') {
            continue;
        }
        const char *part = str_to_c(scratch, str_slice(path, 0, end));
        if (mkdir(part, 0755) == 0) {
            if (chown(part, ids.uid, ids.gid) < 0) {
                return errno == EINVAL ? idmaps_refuse(part, ids.uid, ids.gid, err)
                                       : err_sys(err, errno, "set the owner of '%s'", part);
            }
        } else if (errno != EEXIST) {
            return err_sys(err, errno, "create folder '%s'", part);
        }
    }
    if (!fs_is_dir(AT_FDCWD, place)) {
        return err_sys(err, ENOTDIR, "create folder '%s'", job->path);
    }
    return true;
}

static bool run(struct step *step, void *self) {
    struct err err = ERR_INIT;
    struct sandbox_spec spec = step_sandbox(step);
    return sandbox_call(&spec, make_folder, self, &err) ||
           fail_at(step->builder, step->instruction->span, "E404", &err);
}

bool step_workdir(struct step *step, str path) {
    struct arena *a = step->builder->arena;
    struct workdir_job job = { str_to_c(a, path), str_to_c(a, step->stage->config.user) };
    struct store_key_hash k;
    store_key_begin(&k, "WORKDIR");
    store_key_add_below(&k, &step->stage->stack.key);
    store_key_add(&k, path);
    store_key_add(&k, step->stage->config.user);
    step->key = store_key_end(&k);
    step->shown.own = store_key_end_own(&k);
    return step_execute(step, run, &job);
}

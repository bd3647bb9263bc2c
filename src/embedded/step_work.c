// SPDX-License-Identifier: Apache-2.0
/*
 * Where steps work: one folder of the store for all steps of a build. The folders that overlayfs
 * leaves behind become those of the next step, so that nothing is removed while a build runs: on a
 * disk that discards what is freed, each removed folder costs milliseconds.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "embedded/internal.h"

/* ---- folders that can be had again ---- */

/* Empty and without attributes: as good as a new one. */
static bool is_bare(int dirfd, const char *name) {
    AUTO_ARENA scratch = arena_new();
    AUTO_FD fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char **names;
    size_t count;
    return fd >= 0 && flistxattr(fd, NULL, 0) == 0 &&
           fs_list(scratch, fd, ".", &names, &count, NULL) && count == 0;
}

static void keep_folder(struct step_work *w, const char *name) {
    char spare[32];
    snprintf(spare, sizeof spare, "spare-%zu", w->spare_count);
    if (is_bare(w->store.fd, name) && renameat(w->store.fd, name, w->store.fd, spare) == 0) {
        w->spare_count++;
    }
}

static bool make_folder(struct step_work *w, const char *name) {
    char spare[32];
    if (w->spare_count > 0) {
        snprintf(spare, sizeof spare, "spare-%zu", w->spare_count - 1);
        if (renameat(w->store.fd, spare, w->store.fd, name) == 0) {
            w->spare_count--;
            return fchownat(w->store.fd, name, geteuid(), getegid(), 0) == 0 &&
                   fchmodat(w->store.fd, name, 0755, 0) == 0;
        }
    }
    return mkdirat(w->store.fd, name, 0755) == 0;
}

/* What cannot be had again is out of the way, and goes with the work folder. */
static bool put_aside(struct step_work *w, const char *name) {
    char old[32];
    snprintf(old, sizeof old, "old-%zu", w->old_count);
    if (renameat(w->store.fd, name, w->store.fd, old) == 0) {
        w->old_count++;
        return true;
    }
    return errno == ENOENT;
}

/* ---- a step's folders ---- */

static bool is_open(const struct step_work *w) {
    return w->store.fd >= 0;
}

static bool open_work(struct builder *b, struct step_work *w, struct err *err) {
    return is_open(w) || (store_work_begin(b->request->store, &w->store, err) &&
                          (mkdirat(w->store.fd, "staging", 0755) == 0 ||
                           err_sys(err, errno, "create a work folder")));
}

bool step_work_begin(struct builder *b, struct step_work *w, const struct stat *root,
                     struct err *err) {
    static const char *const folders[] = { "step", "step/fs", "step/work" };
    if (!open_work(b, w, err)) {
        return false;
    }
    w->number++;
    bool ok = put_aside(w, "step"); /* of a step that failed, or a layer that was replaced */
    for (size_t i = 0; ok && i < ARRAY_LEN(folders); i++) {
        ok = make_folder(w, folders[i]);
    }
    const struct timespec times[2] = { root->st_mtim, root->st_mtim };
    return (ok && fchownat(w->store.fd, "step/fs", root->st_uid, root->st_gid, 0) == 0 &&
            fchmodat(w->store.fd, "step/fs", root->st_mode & 07777, 0) == 0 &&
            utimensat(w->store.fd, "step/fs", times, 0) == 0) ||
           err_sys(err, errno, "create a work folder");
}

/* A step that changed nothing is a layer without a folder. */
static bool finish_upper(struct step_work *w, const struct stat *root, struct err *err) {
    struct stat now;
    if (fstatat(w->store.fd, "step/fs", &now, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_sys(err, errno, "finish a layer");
    }
    if (now.st_mode != root->st_mode || now.st_uid != root->st_uid || now.st_gid != root->st_gid) {
        return true; /* RUN chmod 700 / */
    }
    keep_folder(w, "step/fs");
    if (unlinkat(w->store.fd, "step/fs", AT_REMOVEDIR) < 0 && errno != ENOENT &&
        errno != ENOTEMPTY && errno != EEXIST) {
        return err_sys(err, errno, "finish a layer");
    }
    return true;
}

bool step_work_finish(struct step_work *w, const struct stat *root, struct err *err) {
    /* the innermost first: "volatile" is overlayfs' mark of a mount that was never synced */
    static const char *const leftovers[] = {
        "step/work/work/incompat/volatile",
        "step/work/work/incompat",
        "step/work/work",
        "step/work",
    };
    for (size_t i = 0; i < ARRAY_LEN(leftovers); i++) {
        keep_folder(w, leftovers[i]);
    }
    return (put_aside(w, "step/work") || err_sys(err, errno, "finish a layer")) &&
           finish_upper(w, root, err);
}

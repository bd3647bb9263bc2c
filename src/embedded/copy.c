// SPDX-License-Identifier: Apache-2.0
/*
 * Copying, in a child process whose "/" is the merged root: links in the destination resolve
 * inside it. Sources are read through an fd of their own root. Dockerfile reference, "COPY".
 */
#include <errno.h>
#include <string.h>

#include "embedded/copy.h"

/* ---- the destination ---- */

/* mkdir -p; what is made belongs to the owner of the copy. --chmod is for what is copied: it would
 * make folders that nobody can enter. */
static bool make_folders(const struct copier *c, const char *path) {
    AUTO_ARENA scratch = arena_new();
    str whole = str_from_c(path);
    for (size_t end = 1; end <= whole.len; end++) {
        if (end < whole.len && whole.ptr[end] != '/') {
            continue;
        }
        const char *part = str_to_c(scratch, str_slice(whole, 0, end));
        if (mkdir(part, 0755) == 0) {
            if (c->owner.is_set && chown(part, c->owner.uid, c->owner.gid) < 0) {
                return copy_failed(c, "set up", part);
            }
            struct timespec times[2] = { c->job->now, c->job->now };
            utimensat(AT_FDCWD, part, times, 0);
        } else if (errno != EEXIST) {
            return copy_failed(c, "create folder", part);
        }
    }
    return fs_is_dir(AT_FDCWD, path) ||
           err_set(c->err, "the destination '%s' is not a folder", path);
}

int copy_open_folder(const struct copier *c, const char *path) {
    int fd = make_folders(c, path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0 && !err_is_set(c->err)) {
        copy_failed(c, "open folder", path);
    }
    return fd;
}

/* Where a file goes: into the destination folder under its own name, or to the destination. */
static void place_file(const struct copier *c, const char *own_name, const char **ret_dir,
                       const char **ret_name) {
    const char *destination = c->destination;
    if (c->destination_is_dir || fs_is_dir(AT_FDCWD, destination)) {
        *ret_dir = destination;
        *ret_name = own_name;
        return;
    }
    *ret_dir = str_to_c(c->arena, path_dir(str_from_c(destination)));
    *ret_name = str_to_c(c->arena, path_base(str_from_c(destination)));
}

static bool copy_heredoc(struct copier *c, const struct copy_source *source) {
    const char *dir;
    const char *name;
    place_file(c, source->name, &dir, &name);
    AUTO_FD todir = copy_open_folder(c, dir);
    if (todir < 0 || !copy_make_room(c, todir, name, name)) {
        return false;
    }
    AUTO_FD to = openat(todir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    struct stat st = { .st_mode = S_IFREG | 0644, .st_mtim = c->job->now };
    if (to < 0) {
        return copy_failed(c, "create", name);
    }
    if (!fs_write_all(to, source->content.ptr, source->content.len, c->err)) {
        return err_wrap(c->err, "write '%s'", name);
    }
    return copy_set_metadata(c, -1, to, &st) || copy_failed(c, "set up", name);
}

static bool copy_one_file(struct copier *c, int from, const struct stat *st, const char *own_name,
                          bool unpack) {
    const char *dir;
    const char *name;
    if (unpack && unpack_is_archive(from)) {
        AUTO_FD folder = copy_open_folder(c, c->destination);
        return folder >= 0 && unpack_added(from, own_name, c->destination, c->owner, c->err);
    }
    place_file(c, own_name, &dir, &name);
    AUTO_FD todir = copy_open_folder(c, dir);
    if (todir < 0) {
        return false;
    }
    const char *shown = path_join(c->arena, dir, name);
    return copy_file(c, from, st, todir, name, shown);
}

bool copy_path(struct copier *c, const char *path, const struct copy_source *source) {
    AUTO_FD from = fs_open_in_root(c->sourcefd, path, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;
    if (from < 0 || fstat(from, &st) < 0) {
        return copy_failed(c, "open", path);
    }
    c->exclude_from = context_exclude_from(path, S_ISDIR(st.st_mode));
    map_init(&c->links, c->arena);
    if (S_ISREG(st.st_mode)) {
        const char *name =
            source->name != NULL ? source->name : str_to_c(c->arena, path_base(str_from_c(path)));
        return context_excludes(c->job->excludes, source->name != NULL ? name : path) ||
               copy_one_file(c, from, &st, name, source->unpack);
    }
    if (!S_ISDIR(st.st_mode)) {
        return err_set(c->err, "'%s' is neither a file nor a folder", path);
    }
    AUTO_FD to = copy_open_folder(c, c->destination);
    if (to < 0 || !copy_children(c, from, path, to, c->destination, 0)) {
        return false;
    }
    /* Of the folder itself only the time is taken: what was copied last decides, not the clock.
     * That of the whole context says when its folder was made on this machine. */
    struct timespec times[2] = { st.st_mtim, st.st_mtim };
    if (!c->job->keep_owner && strcmp(path, ".") == 0) {
        return true;
    }
    return futimens(to, times) == 0 || copy_failed(c, "set up", c->destination);
}

/* ---- sources ---- */

static bool copy_pattern(struct copier *c, const struct copy_source *source) {
    const char *pattern = source->path;
    const char **paths;
    size_t count;
    if (source->parents
            ? !parents_glob(c->arena, c->sourcefd, pattern, source->pivot, c->ignore, &paths,
                            &count, c->err)
            : !context_glob(c->arena, c->sourcefd, pattern, c->ignore, &paths, &count, c->err)) {
        return false;
    }
    if (count == 0) {
        return err_set(c->err, "'%s' is not in the stage or image to copy from", pattern);
    }
    c->destination_is_dir = c->destination_is_dir || count > 1;
    for (size_t i = 0; i < count; i++) {
        if (source->parents) {
            if (!copy_with_parents(c, paths[i], source)) {
                return false;
            }
            continue;
        }
        if (dockerfile_glob_has_wildcard(str_from_c(pattern)) &&
            context_excludes(c->job->excludes, paths[i])) {
            continue;
        }
        if (!copy_path(c, paths[i], source)) {
            return false;
        }
    }
    return true;
}

static bool find_owner(struct copier *c, int rootfd) {
    if (c->job->chown == NULL) {
        return true;
    }
    /* "A UID without GID will use the same numeric UID as the GID" */
    const char *owner = c->job->chown;
    uint64_t number;
    if (str_to_u64(str_from_c(owner), &number)) {
        owner = str_fmt(c->arena, "%s:%s", owner, owner).ptr;
    }
    struct sandbox_ids ids;
    if (!sandbox_find_ids(c->arena, rootfd, owner, &ids, c->err)) {
        return false;
    }
    struct idmaps maps;
    if (!idmaps_load(&maps, c->err)) {
        return false;
    }
    if (!idmap_has(&maps.uids, ids.uid) || !idmap_has(&maps.gids, ids.gid)) {
        return idmaps_refuse(c->job->destination, ids.uid, ids.gid, c->err);
    }
    c->owner.is_set = true;
    c->owner.uid = ids.uid;
    c->owner.gid = ids.gid;
    return true;
}

static bool copy_source(struct copier *c, const struct copy_source *source, int base) {
    bool fetched = source->rootfd > 0;
    c->sourcefd = fetched ? source->rootfd : base;
    c->ignore = fetched ? NULL : c->job->ignore;
    c->may_change = !fetched;
    return source->path == NULL ? copy_heredoc(c, source)
           : fetched            ? copy_path(c, source->path, source)
           : c->job->keep_owner ? copy_pattern(c, source)
           : source->parents    ? copy_with_parents(c, source->path, source)
                                : copy_path(c, source->path, source);
}

bool copy_into_root(void *self, int rootfd, const int *roots, struct err *err) {
    const struct copy_job *job = self;
    struct copier c = {
        .job = job,
        .arena = job->arena,
        .err = err,
        .destination_is_dir = job->destination_is_dir,
    };
    int base = job->sourcefd >= 0 ? job->sourcefd : roots == NULL ? -1 : roots[0];
    if (!find_owner(&c, rootfd)) {
        return false;
    }
    if (fchdir(rootfd) < 0 || chroot(".") < 0) {
        return err_sys(err, errno, "enter the root");
    }
    map_init(&c.parents, c.arena);
    if (!sandbox_confine(err) || !copy_place(c.arena, job->destination, &c.destination, err)) {
        return false;
    }
    for (size_t i = 0; i < job->source_count; i++) {
        const struct copy_source *source = &job->sources[i];
        if (!copy_source(&c, source, base)) {
            return false;
        }
    }
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Copying, in a child process whose "/" is the merged root: links in the destination resolve
 * inside it. Sources are read through an fd of their own root. Dockerfile reference, "COPY".
 */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>

#include "build/internal.h"

enum { COPY_DEPTH_MAX = 256, XATTR_BYTES_MAX = 64 * 1024 };

struct copier {
    const struct copy_job *job;
    struct arena *arena;
    struct err *err;
    int sourcefd;
    const char *destination; /* the job's, its links followed */
    bool destination_is_dir;
    bool has_owner;
    uint32_t uid;
    uint32_t gid;
    /* of the source that is being copied: */
    const struct dockerfile_ignore *ignore;
    bool may_change;     /* the user has it, not the store */
    size_t exclude_from; /* --exclude matches what is behind so many bytes of a path */
    struct map links;    /* "dev:ino" of a file with several names -> path of the first copy */
    struct map parents;  /* paths of folders that --parents has made */
};

/* ---- one entry's metadata ---- */

static void owner_of(const struct copier *c, const struct stat *st, uid_t *uid, gid_t *gid) {
    *uid = c->has_owner ? c->uid : c->job->keep_owner ? st->st_uid : 0;
    *gid = c->has_owner ? c->gid : c->job->keep_owner ? st->st_gid : 0;
}

static mode_t mode_of(const struct copier *c, const struct stat *st) {
    uint32_t mode = st->st_mode & 07777;
    if (c->job->chmod != NULL) {
        (void)!chmod_apply(str_from_c(c->job->chmod), mode, S_ISDIR(st->st_mode), &mode);
    }
    return mode;
}

static bool copy_xattrs(int from, int to) {
    char names[XATTR_BYTES_MAX];
    static char value[XATTR_BYTES_MAX];
    ssize_t len = flistxattr(from, names, sizeof names);
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        const char *name = names + at;
        ssize_t n = context_takes_xattr(name) ? fgetxattr(from, name, value, sizeof value) : -1;
        if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != ENOTSUP) {
            return false;
        }
    }
    return true;
}

/* The owner first: chown clears setuid bits and capabilities. `from` is -1 for what has no source.
 */
static bool set_metadata(const struct copier *c, int from, int to, const struct stat *st) {
    uid_t uid;
    gid_t gid;
    owner_of(c, st, &uid, &gid);
    struct timespec times[2] = { st->st_mtim, st->st_mtim };
    return fchown(to, uid, gid) == 0 && (from < 0 || copy_xattrs(from, to)) &&
           fchmod(to, mode_of(c, st)) == 0 && futimens(to, times) == 0;
}

static bool failed(const struct copier *c, const char *what, const char *path) {
    return err_sys(c->err, errno, "%s '%s'", what, path);
}

/* ---- entries ---- */

static bool copy_entry(struct copier *c, int fromdir, const char *name, const char *source_path,
                       int todir, const char *to_name, const char *to_path, int depth);

/* Whatever was there makes room; a folder does not. */
static bool make_room(const struct copier *c, int todir, const char *name, const char *path) {
    struct stat st;
    if (fstatat(todir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT || failed(c, "look at", path);
    }
    if (S_ISDIR(st.st_mode)) {
        return err_set(c->err, "cannot replace the folder '%s' by a file", path);
    }
    return unlinkat(todir, name, 0) == 0 || failed(c, "replace", path);
}

static bool is_later(struct timespec a, struct timespec b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/* The key was made of what the file held then. (A time in the future is of another clock.) */
static bool changed_since(const struct copier *c, int from) {
    struct stat st;
    struct timespec now;
    return c->may_change && c->job->looked_at.tv_sec > 0 && fstat(from, &st) == 0 &&
           is_later(st.st_ctim, c->job->looked_at) && clock_gettime(CLOCK_REALTIME, &now) == 0 &&
           !is_later(st.st_ctim, now);
}

static bool copy_content(struct copier *c, int from, const struct stat *st, int todir,
                         const char *name, const char *path) {
    AUTO_FD to = openat(todir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0) {
        return failed(c, "create", path);
    }
    if (!fs_copy_fd(from, to, c->err)) {
        return err_wrap(c->err, "copy to '%s'", path);
    }
    if (changed_since(c, from)) {
        err_set(c->err, "the source of '%s' was changed during the build", path);
        return err_help(c->err, "build again");
    }
    return set_metadata(c, from, to, st) || failed(c, "set up", path);
}

/* A source with several names stays one file. */
static bool link_known(struct copier *c, const struct stat *st, int todir, const char *name,
                       const char *path, bool *ret_done) {
    *ret_done = false;
    if (st->st_nlink < 2) {
        return true;
    }
    str key = str_fmt(c->arena, "%llx:%llx", (unsigned long long)st->st_dev,
                      (unsigned long long)st->st_ino);
    const char *first = map_find(&c->links, key);
    if (first == NULL) {
        map_put(&c->links, key, (void *)str_to_c(c->arena, str_from_c(path)));
        return true;
    }
    *ret_done = true;
    return linkat(AT_FDCWD, first, todir, name, 0) == 0 || failed(c, "link", path);
}

static bool copy_file(struct copier *c, int from, const struct stat *st, int todir,
                      const char *name, const char *path) {
    bool done;
    return make_room(c, todir, name, path) && link_known(c, st, todir, name, path, &done) &&
           (done || copy_content(c, from, st, todir, name, path));
}

static bool copy_link(struct copier *c, int fromdir, const char *name, const struct stat *st,
                      int todir, const char *to_name, const char *to_path) {
    char target[PATH_MAX];
    uid_t uid;
    gid_t gid;
    owner_of(c, st, &uid, &gid);
    struct timespec times[2] = { st->st_mtim, st->st_mtim };
    ssize_t n = readlinkat(fromdir, name, target, sizeof target - 1);
    if (n < 0) {
        return failed(c, "read the link", to_path);
    }
    target[n] = '\0';
    if (!make_room(c, todir, to_name, to_path)) {
        return false;
    }
    return (symlinkat(target, todir, to_name) == 0 &&
            fchownat(todir, to_name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 &&
            utimensat(todir, to_name, times, AT_SYMLINK_NOFOLLOW) == 0) ||
           failed(c, "create the link", to_path);
}

static bool copy_special(struct copier *c, const struct stat *st, int todir, const char *name,
                         const char *path) {
    if (S_ISSOCK(st->st_mode)) {
        return true; /* means nothing without its process */
    }
    uid_t uid;
    gid_t gid;
    owner_of(c, st, &uid, &gid);
    struct timespec times[2] = { st->st_mtim, st->st_mtim };
    return make_room(c, todir, name, path) &&
           ((mknodat(todir, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) == 0 &&
             fchownat(todir, name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 &&
             fchmodat(todir, name, mode_of(c, st), 0) == 0 &&
             utimensat(todir, name, times, AT_SYMLINK_NOFOLLOW) == 0) ||
            failed(c, "create", path) || (c->err->code == EPERM && devices_help(c->err)));
}

static bool copy_children(struct copier *c, int from, const char *source_path, int to,
                          const char *to_path, int depth) {
    if (depth > COPY_DEPTH_MAX) {
        return err_set(c->err, "more than %d folders in each other: '%s'", COPY_DEPTH_MAX,
                       source_path);
    }
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    if (!fs_list(scratch, from, ".", &names, &count, c->err)) {
        return err_wrap(c->err, "read folder '%s'", source_path);
    }
    for (size_t i = 0; i < count; i++) {
        const char *below = path_join(scratch, source_path, names[i]);
        const char *to_below = path_join(scratch, to_path, names[i]);
        if (!copy_entry(c, from, names[i], below, to, names[i], to_below, depth)) {
            return false;
        }
    }
    return true;
}

static bool copy_folder(struct copier *c, int fromdir, const char *name, const char *source_path,
                        const struct stat *st, int todir, const char *to_name, const char *to_path,
                        bool only_passage, int depth) {
    AUTO_FD from = openat(fromdir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0) {
        return failed(c, "open folder", source_path);
    }
    bool made = mkdirat(todir, to_name, 0700) == 0;
    if (!made && errno != EEXIST) {
        return failed(c, "create folder", to_path);
    }
    AUTO_FD to = openat(todir, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0) {
        return errno == ENOTDIR || errno == ELOOP
                   ? err_set(c->err, "cannot replace '%s' by a folder", to_path)
                   : failed(c, "open folder", to_path);
    }
    if (!copy_children(c, from, source_path, to, to_path, depth + 1)) {
        return false;
    }
    /* Entered for the sake of what an exception may name in it, and nothing was there. */
    if (made && only_passage && unlinkat(todir, to_name, AT_REMOVEDIR) == 0) {
        return true;
    }
    return set_metadata(c, from, to, st) || failed(c, "set up", to_path);
}

static bool copy_entry(struct copier *c, int fromdir, const char *name, const char *source_path,
                       int todir, const char *to_name, const char *to_path, int depth) {
    struct stat st;
    if (fstatat(fromdir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return failed(c, "read", source_path);
    }
    enum context_part part = context_part_of(c->ignore, c->job->excludes, source_path,
                                             c->exclude_from, S_ISDIR(st.st_mode));
    if (part == CONTEXT_LEFT_OUT) {
        return true;
    }
    switch (st.st_mode & S_IFMT) {
    case S_IFREG: {
        AUTO_FD from = openat(fromdir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        return from < 0 ? failed(c, "open", source_path)
                        : copy_file(c, from, &st, todir, to_name, to_path);
    }
    case S_IFDIR:
        return copy_folder(c, fromdir, name, source_path, &st, todir, to_name, to_path,
                           part == CONTEXT_PASSAGE, depth);
    case S_IFLNK:
        return copy_link(c, fromdir, name, &st, todir, to_name, to_path);
    default:
        return copy_special(c, &st, todir, to_name, to_path);
    }
}

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
            if (c->has_owner && chown(part, c->uid, c->gid) < 0) {
                return failed(c, "set up", part);
            }
            struct timespec times[2] = { c->job->now, c->job->now };
            utimensat(AT_FDCWD, part, times, 0);
        } else if (errno != EEXIST) {
            return failed(c, "create folder", part);
        }
    }
    return fs_is_dir(AT_FDCWD, path) ||
           err_set(c->err, "the destination '%s' is not a folder", path);
}

static int open_folder(const struct copier *c, const char *path) {
    int fd = make_folders(c, path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0 && !err_is_set(c->err)) {
        failed(c, "open folder", path);
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
    AUTO_FD todir = open_folder(c, dir);
    if (todir < 0 || !make_room(c, todir, name, name)) {
        return false;
    }
    AUTO_FD to = openat(todir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    struct stat st = { .st_mode = S_IFREG | 0644, .st_mtim = c->job->now };
    if (to < 0) {
        return failed(c, "create", name);
    }
    if (!fs_write_all(to, source->content.ptr, source->content.len, c->err)) {
        return err_wrap(c->err, "write '%s'", name);
    }
    return set_metadata(c, -1, to, &st) || failed(c, "set up", name);
}

static bool copy_one_file(struct copier *c, int from, const struct stat *st, const char *own_name,
                          bool unpack) {
    const char *dir;
    const char *name;
    if (unpack && unpack_is_archive(from)) {
        AUTO_FD folder = open_folder(c, c->destination);
        return folder >= 0 &&
               unpack_archive(from, own_name, c->destination, c->has_owner, c->uid, c->gid, c->err);
    }
    place_file(c, own_name, &dir, &name);
    AUTO_FD todir = open_folder(c, dir);
    if (todir < 0) {
        return false;
    }
    const char *shown = path_join(c->arena, dir, name);
    return copy_file(c, from, st, todir, name, shown);
}

/* A path that names a source is followed when it is a link, inside the source's root. */
static bool copy_path(struct copier *c, const char *path, const struct copy_source *source) {
    AUTO_FD from = fs_open_in_root(c->sourcefd, path, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;
    if (from < 0 || fstat(from, &st) < 0) {
        return failed(c, "open", path);
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
    AUTO_FD to = open_folder(c, c->destination);
    if (to < 0 || !copy_children(c, from, path, to, c->destination, 0)) {
        return false;
    }
    /* Of the folder itself only the time is taken: what was copied last decides, not the clock. */
    struct timespec times[2] = { st.st_mtim, st.st_mtim };
    return futimens(to, times) == 0 || failed(c, "set up", c->destination);
}

/* ---- --parents ---- */

/* One folder after the other down to the source, which is copied; then their times are right. A
 * folder that was there stays as it is. */
static bool copy_below_parent(struct copier *c, const char *path, size_t at, int to,
                              const char *to_path, int depth) {
    str rest = str_slice(str_from_c(path), at, SIZE_MAX);
    size_t slash = str_find_char(rest, '/', 0);
    const char *name = str_to_c(c->arena, str_slice(rest, 0, slash));
    const char *to_below = path_join(c->arena, to_path, name);
    if (slash == STR_NONE) {
        const char *dir = str_to_c(c->arena, path_dir(str_from_c(path)));
        AUTO_FD from = fs_open_in_root(c->sourcefd, dir, O_RDONLY | O_DIRECTORY, 0);
        return from < 0 ? failed(c, "open folder", dir)
                        : copy_entry(c, from, name, path, to, name, to_below, 0);
    }
    if (depth > COPY_DEPTH_MAX) {
        return err_set(c->err, "more than %d folders in each other: '%s'", COPY_DEPTH_MAX, path);
    }
    const char *so_far = str_to_c(c->arena, str_slice(str_from_c(path), 0, at + slash));
    struct stat st;
    AUTO_FD from = fs_open_in_root(c->sourcefd, so_far, O_RDONLY | O_DIRECTORY, 0);
    if (from < 0 || fstat(from, &st) < 0) {
        return failed(c, "open folder", so_far);
    }
    if (mkdirat(to, name, 0700) == 0) {
        map_put(&c->parents, str_from_c(to_below), c);
    } else if (errno != EEXIST) {
        return failed(c, "create folder", to_below);
    }
    /* "/" is the destination's root: a link there cannot leave it */
    AUTO_FD below = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (below < 0) {
        return errno == ENOTDIR ? err_set(c->err, "cannot replace '%s' by a folder", to_below)
                                : failed(c, "open folder", to_below);
    }
    return copy_below_parent(c, path, at + slash + 1, below, to_below, depth + 1) &&
           (!map_has(&c->parents, str_from_c(to_below)) || set_metadata(c, from, below, &st) ||
            failed(c, "set up", to_below));
}

static bool copy_with_parents(struct copier *c, const char *path,
                              const struct copy_source *source) {
    size_t kept = parents_offset(path, source->pivot);
    if (path[kept] == '\0' || strcmp(path, ".") == 0) {
        return copy_path(c, path, source);
    }
    c->exclude_from = kept;
    map_init(&c->links, c->arena);
    if (context_part_of(c->ignore, c->job->excludes, path, kept, true) == CONTEXT_LEFT_OUT) {
        return true;
    }
    AUTO_FD to = open_folder(c, c->destination);
    return to >= 0 && copy_below_parent(c, path, kept, to, c->destination, 0);
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
    c->has_owner = true;
    c->uid = ids.uid;
    c->gid = ids.gid;
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
    if (!copy_place(c.arena, job->destination, &c.destination, err)) {
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

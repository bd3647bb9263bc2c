// SPDX-License-Identifier: Apache-2.0
/* COPY --parents: which part of a source's path is kept, and the paths that a pattern means. */
#include <errno.h>

#include "embedded/internal.h"

enum { DEPTH_MAX = 256 };

static str below_root(struct arena *a, str path) {
    str clean = path_clean(a, str_concat(a, S("/"), path));
    return str_slice(clean, 1, clean.len);
}

static size_t count_names(str path) {
    size_t count = 0;
    while (path.len > 0) {
        str_cut(&path, '/');
        count++;
    }
    return count;
}

void parents_split(struct arena *a, str source, const char **ret_pattern, size_t *ret_pivot) {
    size_t at = str_find(source, S("/./"), 0);
    str before = at == STR_NONE ? S("") : below_root(a, str_slice(source, 0, at));
    str kept = below_root(a, at == STR_NONE ? source : str_slice(source, at + 3, source.len));
    str whole = before.len == 0 ? kept
                : kept.len == 0 ? before
                                : str_fmt(a, "%.*s/%.*s", STR_FMT(before), STR_FMT(kept));
    *ret_pattern = whole.len == 0 ? "." : str_to_c(a, whole);
    *ret_pivot = count_names(before);
}

size_t parents_offset(const char *path, size_t pivot) {
    size_t at = 0;
    for (size_t i = 0; i < pivot && path[at] != '\0'; i++) {
        while (path[at] != '\0' && path[at] != '/') {
            at++;
        }
        at += path[at] == '/' ? 1 : 0;
    }
    return at;
}

/* ---- "**" ---- */

struct deep {
    struct arena *arena;
    int rootfd;
    str pattern; /* below the folder the search began in, */
    size_t from; /* whose path, with its slash, has so many bytes */
    const struct dockerfile_ignore *ignore;
    const char **paths;
    size_t count;
    size_t cap;
    struct err *err;
};

static bool deep_below(struct deep *d, const char *dir, int depth);

/* What is found is taken whole, so nothing below it is looked for. */
static bool deep_entry(struct deep *d, int dirfd, const char *name, const char *path, int depth) {
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_sys(d->err, errno, "read '%s'", path);
    }
    bool is_dir = S_ISDIR(st.st_mode);
    if (context_part_of(d->ignore, NULL, path, 0, is_dir) == CONTEXT_LEFT_OUT) {
        return true;
    }
    if (dockerfile_glob_match_deep(d->pattern, str_from_c(path + d->from))) {
        ARENA_PUSH(d->arena, d->paths, d->count, d->cap, path);
        return true;
    }
    return !is_dir || deep_below(d, path, depth + 1);
}

static bool deep_below(struct deep *d, const char *dir, int depth) {
    if (depth > DEPTH_MAX) {
        return err_set(d->err, "folders are nested more than %d deep: '%s'", DEPTH_MAX, dir);
    }
    AUTO_FD fd = fs_open_in_root(d->rootfd, dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ||
               err_sys(d->err, errno, "list folder '%s'", dir);
    }
    const char **names;
    size_t count;
    if (!fs_list(d->arena, fd, ".", &names, &count, d->err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!deep_entry(d, fd, names[i], path_join(d->arena, dir, names[i]), depth)) {
            return false;
        }
    }
    return true;
}

/* Where the first name with "**" begins after the pivot. */
static size_t find_deep(str pattern, size_t kept) {
    size_t at = str_find(pattern, S("**"), kept);
    if (at == STR_NONE) {
        return STR_NONE;
    }
    while (at > kept && pattern.ptr[at - 1] != '/') {
        at--;
    }
    return at;
}

bool parents_glob(struct arena *a, int rootfd, const char *pattern, size_t pivot,
                  const struct dockerfile_ignore *ignore, const char ***ret, size_t *ret_count,
                  struct err *err) {
    str whole = str_from_c(pattern);
    size_t at = find_deep(whole, parents_offset(pattern, pivot));
    if (at == STR_NONE) {
        return context_glob(a, rootfd, pattern, ignore, ret, ret_count, err);
    }
    const char **tops;
    size_t top_count;
    const char *top = str_to_c(a, str_slice(whole, 0, at));
    /* What .dockerignore says of a folder is not what it says of all that is in it. */
    if (!context_glob(a, rootfd, top, NULL, &tops, &top_count, err)) {
        return false;
    }
    struct deep d = {
        .arena = a,
        .rootfd = rootfd,
        .pattern = str_slice(whole, at, whole.len),
        .ignore = ignore,
        .err = err,
    };
    for (size_t i = 0; i < top_count; i++) {
        d.from = str_eq(str_from_c(tops[i]), S(".")) ? 0 : str_from_c(tops[i]).len + 1;
        if (!deep_below(&d, tops[i], 0)) {
            return false;
        }
    }
    *ret = d.paths;
    *ret_count = d.count;
    return true;
}

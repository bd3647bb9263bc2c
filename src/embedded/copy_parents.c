// SPDX-License-Identifier: Apache-2.0
/* COPY --parents: the folders that lead to a source are made in the destination. */
#include <errno.h>
#include <string.h>

#include "embedded/copy.h"

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
        return from < 0 ? copy_failed(c, "open folder", dir)
                        : copy_entry(c, from, name, path, to, name, to_below, 0);
    }
    if (depth > COPY_DEPTH_MAX) {
        return err_set(c->err, "folders are nested more than %d deep: '%s'", COPY_DEPTH_MAX, path);
    }
    const char *so_far = str_to_c(c->arena, str_slice(str_from_c(path), 0, at + slash));
    struct stat st;
    AUTO_FD from = fs_open_in_root(c->sourcefd, so_far, O_RDONLY | O_DIRECTORY, 0);
    if (from < 0 || fstat(from, &st) < 0) {
        return copy_failed(c, "open folder", so_far);
    }
    if (mkdirat(to, name, 0700) == 0) {
        map_put(&c->parents, str_from_c(to_below), c);
    } else if (errno != EEXIST) {
        return copy_failed(c, "create folder", to_below);
    }
    /* "/" is the destination's root: a link there cannot leave it */
    AUTO_FD below = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (below < 0) {
        return errno == ENOTDIR ? err_set(c->err, "cannot replace '%s' with a folder", to_below)
                                : copy_failed(c, "open folder", to_below);
    }
    return copy_below_parent(c, path, at + slash + 1, below, to_below, depth + 1) &&
           (!map_has(&c->parents, str_from_c(to_below)) || copy_set_metadata(c, from, below, &st) ||
            copy_failed(c, "set up", to_below));
}

bool copy_with_parents(struct copier *c, const char *path, const struct copy_source *source) {
    size_t kept = parents_offset(path, source->pivot);
    if (path[kept] == '\0' || strcmp(path, ".") == 0) {
        return copy_path(c, path, source);
    }
    c->exclude_from = kept;
    map_init(&c->links, c->arena);
    if (context_part_of(c->ignore, c->job->excludes, path, kept, true) == CONTEXT_LEFT_OUT) {
        return true;
    }
    AUTO_FD to = copy_open_folder(c, c->destination);
    return to >= 0 && copy_below_parent(c, path, kept, to, c->destination, 0);
}

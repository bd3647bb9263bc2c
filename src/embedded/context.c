// SPDX-License-Identifier: Apache-2.0
/* The build context: what COPY can name, and the digest of what it would bring. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "embedded/internal.h"

enum { IGNORE_BYTES_MAX = 4 * 1024 * 1024, DEPTH_MAX = 256, XATTR_BYTES_MAX = 64 * 1024 };

/* ---- opening ---- */

/* "Dockerfile.dockerignore" beside the Dockerfile wins over ".dockerignore" in the context. */
static bool load_ignore(struct builder *b, struct build_context *context, const char *path,
                        bool *ret_found) {
    str text;
    struct err err = ERR_INIT;
    if (!fs_load(b->arena, AT_FDCWD, path, IGNORE_BYTES_MAX, &text, &err)) {
        *ret_found = false;
        if (err.code == ENOENT || err.code == ENOTDIR) {
            return true;
        }
        if (b->err != NULL) {
            *b->err = err;
        }
        return false;
    }
    *ret_found = true;
    uint32_t source = sources_add(b->request->sources, str_from_c(path), text);
    return dockerfile_ignore_parse(b->arena, b->sink, source, &context->ignore);
}

static bool open_folder(struct builder *b, struct build_context *context, const char *dir) {
    context->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *absolute = realpath(dir, NULL);
    if (context->fd < 0 || absolute == NULL) {
        return err_sys(b->err, errno, "open the build context '%s'", dir);
    }
    context->path = str_to_c(b->arena, str_from_c(absolute));
    free(absolute);
    return true;
}

bool context_open(struct builder *b) {
    b->context = ARENA_NEW(b->arena, struct build_context);
    b->context->fd = -1;
    const char *dir = b->request->context;
    if (dir == NULL) {
        return true;
    }
    if (!open_folder(b, b->context, dir)) {
        return false;
    }
    str dockerfile = b->request->sources->items[b->request->dockerfile]->path;
    str own = str_fmt(b->arena, "%.*s.dockerignore", STR_FMT(dockerfile));
    bool found = false;
    if (!load_ignore(b, b->context, own.ptr, &found)) {
        return false;
    }
    return found || load_ignore(b, b->context, path_join(b->arena, dir, ".dockerignore"), &found);
}

bool context_open_folder(struct builder *b, const char *dir, struct build_context *ret) {
    bool found;
    *ret = (struct build_context){ .fd = -1 };
    return open_folder(b, ret, dir) &&
           load_ignore(b, ret, path_join(b->arena, dir, ".dockerignore"), &found);
}

void context_close(struct build_context *context) {
    if (context != NULL) {
        fd_close_auto(&context->fd);
        context->fd = -1;
    }
}

/* ---- wildcards ---- */

struct glob {
    struct arena *arena;
    int rootfd;
    const struct dockerfile_ignore *ignore;
    const char **paths;
    size_t count;
    size_t cap;
    struct err *err;
};

static bool is_ignored(const struct dockerfile_ignore *ignore, const char *path) {
    return ignore != NULL && strcmp(path, ".") != 0 &&
           dockerfile_ignore_match(ignore, str_from_c(path));
}

/* One component of the pattern at a time, so that only folders that match are listed. */
static bool glob_below(struct glob *g, const char *dir, str pattern) {
    str rest = pattern;
    str part = str_cut(&rest, '/');
    if (!dockerfile_glob_has_wildcard(part)) {
        const char *path = path_join(g->arena, dir, str_to_c(g->arena, part));
        if (rest.ptr != NULL) {
            return glob_below(g, path, rest);
        }
        AUTO_FD fd = fs_open_in_root(g->rootfd, path, O_PATH | O_NOFOLLOW, 0);
        if (fd >= 0) {
            ARENA_PUSH(g->arena, g->paths, g->count, g->cap, path);
        }
        return true;
    }
    AUTO_FD fd = fs_open_in_root(g->rootfd, dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ||
               err_sys(g->err, errno, "list folder '%s'", dir);
    }
    const char **names;
    size_t count;
    if (!fs_list(g->arena, fd, ".", &names, &count, g->err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!dockerfile_glob_match(part, str_from_c(names[i]))) {
            continue;
        }
        const char *path = path_join(g->arena, dir, names[i]);
        if (rest.ptr != NULL) {
            if (!glob_below(g, path, rest)) {
                return false;
            }
        } else if (!is_ignored(g->ignore, path)) {
            ARENA_PUSH(g->arena, g->paths, g->count, g->cap, path);
        }
    }
    return true;
}

bool context_glob(struct arena *a, int rootfd, const char *pattern,
                  const struct dockerfile_ignore *ignore, const char ***ret, size_t *ret_count,
                  struct err *err) {
    struct glob g = { .arena = a, .rootfd = rootfd, .ignore = ignore, .err = err };
    /* As if the context were "/": what climbs above it starts at it again. */
    str clean = path_clean(a, str_concat(a, S("/"), str_from_c(pattern)));
    clean = str_slice(clean, 1, clean.len);
    if (clean.len == 0) {
        const char *root = ".";
        ARENA_PUSH(a, g.paths, g.count, g.cap, root);
    } else if (!glob_below(&g, ".", clean)) {
        return false;
    }
    *ret = g.paths;
    *ret_count = g.count;
    return true;
}

/* ---- what is left out ---- */

enum context_part context_part_of(const struct dockerfile_ignore *ignore,
                                  const struct dockerfile_ignore *excludes, const char *path,
                                  size_t exclude_from, bool is_dir) {
    const struct {
        const struct dockerfile_ignore *list;
        const char *path;
    } rules[] = { { excludes, path + exclude_from }, { ignore, path } };
    enum context_part part = CONTEXT_TAKEN;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (!is_ignored(rules[i].list, rules[i].path)) {
            continue;
        }
        if (!is_dir || !dockerfile_ignore_may_reinclude(rules[i].list, str_from_c(rules[i].path))) {
            return CONTEXT_LEFT_OUT;
        }
        part = CONTEXT_PASSAGE;
    }
    return part;
}

size_t context_exclude_from(const char *source, bool is_dir) {
    if (strcmp(source, ".") == 0) {
        return 0;
    }
    if (is_dir) {
        return strlen(source) + 1;
    }
    const char *slash = strrchr(source, '/');
    return slash == NULL ? 0 : (size_t)(slash - source) + 1;
}

bool context_excludes(const struct dockerfile_ignore *excludes, const char *source) {
    return is_ignored(excludes, source + context_exclude_from(source, false));
}

/* ---- digests ---- */

struct walk {
    struct builder *builder;
    const struct dockerfile_ignore *ignore;
    const struct dockerfile_ignore *excludes;
    size_t exclude_from;
    bool partly; /* .dockerignore left something out */
    struct store_key_hash *key;
    struct err *err;
};

/* Most files have none: one system call. */
static void digest_xattrs(struct walk *w, int fd) {
    static char names[XATTR_BYTES_MAX];
    static char value[XATTR_BYTES_MAX];
    ssize_t len = flistxattr(fd, names, sizeof names);
    store_key_list(w->key);
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t n =
            unpack_takes_xattr(names + at) ? fgetxattr(fd, names + at, value, sizeof value) : -1;
        if (n >= 0) {
            store_key_add(w->key, str_from_c(names + at));
            store_key_add(w->key, (str){ value, (size_t)n });
        }
    }
    store_key_list_end(w->key);
}

static bool digest_entry(struct walk *w, int dirfd, const char *name, const char *path, int depth);

static bool digest_folder(struct walk *w, int fd, const char *path, int depth) {
    if (depth > DEPTH_MAX) {
        return err_set(w->err, "folders are nested more than %d deep: '%s'", DEPTH_MAX, path);
    }
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    if (!fs_list(scratch, fd, ".", &names, &count, w->err)) {
        return err_wrap(w->err, "read folder '%s' of the build context", path);
    }
    store_key_list(w->key);
    for (size_t i = 0; i < count; i++) {
        const char *below = path_join(scratch, path, names[i]);
        if (!digest_entry(w, fd, names[i], below, depth)) {
            return false;
        }
    }
    store_key_list_end(w->key);
    return true;
}

static bool digest_file(struct walk *w, int dirfd, const char *name, const char *path) {
    AUTO_FD fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    uint8_t digest[STORE_DIGEST_BYTES];
    if (fd < 0) {
        return err_sys(w->err, errno, "open '%s' in the build context", path);
    }
    if (!store_file_digest(w->builder->request->store, fd, digest, w->err)) {
        return err_wrap(w->err, "read '%s' in the build context", path);
    }
    store_key_add(w->key, (str){ (const char *)digest, sizeof digest });
    digest_xattrs(w, fd);
    return true;
}

static bool digest_link(struct walk *w, int dirfd, const char *name, const char *path) {
    char target[PATH_MAX];
    ssize_t n = readlinkat(dirfd, name, target, sizeof target);
    if (n < 0) {
        return err_sys(w->err, errno, "read the link '%s' in the build context", path);
    }
    store_key_add(w->key, (str){ target, (size_t)n });
    return true;
}

static bool digest_entry(struct walk *w, int dirfd, const char *name, const char *path, int depth) {
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_sys(w->err, errno, "read '%s' in the build context", path);
    }
    bool is_dir = S_ISDIR(st.st_mode);
    if (context_part_of(w->ignore, w->excludes, path, w->exclude_from, is_dir) ==
        CONTEXT_LEFT_OUT) {
        w->partly = true;
        return true;
    }
    store_key_add(w->key, str_from_c(name));
    store_key_add_u64(w->key, st.st_mode);
    if (S_ISREG(st.st_mode)) {
        return digest_file(w, dirfd, name, path);
    }
    if (S_ISLNK(st.st_mode)) {
        return digest_link(w, dirfd, name, path);
    }
    if (!is_dir) {
        store_key_add_u64(w->key, st.st_rdev);
        return true;
    }
    AUTO_FD fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(w->err, errno, "open folder '%s' in the build context", path);
    }
    digest_xattrs(w, fd);
    return digest_folder(w, fd, path, depth + 1);
}

/* The path itself is followed when it is a link, within the context; links below it are not. */
bool context_digest(struct builder *b, const struct build_context *context, const char *path,
                    const struct dockerfile_ignore *excludes, struct store_key_hash *key,
                    bool *ret_partly, struct err *err) {
    struct walk w = {
        .builder = b,
        .ignore = context->ignore,
        .excludes = excludes,
        .key = key,
        .err = err,
    };
    AUTO_FD fd = fs_open_in_root(context->fd, path, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "open '%s' in the build context", path);
    }
    bool is_dir = S_ISDIR(st.st_mode);
    if (context_part_of(w.ignore, NULL, path, 0, is_dir) == CONTEXT_LEFT_OUT) {
        err_sys(err, ENOENT, "open '%s' in the build context", path);
        return err_help(err, ".dockerignore excludes it");
    }
    w.exclude_from = context_exclude_from(path, is_dir);
    store_key_add_u64(key, st.st_mode);
    digest_xattrs(&w, fd);
    if (is_dir) {
        bool ok = digest_folder(&w, fd, path, 0);
        if (ret_partly != NULL) {
            *ret_partly = w.partly;
        }
        return ok;
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, "'%s' in the build context is neither a file nor a folder", path);
    }
    uint8_t digest[STORE_DIGEST_BYTES];
    if (!store_file_digest(b->request->store, fd, digest, err)) {
        return err_wrap(err, "read '%s' in the build context", path);
    }
    store_key_add(key, (str){ (const char *)digest, sizeof digest });
    return true;
}

static bool digest_parent(struct walk *w, int rootfd, const char *path) {
    AUTO_FD fd = fs_open_in_root(rootfd, path, O_RDONLY | O_DIRECTORY, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(w->err, errno, "open folder '%s' in the build context", path);
    }
    store_key_add_u64(w->key, st.st_mode);
    digest_xattrs(w, fd);
    return true;
}

bool context_digest_parents(struct builder *b, const char *path, size_t kept,
                            const struct dockerfile_ignore *excludes, struct store_key_hash *key,
                            struct err *err) {
    struct walk w = {
        .builder = b,
        .ignore = b->context->ignore,
        .excludes = excludes,
        .exclude_from = kept,
        .key = key,
        .err = err,
    };
    if (path[kept] == '\0' || strcmp(path, ".") == 0) {
        return context_digest(b, b->context, path, excludes, key, NULL, err);
    }
    str whole = str_from_c(path);
    store_key_list(key);
    for (size_t end = kept; (end = str_find_char(whole, '/', end)) != STR_NONE; end++) {
        const char *parent = str_to_c(b->arena, str_slice(whole, 0, end));
        if (!digest_parent(&w, b->context->fd, parent)) {
            return false;
        }
    }
    store_key_list_end(key);
    const char *dir = str_to_c(b->arena, path_dir(whole));
    AUTO_FD fd = fs_open_in_root(b->context->fd, dir, O_PATH | O_DIRECTORY, 0);
    const char *name = str_to_c(b->arena, path_base(whole));
    return fd < 0 ? err_sys(err, errno, "open folder '%s' in the build context", dir)
                  : digest_entry(&w, fd, name, path, 0);
}

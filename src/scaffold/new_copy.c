// SPDX-License-Identifier: Apache-2.0
#include "scaffold/internal.h"

#include <errno.h>
#include <string.h>

/* Written by new_guest.c, each in its own way. */
static bool is_written(str path) {
    static const str folders[] = { S_INIT("config/ai/"), S_INIT("config/packages/"),
                                   S_INIT("config/mcp/") };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        bool inside = str_starts(path, folders[i]) && str_ends(path, S(".toml"));
        if (inside && str_find_char(path, '/', folders[i].len) == STR_NONE) {
            return true;
        }
    }
    return str_eq(path, S("config/build.toml")) || str_eq(path, S("config/manifest.toml"));
}

/* A kernel configuration that belongs to none of the chosen architectures, but to another; or a
 * part that was not chosen. */
static bool is_left_out(const struct scaffold_guest *g, str path) {
    bool known = false;
    for (size_t i = 0; i < new_part_count; i++) {
        if (str_eq(path, str_from_c(new_parts[i].path))) {
            return !g->menus[NEW_PARTS].items[i].chosen;
        }
    }
    for (size_t i = 0; i < g->from.build.architectures.len; i++) {
        const struct config_architecture *arch = &g->from.build.architectures.items[i];
        str file =
            path_clean(g->arena, str_fmt(g->arena, "config/%.*s", STR_FMT(arch->defconfig.text)));
        if (str_eq(file, path)) {
            known = true;
            if (g->menus[NEW_ARCHITECTURES].items[i].chosen) {
                return false;
            }
        }
    }
    return known;
}

static bool copy_file(const char *from, const char *to, mode_t mode, struct err *err) {
    AUTO_FD in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    if (in < 0 || fstat(in, &st) != 0) {
        return err_sys(err, errno, "open '%s'", from);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, "'%s' is neither a file, a folder nor a link to a file", from);
    }
    AUTO_FD out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (out < 0) {
        return err_sys(err, errno, "create '%s'", to);
    }
    return fs_copy_fd(in, out, err) || err_wrap(err, "copy '%s'", from);
}

/* A link that stays where it is; any other becomes a copy of its file. */
static bool copy_link(const char *from, const char *to, struct err *err) {
    char text[PATH_MAX];
    ssize_t n = readlinkat(AT_FDCWD, from, text, sizeof text - 1);
    if (n < 0) {
        return err_sys(err, errno, "read the link '%s'", from);
    }
    text[n] = '\0';
    if (text[0] == '/' || strstr(text, "..") != NULL) {
        return copy_file(from, to, 0644, err);
    }
    return symlinkat(text, AT_FDCWD, to) == 0 || err_sys(err, errno, "create '%s'", to);
}

/* What Cargo compiled, for one: https://bford.info/cachedir/ */
static bool is_cache(struct arena *a, const char *folder) {
    return fs_exists(AT_FDCWD, path_join(a, folder, "CACHEDIR.TAG"));
}

/* `path` is below the new guest folder. */
static bool copy_folder(const struct scaffold_guest *g, const struct scaffold *s,
                        const char *folder, const char *path, struct err *err) {
    struct arena *a = g->arena;
    const char **names;
    size_t count;
    if (!fs_mkdir_p(AT_FDCWD, path_join(a, s->stage, path), 0755, err) ||
        !fs_list(a, AT_FDCWD, folder, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = path_join(a, path, names[i]);
        const char *from = path_join(a, folder, names[i]);
        const char *to = path_join(a, s->stage, name);
        struct stat st;
        if (*g->interrupted != 0) {
            return err_set(err, "interrupted");
        }
        if (is_written(str_from_c(name)) || is_left_out(g, str_from_c(name))) {
            continue;
        }
        if (fstatat(AT_FDCWD, from, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            return err_sys(err, errno, "look at '%s'", from);
        }
        if (S_ISDIR(st.st_mode) && is_cache(a, from)) {
            continue;
        }
        bool ok = S_ISDIR(st.st_mode)   ? copy_folder(g, s, from, name, err)
                  : S_ISLNK(st.st_mode) ? copy_link(from, to, err)
                                        : copy_file(from, to, st.st_mode & 0111 ? 0755 : 0644, err);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* A certificate that lies beside the other folder is not beside this one. */
static bool copy_certificate(const struct scaffold_guest *g, const struct scaffold *s,
                             struct err *err) {
    const char *from = g->from.certificate;
    const char *folder = path_join(g->arena, s->stage, "artifacts");
    const char *to = path_join(g->arena, folder, "capsem-ca.crt");
    bool wanted = from != NULL && fs_is_dir(AT_FDCWD, folder) && !fs_exists(AT_FDCWD, to);
    return !wanted || copy_file(from, to, 0644, err);
}

bool new_copy_files(const struct scaffold_guest *g, const struct scaffold *s, struct err *err) {
    /* The sources of guest binaries become agent/, wherever the other folder has them. */
    const struct {
        const char *from;
        const char *to;
    } folders[] = {
        { g->from.config_dir, "config" },
        { g->from.artifacts_dir, "artifacts" },
        { g->from.agent_dir, "agent" },
    };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        const char *from = folders[i].from;
        if (from != NULL && fs_is_dir(AT_FDCWD, from) &&
            !copy_folder(g, s, from, folders[i].to, err)) {
            return false;
        }
    }
    return copy_certificate(g, s, err);
}

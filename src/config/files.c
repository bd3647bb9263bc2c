// SPDX-License-Identifier: Apache-2.0
/* Finds and reads the TOML files below the config folder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

static struct span path_span(struct loader *l, const char *path) {
    str shown = path_clean(l->arena, str_from_c(path));
    return (struct span){ .source = sources_add_path(l->sources, shown) };
}

static const char *full_path(const struct loader *l, const char *path) {
    return path_join(l->arena, l->config->config_dir, path);
}

static void unreadable(struct loader *l, const char *path, const struct err *err) {
    const char *why = err->code == EFBIG    ? "the file is too large"
                      : err->code == EISDIR ? "it is a folder"
                      : err->code != 0      ? strerror(err->code)
                                            : "it is not a regular file";
    struct diag *d = diag_report(l->sink, "E002", path_span(l, full_path(l, path)),
                                 "cannot be read as TOML: %s", why);
    if (err->code == EFBIG) {
        diag_help(l->sink, d, "a TOML file can have at most %d bytes", CONFIG_FILE_BYTES_MAX);
    }
}

static const struct config_overlay *find_overlay(const struct loader *l, const char *path) {
    for (size_t i = 0; i < l->opts->overlay_count; i++) {
        if (strcmp(l->opts->overlays[i].path, path) == 0) {
            return &l->opts->overlays[i];
        }
    }
    return NULL;
}

static bool load_text(struct loader *l, const char *path, str *ret, struct err *err) {
    const struct config_overlay *overlay = find_overlay(l, path);
    if (overlay == NULL) {
        return fs_load(l->arena, AT_FDCWD, full_path(l, path), CONFIG_FILE_BYTES_MAX, ret, err);
    }
    *ret = overlay->text;
    return overlay->text.len <= CONFIG_FILE_BYTES_MAX || err_sys(err, EFBIG, "read '%s'", path);
}

static void read_file(struct loader *l, const char *path) {
    struct config_file_text file = { .path = path };
    struct err err = ERR_INIT;
    str text;
    if (load_text(l, path, &text, &err)) {
        str shown = path_clean(l->arena, str_from_c(full_path(l, path)));
        file.source = sources_add(l->sources, shown, text);
        file.doc = toml_parse(l->arena, l->sink, file.source);
    } else {
        unreadable(l, path, &err);
    }
    ARENA_PUSH(l->arena, l->files, l->file_count, l->file_cap, file);
}

/* Editors leave hidden files beside the real ones (".#claude.toml"): those are not ours. */
static bool is_toml_name(const char *name) {
    return name[0] != '.' && str_ends(str_from_c(name), S(".toml"));
}

/* Where people look for configuration when they come from other tools. */
static bool is_other_format(const char *name) {
    static const str suffixes[] = { S_INIT(".yaml"), S_INIT(".yml"), S_INIT(".json"),
                                    S_INIT(".TOML") };
    bool found = false;
    for (size_t i = 0; name[0] != '.' && i < ARRAY_LEN(suffixes); i++) {
        found = found || str_ends(str_from_c(name), suffixes[i]);
    }
    return found;
}

/* Is it a folder that configuration is read from? Those may be links. */
static bool is_known_folder(const char *path) {
    str name = str_from_c(path);
    for (size_t i = 0; i < file_kind_count; i++) {
        str kind = str_from_c(file_kinds[i].path);
        if (str_starts(kind, name) && kind.len > name.len && kind.ptr[name.len] == '/') {
            return true;
        }
    }
    return str_eq(name, S("kernel"));
}

static void walk(struct loader *l, const char *folder, int depth);

static void walk_entry(struct loader *l, const char *path, const char *name, int depth) {
    struct stat st;
    bool known = fstatat(AT_FDCWD, full_path(l, path), &st, 0) == 0;
    if (is_toml_name(name)) {
        read_file(l, path);
    } else if (known && S_ISREG(st.st_mode) && is_other_format(name)) {
        struct diag *d = diag_report(l->sink, "W021", path_span(l, full_path(l, path)),
                                     "this file is not read: the configuration is TOML");
        diag_help(l->sink, d, "write it as TOML, or move it out of the config folder");
    } else if (known && S_ISDIR(st.st_mode) && depth < CONFIG_FOLDERS_DEEP) {
        struct stat link;
        bool is_link = fstatat(AT_FDCWD, full_path(l, path), &link, AT_SYMLINK_NOFOLLOW) == 0 &&
                       S_ISLNK(link.st_mode);
        if (!is_link || is_known_folder(path)) { /* any other link may lead into a loop */
            walk(l, path, depth + 1);
        }
        return;
    }
    if (known && S_ISREG(st.st_mode) && st.st_mtim.tv_sec > l->config->newest_change_s) {
        l->config->newest_change_s = st.st_mtim.tv_sec;
    }
}

/* `folder` is below the config folder, "" for itself. */
static void walk(struct loader *l, const char *folder, int depth) {
    const char **names;
    size_t count;
    struct err err = ERR_INIT;
    const char *path = folder[0] == '\0' ? l->config->config_dir : full_path(l, folder);
    if (!fs_list(l->arena, AT_FDCWD, path, &names, &count, &err)) {
        diag_report(l->sink, "E002", path_span(l, path), "cannot list the folder: %s",
                    strerror(err.code));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (l->entries++ == CONFIG_FILES_MAX) {
            diag_report(l->sink, "E002", path_span(l, path),
                        "more than %d files below the config folder", CONFIG_FILES_MAX);
        }
        if (l->entries > CONFIG_FILES_MAX) {
            return;
        }
        const char *below = folder[0] == '\0' ? names[i] : path_join(l->arena, folder, names[i]);
        walk_entry(l, below, names[i], depth);
    }
}

static int compare_paths(const void *x, const void *y) {
    const struct config_file_text *a = x;
    const struct config_file_text *b = y;
    return strcmp(a->path, b->path);
}

/* Texts of files that are not on the disk yet. */
static void read_new_files(struct loader *l) {
    size_t on_disk = l->file_count;
    for (size_t i = 0; i < l->opts->overlay_count; i++) {
        const char *path = l->opts->overlays[i].path;
        if (find_file(l, path) == NULL && is_toml_name(path_base(str_from_c(path)).ptr)) {
            read_file(l, path);
        }
    }
    if (l->file_count > on_disk) {
        qsort(l->files, l->file_count, sizeof *l->files, compare_paths);
    }
}

static bool missing(struct loader *l, const char *path, const char *what) {
    struct diag *d = diag_report(l->sink, "E001", path_span(l, path), "%s", what);
    diag_help(l->sink, d, "'capsem-builder init %s' writes a minimal one", l->config->guest_dir);
    return false;
}

/* The least that there must be, on the disk or as an unsaved text. */
static bool check_build_toml(struct loader *l) {
    const char *folder = l->config->config_dir;
    struct stat st;
    if (find_overlay(l, "build.toml") != NULL) {
        return true;
    }
    if (!fs_is_dir(AT_FDCWD, folder)) {
        return missing(l, folder,
                       fs_exists(AT_FDCWD, folder) ? "the config folder is not a folder"
                                                   : "the config folder is missing");
    }
    const char *build = full_path(l, "build.toml");
    bool there = fstatat(AT_FDCWD, build, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
    return there || missing(l, build, "build.toml is missing");
}

bool files_read(struct loader *l) {
    if (!check_build_toml(l)) {
        return false;
    }
    if (!l->opts->overlays_only && fs_is_dir(AT_FDCWD, l->config->config_dir)) {
        walk(l, "", 0);
    }
    read_new_files(l);
    return true;
}

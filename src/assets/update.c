// SPDX-License-Identifier: Apache-2.0
/*
 * One commit: everything is written beside its place first (a full disk changes nothing), then
 * all of it is renamed, the assets before the sums.
 *
 * Two locks. The folder DIR is locked while files are created, swept or renamed: never for long.
 * A file that is being filled is locked itself: what can be locked belongs to a dead process.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "assets/internal.h"
#include "hash/hash.h"

/* What one commit may write, in the order of the renames: the assets come first, and nothing is
 * between them and their sums. */
enum { FILE_SUMS = ASSET_COUNT, FILE_MANIFEST, FILE_TOOLS, FILE_CONFIG, FILE_BUILD, FILE_COUNT };

struct assets_update {
    struct arena *arena;
    const char *dir;
    const char *arch;
    int dirfd;
    bool committed;
    struct fs_replace files[FILE_COUNT]; /* fd -1: not written by this commit */
};

static const char temp_prefix[] = ".tmp-"; /* of fs_replace's names */

static bool lock_folder(const struct assets_update *u, struct err *err) {
    int result;
    do {
        result = flock(u->dirfd, LOCK_EX);
    } while (result < 0 && errno == EINTR);
    return result == 0 || err_sys(err, errno, "lock '%s'", u->dir);
}

static void unlock_folder(const struct assets_update *u) {
    flock(u->dirfd, LOCK_UN);
}

/* --- begin and done --------------------------------------------------------------------------- */

/* Removes files of dead processes from DIR/`folder`. Best effort: leftovers hurt nobody. */
static void sweep(struct assets_update *u, const char *folder) {
    AUTO_ARENA scratch = arena_new();
    const char **names = NULL;
    size_t count = 0;
    if (!fs_list(scratch, u->dirfd, folder, &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!str_starts(str_from_c(names[i]), str_from_c(temp_prefix))) {
            continue;
        }
        const char *path = path_join(scratch, folder, names[i]);
        AUTO_FD fd = openat(u->dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        bool is_link = fd < 0 && errno == ELOOP; /* of set_current(), under the folder's lock */
        if (is_link || (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)) {
            unlinkat(u->dirfd, path, 0);
        }
    }
}

static bool prepare(struct assets_update *u, struct err *err) {
    if (!fs_mkdir_p(AT_FDCWD, u->dir, 0755, err)) {
        return false;
    }
    u->dirfd = open(u->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (u->dirfd < 0) {
        return err_sys(err, errno, "open folder '%s'", u->dir);
    }
    if (!lock_folder(u, err)) {
        return false;
    }
    bool ok = fs_mkdir_p(u->dirfd, u->arch, 0755, err);
    if (ok) {
        sweep(u, ".");
        sweep(u, u->arch);
    }
    unlock_folder(u);
    return ok;
}

bool assets_update_begin(const char *dir, const char *arch, struct assets_update **ret,
                         struct err *err) {
    if (!asset_arch_is_valid(str_from_c(arch))) {
        return err_set(err, "'%s' cannot name an architecture folder", arch);
    }
    struct arena *a = arena_new();
    AUTO_ASSETS_UPDATE u = ARENA_NEW(a, struct assets_update);
    u->arena = a;
    u->dir = str_to_c(a, str_from_c(dir));
    u->arch = str_to_c(a, str_from_c(arch));
    u->dirfd = -1;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        u->files[i] = FS_REPLACE_INIT;
    }
    if (!prepare(u, err)) {
        return err_wrap(err, "prepare the assets in '%s'", dir);
    }
    *ret = u;
    u = NULL;
    return true;
}

void assets_update_done(struct assets_update *u) {
    if (u == NULL) {
        return;
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        fs_replace_done(&u->files[i]);
    }
    if (u->dirfd >= 0) {
        unlinkat(u->dirfd, u->arch, AT_REMOVEDIR); /* only when it is empty */
        close(u->dirfd);
    }
    arena_free(u->arena);
}

/* --- writing beside --------------------------------------------------------------------------- */

/* `file` is an asset or one of FILE_. */
static const char *file_path(const struct assets_update *u, size_t file) {
    switch (file) {
    case FILE_TOOLS:
        return path_join(u->arena, u->arch, "tool-versions.txt");
    case FILE_CONFIG:
        return path_join(u->arena, u->arch, "config.json");
    case FILE_BUILD:
        return path_join(u->arena, u->arch, "build.json");
    case FILE_SUMS:
        return "B3SUMS";
    case FILE_MANIFEST:
        return "manifest.json";
    default:
        return path_join(u->arena, u->arch, asset_names[file]);
    }
}

/* Needs the folder's lock: between creation and its own lock the file looks like a dead one. */
static bool open_file(struct assets_update *u, size_t file, struct err *err) {
    struct fs_replace *r = &u->files[file];
    if (!fs_mkdir_p(u->dirfd, u->arch, 0755, err) || /* somebody else's done() may have been here */
        !fs_replace_open(r, u->dirfd, file_path(u, file), 0644, err)) {
        return false;
    }
    return flock(r->fd, LOCK_EX | LOCK_NB) == 0 || err_sys(err, errno, "lock '%s'", r->temp);
}

bool assets_update_open(struct assets_update *u, enum asset asset, int *ret_fd, struct err *err) {
    ASSERT(!u->committed && u->files[asset].fd < 0);
    if (!lock_folder(u, err)) {
        return false;
    }
    bool ok = open_file(u, asset, err);
    unlock_folder(u);
    if (!ok) {
        return err_wrap(err, "write to the assets in '%s'", u->dir);
    }
    *ret_fd = u->files[asset].fd;
    return true;
}

static bool same_as_there(struct assets_update *u, size_t file, str text) {
    AUTO_ARENA scratch = arena_new();
    str old = { 0 };
    return fs_load(scratch, u->dirfd, file_path(u, file), text.len, &old, NULL) &&
           str_eq(old, text);
}

static bool write_text(struct assets_update *u, size_t file, str text, struct err *err) {
    if (same_as_there(u, file, text)) {
        return true;
    }
    return open_file(u, file, err) && (fs_write_all(u->files[file].fd, text.ptr, text.len, err) ||
                                       err_wrap(err, "write '%s'", file_path(u, file)));
}

/* --- commit ----------------------------------------------------------------------------------- */

static bool digest_plain(void *self, int fd, uint8_t ret[ASSET_DIGEST_BYTES], struct err *err) {
    const struct assets_commit *c = self;
    return blake3_fd_threads(fd, c->threads, ret, err);
}

/* Sizes and sums of what this commit brings; on the disk before its name is, as a lost power
 * must not leave a name without content. */
static bool finish_fresh(struct assets_update *u, const struct assets_commit *c,
                         struct asset_sums *ret, struct err *err) {
    struct asset_sums fresh = { 0 };
    for (enum asset asset = 0; asset < ASSET_COUNT; asset++) {
        int fd = u->files[asset].fd;
        if (fd < 0) {
            continue;
        }
        struct asset_sum row = { .arch = u->arch, .asset = asset };
        struct stat st;
        if (fstat(fd, &st) < 0 || os_sync_data(fd) < 0) {
            return err_sys(err, errno, "write '%s'", file_path(u, asset));
        }
        row.size_bytes = (uint64_t)st.st_size;
        if (!blake3_fd_threads(fd, c->threads, row.digest, err)) {
            return err_wrap(err, "hash '%s'", file_path(u, asset));
        }
        ARENA_PUSH(u->arena, fresh.rows, fresh.len, fresh.cap, row);
    }
    *ret = fresh;
    return true;
}

/* YYYY-MM-DD, in UTC. */
static str date_text(struct arena *a, int64_t epoch_s) {
    time_t when = (time_t)epoch_s;
    struct tm tm;
    return gmtime_r(&when, &tm) == NULL
               ? S("1970-01-01")
               : str_fmt(a, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static struct asset_manifest choose_manifest(struct assets_update *u,
                                             const struct assets_commit *c) {
    struct asset_manifest was = asset_manifest_load(u->arena, u->dirfd);
    struct asset_manifest m = { .program = S(CAPSEM_VERSION) };
    m.version = c->version.len > 0 ? c->version : was.version;
    m.version = m.version.len > 0 ? m.version : S(CAPSEM_VERSION);
    m.format = c->manifest_format != 0 ? c->manifest_format : was.format != 0 ? was.format : 1;
    m.date = c->build != NULL   ? date_text(u->arena, c->build->source_date_epoch)
             : was.date.len > 0 ? was.date
                                : S("1970-01-01");
    return m;
}

static bool write_texts(struct assets_update *u, const struct assets_commit *c,
                        const struct asset_sums *sums, struct err *err) {
    AUTO_BUF lines = BUF_INIT(SUMS_BYTES_MAX);
    str text = { 0 };
    struct asset_manifest manifest = choose_manifest(u, c);
    asset_sums_text(sums, &lines);
    if (lines.full) {
        return err_set(err, "too many architecture folders");
    }
    if (!write_text(u, FILE_SUMS, buf_str(&lines), err) ||
        !asset_manifest_text(u->arena, sums, &manifest, &text, err) ||
        !write_text(u, FILE_MANIFEST, text, err)) {
        return false;
    }
    if (c->tool_versions.ptr != NULL && !write_text(u, FILE_TOOLS, c->tool_versions, err)) {
        return false;
    }
    if (c->config.ptr != NULL && !write_text(u, FILE_CONFIG, c->config, err)) {
        return false;
    }
    return c->build == NULL ||
           (asset_build_json(u->arena, u->dirfd, u->arch, c->build, sums, &text, err) &&
            write_text(u, FILE_BUILD, text, err));
}

static bool check_place(const struct assets_update *u, const char *path, struct err *err) {
    struct stat st;
    bool is_dir = fstatat(u->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    return !is_dir || err_sys(err, EISDIR, "write '%s'", path);
}

/* A folder in the place of a file is seen before the first rename. */
static bool check_places(struct assets_update *u, bool current, struct err *err) {
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (u->files[i].fd >= 0 && !check_place(u, file_path(u, i), err)) {
            return false;
        }
    }
    return !current || check_place(u, "current", err);
}

/* Texts are on the disk before their names are, as the assets (finish_fresh): a lost power leaves
 * the old content or the new one. All content comes before the first name, and all names are on the
 * disk before the caller is told that they are there. */
static bool rename_all(struct assets_update *u, struct err *err) {
    bool any = false;
    for (size_t i = ASSET_COUNT; i < FILE_COUNT; i++) {
        if (u->files[i].fd >= 0 && os_sync_data(u->files[i].fd) < 0) {
            return err_sys(err, errno, "write '%s'", file_path(u, i));
        }
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (u->files[i].fd < 0) {
            continue;
        }
        any = true;
        if (!fs_replace_commit(&u->files[i], false, err)) {
            return false;
        }
    }
    return !any || (fs_sync_folder_of(u->dirfd, file_path(u, FILE_BUILD), err) &&
                    fs_sync_folder_of(u->dirfd, "B3SUMS", err));
}

static bool set_current(struct assets_update *u, struct err *err) {
    char target[NAME_MAX + 1];
    ssize_t len = readlinkat(u->dirfd, "current", target, sizeof target);
    if (len > 0 && str_eq((str){ target, (size_t)len }, str_from_c(u->arch))) {
        return true;
    }
    const char *temp = str_fmt(u->arena, "%scurrent", temp_prefix).ptr;
    unlinkat(u->dirfd, temp, 0);
    if (symlinkat(u->arch, u->dirfd, temp) < 0 ||
        renameat(u->dirfd, temp, u->dirfd, "current") < 0) {
        err_sys(err, errno, "write the link 'current'");
        unlinkat(u->dirfd, temp, 0);
        return false;
    }
    return true;
}

static bool commit_locked(struct assets_update *u, const struct assets_commit *c,
                          const struct asset_sums *fresh, struct err *err) {
    struct asset_digests plain = { .digest = digest_plain, .self = (void *)c };
    struct asset_sums sums = { 0 };
    return asset_sums_collect(u->arena, u->dirfd, fresh, c->digests != NULL ? c->digests : &plain,
                              &sums, err) &&
           write_texts(u, c, &sums, err) && check_places(u, c->current, err) &&
           rename_all(u, err) && (!c->current || set_current(u, err));
}

bool assets_update_commit(struct assets_update *u, const struct assets_commit *c, struct err *err) {
    ASSERT(!u->committed);
    u->committed = true;
    struct asset_sums fresh = { 0 };
    bool ok = finish_fresh(u, c, &fresh, err);
    if (ok && lock_folder(u, err)) {
        ok = commit_locked(u, c, &fresh, err);
        unlock_folder(u);
    } else {
        ok = false;
    }
    return ok || err_wrap(err, "write the assets in '%s'", u->dir);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A layer's tar becomes an overlayfs upper folder (OCI image layer specification; the kernel's
 * overlayfs documentation). Whiteouts are made last, when it is known what the layer itself has.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "images/internal.h"

#define KEPT "blob" /* in the work folder */

enum { WHITEOUTS_MAX = 1000000, ENTRIES_MAX = 4000000 };

struct whiteout {
    const char *dir;  /* below the layer's root */
    const char *name; /* NULL: the folder is opaque */
};

struct layer_job {
    const struct layer_source *source;
    int fd;
    int keepfd;         /* gets the blob */
    const char *target; /* the layer's folder */
    struct arena *arena;
    struct layer_stream *stream;
    struct whiteout *whiteouts;
    size_t whiteout_count;
    size_t whiteout_cap;
    size_t entry_count;
    uint64_t file_bytes;
    bool is_root;              /* marks go to trusted.*, else to user.* */
    struct timespec root_time; /* of "/"; libarchive sets it too early */
    struct err *err;
};

struct store_key layer_key(str diff_id, bool is_lowest) {
    struct store_key_hash k;
    store_key_begin(&k, "oci layer 1");
    store_key_add(&k, diff_id);
    store_key_add_u64(&k, is_lowest);
    return store_key_end(&k);
}

struct store_key layers_key(const struct store_key *layers, size_t count) {
    struct store_key_hash k;
    store_key_begin(&k, "oci image 1");
    for (size_t i = 0; i < count; i++) {
        store_key_add(&k, str_from_c(layers[i].hex));
    }
    return store_key_end(&k);
}

static bool is_opaque(const char *path) {
    const char *name = idmaps_are_whole() ? "trusted.overlay.opaque" : "user.overlay.opaque";
    char value[1];
    return lgetxattr(path, name, value, sizeof value) == 1 && value[0] == 'y';
}

void layers_cut_hidden(struct store *s, struct arena *a, struct store_key **layers, size_t *count) {
    for (size_t i = *count; i-- > 1;) {
        if (is_opaque(store_layer_path(s, a, &(*layers)[i]))) {
            *layers += i;
            *count -= i;
            return;
        }
    }
}

/* ---- what the archive says ---- */

static la_ssize_t on_read(struct archive *a, void *self, const void **ret) {
    struct layer_job *job = self;
    struct err err = ERR_INIT;
    size_t len;
    if (!layer_stream_read(job->stream, ret, &len, &err)) {
        archive_set_error(a, EIO, "%s", err.frames[0]);
        return ARCHIVE_FATAL;
    }
    return (la_ssize_t)len;
}

static bool add_whiteout(struct layer_job *job, str dir, str name) {
    struct whiteout w = { str_to_c(job->arena, dir),
                          name.ptr == NULL ? NULL : str_to_c(job->arena, name) };
    if (job->source->is_lowest) {
        return true;
    }
    if (job->whiteout_count >= WHITEOUTS_MAX) {
        return err_set(job->err, "it has more than %d whiteouts", WHITEOUTS_MAX);
    }
    ARENA_PUSH(job->arena, job->whiteouts, job->whiteout_count, job->whiteout_cap, w);
    return true;
}

/* An unpack_hook. */
static bool on_entry(void *self, const char *path, struct archive_entry *entry, bool *ret_skip,
                     struct err *err) {
    struct layer_job *job = self;
    str whole = str_from_c(path);
    str name = path_base(whole);
    str dir = path_dir(whole);
    *ret_skip = true;
    if (++job->entry_count > ENTRIES_MAX) {
        return err_set(err, "it has more than %d entries", ENTRIES_MAX);
    }
    if (str_eq(name, S(".wh..wh..opq"))) {
        return add_whiteout(job, dir, (str){ 0 });
    }
    if (str_starts(name, S(".wh..wh.")) || str_starts(whole, S(".wh..wh.")) ||
        str_find(whole, S("/.wh..wh."), 0) != STR_NONE) {
        return true; /* aufs' own */
    }
    if (str_starts(name, S(".wh."))) {
        str hidden = str_slice(name, S(".wh.").len, name.len);
        bool ok = hidden.len > 0 && !str_eq(hidden, S(".")) && !str_eq(hidden, S(".."));
        return ok ? add_whiteout(job, dir, hidden)
                  : err_set(err, "the whiteout '%s' does not name a file", path);
    }
    int64_t size = archive_entry_size(entry);
    if (size < 0 || !add_u64(job->file_bytes, (uint64_t)size, &job->file_bytes) ||
        job->file_bytes > LAYER_FILES_BYTES_MAX) {
        return err_set(err, "its files exceed %llu bytes",
                       (unsigned long long)LAYER_FILES_BYTES_MAX);
    }
    if (strcmp(path, ".") == 0) {
        job->root_time.tv_sec = archive_entry_mtime(entry);
        job->root_time.tv_nsec = archive_entry_mtime_nsec(entry);
    }
    *ret_skip = false;
    return true;
}

/* ---- whiteouts ---- */

enum overlay_mark { MARK_OPAQUE, MARK_ORIGIN };

static bool mark(const struct layer_job *job, const char *path, enum overlay_mark which,
                 struct err *err) {
    static const struct {
        const char *as_root, *as_user, *value;
    } marks[] = {
        [MARK_OPAQUE] = { "trusted.overlay.opaque", "user.overlay.opaque", "y" },
        [MARK_ORIGIN] = { "trusted.overlay.origin", "user.overlay.origin", "" },
    };
    const char *name = job->is_root ? marks[which].as_root : marks[which].as_user;
    return lsetxattr(path, name, marks[which].value, strlen(marks[which].value), 0) == 0 ||
           err_sys(err, errno, "mark '%s' for overlayfs", path);
}

/* The folder's own time stays; `origin` makes overlayfs look for whiteouts in a folder that no
 * lower layer has. */
static bool hide(const struct layer_job *job, const char *dir, const char *path, struct err *err) {
    struct stat before;
    if (stat(dir, &before) < 0) {
        return err_sys(err, errno, "hide '%s'", path);
    }
    if (mknod(path, S_IFCHR, 0) < 0) {
        return errno == EEXIST || err_sys(err, errno, "hide '%s'", path);
    }
    const struct timespec times[2] = { before.st_atim, before.st_mtim };
    return mark(job, dir, MARK_ORIGIN, err) &&
           (utimensat(AT_FDCWD, dir, times, 0) == 0 || err_sys(err, errno, "hide '%s'", path));
}

static bool apply_whiteout(struct layer_job *job, const struct whiteout *w, struct err *err) {
    struct stat st;
    if (!fs_mkdir_p(AT_FDCWD, w->dir, 0755, err)) {
        return false;
    }
    if (w->name == NULL) {
        return mark(job, w->dir, MARK_OPAQUE, err);
    }
    const char *path = path_join(job->arena, w->dir, w->name);
    if (lstat(path, &st) < 0) {
        return hide(job, w->dir, path, err);
    }
    /* The layer brings another one: a folder then hides what is below. */
    return !S_ISDIR(st.st_mode) || mark(job, path, MARK_OPAQUE, err);
}

/* ---- in the child ---- */

static bool unpack_stream(struct layer_job *job, struct err *err) {
    struct archive *a = archive_read_new();
    ASSERT(a != NULL);
    archive_read_support_format_tar(a);
    archive_read_support_format_empty(a);
    bool ok = archive_read_open(a, job, NULL, on_read, NULL) == ARCHIVE_OK ||
              err_set(err, "%s", archive_error_string(a));
    ok = ok && unpack_entries(a, "layer", "/", on_entry, job, err);
    archive_read_free(a);
    return ok;
}

static bool unpack_in_child(void *self, int rootfd, const int *roots, struct err *err) {
    struct layer_job *job = self;
    (void)rootfd; /* a read-only view of the folder that is filled */
    (void)roots;
    umask(022);
    if (chdir(job->target) < 0 || chroot(".") < 0 || chdir("/") < 0) {
        return err_sys(err, errno, "enter the layer's folder");
    }
    if (!sandbox_confine(err)) {
        return false;
    }
    job->err = err;
    job->stream = layer_stream_open(job->fd, job->source->size_bytes, job->keepfd);
    bool ok = unpack_stream(job, err) && layer_stream_finish(job->stream, job->source, err);
    layer_stream_close(job->stream);
    for (size_t i = 0; ok && i < job->whiteout_count; i++) {
        ok = apply_whiteout(job, &job->whiteouts[i], err);
    }
    const struct timespec times[2] = { job->root_time, job->root_time };
    return ok &&
           (utimensat(AT_FDCWD, "/", times, 0) == 0 || err_sys(err, errno, "finish the layer"));
}

/* ---- outside ---- */

bool images_work_begin(struct store *s, struct store_work *w, struct err *err) {
    static const char *const folders[] = { "step", "step/fs", "staging" };
    if (!sandbox_check_root(err) || !store_work_begin(s, w, err)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(w->fd, folders[i], 0755) < 0) {
            return err_sys(err, errno, "create a work folder");
        }
    }
    return fchmodat(w->fd, "step/fs", 0755, 0) == 0 || err_sys(err, errno, "create a work folder");
}

static int open_kept(struct store_work *work, struct err *err) {
    int fd = openat(work->fd, KEPT, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_sys(err, errno, "create a file for the layer's blob");
    }
    return fd;
}

bool layer_keep_blob(struct store_work *work, const struct layer_source *source, int fd,
                     struct err *err) {
    AUTO_FD keep = open_kept(work, err);
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    if (keep < 0 || !fs_copy_fd(fd, keep, err)) {
        return false;
    }
    AUTO_FD again = openat(work->fd, KEPT, O_RDONLY | O_CLOEXEC);
    if (again < 0 || !sha256_fd(again, digest, err)) {
        return again >= 0 ? false : err_sys(err, errno, "read the layer's blob");
    }
    hash_hex(digest, sizeof digest, hex);
    return str_ends(source->blob_digest, str_from_c(hex)) ||
           err_set(err, "the received data has the digest sha256:%s, not %.*s", hex,
                   STR_FMT(source->blob_digest));
}

bool layer_unpack(struct store_work *work, const struct layer_source *source, int fd,
                  struct err *err) {
    AUTO_ARENA arena = arena_new();
    AUTO_FD keep = open_kept(work, err);
    if (keep < 0) {
        return false;
    }
    struct layer_job job = {
        .source = source,
        .fd = fd,
        .keepfd = keep,
        .target = store_work_path(work, arena, "step/fs"),
        .arena = arena,
        .is_root = sandbox_rights() == SANDBOX_ROOT,
    };
    struct sandbox_spec spec = {
        .root = { (const char *const[]){ job.target }, 1 },
        .staging = store_work_path(work, arena, "staging"),
    };
    return sandbox_call(&spec, unpack_in_child, &job, err);
}

bool layer_work_commit(struct store_work *w, const struct layer_source *source, const char *text,
                       struct err *err) {
    AUTO_BUF meta = BUF_INIT(4096);
    struct store_key key = layer_key(source->diff_id, source->is_lowest);
    if (!store_blob_commit(w, KEPT, source->blob_digest, err) || text == NULL) {
        return text == NULL && !err_is_set(err);
    }
    buf_add_c(&meta, "{\"text\":");
    buf_add_json(&meta, str_from_c(text));
    buf_add_c(&meta, ",\"diff_id\":");
    buf_add_json(&meta, source->diff_id);
    buf_add_c(&meta, "}");
    return store_layer_commit(w, "step", &key, false, buf_str(&meta), err);
}

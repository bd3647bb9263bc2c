// SPDX-License-Identifier: Apache-2.0
/* A tar stream on top of the tree, through libarchive. Contents go to the tree's spool file. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "tree/internal.h"

struct tar {
    struct tree *tree;
    struct archive *archive;
    struct archive_entry *entry;
    const char *name; /* for messages */
    const struct tree_tar_options *options;
    uint64_t bytes; /* of contents so far */
    uint16_t source;
    struct err *err;
};

static bool archive_failed(struct tar *t, const char *what) {
    const char *why = archive_error_string(t->archive);
    int code = archive_errno(t->archive);
    return err_set(t->err, "%s: %s", what,
                   why != NULL ? why
                   : code > 0  ? strerror(code)
                               : "damaged");
}

/* --- whiteouts: OCI image specification, "Representing Changes" ------------------------------- */

static bool is_older(const struct tar *t, const struct tree_entry *e) {
    return e->inode->source != t->source;
}

/* Takes out what earlier layers brought: a whiteout does not touch its own layer. As deep as the
 * tree, which has a limit. */
static void remove_older(const struct tar *t, struct tree_entry *dir) {
    struct tree_dir *d = dir->inode->dir;
    for (size_t i = d->count; i-- > 0;) {
        struct tree_entry *child = d->children[i];
        if (tree_is_dir(child)) {
            remove_older(t, child);
        }
        if (is_older(t, child) && (!tree_is_dir(child) || child->inode->dir->count == 0)) {
            tree_detach(t->tree, dir, i);
        }
    }
}

static void white_out(const struct tar *t, struct tree_entry *dir, str name) {
    struct tree_entry *child = tree_child(dir, name);
    if (child == NULL) {
        return;
    }
    if (tree_is_dir(child)) {
        remove_older(t, child);
    }
    if (is_older(t, child) && (!tree_is_dir(child) || child->inode->dir->count == 0)) {
        tree_remove(t->tree, child);
    }
}

/* The last part of a path, and what is before it. */
static str split(str path, str *ret_dir) {
    while (str_ends(path, S("/"))) {
        path.len--;
    }
    size_t slash = str_find_last_char(path, '/');
    size_t base = slash == STR_NONE ? 0 : slash + 1;
    *ret_dir = str_slice(path, 0, base);
    return str_slice(path, base, path.len);
}

/* True when the name is that of a whiteout, which is then done. */
static bool apply_whiteout(const struct tar *t, str path) {
    str dir_path;
    str name = split(path, &dir_path);
    bool opaque = str_eq(name, S(".wh..wh..opq"));
    if (!opaque &&
        (str_starts(path, S(".wh..wh.")) || str_find(path, S("/.wh..wh."), 0) != STR_NONE)) {
        return true; /* aufs' own */
    }
    if (!str_starts(name, S(".wh."))) {
        return false;
    }
    struct tree_entry *dir = tree_lookup(t->tree, dir_path, TREE_FOLLOW, NULL, NULL);
    if (dir == NULL || !tree_is_dir(dir)) {
        return true;
    }
    if (opaque) {
        remove_older(t, dir);
    } else {
        white_out(t, dir, str_slice(name, S(".wh.").len, name.len));
    }
    return true;
}

/* --- contents --------------------------------------------------------------------------------- */

static bool write_at(int fd, const char *data, size_t len, uint64_t offset, struct err *err) {
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "write a temporary file");
        }
        data += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static bool spool_content(struct tar *t, struct tree_inode *inode) {
    int64_t size = archive_entry_size(t->entry);
    if (size <= 0) {
        return size == 0 || err_set(t->err, "a negative size");
    }
    if (!add_u64(t->bytes, (uint64_t)size, &t->bytes) ||
        (t->options->max_bytes > 0 && t->bytes > t->options->max_bytes)) {
        return err_set(t->err, "the files have more than %llu bytes",
                       (unsigned long long)t->options->max_bytes);
    }
    uint64_t start = t->tree->spool_end;
    uint64_t end;
    if (!add_u64(start, (uint64_t)size, &end) || end > INT64_MAX) {
        return err_set(t->err, "a file of %lld bytes", (long long)size);
    }
    if (!tree_spool_open(t->tree, t->options->spool_folder, t->err)) {
        return false;
    }
    const void *block;
    size_t len;
    la_int64_t offset;
    int rc;
    while ((rc = archive_read_data_block(t->archive, &block, &len, &offset)) == ARCHIVE_OK) {
        if (offset < 0 || offset > size || len > (uint64_t)(size - offset)) {
            return err_set(t->err, "data beyond the end of the file");
        }
        if (!write_at(t->tree->spool, block, len, start + (uint64_t)offset, t->err)) {
            return false;
        }
    }
    if (rc != ARCHIVE_EOF) {
        return archive_failed(t, "read its data");
    }
    inode->place = TREE_IN_SPOOL;
    inode->offset = start;
    inode->size = (uint64_t)size;
    t->tree->spool_end = end;
    return true;
}

/* --- metadata --------------------------------------------------------------------------------- */

static bool read_xattrs(struct tar *t, struct tree_inode *inode) {
    struct arena *a = t->tree->arena;
    struct tree_xattr *items = NULL;
    size_t len = 0;
    size_t cap = 0;
    const char *name;
    const void *value;
    size_t value_len;
    archive_entry_xattr_reset(t->entry);
    while (archive_entry_xattr_next(t->entry, &name, &value, &value_len) == ARCHIVE_OK) {
        str key = str_from_c(name);
        if (key.len == 0 || xattr_is_foreign(key)) {
            continue;
        }
        if (value_len > TREE_XATTR_VALUE_MAX) {
            return err_set(t->err, "extended attribute '%s' has %zu bytes", name, value_len);
        }
        struct tree_xattr item = { str_dup(a, key), str_dup(a, (str){ value, value_len }) };
        ARENA_PUSH(a, items, len, cap, item);
    }
    inode->xattrs = xattrs_make(a, items, len);
    return true;
}

static bool read_id(struct tar *t, int64_t id, uint32_t *ret) {
    if (id < 0 || id > UINT32_MAX) {
        return err_set(t->err, "the owner %lld", (long long)id);
    }
    *ret = (uint32_t)id;
    return true;
}

static bool read_target(struct tar *t, struct tree_inode *inode) {
    str target = str_from_c(archive_entry_symlink(t->entry));
    if (target.len == 0 || target.len > TREE_LINK_MAX) {
        return err_set(t->err, "a symbolic link of %zu bytes", target.len);
    }
    inode->mode = S_IFLNK | 0777;
    inode->size = target.len;
    inode->target = str_dup(t->tree->arena, target).ptr;
    return true;
}

/* What the entry's header says; NULL: err is set. */
static struct tree_inode *read_inode(struct tar *t) {
    mode_t type = archive_entry_filetype(t->entry);
    uint32_t mode = (uint32_t)type | (archive_entry_perm(t->entry) & 07777);
    struct tree_inode *inode = tree_inode_new(t->tree, mode);
    inode->source = t->source;
    struct timespec time;
    tree_archive_time(t->entry, &time);
    inode->mtime_s = time.tv_sec;
    inode->mtime_ns = (uint32_t)time.tv_nsec;
    if (!read_id(t, archive_entry_uid(t->entry), &inode->uid) ||
        !read_id(t, archive_entry_gid(t->entry), &inode->gid) || !read_xattrs(t, inode)) {
        return NULL;
    }
    bool ok = true;
    switch (type) {
    case AE_IFREG:
        ok = spool_content(t, inode);
        break;
    case AE_IFLNK:
        ok = read_target(t, inode);
        break;
    case AE_IFCHR:
    case AE_IFBLK:
        inode->device.major = (uint32_t)archive_entry_rdevmajor(t->entry);
        inode->device.minor = (uint32_t)archive_entry_rdevminor(t->entry);
        break;
    case AE_IFDIR:
    case AE_IFIFO:
    case AE_IFSOCK:
        break;
    default:
        ok = err_set(t->err, "unknown file type");
        break;
    }
    return ok ? inode : NULL;
}

/* --- entries ---------------------------------------------------------------------------------- */

static bool put_hard_link(struct tar *t, str path, const char *target) {
    const struct tree_entry *existing =
        tree_lookup(t->tree, str_from_c(target), TREE_NO_FOLLOW, NULL, NULL);
    if (existing == NULL) {
        return err_set(t->err, "a link to '%s', which does not exist", target);
    }
    struct tree_entry *ignored;
    return tree_put_hard_link(t->tree, path, existing, &ignored, t->err);
}

static bool put_entry(struct tar *t, str path) {
    const char *link = archive_entry_hardlink(t->entry);
    if (link != NULL) {
        return put_hard_link(t, path, link);
    }
    struct tree_missing make = { archive_entry_mtime(t->entry), t->source };
    struct tree_entry *dir;
    str name;
    if (!tree_find_place(t->tree, path, &make, &dir, &name, t->err)) {
        return false;
    }
    struct tree_inode *inode = read_inode(t);
    return inode != NULL && tree_put_inode(t->tree, dir, name, inode, NULL, t->err);
}

static bool add_entries(struct tar *t) {
    for (;;) {
        int rc = archive_read_next_header(t->archive, &t->entry);
        if (rc == ARCHIVE_EOF) {
            return true;
        }
        if (rc < ARCHIVE_WARN) {
            return archive_failed(t, "read an entry");
        }
        const char *name = archive_entry_pathname(t->entry);
        if (name == NULL) {
            return err_set(t->err, "an entry without a name");
        }
        str path = str_from_c(name);
        if (t->options->oci_whiteouts && apply_whiteout(t, path)) {
            continue;
        }
        if (!put_entry(t, path)) {
            return err_wrap(t->err, "'%s'", name);
        }
    }
}

/* libarchive stops at the archive's end mark; whoever writes the pipe wants to write all. */
static void drain(int fd) {
    char block[64 * 1024];
    while (read(fd, block, sizeof block) > 0) {
    }
}

static bool add_tar(struct tar *t, int fd) {
    struct archive *a = t->archive;
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    if (archive_read_open_fd(a, fd, 256 * 1024) != ARCHIVE_OK) {
        return archive_failed(t, "open");
    }
    if (!add_entries(t)) {
        return false;
    }
    /* Holes at the end of the last file are within the spool too. */
    if (t->tree->spool >= 0 && ftruncate(t->tree->spool, (off_t)t->tree->spool_end) < 0) {
        return err_sys(t->err, errno, "write a temporary file");
    }
    drain(fd);
    return true;
}

bool tree_add_tar(struct tree *t, int fd, const char *name, const struct tree_tar_options *options,
                  struct err *err) {
    struct tar tar = {
        .tree = t,
        .archive = archive_read_new(),
        .name = name,
        .options = options,
        .err = err,
    };
    ASSERT(tar.archive != NULL);
    /* Names in pax headers are UTF-8: so is, for this call, the locale they are turned into. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
    bool ok = tree_add_source(t, -1, &tar.source, err) && add_tar(&tar, fd);
    archive_read_free(tar.archive);
    if (utf8 != (locale_t)0) {
        uselocale(before);
        freelocale(utf8);
    }
    return ok || err_wrap(err, "read archive '%s'", name);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Archives for ADD, imported root filesystems and layers of images, read with libarchive. The
 * caller's "/" is the root that is written to, so nothing reaches the host. Nor does an archive
 * reach anything outside the folder that it is unpacked to: a leading slash means nothing, a name
 * that leaves it is refused, and so is what goes through a link that leads out. Links to folders
 * inside are followed, as a root with "lib -> usr/lib" wants it.
 */
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "unpack/internal.h"

enum { ENTRIES_MAX = 4000000 };

static struct archive *open_archive(int fd) {
    struct archive *a = archive_read_new();
    if (a == NULL) {
        return NULL;
    }
    /* What ADD unpacks: tar, plain or compressed. Not zip, not cpio. */
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_filter_compress(a);
    archive_read_support_format_tar(a);
    if (lseek(fd, 0, SEEK_SET) < 0 || archive_read_open_fd(a, fd, 256 * 1024) != ARCHIVE_OK) {
        archive_read_free(a);
        return NULL;
    }
    return a;
}

bool unpack_is_archive(int fd) {
    struct archive *a = open_archive(fd);
    if (a == NULL) {
        lseek(fd, 0, SEEK_SET);
        return false;
    }
    struct archive_entry *entry;
    int rc = archive_read_next_header(a, &entry);
    bool is_archive = rc == ARCHIVE_OK || rc == ARCHIVE_WARN;
    archive_read_free(a);
    lseek(fd, 0, SEEK_SET);
    return is_archive;
}

void unpack_scan(int fd, unpack_look *look, void *self) {
    struct archive *from = open_archive(fd);
    struct archive_entry *entry;
    bool more = true;
    while (more && from != NULL && archive_read_next_header(from, &entry) >= ARCHIVE_WARN) {
        AUTO_ARENA arena = arena_new();
        const char *name = archive_entry_pathname(entry);
        if (name != NULL) {
            str clean = path_clean(arena, str_concat(arena, S("/"), str_from_c(name)));
            more = look(self, str_slice(clean, 1, clean.len), from, entry);
        }
    }
    if (from != NULL) {
        archive_read_free(from);
    }
    lseek(fd, 0, SEEK_SET);
}

static bool prepare_entry(struct unpacker *u, struct archive_entry *entry, const char **ret_path,
                          bool *ret_skip) {
    const char *name = archive_entry_pathname(entry);
    *ret_skip = false;
    if (name == NULL) {
        return err_set(u->err, "archive '%s' holds an entry without a name", u->name);
    }
    if (++u->entry_count > ENTRIES_MAX) {
        return err_set(u->err, "archive '%s' has more than %d entries", u->name, ENTRIES_MAX);
    }
    return unpack_clean_name(u, name, ret_path) &&
           (u->hook == NULL || u->hook(u->hook_self, *ret_path, entry, ret_skip, u->err));
}

static bool take_entry(struct unpacker *u, struct archive_entry *entry) {
    AUTO_ARENA arena = arena_new();
    const char *path;
    bool skip;
    u->arena = arena;
    return prepare_entry(u, entry, &path, &skip) && (skip || unpack_entry(u, entry, path));
}

static bool unpack_all(struct unpacker *u) {
    for (;;) {
        struct archive_entry *entry;
        int rc = archive_read_next_header(u->from, &entry);
        if (rc == ARCHIVE_EOF) {
            return unpack_set_times(u);
        }
        if (rc < ARCHIVE_WARN) {
            return unpack_damaged(u, NULL);
        }
        if (!take_entry(u, entry)) {
            return false;
        }
    }
}

static bool is_root_folder(int fd) {
    struct stat there, root;
    return fstat(fd, &there) == 0 && stat("/", &root) == 0 && there.st_dev == root.st_dev &&
           there.st_ino == root.st_ino;
}

/* Into the folder `destination`, which becomes the working folder. */
static bool unpack_into(struct unpacker *u, const char *destination) {
    if (chdir(destination) < 0) {
        return err_sys(u->err, errno, "enter the folder '%s'", destination);
    }
    AUTO_FD folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return err_sys(u->err, errno, "open the folder '%s'", destination);
    }
    u->folderfd = folder;
    u->is_root = is_root_folder(folder);
    /* Names in pax headers are UTF-8: so is, for this call, the locale they are turned into. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
    mode_t mask = umask(022); /* for folders that the archive does not list */
    AUTO_ARENA kept = arena_new();
    u->kept = kept;
    u->parentfd = -1;
    u->parent = BUF_INIT(SIZE_MAX);
    bool ok = unpack_all(u);
    fd_close_auto(&u->parentfd);
    buf_done(&u->parent);
    umask(mask);
    /* Attributes are set from within the folders. */
    ok = ok && (fchdir(folder) == 0 || err_sys(u->err, errno, "return to '%s'", destination));
    if (utf8 != (locale_t)0) {
        uselocale(before);
        freelocale(utf8);
    }
    return ok;
}

bool unpack_entries(struct archive *from, const char *name, const char *destination,
                    unpack_hook *hook, void *self, struct err *err) {
    struct unpacker u = {
        .from = from,
        .name = name,
        .hook = hook,
        .hook_self = self,
        .is_layer = true,
        .err = err,
    };
    return unpack_into(&u, destination);
}

static bool unpack_opened(struct unpacker *u, int fd, const char *destination) {
    u->from = open_archive(fd);
    if (u->from == NULL) {
        return err_set(u->err, "open the archive '%s'", u->name);
    }
    bool ok = unpack_into(u, destination);
    archive_read_free(u->from);
    return ok;
}

bool unpack_archive(int fd, const char *name, const char *destination, struct unpack_owner owner,
                    struct err *err) {
    struct unpacker u = { .name = name, .owner = owner, .err = err };
    return unpack_opened(&u, fd, destination);
}

/* The archive's root stands for the destination, which stays as it is. */
static bool keep_root(void *self, const char *path, struct archive_entry *entry, bool *ret_skip,
                      struct err *err) {
    (void)self;
    (void)err;
    *ret_skip = strcmp(path, ".") == 0 && archive_entry_filetype(entry) == AE_IFDIR;
    return true;
}

bool unpack_added(int fd, const char *name, const char *destination, struct unpack_owner owner,
                  struct err *err) {
    struct unpacker u = { .name = name, .owner = owner, .hook = keep_root, .err = err };
    return unpack_opened(&u, fd, destination);
}

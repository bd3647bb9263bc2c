// SPDX-License-Identifier: Apache-2.0
/*
 * Archives for ADD and for imported root filesystems, through libarchive. The caller's "/" is the
 * root that is written to, so nothing reaches the host. Nor does an archive reach anything outside
 * the folder that it is unpacked to: a leading slash means nothing, ".." is refused, and so is what
 * goes through a link that leads out. Links to folders inside are followed, as a root with
 * "lib -> usr/lib" wants it.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <linux/openat2.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "build/internal.h"

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

bool unpack_first_name(int fd, struct arena *a, str *ret) {
    struct archive *from = open_archive(fd);
    struct archive_entry *entry;
    *ret = (str){ 0 };
    while (from != NULL && ret->len == 0 &&
           archive_read_next_header(from, &entry) >= ARCHIVE_WARN) {
        const char *name = archive_entry_pathname(entry);
        str clean = path_clean(a, str_concat(a, S("/"), str_from_c(name)));
        *ret = str_slice(clean, 1, clean.len);
    }
    if (from != NULL) {
        archive_read_free(from);
    }
    lseek(fd, 0, SEEK_SET);
    return ret->len > 0;
}

static bool copy_data(struct archive *from, struct archive *to) {
    const void *block;
    size_t len;
    la_int64_t offset;
    int rc;
    while ((rc = archive_read_data_block(from, &block, &len, &offset)) == ARCHIVE_OK) {
        if (archive_write_data_block(to, block, len, offset) < ARCHIVE_OK) {
            return false;
        }
    }
    return rc == ARCHIVE_EOF;
}

struct unpacker {
    struct archive *from;
    struct archive *to;
    struct arena *arena; /* of one entry */
    int folderfd;        /* what is unpacked to; the working folder */
    bool is_root;        /* that is "/": no link leads out */
    const char *name;
    bool has_owner;
    uint32_t uid;
    uint32_t gid;
    unpack_hook *hook; /* NULL: every entry is unpacked */
    void *hook_self;
    struct err *err;
};

/* "/a", "./a" and "a" are the same; the folder itself is ".". */
static bool clean_name(struct unpacker *u, const char *name, const char **ret) {
    str rest = str_from_c(name);
    while (rest.len > 0) {
        if (str_eq(str_cut(&rest, '/'), S(".."))) {
            return err_set(u->err, "archive '%s' holds the name '%s', which leaves it", u->name,
                           name);
        }
    }
    str clean = path_clean(u->arena, str_concat(u->arena, S("/"), str_from_c(name)));
    *ret = clean.len == 1 ? "." : str_to_c(u->arena, str_slice(clean, 1, clean.len));
    return true;
}

/* Does a path that may not be there yet stay below the folder? */
static bool stays_below(const struct unpacker *u, const char *path) {
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = u->is_root ? RESOLVE_IN_ROOT : RESOLVE_BENEATH,
    };
    AUTO_FD fd = (int)syscall(SYS_openat2, u->folderfd, path, &how, sizeof how);
    return fd >= 0 || errno == ENOENT || errno == ENOTDIR;
}

static bool check_place(struct unpacker *u, const char *path, bool is_dir) {
    str through = is_dir ? str_from_c(path) : path_dir(str_from_c(path));
    return stays_below(u, str_to_c(u->arena, through)) ||
           err_set(u->err, "archive '%s' goes through a link that leaves it: '%s'", u->name, path);
}

/* libarchive's words, and the system's where they are left out. */
static bool archive_failed(struct unpacker *u, struct archive *which, const char *entry) {
    int code = archive_errno(which);
    const char *what = archive_error_string(which);
    const char *why = code > 0 ? strerror(code) : "damaged";
    /* EILSEQ is its code for a damaged archive */
    bool both = what != NULL && code > 0 && code != EILSEQ && strstr(what, why) == NULL;
    return err_set(u->err, "unpack '%s': %s%s%s%s%s", u->name, entry == NULL ? "" : entry,
                   entry == NULL ? "" : ": ", what != NULL ? what : why, both ? ": " : "",
                   both ? why : "");
}

/* Attributes that are overlayfs' own, or labels of the machine that made the archive. */
static void drop_foreign_xattrs(struct unpacker *u, struct archive_entry *entry) {
    const char *name;
    const void *value;
    size_t len;
    struct kept {
        const char *name;
        str value;
    } *kept = NULL;
    size_t count = 0;
    size_t cap = 0;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &len) == ARCHIVE_OK) {
        if (context_takes_xattr(name)) {
            struct kept k = { str_to_c(u->arena, str_from_c(name)),
                              str_dup(u->arena, (str){ value, len }) };
            ARENA_PUSH(u->arena, kept, count, cap, k);
        }
    }
    archive_entry_xattr_clear(entry);
    for (size_t i = 0; i < count; i++) {
        archive_entry_xattr_add_entry(entry, kept[i].name, kept[i].value.ptr, kept[i].value.len);
    }
}

static bool prepare_entry(struct unpacker *u, struct archive_entry *entry, bool *ret_skip) {
    const char *name = archive_entry_pathname(entry);
    const char *link = archive_entry_hardlink(entry);
    if (name == NULL) {
        return err_set(u->err, "archive '%s' holds an entry without a name", u->name);
    }
    if (!clean_name(u, name, &name) ||
        !check_place(u, name, archive_entry_filetype(entry) == AE_IFDIR)) {
        return false;
    }
    *ret_skip = false;
    if (u->hook != NULL && !u->hook(u->hook_self, name, entry, ret_skip, u->err)) {
        return false;
    }
    if (*ret_skip) {
        return true;
    }
    if (archive_entry_xattr_count(entry) > 0) {
        drop_foreign_xattrs(u, entry);
    }
    archive_entry_set_pathname(entry, name);
    if (link != NULL) {
        if (!clean_name(u, link, &link) || !check_place(u, link, false)) {
            return false;
        }
        archive_entry_set_hardlink(entry, link);
    }
    if (u->has_owner) {
        archive_entry_set_uid(entry, u->uid);
        archive_entry_set_gid(entry, u->gid);
    }
    archive_entry_set_uname(entry, NULL); /* numbers decide, not the host's names */
    archive_entry_set_gname(entry, NULL);
    return true;
}

static bool not_made(struct unpacker *u, struct archive_entry *entry, const char *name) {
    mode_t kind = archive_entry_filetype(entry);
    bool is_device = kind == AE_IFCHR || kind == AE_IFBLK;
    archive_failed(u, u->to, name);
    return is_device && archive_errno(u->to) == EPERM && devices_help(u->err);
}

/* To libarchive an owner that cannot be given is worth a warning. */
static bool check_owner(struct unpacker *u, struct archive_entry *entry, const char *name) {
    struct stat st;
    int64_t uid = archive_entry_uid(entry);
    int64_t gid = archive_entry_gid(entry);
    return lstat(name, &st) < 0 || (st.st_uid == uid && st.st_gid == gid) ||
           idmaps_refuse(name, uid, gid, u->err);
}

/* The same for attributes that only root can set. */
static bool check_trusted(struct unpacker *u, struct archive_entry *entry, const char *name) {
    const char *attribute;
    const void *value;
    size_t len;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &attribute, &value, &len) == ARCHIVE_OK) {
        if (strncmp(attribute, "trusted.", 8) == 0 && lgetxattr(name, attribute, NULL, 0) < 0) {
            err_set(u->err, "'%s' has the attribute '%s', which an ordinary user cannot set", name,
                    attribute);
            return err_help(u->err, "leave it out, or build with sudo");
        }
    }
    return true;
}

static bool unpack_entry(struct unpacker *u, struct archive_entry *entry) {
    AUTO_ARENA arena = arena_new();
    u->arena = arena;
    bool skip = false;
    if (!prepare_entry(u, entry, &skip)) {
        return false;
    }
    if (skip) {
        return true;
    }
    const char *name = archive_entry_pathname(entry);
    if (archive_write_header(u->to, entry) < ARCHIVE_WARN) {
        return not_made(u, entry, name);
    }
    if (archive_entry_size(entry) > 0 && !copy_data(u->from, u->to)) {
        return archive_failed(u, archive_errno(u->to) != 0 ? u->to : u->from, name);
    }
    int rc = archive_write_finish_entry(u->to);
    if (rc < ARCHIVE_WARN) {
        return archive_failed(u, u->to, name);
    }
    return rc == ARCHIVE_OK || (check_owner(u, entry, name) && check_trusted(u, entry, name));
}

static bool unpack_all(struct unpacker *u) {
    for (;;) {
        struct archive_entry *entry;
        int rc = archive_read_next_header(u->from, &entry);
        if (rc == ARCHIVE_EOF) {
            return archive_write_close(u->to) >= ARCHIVE_WARN || archive_failed(u, u->to, NULL);
        }
        if (rc < ARCHIVE_WARN) {
            return archive_failed(u, u->from, NULL);
        }
        if (!unpack_entry(u, entry)) {
            return false;
        }
    }
}

static bool is_root_folder(int fd) {
    struct stat there, root;
    return fstat(fd, &there) == 0 && stat("/", &root) == 0 && there.st_dev == root.st_dev &&
           there.st_ino == root.st_ino;
}

static bool unpack_from(struct unpacker *u) {
    mode_t before = umask(022); /* for folders that the archive does not list */
    u->to = archive_write_disk_new();
    ASSERT(u->to != NULL);
    archive_write_disk_set_options(u->to, ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM |
                                              ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_XATTR |
                                              ARCHIVE_EXTRACT_UNLINK |
                                              ARCHIVE_EXTRACT_SECURE_NODOTDOT);
    bool ok = unpack_all(u);
    archive_write_free(u->to);
    umask(before);
    return ok;
}

/* Into the folder `destination`. */
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
    bool ok = unpack_from(u);
    if (utf8 != (locale_t)0) {
        uselocale(before);
        freelocale(utf8);
    }
    return ok;
}

bool unpack_entries(struct archive *from, const char *name, const char *destination,
                    unpack_hook *hook, void *self, struct err *err) {
    struct unpacker u = { .from = from, .name = name, .hook = hook, .hook_self = self, .err = err };
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

bool unpack_archive(int fd, const char *name, const char *destination, bool has_owner, uint32_t uid,
                    uint32_t gid, struct err *err) {
    struct unpacker u = {
        .name = name,
        .has_owner = has_owner,
        .uid = uid,
        .gid = gid,
        .err = err,
    };
    return unpack_opened(&u, fd, destination);
}

/* ---- ADD ---- */

struct folder {
    const char *path;
    struct timespec time;
};

/* Folders of an archive that is added. What comes into one later changes its time. */
struct folders {
    struct arena *arena;
    struct folder *items;
    size_t len;
    size_t cap;
};

/* The archive's root stands for the destination, which stays as it is. */
static bool keep_folder(void *self, const char *path, struct archive_entry *entry, bool *ret_skip,
                        struct err *err) {
    struct folders *f = self;
    (void)err;
    *ret_skip = strcmp(path, ".") == 0;
    if (!*ret_skip && archive_entry_filetype(entry) == AE_IFDIR &&
        archive_entry_mtime_is_set(entry)) {
        struct folder folder = { str_to_c(f->arena, str_from_c(path)),
                                 { archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) } };
        ARENA_PUSH(f->arena, f->items, f->len, f->cap, folder);
    }
    return true;
}

/* In the folder that was unpacked to. A name may have become something else since. */
static bool set_times(const struct unpacker *u, const struct folders *f) {
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
        .resolve = u->is_root ? RESOLVE_IN_ROOT : RESOLVE_BENEATH,
    };
    for (size_t i = 0; i < f->len; i++) {
        struct timespec times[2] = { f->items[i].time, f->items[i].time };
        AUTO_FD fd = (int)syscall(SYS_openat2, AT_FDCWD, f->items[i].path, &how, sizeof how);
        if (fd >= 0 && futimens(fd, times) < 0) {
            return err_sys(u->err, errno, "set the time of '%s'", f->items[i].path);
        }
    }
    return true;
}

bool unpack_added(int fd, const char *name, const char *destination, bool has_owner, uint32_t uid,
                  uint32_t gid, struct err *err) {
    AUTO_ARENA arena = arena_new();
    struct folders folders = { .arena = arena };
    struct unpacker u = {
        .name = name,
        .has_owner = has_owner,
        .uid = uid,
        .gid = gid,
        .hook = keep_folder,
        .hook_self = &folders,
        .err = err,
    };
    return unpack_opened(&u, fd, destination) && set_times(&u, &folders);
}

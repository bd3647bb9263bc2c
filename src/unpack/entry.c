// SPDX-License-Identifier: Apache-2.0
/*
 * One entry of an archive on the disk, as Docker and buildah make it: what is in its place goes,
 * but a folder over a folder only brings its metadata. What cannot be kept is an error that names
 * the entry: an owner, an attribute, a time.
 */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "sandbox/sandbox.h"
#include "tree/tree.h"
#include "unpack/internal.h"

/* Folders get their time when nothing comes into them any more. */
struct unpack_folder {
    const char *path;
    dev_t dev;
    ino_t ino;
    struct timespec time;
};

/* An entry while it is made. */
struct made {
    struct archive_entry *entry;
    const char *path; /* below the folder that is unpacked to */
    int dirfd;        /* the folder that it is in */
    const char *name; /* in there */
    uint32_t mode;
    uid_t uid;
    gid_t gid;
    struct timespec time;
};

static bool refuse(const struct unpacker *u, const char *path, const char *what) {
    return err_sys(u->err, errno, "unpack '%s': %s: %s", u->name, path, what);
}

bool unpack_damaged(struct unpacker *u, const char *entry) {
    int code = archive_errno(u->from);
    const char *what = archive_error_string(u->from);
    const char *why = code > 0 ? strerror(code) : "damaged";
    /* EILSEQ is its code for a damaged archive */
    bool both = what != NULL && code > 0 && code != EILSEQ && strstr(what, why) == NULL;
    return err_set(u->err, "unpack '%s': %s%s%s%s%s", u->name, entry == NULL ? "" : entry,
                   entry == NULL ? "" : ": ", what != NULL ? what : why, both ? ": " : "",
                   both ? why : "");
}

/* ---- metadata ---- */

/* chown(2) takes -1 for "as it is". */
static bool take_id(const struct unpacker *u, const struct made *m, int64_t id, const char *what,
                    uint32_t *ret) {
    *ret = (uint32_t)id;
    if (id >= 0 && id < UINT32_MAX) {
        return true;
    }
    err_set(u->err, "unpack '%s': %s: its owner is the %s %lld", u->name, m->path, what,
            (long long)id);
    return err_help(u->err, "Linux IDs range from 0 to %u", UINT32_MAX - 1);
}

static bool take_metadata(struct unpacker *u, struct made *m) {
    m->mode = archive_entry_perm(m->entry) & 07777;
    tree_archive_time(m->entry, &m->time);
    if (u->owner.is_set) {
        m->uid = u->owner.uid;
        m->gid = u->owner.gid;
        return true;
    }
    return take_id(u, m, archive_entry_uid(m->entry), "user", &m->uid) &&
           take_id(u, m, archive_entry_gid(m->entry), "group", &m->gid);
}

static bool set_owner(const struct unpacker *u, const struct made *m) {
    return fchownat(m->dirfd, m->name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) == 0 ||
           (errno == EINVAL ? idmaps_refuse(m->path, m->uid, m->gid, u->err)
                            : refuse(u, m->path, "set its owner"));
}

static bool no_attribute(const struct unpacker *u, const struct made *m, const char *name,
                         size_t len) {
    int why = errno;
    if (why == EPERM && strncmp(name, "trusted.", 8) == 0) {
        err_set(u->err, "'%s' has the attribute '%s', which an unprivileged user cannot set",
                m->path, name);
        return err_help(u->err, "leave it out, or build with sudo");
    }
    err_sys(u->err, why, "unpack '%s': %s: set its attribute '%s' of %zu bytes", u->name, m->path,
            name, len);
    return why == ENOSPC || why == E2BIG
               ? err_help(u->err, "ext4 limits a file's attributes to 4 KB; xfs and btrfs allow "
                                  "more: put the store there with '--cache-dir'")
           : why == EPERM && !idmaps_are_whole()
               ? err_help(u->err, "leave it out, or build with sudo")
               : false;
}

/* In a folder of a layer, which is no mount, what would be a mark is kept apart as the kernel does
 * it (kernel, overlayfs.rst, "Nesting overlayfs mounts"). */
static const char *kept_name(const struct unpacker *u, const char *name) {
    static const char own[] = "user.overlay.";
    return u->is_layer && !idmaps_are_whole() && strncmp(name, own, sizeof own - 1) == 0
               ? str_fmt(u->arena, "%soverlay.%s", own, name + sizeof own - 1).ptr
               : name;
}

bool unpack_takes_xattr(const char *name) {
    return strncmp(name, "trusted.overlay.", 16) != 0 && strcmp(name, "security.selinux") != 0;
}

static bool set_attributes(const struct unpacker *u, const struct made *m) {
    const char *name;
    const void *value;
    size_t len;
    if (archive_entry_xattr_count(m->entry) == 0) {
        return true;
    }
    /* Of what is no file they can be set by name alone: a path may be too long. */
    if (fchdir(m->dirfd) < 0) {
        return refuse(u, m->path, "enter its folder");
    }
    archive_entry_xattr_reset(m->entry);
    while (archive_entry_xattr_next(m->entry, &name, &value, &len) == ARCHIVE_OK) {
        if (unpack_takes_xattr(name) && lsetxattr(m->name, kept_name(u, name), value, len, 0) < 0) {
            return no_attribute(u, m, name, len);
        }
    }
    return true;
}

/* The owner first: chown takes setuid bits and capabilities away. An attribute may change the
 * mode. A link has no mode. */
static bool set_metadata(const struct unpacker *u, const struct made *m, mode_t type) {
    const struct timespec times[2] = { m->time, m->time };
    if (!set_owner(u, m) || !set_attributes(u, m)) {
        return false;
    }
    if (type != S_IFLNK && fchmodat(m->dirfd, m->name, m->mode, 0) < 0) {
        return refuse(u, m->path, "set its mode");
    }
    return type == S_IFDIR || utimensat(m->dirfd, m->name, times, AT_SYMLINK_NOFOLLOW) == 0 ||
           refuse(u, m->path, "set its time");
}

static bool finish_folder(struct unpacker *u, const struct made *m) {
    struct stat st;
    if (!set_metadata(u, m, S_IFDIR)) {
        return false;
    }
    if (fstatat(m->dirfd, m->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return refuse(u, m->path, "look at it");
    }
    struct unpack_folder folder = { str_to_c(u->kept, str_from_c(m->path)), st.st_dev, st.st_ino,
                                    m->time };
    ARENA_PUSH(u->kept, u->folders, u->folder_count, u->folder_cap, folder);
    return true;
}

/* A later entry may have taken the folder's place. */
static bool set_time(struct unpacker *u, const struct unpack_folder *f) {
    AUTO_ARENA arena = arena_new();
    struct stat st;
    u->arena = arena;
    bool is_root = strcmp(f->path, ".") == 0;
    int dirfd = is_root ? u->folderfd : unpack_parent(u, f->path);
    const char *name = is_root ? "." : str_to_c(arena, path_base(str_from_c(f->path)));
    const struct timespec times[2] = { f->time, f->time };
    if (dirfd < 0) {
        return false;
    }
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != f->dev ||
        st.st_ino != f->ino) {
        return true;
    }
    return utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) == 0 ||
           refuse(u, f->path, "set its time");
}

bool unpack_set_times(struct unpacker *u) {
    for (size_t i = 0; i < u->folder_count; i++) {
        if (!set_time(u, &u->folders[i])) {
            return false;
        }
    }
    return true;
}

/* ---- what is in the way ---- */

/* *ret_kept: a folder, which an entry of this type leaves where it is. */
static bool make_room(struct unpacker *u, const struct made *m, mode_t type, bool *ret_kept) {
    struct stat st;
    *ret_kept = false;
    if (fstatat(m->dirfd, m->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT || refuse(u, m->path, "look at its place");
    }
    *ret_kept = S_ISDIR(st.st_mode) && type == S_IFDIR;
    u->parent_stale |= !*ret_kept;
    return *ret_kept || fs_remove_tree(m->dirfd, m->name, u->err) ||
           err_wrap(u->err, "unpack '%s': %s", u->name, m->path);
}

/* ---- entries of each kind ---- */

static bool write_data(struct unpacker *u, const struct made *m, int fd) {
    const void *block;
    size_t len;
    la_int64_t offset;
    int64_t end = 0;
    int rc;
    while ((rc = archive_read_data_block(u->from, &block, &len, &offset)) == ARCHIVE_OK) {
        for (size_t done = 0; done < len;) {
            ssize_t n = pwrite(fd, (const char *)block + done, len - done, offset + (off_t)done);
            if (n < 0 && errno != EINTR) {
                return refuse(u, m->path, "write");
            }
            done += n < 0 ? 0 : (size_t)n;
        }
        end = offset + (int64_t)len;
    }
    if (rc != ARCHIVE_EOF) {
        return unpack_damaged(u, m->path);
    }
    int64_t size = archive_entry_size(m->entry); /* there may be a hole at the end */
    return end == size || ftruncate(fd, size) == 0 || refuse(u, m->path, "write");
}

static bool make_file(struct unpacker *u, const struct made *m) {
    AUTO_FD fd =
        openat(m->dirfd, m->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 ? write_data(u, m, fd) : refuse(u, m->path, "create it");
}

static bool make_node(struct unpacker *u, const struct made *m, mode_t type) {
    bool is_device = type == S_IFCHR || type == S_IFBLK;
    dev_t device = is_device ? makedev((unsigned)archive_entry_rdevmajor(m->entry),
                                       (unsigned)archive_entry_rdevminor(m->entry))
                             : 0;
    if (type == S_IFCHR && device == 0) {
        return err_set(u->err,
                       "unpack '%s': %s: overlayfs uses the device 0:0 to mark a removed file",
                       u->name, m->path);
    }
    if (mknodat(m->dirfd, m->name, type | 0600, device) == 0) {
        return true;
    }
    refuse(u, m->path, "create it");
    return is_device && u->err->code == EPERM && sandbox_devices_help(u->err);
}

static bool make(struct unpacker *u, const struct made *m, mode_t type) {
    const char *target = archive_entry_symlink(m->entry);
    switch (type) {
    case S_IFREG:
        return make_file(u, m);
    case S_IFDIR:
        return mkdirat(m->dirfd, m->name, 0700) == 0 || refuse(u, m->path, "create it");
    case S_IFLNK:
        return symlinkat(target == NULL ? "" : target, m->dirfd, m->name) == 0 ||
               refuse(u, m->path, "create the link");
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        return make_node(u, m, type);
    default:
        return err_set(u->err, "unpack '%s': %s: its file type does not exist on Linux", u->name,
                       m->path);
    }
}

/* Its data, which a few archives have with the link, replace those of the file. */
static bool write_linked(struct unpacker *u, const struct made *m) {
    if (archive_entry_size(m->entry) <= 0) {
        return true;
    }
    AUTO_FD fd = openat(m->dirfd, m->name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 ? write_data(u, m, fd) : refuse(u, m->path, "open it");
}

static bool is_same_file(int dirfd, const char *name, const struct made *m) {
    struct stat there;
    struct stat here;
    return fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(m->dirfd, m->name, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
           there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static bool make_hard_link(struct unpacker *u, struct made *m, const char *link) {
    const char *target;
    bool kept;
    if (!unpack_clean_name(u, link, &target)) {
        return false;
    }
    /* The place of the last folder is needed for the entry's own. */
    AUTO_FD here = dup(m->dirfd);
    int there = unpack_parent(u, target);
    const char *name = str_to_c(u->arena, path_base(str_from_c(target)));
    m->dirfd = here;
    if (here < 0 || there < 0) {
        return there < 0 ? false : refuse(u, m->path, "remember its folder");
    }
    if (is_same_file(there, name, m)) {
        return true;
    }
    if (!make_room(u, m, S_IFREG, &kept)) {
        return false;
    }
    if (linkat(there, name, here, m->name, 0) < 0) {
        return err_sys(u->err, errno, "unpack '%s': %s: link it to '%s'", u->name, m->path, link);
    }
    return write_linked(u, m);
}

static bool make_at(struct unpacker *u, struct made *m) {
    const char *link = archive_entry_hardlink(m->entry);
    mode_t type = archive_entry_filetype(m->entry);
    bool kept;
    return link != NULL ? make_hard_link(u, m, link)
                        : take_metadata(u, m) && make_room(u, m, type, &kept) &&
                              (kept || make(u, m, type)) &&
                              (type == S_IFDIR ? finish_folder(u, m) : set_metadata(u, m, type));
}

bool unpack_entry(struct unpacker *u, struct archive_entry *entry, const char *path) {
    struct made m = { .entry = entry, .path = path, .dirfd = u->folderfd, .name = "." };
    if (strcmp(path, ".") == 0) {
        return archive_entry_filetype(entry) != AE_IFDIR
                   ? err_set(u->err, "archive '%s' has a file as its root", u->name)
                   : take_metadata(u, &m) && finish_folder(u, &m);
    }
    m.dirfd = unpack_parent(u, path);
    m.name = str_to_c(u->arena, path_base(str_from_c(path)));
    return m.dirfd >= 0 && make_at(u, &m);
}

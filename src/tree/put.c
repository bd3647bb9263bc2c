// SPDX-License-Identifier: Apache-2.0
/* Entries one by one. */
#include <errno.h>
#include <string.h>

#include "tree/internal.h"

bool tree_name_check(str name, struct err *err) {
    if (name.len == 0 || str_eq(name, S(".")) || str_eq(name, S("..")) ||
        str_find_char(name, '/', 0) != STR_NONE || str_find_char(name, '\0', 0) != STR_NONE) {
        return err_set(err, "'%.*s' cannot be the name of a file", STR_FMT(name));
    }
    if (name.len > TREE_NAME_MAX) {
        return err_set(err, "the name '%.60s...' is longer than %d bytes", name.ptr, TREE_NAME_MAX);
    }
    return true;
}

bool tree_find_place(struct tree *t, str path, const struct tree_missing *make,
                     struct tree_entry **ret_dir, str *ret_name, struct err *err) {
    str rest = path;
    str name = S("");
    size_t name_at = 0;
    while (rest.len > 0) {
        str part = str_cut(&rest, '/');
        if (str_eq(part, S(".."))) {
            return err_set(err, "the name '%.*s' points outside its folder", STR_FMT(path));
        }
        if (part.len > 0 && !str_eq(part, S("."))) {
            name = part;
            name_at = (size_t)(part.ptr - path.ptr);
        }
    }
    if (name.len > 0 && !tree_name_check(name, err)) {
        return false;
    }
    struct tree_entry *dir = tree_lookup(t, str_slice(path, 0, name_at), TREE_FOLLOW, make, err);
    if (dir == NULL) {
        return false;
    }
    if (!tree_is_dir(dir)) {
        return err_sys(err, ENOTDIR, "'%.*s'", STR_FMT(str_slice(path, 0, name_at)));
    }
    *ret_dir = dir;
    *ret_name = name;
    return true;
}

void tree_copy_metadata(struct tree_inode *to, const struct tree_inode *from) {
    to->mode = from->mode;
    to->uid = from->uid;
    to->gid = from->gid;
    to->mtime_s = from->mtime_s;
    to->mtime_ns = from->mtime_ns;
    to->source = from->source;
    to->xattrs = from->xattrs;
}

bool tree_put_inode(struct tree *t, struct tree_entry *dir, str name, struct tree_inode *inode,
                    struct tree_entry **ret, struct err *err) {
    struct tree_entry *ignored;
    ret = ret == NULL ? &ignored : ret;
    ssize_t index = name.len == 0 ? DIR_NONE : dir_find(dir->inode->dir, name);
    struct tree_entry *old = name.len == 0 ? t->root
                             : index < 0   ? NULL
                                           : dir->inode->dir->children[index];
    if (old != NULL && tree_is_dir(old) && S_ISDIR(inode->mode)) {
        tree_copy_metadata(old->inode, inode);
        *ret = old;
        return true;
    }
    if (old == t->root) {
        return err_set(err, "the root must be a folder");
    }
    struct tree_entry *e = tree_entry_new(t, name, inode);
    if (old != NULL) {
        tree_detach(t, dir, (size_t)index);
    }
    *ret = e;
    return tree_attach(t, dir, e, err);
}

/* --- the room's door -------------------------------------------------------------------------- */

static struct tree_inode *inode_with(struct tree *t, uint32_t type, const struct tree_meta *meta) {
    struct tree_inode *inode = tree_inode_new(t, type | (meta->mode & 07777));
    inode->uid = meta->uid;
    inode->gid = meta->gid;
    inode->mtime_s = meta->mtime_s;
    return inode;
}

static bool put(struct tree *t, str path, struct tree_inode *inode, int64_t mtime_s,
                struct tree_entry **ret, struct err *err) {
    struct tree_missing make = { .mtime_s = mtime_s };
    struct tree_entry *dir;
    str name;
    return (tree_find_place(t, path, &make, &dir, &name, err) &&
            tree_put_inode(t, dir, name, inode, ret, err)) ||
           err_wrap(err, "'%.*s'", STR_FMT(path));
}

bool tree_put_dir(struct tree *t, str path, const struct tree_meta *meta, struct tree_entry **ret,
                  struct err *err) {
    return put(t, path, inode_with(t, S_IFDIR, meta), meta->mtime_s, ret, err);
}

bool tree_put_file(struct tree *t, str path, const struct tree_meta *meta, str content,
                   struct tree_entry **ret, struct err *err) {
    struct tree_inode *inode = inode_with(t, S_IFREG, meta);
    inode->size = content.len;
    inode->place = content.len == 0 ? TREE_NOWHERE : TREE_IN_MEMORY;
    inode->bytes = str_dup(t->arena, content).ptr;
    return put(t, path, inode, meta->mtime_s, ret, err);
}

bool tree_put_link(struct tree *t, str path, const struct tree_meta *meta, str target,
                   struct tree_entry **ret, struct err *err) {
    if (target.len == 0 || target.len > TREE_LINK_MAX ||
        str_find_char(target, '\0', 0) != STR_NONE) {
        return err_set(err, "'%.*s': invalid symbolic link target", STR_FMT(path));
    }
    struct tree_inode *inode = inode_with(t, S_IFLNK, meta);
    inode->mode = S_IFLNK | 0777;
    inode->size = target.len;
    inode->target = str_dup(t->arena, target).ptr;
    return put(t, path, inode, meta->mtime_s, ret, err);
}

bool tree_put_special(struct tree *t, str path, const struct tree_meta *meta, uint32_t type,
                      uint32_t major, uint32_t minor, struct tree_entry **ret, struct err *err) {
    ASSERT(S_ISCHR(type) || S_ISBLK(type) || S_ISFIFO(type) || S_ISSOCK(type));
    struct tree_inode *inode = inode_with(t, type, meta);
    if (S_ISCHR(type) || S_ISBLK(type)) {
        inode->device.major = major;
        inode->device.minor = minor;
    }
    return put(t, path, inode, meta->mtime_s, ret, err);
}

bool tree_put_hard_link(struct tree *t, str path, const struct tree_entry *existing,
                        struct tree_entry **ret, struct err *err) {
    struct tree_inode *inode = existing->inode;
    if (S_ISDIR(inode->mode)) {
        return err_sys(err, EPERM, "'%.*s': a hard link to a folder", STR_FMT(path));
    }
    struct tree_missing make = { .mtime_s = inode->mtime_s };
    struct tree_entry *dir;
    str name;
    if (!tree_find_place(t, path, &make, &dir, &name, err)) {
        return err_wrap(err, "'%.*s'", STR_FMT(path));
    }
    struct tree_entry *old = name.len == 0 ? t->root : tree_child(dir, name);
    if (old != NULL && old->inode == inode) { /* a link to itself */
        *ret = old;
        return true;
    }
    return tree_put_inode(t, dir, name, inode, ret, err) || err_wrap(err, "'%.*s'", STR_FMT(path));
}

bool tree_put_host_file(struct tree *t, str path, const struct tree_meta *meta, int dirfd,
                        const char *host_path, struct tree_entry **ret, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    str content;
    return fs_load(scratch, dirfd, host_path, TREE_HOST_FILE_MAX, &content, err) &&
           tree_put_file(t, path, meta, content, ret, err);
}

void tree_set_xattr(struct tree *t, struct tree_inode *inode, str name, str value) {
    ASSERT(value.len <= TREE_XATTR_VALUE_MAX);
    size_t count = inode->xattrs == NULL ? 0 : inode->xattrs->count;
    struct tree_xattr *items = ARENA_ARRAY(t->arena, struct tree_xattr, count + 1);
    struct tree_xattr item = { str_dup(t->arena, name), str_dup(t->arena, value) };
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(inode->xattrs->items[i].name, name)) {
            items[at++] = inode->xattrs->items[i];
        }
    }
    items[at++] = item;
    inode->xattrs = xattrs_make(t->arena, items, at);
}

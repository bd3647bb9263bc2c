// SPDX-License-Identifier: Apache-2.0
/*
 * unpack/: archives into a folder, read with libarchive (tar, plain or compressed). For ADD,
 * imported root filesystems and layers of images.
 *
 * All of it is for a child whose "/" is the root that is written to: nothing leaves that, whatever
 * the archive says. Errors name the archive and the entry.
 */
#pragma once

#include "base/base.h"

struct archive;
struct archive_entry;

/* Whom the files belong to; not set: whom the archive says. */
struct unpack_owner {
    bool is_set;
    uint32_t uid;
    uint32_t gid;
};

/* Reads the start; the offset is 0 after it. */
bool unpack_is_archive(int fd);

/* Into the folder `destination`, which becomes the working folder. `name` is for messages. */
MUST_CHECK bool unpack_archive(int fd, const char *name, const char *destination,
                               struct unpack_owner owner, struct err *err);
/* The same for ADD: the archive's root leaves the destination's attributes alone. */
MUST_CHECK bool unpack_added(int fd, const char *name, const char *destination,
                             struct unpack_owner owner, struct err *err);

/* Shows the entries of an archive by their clean names, "" for the root, until `look` has seen
 * enough: false. */
typedef bool unpack_look(void *self, str path, struct archive *from, struct archive_entry *entry);
void unpack_scan(int fd, unpack_look *look, void *self);

/* As unpack_archive() from an archive that the caller reads, into a layer's folder. The hook sees
 * each entry's clean path first; what it skips is not unpacked. */
typedef bool unpack_hook(void *self, const char *path, struct archive_entry *entry, bool *ret_skip,
                         struct err *err);
MUST_CHECK bool unpack_entries(struct archive *from, const char *name, const char *destination,
                               unpack_hook *hook, void *self, struct err *err);

/* Attributes that files take along: not root's marks of overlayfs, and not the labels of the host's
 * files. What is called user.overlay.* is no mark in a mount: the kernel keeps it apart. */
bool unpack_takes_xattr(const char *name);

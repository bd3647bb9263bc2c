// SPDX-License-Identifier: Apache-2.0
/* Extended attributes of files in a layer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/internal.h"

/* What is about the place where the files are, not about the files. */
static const str label = S_INIT("security.selinux");
static const str marks_of_root = S_INIT("trusted.overlay.");
static const str marks_of_user = S_INIT("user.overlay.");
/* Behind the prefix of a mark: an attribute that a mount shows without this. */
static const str escape = S_INIT("overlay.");

bool xattr_is_foreign(str name) {
    return str_starts(name, marks_of_root) || str_eq(name, label);
}

static int compare_xattrs(const void *a, const void *b) {
    const struct tree_xattr *x = a;
    const struct tree_xattr *y = b;
    return str_cmp(x->name, y->name);
}

const struct tree_xattrs *xattrs_make(struct arena *a, struct tree_xattr *items, size_t count) {
    if (count == 0) {
        return NULL;
    }
    qsort(items, count, sizeof *items, compare_xattrs);
    size_t len = 1;
    for (size_t i = 1; i < count; i++) { /* tar headers may say it in two ways */
        if (!str_eq(items[i].name, items[len - 1].name)) {
            items[len++] = items[i];
        }
    }
    struct tree_xattrs *set = ARENA_NEW(a, struct tree_xattrs);
    *set = (struct tree_xattrs){ len, items };
    return set;
}

const struct tree_xattr *tree_find_xattr(const struct tree_inode *inode, str name) {
    for (size_t i = 0; inode->xattrs != NULL && i < inode->xattrs->count; i++) {
        if (str_eq(inode->xattrs->items[i].name, name)) {
            return &inode->xattrs->items[i];
        }
    }
    return NULL;
}

/* kernel, Documentation/filesystems/overlayfs.rst, "User xattr": one of the two prefixes is
 * overlayfs' own, attributes with the other are like any others. */
void xattr_reader_init(struct xattr_reader *r) {
    r->own = idmaps_are_whole() ? marks_of_root : marks_of_user;
    r->names = malloc(XATTR_BYTES_MAX);
    r->value = malloc(XATTR_BYTES_MAX);
    ASSERT(r->names != NULL && r->value != NULL);
}

void xattr_reader_done(struct xattr_reader *r) {
    free(r->names);
    free(r->value);
}

/* The kernel allocates a buffer of the size asked for at every call: small is quick, and enough
 * for nearly all files. */
enum { XATTR_BYTES_FIRST = 240 };

static ssize_t list_names(const struct xattr_reader *r, const char *name, int fd, size_t size) {
    ssize_t len = os_list_xattrs(name, fd, r->names, size);
    return len < 0 && errno == ERANGE && size < XATTR_BYTES_MAX
               ? list_names(r, name, fd, XATTR_BYTES_MAX)
               : len;
}

static ssize_t get_value(const struct xattr_reader *r, const char *name, int fd,
                         const char *attribute, size_t size) {
    ssize_t len = os_get_xattr(name, fd, attribute, r->value, size);
    return len < 0 && errno == ERANGE && size < XATTR_BYTES_MAX
               ? get_value(r, name, fd, attribute, XATTR_BYTES_MAX)
               : len;
}

/* kernel, Documentation/filesystems/overlayfs.rst: "whiteouts and opaque directories",
 * "redirect_dir", "Metadata only copy up" */
static void mark(struct overlay_marks *marks, str what, str value) {
    marks->opaque |= str_eq(what, S("opaque")) && str_eq(value, S("y"));
    marks->whiteout |= str_eq(what, S("whiteout"));
    marks->redirect |= str_eq(what, S("redirect")) || str_eq(what, S("metacopy"));
}

/* What a mount of the layer calls an attribute; false: it is a mark, which no mount shows.
 * overlayfs.rst, "Nesting overlayfs mounts" */
static bool shown_name(const struct xattr_reader *r, struct arena *a, str attribute, str *ret) {
    if (!str_starts(attribute, r->own)) {
        *ret = str_dup(a, attribute);
        return true;
    }
    str what = str_slice(attribute, r->own.len, attribute.len);
    if (!str_starts(what, escape)) {
        return false;
    }
    *ret = str_concat(a, r->own, str_slice(what, escape.len, what.len));
    return true;
}

bool xattr_read(struct xattr_reader *r, struct arena *a, const char *name, int fd,
                const struct tree_xattrs **ret, struct overlay_marks *ret_marks, struct err *err) {
    struct overlay_marks marks = { 0 };
    *ret = NULL;
    *ret_marks = marks;
    ssize_t len = list_names(r, name, fd, XATTR_BYTES_FIRST);
    if (len == 0 || (len < 0 && (errno == ENOTSUP || errno == ENODATA))) {
        return true;
    }
    if (len < 0) {
        return err_sys(err, errno, "list extended attributes");
    }
    struct tree_xattr *items = NULL;
    size_t count = 0;
    size_t cap = 0;
    str rest = { r->names, (size_t)len };
    while (rest.len > 0) {
        str attribute = str_cut(&rest, '\0');
        if (str_eq(attribute, label)) {
            continue;
        }
        ssize_t value_len = get_value(r, name, fd, attribute.ptr, XATTR_BYTES_FIRST);
        if (value_len < 0 && errno == ENODATA) {
            continue; /* taken away meanwhile */
        }
        if (value_len < 0) {
            return err_sys(err, errno, "read extended attribute '%s'", attribute.ptr);
        }
        str value = { r->value, (size_t)value_len };
        str shown;
        if (!shown_name(r, a, attribute, &shown)) {
            mark(&marks, str_slice(attribute, r->own.len, attribute.len), value);
            continue;
        }
        struct tree_xattr item = { shown, str_dup(a, value) };
        ARENA_PUSH(a, items, count, cap, item);
    }
    *ret = xattrs_make(a, items, count);
    *ret_marks = marks;
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/* Extended attributes of files in a layer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/internal.h"

/* What is about the place where the files are, not about the files. */
static const str foreign[] = {
    S_INIT("trusted.overlay."),
    S_INIT("user.overlay."),
    S_INIT("security.selinux"),
};

bool xattr_is_foreign(str name) {
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        if (str_starts(name, foreign[i])) {
            return true;
        }
    }
    return false;
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

void xattr_reader_init(struct xattr_reader *r) {
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
static void mark(struct overlay_marks *marks, str attribute, str value) {
    size_t dot = str_find(attribute, S(".overlay."), 0);
    str what = str_slice(attribute, dot + S(".overlay.").len, attribute.len);
    marks->opaque |= str_eq(what, S("opaque")) && str_eq(value, S("y"));
    marks->whiteout |= str_eq(what, S("whiteout"));
    marks->redirect |= str_eq(what, S("redirect")) || str_eq(what, S("metacopy"));
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
        bool is_foreign = xattr_is_foreign(attribute);
        if (is_foreign && str_find(attribute, S(".overlay."), 0) == STR_NONE) {
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
        if (is_foreign) {
            mark(&marks, attribute, value);
            continue;
        }
        struct tree_xattr item = { str_dup(a, attribute), str_dup(a, value) };
        ARENA_PUSH(a, items, count, cap, item);
    }
    *ret = xattrs_make(a, items, count);
    *ret_marks = marks;
    return true;
}

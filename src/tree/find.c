// SPDX-License-Identifier: Apache-2.0
/* Walking the tree and finding things in it. */
#include <string.h>

#include "tree/internal.h"

struct tree_entry *const *tree_children(const struct tree_entry *dir, size_t *ret_count) {
    ASSERT(tree_is_dir(dir));
    dir_seal(dir->inode->dir);
    *ret_count = dir->inode->dir->count;
    return dir->inode->dir->children;
}

struct tree_entry *tree_child(const struct tree_entry *dir, str name) {
    if (!tree_is_dir(dir)) {
        return NULL;
    }
    ssize_t index = dir_find(dir->inode->dir, name);
    return index < 0 ? NULL : dir->inode->dir->children[index];
}

struct tree_entry *tree_next(const struct tree_entry *start, const struct tree_entry *e) {
    if (tree_is_dir(e)) {
        size_t count;
        struct tree_entry *const *children = tree_children(e, &count);
        if (count > 0) {
            return children[0];
        }
    }
    for (; e != start; e = e->parent) {
        size_t count;
        struct tree_entry *const *siblings = tree_children(e->parent, &count);
        size_t index = (size_t)dir_find_sorted(e->parent->inode->dir, tree_name(e));
        if (index + 1 < count) {
            return siblings[index + 1];
        }
    }
    return NULL;
}

/* --- paths ------------------------------------------------------------------------------------ */

static size_t path_len(const struct tree_entry *e) {
    size_t len = 0;
    for (; e->parent != NULL; e = e->parent) {
        len += e->name_len + 1U;
    }
    return len;
}

/* "/a/b" backwards into exactly `len` bytes. */
static void fill_path(char *path, size_t len, const struct tree_entry *e) {
    for (; e->parent != NULL; e = e->parent) {
        len -= e->name_len;
        memcpy(path + len, e->name, e->name_len);
        path[--len] = '/';
    }
}

str tree_path(struct arena *a, const struct tree_entry *e) {
    size_t len = path_len(e);
    if (len == 0) {
        return S("/");
    }
    char *path = arena_alloc(a, len + 1);
    fill_path(path, len, e);
    return (str){ path, len };
}

void tree_path_relative(struct buf *b, const struct tree_entry *e) {
    size_t len = path_len(e);
    buf_reset(b);
    if (!buf_reserve(b, len + 1)) {
        b->full = true;
        return;
    }
    if (len > 0) {
        fill_path(b->ptr, len, e);
        memmove(b->ptr, b->ptr + 1, len - 1);
        b->len = len - 1;
    }
    b->ptr[b->len] = '\0';
}

/* --- lookup ----------------------------------------------------------------------------------- */

struct lookup {
    struct tree *tree;
    struct tree_entry *at;
    str rest;              /* of the path */
    struct arena *scratch; /* holds the rest once a link was followed */
    size_t followed;
    enum tree_lookup how;
    const struct tree_missing *make;
    struct err *err;
};

/* The next part that is not "."; false at the end of the path. */
static bool next_part(str *rest, str *ret) {
    for (;;) {
        size_t start = 0;
        while (start < rest->len && rest->ptr[start] == '/') {
            start++;
        }
        size_t end = min_size(str_find_char(*rest, '/', start), rest->len);
        *ret = str_slice(*rest, start, end);
        *rest = str_slice(*rest, end, rest->len);
        if (ret->len == 0) {
            return false;
        }
        if (!str_eq(*ret, S("."))) {
            return true;
        }
    }
}

static bool follow(struct lookup *l, const struct tree_inode *link) {
    if (++l->followed > TREE_LINKS_FOLLOWED_MAX) {
        return err_set(l->err, "too many levels of symbolic links");
    }
    if (l->scratch == NULL) {
        l->scratch = arena_new();
    }
    str target = { link->target, (size_t)link->size };
    if (str_starts(target, S("/"))) {
        l->at = l->tree->root;
    }
    l->rest = str_fmt(l->scratch, "%.*s/%.*s", STR_FMT(target), STR_FMT(l->rest));
    return true;
}

static struct tree_entry *make_dir(struct lookup *l, str name) {
    if (!tree_is_dir(l->at)) {
        err_set(l->err, "'%s' is not a folder", l->at->name);
        return NULL;
    }
    if (!tree_name_check(name, l->err)) {
        return NULL;
    }
    struct tree_inode *inode = tree_inode_new(l->tree, S_IFDIR | 0755);
    inode->mtime_s = l->make->mtime_s;
    inode->source = l->make->source;
    struct tree_entry *e = tree_entry_new(l->tree, name, inode);
    return tree_attach(l->tree, l->at, e, l->err) ? e : NULL;
}

static bool step(struct lookup *l, str part) {
    if (str_eq(part, S(".."))) {
        l->at = l->at->parent == NULL ? l->at : l->at->parent;
        return true;
    }
    struct tree_entry *child = tree_child(l->at, part);
    if (child == NULL && l->make != NULL) {
        child = make_dir(l, part);
    }
    if (child == NULL) {
        return false;
    }
    bool last = l->rest.len == 0;
    bool follows = l->how == TREE_FOLLOW || (l->how == TREE_NO_FOLLOW && !last);
    if (follows && S_ISLNK(child->inode->mode)) {
        return follow(l, child->inode);
    }
    l->at = child;
    return true;
}

struct tree_entry *tree_lookup(struct tree *t, str path, enum tree_lookup how,
                               const struct tree_missing *make, struct err *err) {
    struct lookup l = {
        .tree = t,
        .at = t->root,
        .rest = path,
        .how = how,
        .make = make,
        .err = err,
    };
    str part;
    bool ok = true;
    while (ok && next_part(&l.rest, &part)) {
        ok = step(&l, part);
    }
    arena_free(l.scratch);
    return ok ? l.at : NULL;
}

struct tree_entry *tree_find(const struct tree *t, str path, enum tree_lookup how) {
    /* Nothing is made, so nothing changes. */
    return tree_lookup((struct tree *)t, path, how, NULL, NULL);
}

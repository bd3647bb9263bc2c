// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tree/internal.h"

struct tree_inode *tree_inode_new(struct tree *t, uint32_t mode) {
    struct tree_inode *inode = ARENA_NEW(t->arena, struct tree_inode);
    inode->mode = mode;
    if (S_ISDIR(mode)) {
        inode->dir = ARENA_NEW(t->arena, struct tree_dir);
    }
    return inode;
}

struct tree_entry *tree_entry_new(struct tree *t, str name, struct tree_inode *inode) {
    ASSERT(name.len <= TREE_NAME_MAX);
    struct tree_entry *e = arena_alloc(t->arena, sizeof *e + name.len + 1);
    memcpy(e->name, name.ptr, name.len);
    e->name_len = (uint16_t)name.len;
    e->inode = inode;
    return e;
}

struct tree *tree_new(void) {
    struct arena *a = arena_new();
    struct tree *t = ARENA_NEW(a, struct tree);
    t->arena = a;
    t->spool = -1;
    struct tree_inode *inode = tree_inode_new(t, S_IFDIR | 0755);
    inode->link_count = 1;
    t->root = tree_entry_new(t, S(""), inode);
    t->entry_count = 1;
    t->inode_count = 1;
    return t;
}

void tree_free(struct tree *t) {
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->source_count; i++) {
        fd_close_auto(&t->sources[i].fd);
    }
    fd_close_auto(&t->spool);
    arena_free(t->arena);
}

bool tree_add_source(struct tree *t, int fd, uint16_t *ret, struct err *err) {
    if (t->source_count == TREE_SOURCES_MAX) {
        return err_set(err, "more than %d layers", TREE_SOURCES_MAX);
    }
    *ret = (uint16_t)t->source_count;
    struct tree_source source = { fd };
    ARENA_PUSH(t->arena, t->sources, t->source_count, t->source_cap, source);
    return true;
}

/* --- counting --------------------------------------------------------------------------------- */

static void count_inode(struct tree *t, struct tree_inode *inode) {
    if (inode->link_count++ == 0) {
        t->inode_count++;
        t->content_bytes += S_ISREG(inode->mode) ? inode->size : 0;
    }
}

static void discount_inode(struct tree *t, struct tree_inode *inode) {
    if (--inode->link_count == 0) {
        t->inode_count--;
        t->content_bytes -= S_ISREG(inode->mode) ? inode->size : 0;
    }
}

size_t tree_entry_count(const struct tree *t) {
    return t->entry_count;
}

size_t tree_inode_count(const struct tree *t) {
    return t->inode_count;
}

uint64_t tree_content_bytes(const struct tree *t) {
    return t->content_bytes;
}

struct tree_entry *tree_root(const struct tree *t) {
    return t->root;
}

size_t tree_depth(const struct tree_entry *e) {
    size_t depth = 0;
    for (; e->parent != NULL; e = e->parent) {
        depth++;
    }
    return depth;
}

/* --- entries come and go ---------------------------------------------------------------------- */

bool tree_attach(struct tree *t, struct tree_entry *dir, struct tree_entry *e, struct err *err) {
    if (t->entry_count == TREE_ENTRIES_MAX) {
        return err_set(err, "more than %d files", TREE_ENTRIES_MAX);
    }
    uint64_t bytes = 0;
    if (S_ISREG(e->inode->mode) && !add_u64(t->content_bytes, e->inode->size, &bytes)) {
        return err_set(err, "more than 2^64 bytes of files");
    }
    if (S_ISDIR(e->inode->mode) && tree_depth(dir) >= TREE_DEPTH_MAX) {
        return err_set(err, "folders are nested more than %d deep", TREE_DEPTH_MAX);
    }
    e->parent = dir;
    dir_add(t->arena, dir->inode->dir, e);
    t->entry_count++;
    count_inode(t, e->inode);
    return true;
}

void tree_detach(struct tree *t, struct tree_entry *dir, size_t index) {
    struct tree_entry *top = dir->inode->dir->children[index];
    for (struct tree_entry *e = top; e != NULL; e = tree_next(top, e)) {
        t->entry_count--;
        discount_inode(t, e->inode);
    }
    dir_remove(dir->inode->dir, index);
}

void tree_replace_inode(struct tree *t, struct tree_entry *e, struct tree_inode *inode) {
    ASSERT(!S_ISDIR(e->inode->mode) && !S_ISDIR(inode->mode));
    count_inode(t, inode);
    discount_inode(t, e->inode);
    e->inode = inode;
}

void tree_remove(struct tree *t, struct tree_entry *e) {
    ASSERT(e->parent != NULL);
    ssize_t index = dir_find(e->parent->inode->dir, tree_name(e));
    ASSERT(index >= 0);
    tree_detach(t, e->parent, (size_t)index);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * The children of a folder: an array sorted by name, with a short unsorted tail for entries that
 * arrive in any order. So a folder of 100 000 files filled in random order costs neither a
 * memmove each nor a search through all.
 */
#include <stdlib.h>
#include <string.h>

#include "tree/internal.h"

enum { TAIL_MAX = 256 };

static int compare_name(str name, const struct tree_entry *e) {
    return str_cmp(name, tree_name(e));
}

static int compare_entries(const void *a, const void *b) {
    const struct tree_entry *const *x = a;
    const struct tree_entry *const *y = b;
    return str_cmp(tree_name(*x), tree_name(*y));
}

ssize_t dir_find_sorted(const struct tree_dir *d, str name) {
    size_t low = 0;
    size_t high = d->sorted;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_name(name, d->children[middle]);
        if (order == 0) {
            return (ssize_t)middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return DIR_NONE;
}

ssize_t dir_find(struct tree_dir *d, str name) {
    if (d->count - d->sorted > TAIL_MAX) {
        dir_seal(d);
    }
    for (size_t i = d->sorted; i < d->count; i++) {
        if (str_eq(tree_name(d->children[i]), name)) {
            return (ssize_t)i;
        }
    }
    return dir_find_sorted(d, name);
}

void dir_add(struct arena *a, struct tree_dir *d, struct tree_entry *e) {
    bool in_order = d->sorted == d->count &&
                    (d->count == 0 || compare_name(tree_name(e), d->children[d->count - 1]) > 0);
    ARENA_PUSH(a, d->children, d->count, d->cap, e);
    if (in_order) {
        d->sorted = d->count;
    }
}

void dir_remove(struct tree_dir *d, size_t index) {
    ASSERT(index < d->count);
    memmove(d->children + index, d->children + index + 1,
            (d->count - index - 1) * sizeof(struct tree_entry *));
    d->count--;
    d->sorted -= index < d->sorted;
}

void dir_seal(struct tree_dir *d) {
    size_t tail = d->count - d->sorted;
    if (tail == 0) {
        return;
    }
    struct tree_entry **children = d->children;
    qsort(children + d->sorted, tail, sizeof(struct tree_entry *), compare_entries);
    if (d->sorted > 0) {
        struct tree_entry **copy = malloc(tail * sizeof(struct tree_entry *));
        if (copy == NULL) { /* slower, and in place */
            qsort(children, d->count, sizeof(struct tree_entry *), compare_entries);
        } else {
            memcpy(copy, children + d->sorted, tail * sizeof(struct tree_entry *));
            size_t head = d->sorted;
            size_t end = d->count;
            while (tail > 0) { /* from the back */
                bool from_head =
                    head > 0 && compare_entries(&children[head - 1], &copy[tail - 1]) > 0;
                children[--end] = from_head ? children[--head] : copy[--tail];
            }
            free(copy);
        }
    }
    d->sorted = d->count;
}

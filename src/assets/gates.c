// SPDX-License-Identifier: Apache-2.0
/* What no image may hold, looked for in the tree before it is packed. */
#include "assets/internal.h"

enum { FINDINGS_MAX = 100 }; /* nobody reads more */

struct findings {
    struct arena *arena;
    struct asset_finding *items;
    size_t len;
    size_t cap;
};

static void add(struct findings *f, const struct tree_entry *e, const char *what) {
    if (f->len < FINDINGS_MAX) {
        struct asset_finding finding = { str_to_c(f->arena, tree_path(f->arena, e)), what };
        ARENA_PUSH(f->arena, f->items, f->len, f->cap, finding);
    }
}

static void find_setuid(const struct tree *t, struct findings *f) {
    struct tree_entry *root = tree_root(t);
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        uint32_t mode = e->inode->mode;
        if (!S_ISREG(mode)) { /* a folder's setgid bit only hands on its group */
            continue;
        }
        if ((mode & S_ISUID) != 0) {
            add(f, e, "is setuid");
        } else if ((mode & S_ISGID) != 0) {
            add(f, e, "is setgid");
        }
    }
}

void assets_check_tree(const struct tree *t, const struct asset_gates *gates, struct arena *a,
                       struct asset_finding **ret, size_t *ret_count) {
    struct findings f = { .arena = a };
    if (!gates->allow_setuid) {
        find_setuid(t, &f);
    }
    for (size_t i = 0; i < gates->forbidden_count; i++) {
        const struct tree_entry *e = tree_find(t, str_from_c(gates->forbidden[i]), TREE_LITERAL);
        if (e != NULL) {
            add(&f, e, "must not be in an image");
        }
    }
    *ret = f.items;
    *ret_count = f.len;
}

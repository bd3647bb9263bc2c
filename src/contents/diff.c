// SPDX-License-Identifier: Apache-2.0
/* How two images differ: both lists are in the order of paths, so that one pass is enough. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "contents/internal.h"

struct comparing {
    struct arena *arena;
    const struct contents *before;
    const struct contents *after;
    struct contents_diff *diff;
    struct err *err;
};

static void add_word(struct buf *out, const char *word) {
    buf_addf(out, "%s%s", out->len > 0 ? ", " : "", word);
}

static str package_of(const struct contents *c, size_t node) {
    return c->owner[node] == CONTENTS_NONE ? S("") : c->packages[c->owner[node]].name;
}

static void add_file(struct comparing *w, enum contents_change change, size_t before, size_t after,
                     str what) {
    struct contents_difference d = {
        .change = change,
        .before = before == CONTENTS_NONE ? NULL : &w->before->nodes[before],
        .after = after == CONTENTS_NONE ? NULL : &w->after->nodes[after],
        .what = what,
        .package =
            after != CONTENTS_NONE ? package_of(w->after, after) : package_of(w->before, before),
    };
    ARENA_PUSH(w->arena, w->diff->files, w->diff->file_count, w->diff->file_cap, d);
}

static bool compare_nodes(struct comparing *w, size_t before, size_t after) {
    const struct image_node *one = &w->before->nodes[before], *two = &w->after->nodes[after];
    AUTO_BUF what = BUF_INIT(256);
    bool same = true;
    if ((one->mode & S_IFMT) != (two->mode & S_IFMT)) {
        add_word(&what, "type");
    } else if (S_ISREG(one->mode) && !image_reader_same(w->before->reader, before, w->after->reader,
                                                        after, &same, w->err)) {
        return false;
    } else if (!same) {
        add_word(&what, "content");
    } else if (!str_eq(one->link, two->link)) {
        add_word(&what, "link");
    }
    if ((one->mode & 07777) != (two->mode & 07777)) {
        add_word(&what, "mode");
    }
    if (one->uid != two->uid || one->gid != two->gid) {
        add_word(&what, "owner");
    }
    if (what.len > 0) {
        add_file(w, CONTENTS_CHANGED, before, after, str_dup(w->arena, buf_str(&what)));
    }
    return true;
}

/* Depth first: "/a" is before "/a/b", which is before "/a.x". */
static int compare_paths(str a, str b) {
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        unsigned char x = a.ptr[i] == '/' ? 1 : (unsigned char)a.ptr[i];
        unsigned char y = b.ptr[i] == '/' ? 1 : (unsigned char)b.ptr[i];
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

struct ordered {
    str path;
    size_t node;
};

static int compare_ordered(const void *a, const void *b) {
    return compare_paths(((const struct ordered *)a)->path, ((const struct ordered *)b)->path);
}

/* Images of others need not be in an order. */
static const struct ordered *in_order(struct arena *a, const struct contents *c) {
    struct ordered *order = ARENA_ARRAY(a, struct ordered, c->node_count + 1);
    for (size_t i = 0; i < c->node_count; i++) {
        order[i] = (struct ordered){ c->nodes[i].path, i };
    }
    qsort(order, c->node_count, sizeof *order, compare_ordered);
    return order;
}

static bool compare_files(struct comparing *w) {
    const struct ordered *before = in_order(w->arena, w->before);
    const struct ordered *after = in_order(w->arena, w->after);
    size_t i = 0, k = 0;
    while (i < w->before->node_count || k < w->after->node_count) {
        int order = i == w->before->node_count  ? 1
                    : k == w->after->node_count ? -1
                                                : compare_paths(before[i].path, after[k].path);
        if (order < 0) {
            add_file(w, CONTENTS_REMOVED, before[i++].node, CONTENTS_NONE, S(""));
        } else if (order > 0) {
            add_file(w, CONTENTS_ADDED, CONTENTS_NONE, after[k++].node, S(""));
        } else if (!compare_nodes(w, before[i++].node, after[k++].node)) {
            return false;
        }
    }
    return true;
}

/* ---- packages ---- */

static str key_of(struct arena *a, const struct contents_package *p) {
    return str_fmt(a, "%d %.*s\n%.*s %.*s", (int)p->kind, STR_FMT(p->name), STR_FMT(p->place),
                   STR_FMT(p->architecture));
}

static void add_package(struct comparing *w, const struct contents_package *before,
                        const struct contents_package *after) {
    struct contents_package_difference d = {
        .change = before == NULL  ? CONTENTS_ADDED
                  : after == NULL ? CONTENTS_REMOVED
                                  : CONTENTS_CHANGED,
        .before = before,
        .after = after,
    };
    ARENA_PUSH(w->arena, w->diff->packages, w->diff->package_count, w->diff->package_cap, d);
}

static int compare_differences(const void *a, const void *b) {
    const struct contents_package_difference *one = a, *two = b;
    const struct contents_package *x = one->after != NULL ? one->after : one->before;
    const struct contents_package *y = two->after != NULL ? two->after : two->before;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    int names = str_cmp(x->name, y->name);
    return names != 0 ? names : str_cmp(x->place, y->place);
}

/* A package of Python has its version in its folder's name. */
static str python_key(struct arena *a, const struct contents_package *p) {
    struct contents_package q = *p;
    q.place = p->kind == CONTENTS_PYTHON ? path_dir(p->place) : p->place;
    return key_of(a, &q);
}

static void compare_packages(struct comparing *w) {
    struct map before, after;
    map_init(&before, w->arena);
    map_init(&after, w->arena);
    for (size_t i = 0; i < w->before->package_count; i++) {
        map_put(&before, python_key(w->arena, &w->before->packages[i]), &w->before->packages[i]);
    }
    for (size_t i = 0; i < w->after->package_count; i++) {
        struct contents_package *p = &w->after->packages[i];
        str key = python_key(w->arena, p);
        const struct contents_package *was = map_find(&before, key);
        map_put(&after, key, p);
        if (was == NULL || !str_eq(was->version, p->version)) {
            add_package(w, was, p);
        }
    }
    for (size_t i = 0; i < before.len; i++) {
        if (!map_has(&after, before.entries[i].key)) {
            add_package(w, before.entries[i].value, NULL);
        }
    }
    if (w->diff->package_count > 0) {
        qsort(w->diff->packages, w->diff->package_count, sizeof *w->diff->packages,
              compare_differences);
    }
}

bool contents_compare(struct arena *a, const struct contents *before, const struct contents *after,
                      struct contents_diff *ret, struct err *err) {
    struct comparing w = { a, before, after, ret, err };
    *ret = (struct contents_diff){
        .bytes = (int64_t)after->bytes - (int64_t)before->bytes,
        .packed_bytes = (int64_t)after->packed_bytes - (int64_t)before->packed_bytes,
    };
    compare_packages(&w);
    return compare_files(&w);
}

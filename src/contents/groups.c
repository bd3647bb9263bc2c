// SPDX-License-Identifier: Apache-2.0
/* What takes the bytes, seen from several sides. */
#include <stdlib.h>
#include <sys/stat.h>

#include "contents/internal.h"

const char *const contents_by_words[CONTENTS_BY_COUNT + 1] = { "line", "package", "folder",
                                                               "file", "type",    NULL };

/* What no line of the config asked for. */
#define OF_BASE S("base image and templates")
#define OF_NONE S("files of no package")

struct grouping {
    struct arena *arena;
    const struct contents *c;
    struct map names; /* of groups */
    struct contents_group **items;
    size_t len;
    size_t cap;
};

/* "/usr/lib/x/y" belongs to "/usr/lib"; a file beside it to "/usr". */
static str folder_of(str path) {
    size_t first = str_find_char(path, '/', 1);
    if (first == STR_NONE) {
        return S("/");
    }
    size_t second = str_find_char(path, '/', first + 1);
    return str_slice(path, 0, second == STR_NONE ? first : second);
}

/* "libx.so.1.2" is one of ".so". */
static str type_of(const struct image_node *n) {
    str name = path_base(n->path);
    size_t dot = str_find_last_char(name, '.');
    if (str_find(name, S(".so."), 0) != STR_NONE || str_ends(name, S(".so"))) {
        return S("libraries (.so)");
    }
    if (dot == STR_NONE || dot == 0 || name.len - dot > 12) {
        return (n->mode & 0111) != 0 ? S("programs") : S("without an ending");
    }
    return str_slice(name, dot, name.len);
}

static struct contents_group *find(struct grouping *g, str name, str detail) {
    str key =
        detail.len > 0 ? str_fmt(g->arena, "%.*s\n%.*s", STR_FMT(name), STR_FMT(detail)) : name;
    struct contents_group *group = map_find(&g->names, key);
    if (group == NULL) {
        group = ARENA_NEW(g->arena, struct contents_group);
        *group = (struct contents_group){ .name = name, .detail = detail };
        map_put(&g->names, key, group);
        ARENA_PUSH(g->arena, g->items, g->len, g->cap, group);
    }
    return group;
}

static struct contents_group *group_of_line(struct grouping *g, size_t node) {
    size_t owner = g->c->owner[node];
    size_t line = owner == CONTENTS_NONE ? CONTENTS_NONE : g->c->packages[owner].line;
    if (owner == CONTENTS_NONE) {
        return find(g, OF_NONE, S(""));
    }
    return line == CONTENTS_NONE ? find(g, OF_BASE, S(""))
                                 : find(g, g->c->lines[line].name, g->c->lines[line].place);
}

static struct contents_group *group_of_package(struct grouping *g, size_t node) {
    size_t owner = g->c->owner[node];
    if (owner == CONTENTS_NONE) {
        return find(g, OF_NONE, S(""));
    }
    const struct contents_package *p = &g->c->packages[owner];
    return find(g, p->name,
                str_fmt(g->arena, "%s %.*s", contents_kind_words[p->kind], STR_FMT(p->version)));
}

static struct contents_group *group_of(struct grouping *g, enum contents_by by, size_t node) {
    const struct image_node *n = &g->c->nodes[node];
    switch (by) {
    case CONTENTS_BY_LINE:
        return group_of_line(g, node);
    case CONTENTS_BY_PACKAGE:
        return group_of_package(g, node);
    case CONTENTS_BY_FOLDER:
        return find(g, folder_of(n->path), S(""));
    case CONTENTS_BY_TYPE:
        return find(g, type_of(n), S(""));
    case CONTENTS_BY_FILE:
    case CONTENTS_BY_COUNT:
        break;
    }
    return find(g, n->path, S(""));
}

static int compare(const void *a, const void *b) {
    const struct contents_group *one = a, *two = b;
    if (one->packed_bytes != two->packed_bytes) {
        return one->packed_bytes < two->packed_bytes ? 1 : -1;
    }
    int names = str_cmp(one->name, two->name);
    return names != 0 ? names : str_cmp(one->detail, two->detail);
}

void contents_groups(struct arena *a, const struct contents *c, enum contents_by by,
                     struct contents_group **ret, size_t *ret_count) {
    struct grouping g = { .arena = a, .c = c };
    map_init(&g.names, a);
    for (size_t i = 0; i < c->node_count; i++) {
        if (S_ISREG(c->nodes[i].mode) && !c->nodes[i].again) {
            struct contents_group *group = group_of(&g, by, i);
            group->bytes += c->nodes[i].bytes;
            group->packed_bytes += c->nodes[i].packed_bytes;
            group->files++;
        }
    }
    struct contents_group *groups = ARENA_ARRAY(a, struct contents_group, g.len + 1);
    for (size_t i = 0; i < g.len; i++) {
        groups[i] = *g.items[i];
    }
    qsort(groups, g.len, sizeof *groups, compare);
    *ret = groups;
    *ret_count = g.len;
}

uint64_t contents_duplicate_bytes(const struct contents *c, size_t *ret_files) {
    double bytes = 0;
    *ret_files = 0;
    for (size_t i = 0; i < c->node_count; i++) {
        if (c->nodes[i].same > 0) {
            bytes += (double)c->nodes[i].bytes * (double)c->nodes[i].same /
                     (double)(c->nodes[i].same + 1);
            ++*ret_files;
        }
    }
    return (uint64_t)bytes;
}

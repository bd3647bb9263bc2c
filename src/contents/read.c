// SPDX-License-Identifier: Apache-2.0
/* An image's files, and whose they are. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "contents/internal.h"

const char *const contents_kind_words[CONTENTS_KIND_COUNT] = { "deb", "npm", "python" };

size_t contents_find(const struct contents *c, str path) {
    uintptr_t index = (uintptr_t)map_find(&c->by_path, path);
    return index == 0 ? CONTENTS_NONE : (size_t)index - 1;
}

bool contents_text(struct arena *a, const struct contents *c, size_t node, str *ret) {
    struct err ignored = ERR_INIT;
    return node != CONTENTS_NONE && S_ISREG(c->nodes[node].mode) && c->reader != NULL &&
           image_reader_load(c->reader, a, node, CONTENTS_TEXT_MAX, ret, &ignored);
}

size_t contents_add_package(struct arena *a, struct contents *c,
                            const struct contents_package *package) {
    ARENA_PUSH(a, c->packages, c->package_count, c->package_cap, *package);
    return c->package_count - 1;
}

static void index_paths(struct arena *a, struct contents *c) {
    map_init(&c->by_path, a);
    c->owner = ARENA_ARRAY(a, size_t, c->node_count);
    for (size_t i = 0; i < c->node_count; i++) {
        map_put(&c->by_path, c->nodes[i].path, (void *)(uintptr_t)(i + 1));
        c->owner[i] = CONTENTS_NONE;
    }
}

static void add_up(struct contents *c) {
    for (size_t i = 0; i < c->node_count; i++) {
        const struct image_node *n = &c->nodes[i];
        if (n->again || !S_ISREG(n->mode)) {
            continue;
        }
        c->bytes += n->bytes;
        if (c->owner[i] != CONTENTS_NONE) {
            struct contents_package *p = &c->packages[c->owner[i]];
            p->bytes += n->bytes;
            p->packed_bytes += n->packed_bytes;
            p->files++;
        }
    }
}

bool contents_read(struct arena *a, const char *path, struct sources *sources,
                   const struct guest_config *config, struct contents *ret, struct err *err) {
    struct contents *c = ret;
    struct stat st;
    *c = CONTENTS_INIT;
    if (!image_reader_open(a, path, &c->reader, err)) {
        return false;
    }
    c->nodes = image_reader_nodes(c->reader, &c->node_count);
    c->packed_bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    index_paths(a, c);
    contents_find_deb(a, c);
    contents_find_npm(a, c);
    contents_find_python(a, c);
    contents_find_lines(a, c, sources, config);
    add_up(c);
    return true;
}

void contents_done(struct contents *c) {
    image_reader_close(c->reader);
    c->reader = NULL;
}

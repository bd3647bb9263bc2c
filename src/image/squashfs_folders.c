// SPDX-License-Identifier: Apache-2.0
/* What the top-level folders of a SquashFS image hold, read by libsquashfs. */
#include <sqfs/compressor.h>
#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/predef.h>
#include <sqfs/super.h>
#include <stdlib.h>

#include "image/image.h"

struct opened {
    sqfs_super_t super;
    sqfs_file_t *file;
    sqfs_compressor_t *codec;
    sqfs_id_table_t *ids;
    sqfs_dir_reader_t *dirs;
    sqfs_tree_node_t *root;
};

static void opened_done(struct opened *o) {
    if (o->root != NULL) {
        sqfs_dir_tree_destroy(o->root);
    }
    void *objects[] = { o->dirs, o->ids, o->codec, o->file };
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        if (objects[i] != NULL) {
            sqfs_destroy(objects[i]);
        }
    }
}
#define AUTO_OPENED __attribute__((cleanup(opened_done))) struct opened

static bool read_tree(struct opened *o, const char *path) {
    sqfs_compressor_config_t config;
    o->file = sqfs_open_file(path, SQFS_FILE_OPEN_READ_ONLY);
    if (o->file == NULL || sqfs_super_read(&o->super, o->file) != 0 ||
        sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR)o->super.compression_id,
                                    o->super.block_size, SQFS_COMP_FLAG_UNCOMPRESS) != 0 ||
        sqfs_compressor_create(&config, &o->codec) != 0) {
        return false;
    }
    o->ids = sqfs_id_table_create(0);
    if (o->ids == NULL || sqfs_id_table_read(o->ids, o->file, &o->super, o->codec) != 0) {
        return false;
    }
    o->dirs = sqfs_dir_reader_create(&o->super, o->codec, o->file, 0);
    return o->dirs != NULL &&
           sqfs_dir_reader_get_full_hierarchy(o->dirs, o->ids, NULL, 0, &o->root) == 0;
}

static void count_node(const sqfs_tree_node_t *node, struct image_folder *ret) {
    sqfs_u64 size;
    if (S_ISREG(node->inode->base.mode) && sqfs_inode_get_file_size(node->inode, &size) == 0) {
        ret->bytes += size;
        ret->files++;
    }
}

/* The next one below `top`, depth first; NULL: there is none. */
static const sqfs_tree_node_t *next_node(const sqfs_tree_node_t *top,
                                         const sqfs_tree_node_t *node) {
    if (node->children != NULL) {
        return node->children;
    }
    while (node != top && node->next == NULL) {
        node = node->parent;
    }
    return node == top ? NULL : node->next;
}

static int compare_folders(const void *a, const void *b) {
    const struct image_folder *one = a, *two = b;
    return one->bytes != two->bytes ? (one->bytes < two->bytes ? 1 : -1)
                                    : str_cmp(one->name, two->name);
}

bool image_squashfs_folders(struct arena *a, const char *path, struct image_folder **ret,
                            size_t *ret_count, struct err *err) {
    AUTO_OPENED o = { .root = NULL };
    struct image_folder *folders = NULL;
    size_t count = 0, cap = 0;
    if (!read_tree(&o, path)) {
        return err_set(err, "'%s' cannot be read as a SquashFS image", path);
    }
    struct image_folder loose = { .name = S("/") };
    for (const sqfs_tree_node_t *top = o.root->children; top != NULL; top = top->next) {
        struct image_folder folder = {
            .name = str_fmt(a, "/%s", (const char *)top->name),
        };
        if (!S_ISDIR(top->inode->base.mode)) {
            count_node(top, &loose);
            continue;
        }
        for (const sqfs_tree_node_t *n = top; n != NULL; n = next_node(top, n)) {
            count_node(n, &folder);
        }
        ARENA_PUSH(a, folders, count, cap, folder);
    }
    if (loose.files > 0) {
        ARENA_PUSH(a, folders, count, cap, loose);
    }
    if (count > 0) {
        qsort(folders, count, sizeof folders[0], compare_folders);
    }
    *ret = folders;
    *ret_count = count;
    return true;
}

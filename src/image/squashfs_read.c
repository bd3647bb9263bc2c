// SPDX-License-Identifier: Apache-2.0
/*
 * What is in a SquashFS image, read by libsquashfs: every file with its bytes as they are and as
 * they are packed.
 *
 * A block of the image may be in several files, and a fragment block holds the ends of many: each
 * has its share.
 */
#include <errno.h>
#include <sqfs/block.h>
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/predef.h>
#include <sqfs/super.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

enum { DEPTH_MAX = 4096 };

/* What was found out last. */
struct same_fragment {
    bool is_set;
    bool same;
    uint32_t index;
    uint32_t other_index;
    const struct image_reader *other;
};

struct image_reader {
    struct arena *arena;
    const char *path;
    sqfs_super_t super;
    sqfs_file_t *file;
    sqfs_compressor_t *codec;
    sqfs_id_table_t *ids;
    sqfs_dir_reader_t *dirs;
    sqfs_frag_table_t *fragments;
    sqfs_data_reader_t *data;
    sqfs_tree_node_t *root;
    struct image_node *nodes;
    const sqfs_inode_generic_t **inodes; /* of the nodes */
    size_t count;
    size_t cap;
    size_t inode_cap;
    struct same_fragment last_fragment;
};

void image_reader_close(struct image_reader *r) {
    if (r == NULL) {
        return;
    }
    if (r->root != NULL) {
        sqfs_dir_tree_destroy(r->root);
    }
    void *objects[] = { r->data, r->fragments, r->dirs, r->ids, r->codec, r->file };
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        sqfs_destroy(objects[i]);
    }
}

static bool read_tables(struct image_reader *r) {
    sqfs_compressor_config_t config;
    r->file = sqfs_open_file(r->path, SQFS_FILE_OPEN_READ_ONLY);
    if (r->file == NULL || sqfs_super_read(&r->super, r->file) != 0 ||
        sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR)r->super.compression_id,
                                    r->super.block_size, SQFS_COMP_FLAG_UNCOMPRESS) != 0 ||
        sqfs_compressor_create(&config, &r->codec) != 0) {
        return false;
    }
    r->ids = sqfs_id_table_create(0);
    r->fragments = sqfs_frag_table_create(0);
    return r->ids != NULL && r->fragments != NULL &&
           sqfs_id_table_read(r->ids, r->file, &r->super, r->codec) == 0 &&
           sqfs_frag_table_read(r->fragments, r->file, &r->super, r->codec) == 0;
}

static bool read_tree(struct image_reader *r) {
    r->dirs = sqfs_dir_reader_create(&r->super, r->codec, r->file, 0);
    r->data = sqfs_data_reader_create(r->file, r->super.block_size, r->codec, 0);
    return r->dirs != NULL && r->data != NULL &&
           sqfs_data_reader_load_fragment_table(r->data, &r->super) == 0 &&
           sqfs_dir_reader_get_full_hierarchy(r->dirs, r->ids, NULL, 0, &r->root) == 0;
}

/* ---- nodes ---- */

static uint64_t file_size(const sqfs_inode_generic_t *inode) {
    sqfs_u64 size = 0;
    return S_ISREG(inode->base.mode) && sqfs_inode_get_file_size(inode, &size) == 0 ? size : 0;
}

static str link_target(struct arena *a, const sqfs_inode_generic_t *inode) {
    return S_ISLNK(inode->base.mode)
               ? str_dup(a, (str){ (const char *)inode->extra, inode->data.slink.target_size })
               : S("");
}

static void add_node(struct image_reader *r, const sqfs_tree_node_t *from, str path) {
    const sqfs_inode_generic_t *inode = from->inode;
    struct image_node node = {
        .path = path,
        .mode = inode->base.mode,
        .uid = from->uid,
        .gid = from->gid,
        .mtime_s = inode->base.mod_time,
        .inode = inode->base.inode_number,
        .bytes = file_size(inode),
        .link = link_target(r->arena, inode),
    };
    size_t len = r->count;
    ARENA_PUSH(r->arena, r->inodes, len, r->inode_cap, inode);
    ARENA_PUSH(r->arena, r->nodes, r->count, r->cap, node);
}

/* Depth first, in the order of names: a folder comes before what is in it. */
static bool add_nodes(struct image_reader *r) {
    str names[DEPTH_MAX];
    size_t depth = 0;
    const sqfs_tree_node_t *n = r->root;
    names[0] = S("");
    add_node(r, n, S("/"));
    while (true) {
        const sqfs_tree_node_t *next = n->children;
        if (next != NULL && ++depth == DEPTH_MAX) {
            return false;
        }
        while (next == NULL && n != r->root) {
            next = n->next;
            n = n->parent;
            depth -= next == NULL ? 1 : 0;
        }
        if (next == NULL) {
            return true;
        }
        n = next;
        names[depth] =
            str_fmt(r->arena, "%.*s/%s", STR_FMT(names[depth - 1]), (const char *)n->name);
        add_node(r, n, names[depth]);
    }
}

/* ---- shares ---- */

/* A file's place in the image: a block that begins there, or the end of it in a fragment block. */
struct piece {
    uint64_t start;
    uint64_t bytes;
    size_t node;
};

static int compare_pieces(const void *a, const void *b) {
    const struct piece *one = a, *two = b;
    return one->start != two->start ? (one->start < two->start ? -1 : 1)
                                    : (one->node > two->node) - (one->node < two->node);
}

static uint64_t blocks_bytes(const sqfs_inode_generic_t *inode) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < sqfs_inode_get_file_block_count(inode); i++) {
        bytes += SQFS_ON_DISK_BLOCK_SIZE(inode->extra[i]);
    }
    return bytes;
}

/* Several names of one inode count once: the first has it. By the numbers that the nodes have: how
 * many there are, as the image says, may be anything. */
static void mark_names(struct image_reader *r) {
    struct piece *names = ARENA_ARRAY(r->arena, struct piece, r->count);
    for (size_t i = 0; i < r->count; i++) {
        names[i] = (struct piece){ .start = r->nodes[i].inode, .node = i };
    }
    qsort(names, r->count, sizeof *names, compare_pieces);
    for (size_t i = 1; i < r->count; i++) {
        struct image_node *n = &r->nodes[names[i].node];
        n->again = names[i].start == names[i - 1].start && S_ISREG(n->mode);
    }
}

/* Files of the same content have the same blocks: each an equal part. */
static void share_blocks(struct image_reader *r, struct piece *pieces, size_t count) {
    qsort(pieces, count, sizeof *pieces, compare_pieces);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && pieces[end].start == pieces[i].start) {
            end++;
        }
        for (size_t k = i; k < end; k++) {
            r->nodes[pieces[k].node].packed_bytes += pieces[k].bytes / (end - i);
            r->nodes[pieces[k].node].same += end - i - 1;
        }
        i = end;
    }
}

/* An end of a file has the part of the packed block that it has of the block. */
static void share_fragments(struct image_reader *r, const struct piece *ends, size_t count) {
    size_t blocks = sqfs_frag_table_get_size(r->fragments);
    uint64_t *sums = ARENA_ARRAY(r->arena, uint64_t, blocks + 1);
    for (size_t i = 0; i < count; i++) {
        sums[ends[i].start] += ends[i].bytes;
    }
    for (size_t i = 0; i < count; i++) {
        sqfs_fragment_t fragment;
        if (sums[ends[i].start] > 0 &&
            sqfs_frag_table_lookup(r->fragments, (sqfs_u32)ends[i].start, &fragment) == 0) {
            double part = (double)ends[i].bytes / (double)sums[ends[i].start];
            r->nodes[ends[i].node].packed_bytes +=
                (uint64_t)(part * (double)SQFS_ON_DISK_BLOCK_SIZE(fragment.size));
        }
    }
}

static void add_shares(struct image_reader *r) {
    struct piece *pieces = ARENA_ARRAY(r->arena, struct piece, r->count);
    struct piece *ends = ARENA_ARRAY(r->arena, struct piece, r->count);
    size_t piece_count = 0, end_count = 0;
    mark_names(r);
    for (size_t i = 0; i < r->count; i++) {
        const sqfs_inode_generic_t *inode = r->inodes[i];
        sqfs_u64 start = 0;
        sqfs_u32 fragment, offset;
        if (!S_ISREG(inode->base.mode) || r->nodes[i].again) {
            continue;
        }
        uint64_t bytes = blocks_bytes(inode);
        if (bytes > 0 && sqfs_inode_get_file_block_start(inode, &start) == 0) {
            pieces[piece_count++] = (struct piece){ start, bytes, i };
        }
        uint64_t rest = r->nodes[i].bytes % r->super.block_size;
        if (rest > 0 && sqfs_inode_get_frag_location(inode, &fragment, &offset) == 0 &&
            fragment < sqfs_frag_table_get_size(r->fragments)) {
            ends[end_count++] = (struct piece){ fragment, rest, i };
        }
    }
    share_blocks(r, pieces, piece_count);
    share_fragments(r, ends, end_count);
}

bool image_reader_open(struct arena *a, const char *path, struct image_reader **ret,
                       struct err *err) {
    struct image_reader *r = ARENA_NEW(a, struct image_reader);
    *r = (struct image_reader){ .arena = a, .path = path };
    *ret = r;
    if (access(path, R_OK) < 0) {
        return err_sys(err, errno, "open '%s'", path);
    }
    if (!read_tables(r) || !read_tree(r) || !add_nodes(r)) {
        return err_set(err, "'%s' cannot be read as a SquashFS image", path);
    }
    add_shares(r);
    return true;
}

const struct image_node *image_reader_nodes(const struct image_reader *r, size_t *ret_count) {
    *ret_count = r->count;
    return r->nodes;
}

static bool read_piece(const struct image_reader *r, size_t node, uint64_t offset, char *to,
                       size_t len, struct err *err) {
    enum { PIECE = 1 << 24 };
    for (size_t done = 0; done < len;) {
        sqfs_s32 got = sqfs_data_reader_read(r->data, r->inodes[node], offset + done, to + done,
                                             (sqfs_u32)min_size(len - done, PIECE));
        if (got <= 0) {
            return err_set(err, "'%.*s' of the image '%s' cannot be read",
                           STR_FMT(r->nodes[node].path), r->path);
        }
        done += (size_t)got;
    }
    return true;
}

bool image_reader_load(const struct image_reader *r, struct arena *a, size_t node, uint64_t max,
                       str *ret, struct err *err) {
    const struct image_node *n = &r->nodes[node];
    if (!S_ISREG(n->mode) || n->bytes > max) {
        return err_set(err, "'%.*s' of the image is not a file of at most %llu bytes",
                       STR_FMT(n->path), (unsigned long long)max);
    }
    char *text = arena_alloc(a, (size_t)n->bytes + 1);
    if (!read_piece(r, node, 0, text, (size_t)n->bytes, err)) {
        return false;
    }
    text[n->bytes] = '\0';
    *ret = (str){ text, (size_t)n->bytes };
    return true;
}

/* ---- two files ---- */

/* The same packed bytes at two places. */
static bool same_bytes(const struct image_reader *r, uint64_t at, const struct image_reader *other,
                       uint64_t other_at, uint64_t len) {
    enum { PIECE = 128 * 1024 };
    char one[PIECE], two[PIECE];
    for (uint64_t done = 0; done < len; done += PIECE) {
        size_t piece = len - done < PIECE ? (size_t)(len - done) : PIECE;
        if (r->file->read_at(r->file, at + done, one, piece) != 0 ||
            other->file->read_at(other->file, other_at + done, two, piece) != 0 ||
            memcmp(one, two, piece) != 0) {
            return false;
        }
    }
    return true;
}

/* Are two fragment blocks packed alike? Files in the order of their names ask for one many times.
 */
static bool same_fragment(struct image_reader *r, uint32_t index, const struct image_reader *other,
                          uint32_t other_index) {
    sqfs_fragment_t one, two;
    struct same_fragment *last = &r->last_fragment;
    if (last->is_set && last->other == other && last->index == index &&
        last->other_index == other_index) {
        return last->same;
    }
    bool same =
        sqfs_frag_table_lookup(r->fragments, index, &one) == 0 &&
        sqfs_frag_table_lookup(other->fragments, other_index, &two) == 0 && one.size == two.size &&
        same_bytes(r, one.start_offset, other, two.start_offset, SQFS_ON_DISK_BLOCK_SIZE(one.size));
    *last = (struct same_fragment){ true, same, index, other_index, other };
    return same;
}

/* Are they packed alike? Then they need not be unpacked to be known to be the same. */
static bool is_packed_alike(struct image_reader *r, size_t node, const struct image_reader *other,
                            size_t other_node) {
    const sqfs_inode_generic_t *one = r->inodes[node], *two = other->inodes[other_node];
    size_t count = sqfs_inode_get_file_block_count(one);
    sqfs_u64 start = 0, other_start = 0;
    sqfs_u32 index, offset, other_index, other_offset;
    if (r->super.compression_id != other->super.compression_id ||
        r->super.block_size != other->super.block_size ||
        count != sqfs_inode_get_file_block_count(two) ||
        memcmp(one->extra, two->extra, count * sizeof one->extra[0]) != 0 ||
        sqfs_inode_get_file_block_start(one, &start) != 0 ||
        sqfs_inode_get_file_block_start(two, &other_start) != 0 ||
        sqfs_inode_get_frag_location(one, &index, &offset) != 0 ||
        sqfs_inode_get_frag_location(two, &other_index, &other_offset) != 0) {
        return false;
    }
    bool has_end = index < sqfs_frag_table_get_size(r->fragments);
    bool other_has_end = other_index < sqfs_frag_table_get_size(other->fragments);
    return has_end == other_has_end &&
           (!has_end || (offset == other_offset && same_fragment(r, index, other, other_index))) &&
           same_bytes(r, start, other, other_start, blocks_bytes(one));
}

bool image_reader_same(struct image_reader *r, size_t node, const struct image_reader *other,
                       size_t other_node, bool *ret, struct err *err) {
    enum { PIECE = 256 * 1024 };
    char one[PIECE], two[PIECE];
    uint64_t bytes = r->nodes[node].bytes;
    *ret = bytes == other->nodes[other_node].bytes;
    if (!*ret || bytes == 0 || is_packed_alike(r, node, other, other_node)) {
        return true;
    }
    for (uint64_t at = 0; *ret && at < bytes; at += PIECE) {
        size_t len = bytes - at < PIECE ? (size_t)(bytes - at) : PIECE;
        if (!read_piece(r, node, at, one, len, err) ||
            !read_piece(other, other_node, at, two, len, err)) {
            return false;
        }
        *ret = memcmp(one, two, len) == 0;
    }
    return true;
}

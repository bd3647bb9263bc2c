// SPDX-License-Identifier: Apache-2.0
/*
 * Contents of files: blocks, and fragment blocks that gather small files. Equal files are stored
 * once. What the metadata needs to know is left in tree_inode.user.
 *
 * Where a fragment block ends must not depend on all that came before it, or one more small file
 * would shift, and make new, every fragment block after it. So a block ends before a file whose
 * path hashes to one of CUT_ONE_IN, whatever it holds so far. That costs 0.2 percent of an image.
 */
#include <sqfs/block.h>
#include <sqfs/frag_table.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

enum {
    CUT_ONE_IN = 16,
    PROGRESS_BYTES = 1 << 20,
};
/* Larger files are not searched for an equal one: they would be read twice. */
#define DUPLICATE_BYTES_MAX ((uint64_t)1 << 30)

struct data_packer {
    struct packer *p;
    uint8_t *fragment; /* block_bytes, being filled */
    uint32_t fragment_len;
    uint32_t fragment_count; /* blocks submitted */
    uint8_t *small;          /* block_bytes: a file that goes to a fragment */
    uint64_t *sizes;         /* of all regular files, sorted */
    size_t size_count;
    struct map known; /* digest -> struct file_data, of files whose size is not theirs alone */
    struct buf path;
    uint64_t done_bytes;
    uint64_t told_bytes; /* of progress */
};

/* --- results of the pipeline ------------------------------------------------------------------ */

static bool append_block(struct packer *p, const struct job *j, uint64_t *ret_start,
                         uint32_t *ret_size) {
    *ret_start = p->file.size;
    bool stored = j->out_len == 0;
    *ret_size = stored ? j->raw_len | SIZE_STORED : j->out_len;
    p->stats.blocks++;
    return stored ? out_file_append(&p->file, j->raw, j->raw_len, p->err)
                  : out_file_append(&p->file, j->out, j->out_len, p->err);
}

static bool retire(void *self, const struct job *j, struct err *err) {
    struct packer *p = self;
    uint64_t start;
    uint32_t size;
    if (j->file == NULL) {
        uint32_t index;
        if (!append_block(p, j, &start, &size)) {
            return false;
        }
        int code = sqfs_frag_table_append(p->fragments, start, size, &index);
        ASSERT(code != 0 || index == j->index);
        p->stats.fragment_blocks++;
        return code == 0 || err_sqfs(err, code, "fragment table");
    }
    if (j->zero) {
        j->file->sparse_bytes += j->raw_len;
        return true;
    }
    if (j->file->start == 0) {
        j->file->start = p->file.size;
    }
    return append_block(p, j, &start, &j->file->sizes[j->index]);
}

/* --- fragments -------------------------------------------------------------------------------- */

static bool flush_fragment(struct data_packer *d) {
    if (d->fragment_len == 0) {
        return true;
    }
    struct job *j = pipeline_take(d->p->pipeline, d->p->err);
    if (j == NULL) {
        return false;
    }
    j->index = d->fragment_count++;
    memcpy(j->raw, d->fragment, d->fragment_len);
    j->raw_len = d->fragment_len;
    pipeline_submit(d->p->pipeline);
    d->fragment_len = 0;
    return true;
}

static bool ends_fragment(struct data_packer *d, const struct tree_entry *e) {
    tree_path_relative(&d->path, e);
    return str_hash(buf_str(&d->path)) % CUT_ONE_IN == 0;
}

static bool add_fragment(struct data_packer *d, const struct tree_entry *e, uint32_t len,
                         struct file_data *file) {
    bool full = d->fragment_len + len > d->p->block_bytes;
    if ((full || ends_fragment(d, e)) && !flush_fragment(d)) {
        return false;
    }
    file->fragment = d->fragment_count;
    file->fragment_offset = d->fragment_len;
    memcpy(d->fragment + d->fragment_len, d->small, len);
    d->fragment_len += len;
    return true;
}

/* --- equal files ------------------------------------------------------------------------------ */

static int compare_sizes(const void *a, const void *b) {
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Is it a file with bytes, and not one more name of an earlier one? */
static bool is_first_name(const struct tree_entry *e) {
    return S_ISREG(e->inode->mode) && e->inode->size > 0 && packed_of(e->inode)->first == e;
}

static void collect_sizes(struct data_packer *d) {
    struct tree_entry *root = tree_root(d->p->tree);
    d->sizes = ARENA_ARRAY(d->p->arena, uint64_t, tree_entry_count(d->p->tree));
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        if (is_first_name(e)) {
            d->sizes[d->size_count++] = e->inode->size;
        }
    }
    qsort(d->sizes, d->size_count, sizeof *d->sizes, compare_sizes);
}

static bool size_is_shared(const struct data_packer *d, uint64_t size) {
    const uint64_t *at = bsearch(&size, d->sizes, d->size_count, sizeof *d->sizes, compare_sizes);
    return at != NULL && ((at > d->sizes && at[-1] == size) ||
                          (at + 1 < d->sizes + d->size_count && at[1] == size));
}

/* The digest of a whole file, which is left in d->small when it fits. */
static bool digest_content(struct data_packer *d, const struct tree_content *c,
                           uint8_t ret[BLAKE3_OUT_BYTES]) {
    struct blake3 hash;
    blake3_init(&hash);
    for (uint64_t at = 0; at < c->size; at += d->p->block_bytes) {
        size_t len = min_size(d->p->block_bytes, (size_t)(c->size - at));
        if (!tree_read_content(c, at, d->small, len, d->p->err)) {
            return false;
        }
        blake3_update(&hash, d->small, len);
    }
    blake3_final(&hash, ret);
    return true;
}

/* --- files ------------------------------------------------------------------------------------ */

static struct file_data *file_data_new(struct packer *p, uint64_t size) {
    /* As mksquashfs: the end of a file of more than a block is a short block of its own. */
    uint64_t blocks = size < p->block_bytes ? 0 : (size - 1) / p->block_bytes + 1;
    struct file_data *f = arena_alloc(p->arena, sizeof *f + (size_t)blocks * sizeof f->sizes[0]);
    f->block_count = (uint32_t)blocks;
    f->fragment = NO_FRAGMENT;
    return f;
}

static bool tell_progress(struct data_packer *d, uint64_t bytes) {
    const struct image_squashfs_options *o = d->p->options;
    d->done_bytes += bytes;
    if (d->done_bytes - d->told_bytes < PROGRESS_BYTES) {
        return true;
    }
    d->told_bytes = d->done_bytes;
    if (o->progress != NULL) {
        o->progress->update(o->progress->self, d->done_bytes, tree_content_bytes(d->p->tree));
    }
    return check_cancelled(o->cancelled, d->p->err);
}

static bool submit_block(struct data_packer *d, const struct tree_content *c,
                         struct file_data *file, uint32_t index) {
    struct packer *p = d->p;
    uint64_t at = (uint64_t)index * p->block_bytes;
    struct job *j = pipeline_take(p->pipeline, p->err);
    if (j == NULL) {
        return false;
    }
    j->file = file;
    j->index = index;
    j->raw_len = (uint32_t)min_size(p->block_bytes, (size_t)(c->size - at));
    if (!tree_read_content(c, at, j->raw, j->raw_len, p->err)) {
        return false;
    }
    pipeline_submit(p->pipeline);
    return tell_progress(d, j->raw_len);
}

static bool submit_blocks(struct data_packer *d, const struct tree_content *c,
                          struct file_data *file) {
    uint32_t block_bytes = d->p->block_bytes;
    uint64_t data_at = 0; /* no data between the last block and here */
    for (uint32_t i = 0; i < file->block_count; i++) {
        uint64_t at = (uint64_t)i * block_bytes;
        if (data_at <= at) {
            data_at = tree_next_data(c, at);
        }
        uint64_t hole = data_at > at ? (data_at - at) / block_bytes : 0;
        if (hole > 0) { /* not even read: files with terabytes of holes exist */
            file->sparse_bytes += hole * block_bytes;
            i += (uint32_t)hole - 1;
            if (!tell_progress(d, hole * block_bytes)) {
                return false;
            }
        } else if (!submit_block(d, c, file, i)) {
            return false;
        }
    }
    return true;
}

static bool pack_content(struct data_packer *d, const struct tree_entry *e,
                         const struct tree_content *c) {
    struct packer *p = d->p;
    bool small = c->size < p->block_bytes;
    bool compared = c->size <= DUPLICATE_BYTES_MAX && size_is_shared(d, c->size);
    uint8_t digest[BLAKE3_OUT_BYTES];
    if (compared) {
        if (!digest_content(d, c, digest)) {
            return false;
        }
        struct file_data *same = map_find(&d->known, (str){ (char *)digest, sizeof digest });
        if (same != NULL) {
            packed_of(e->inode)->data = same;
            p->stats.duplicate_files++;
            return tell_progress(d, c->size);
        }
    } else if (small && !tree_read_content(c, 0, d->small, (size_t)c->size, p->err)) {
        return false;
    }
    struct file_data *file = file_data_new(p, c->size);
    packed_of(e->inode)->data = file;
    if (compared) {
        map_put(&d->known, str_dup(p->arena, (str){ (char *)digest, sizeof digest }), file);
    }
    return small ? add_fragment(d, e, (uint32_t)c->size, file) && tell_progress(d, c->size)
                 : submit_blocks(d, c, file);
}

static bool pack_file(struct data_packer *d, const struct tree_entry *e) {
    struct packer *p = d->p;
    uint64_t blocks = e->inode->size / p->block_bytes;
    if (blocks >= UINT32_MAX / sizeof(uint32_t)) {
        return err_set(p->err, "a file of %llu bytes", (unsigned long long)e->inode->size);
    }
    AUTO_TREE_CONTENT c = TREE_CONTENT_INIT;
    p->stats.content_bytes += e->inode->size;
    return tree_open_content(p->tree, e->inode, &c, p->err) && pack_content(d, e, &c);
}

static bool pack_files(struct data_packer *d) {
    struct tree_entry *root = tree_root(d->p->tree);
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        if (is_first_name(e) && !pack_file(d, e)) {
            AUTO_ARENA scratch = arena_new();
            return err_wrap(d->p->err, "pack '%s'", str_to_c(scratch, tree_path(scratch, e)));
        }
    }
    return flush_fragment(d) && pipeline_drain(d->p->pipeline, d->p->err);
}

bool pack_data(struct packer *p) {
    struct data_packer d = {
        .p = p,
        .fragment = malloc(p->block_bytes),
        .small = malloc(p->block_bytes),
        .path = BUF_INIT(SIZE_MAX),
    };
    ASSERT(d.fragment != NULL && d.small != NULL);
    struct pipeline_spec spec = {
        .codec = &p->codec,
        .cache = p->options->cache,
        .threads = p->threads,
        .block_bytes = p->block_bytes,
        .retire = retire,
        .self = p,
    };
    map_init(&d.known, p->arena);
    collect_sizes(&d);
    bool ok = pipeline_start(&spec, &p->pipeline, p->err) && pack_files(&d);
    if (ok) {
        p->stats.compressed_blocks = pipeline_compressed(p->pipeline);
    }
    pipeline_stop(p->pipeline);
    p->pipeline = NULL;
    buf_done(&d.path);
    free(d.fragment);
    free(d.small);
    return ok;
}

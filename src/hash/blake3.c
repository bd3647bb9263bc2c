// SPDX-License-Identifier: Apache-2.0
/*
 * The incremental state. Chaining values of whole subtrees wait on a stack, and are joined only
 * when something follows them: the last join is the root, which has a flag of its own (the BLAKE3
 * paper, sections 2.1 and 5.1.2).
 */
#include "hash/internal.h"

static void init(struct blake3 *b, const uint32_t key[8], uint8_t flags) {
    memcpy(b->key, key, sizeof b->key);
    memcpy(b->cv, key, sizeof b->cv);
    memset(b->block, 0, sizeof b->block);
    b->chunk_number = 0;
    b->block_len = 0;
    b->blocks_done = 0;
    b->flags = flags;
    b->stack_len = 0;
}

void blake3_init(struct blake3 *b) {
    init(b, blake3_iv, 0);
}

void blake3_init_keyed(struct blake3 *b, const uint8_t key[BLAKE3_KEY_BYTES]) {
    uint32_t words[8];
    memcpy(words, key, sizeof words);
    init(b, words, FLAG_KEYED_HASH);
}

void blake3_init_derive_key(struct blake3 *b, str context) {
    struct blake3 outer;
    init(&outer, blake3_iv, FLAG_DERIVE_KEY_CONTEXT);
    blake3_update(&outer, context.ptr, context.len);
    uint8_t key[BLAKE3_OUT_BYTES];
    blake3_final(&outer, key);
    uint32_t words[8];
    memcpy(words, key, sizeof words);
    init(b, words, FLAG_DERIVE_KEY_MATERIAL);
}

/* --- the chunk being filled ------------------------------------------------------------------- */

bool blake3_chunk_is_empty(const struct blake3 *b) {
    return b->blocks_done == 0 && b->block_len == 0;
}

static size_t chunk_len(const struct blake3 *b) {
    return (size_t)b->blocks_done * BLAKE3_BLOCK_BYTES + b->block_len;
}

static uint8_t chunk_flags(const struct blake3 *b, bool last) {
    uint8_t flags = b->flags;
    flags |= b->blocks_done == 0 ? FLAG_CHUNK_START : 0;
    flags |= last ? FLAG_CHUNK_END : 0;
    return flags;
}

/* A block is compressed when more input follows it: the last one has a flag. */
static void fill_chunk(struct blake3 *b, const uint8_t *data, size_t len) {
    while (len > 0) {
        if (b->block_len == BLAKE3_BLOCK_BYTES) {
            blake3_compress_cv(b->cv, b->block, BLAKE3_BLOCK_BYTES, b->chunk_number,
                               chunk_flags(b, false));
            b->blocks_done++;
            b->block_len = 0;
        }
        size_t take = min_size(len, (size_t)BLAKE3_BLOCK_BYTES - b->block_len);
        memcpy(b->block + b->block_len, data, take);
        b->block_len = (uint8_t)(b->block_len + take);
        data += take;
        len -= take;
    }
}

static void begin_chunk(struct blake3 *b) {
    memcpy(b->cv, b->key, sizeof b->cv);
    b->block_len = 0;
    b->blocks_done = 0;
}

static void zero_block_rest(const struct blake3 *b, uint8_t ret[BLAKE3_BLOCK_BYTES]) {
    memset(ret, 0, BLAKE3_BLOCK_BYTES);
    memcpy(ret, b->block, b->block_len);
}

/* --- the stack -------------------------------------------------------------------------------- */

/* As many subtrees are left as the number of chunks has bits: each is a power of two. */
static void join_stack(struct blake3 *b) {
    while (b->stack_len > (size_t)__builtin_popcountll(b->chunk_number)) {
        uint8_t(*pair)[BLAKE3_OUT_BYTES] = &b->stack[b->stack_len - 2];
        blake3_parent(b->key, b->flags, pair, pair[0]);
        b->stack_len--;
    }
}

void blake3_push(struct blake3 *b, const uint8_t cv[BLAKE3_OUT_BYTES], uint64_t chunks) {
    join_stack(b);
    memcpy(b->stack[b->stack_len], cv, BLAKE3_OUT_BYTES);
    b->stack_len++;
    b->chunk_number += chunks;
}

static void end_chunk(struct blake3 *b) {
    uint8_t block[BLAKE3_BLOCK_BYTES];
    zero_block_rest(b, block);
    blake3_compress_cv(b->cv, block, b->block_len, b->chunk_number, chunk_flags(b, true));
    uint8_t cv[BLAKE3_OUT_BYTES];
    memcpy(cv, b->cv, sizeof cv);
    blake3_push(b, cv, 1);
    begin_chunk(b);
}

/* --- update ----------------------------------------------------------------------------------- */

/* The largest power of two of chunks in `len` that may begin at this chunk number. */
static size_t next_subtree(const struct blake3 *b, size_t len) {
    size_t chunks = len / BLAKE3_CHUNK_BYTES;
    size_t size = (size_t)1 << (63 - __builtin_clzll(chunks));
    while ((b->chunk_number & (size - 1)) != 0) {
        size /= 2;
    }
    return size * BLAKE3_CHUNK_BYTES;
}

void blake3_update(struct blake3 *b, const void *data, size_t len) {
    const uint8_t *p = data;
    if (len == 0) {
        return;
    }
    if (!blake3_chunk_is_empty(b)) {
        size_t take = min_size(len, BLAKE3_CHUNK_BYTES - chunk_len(b));
        fill_chunk(b, p, take);
        p += take;
        len -= take;
        if (len == 0) {
            return; /* it may be the last chunk: keep it */
        }
        end_chunk(b);
    }
    while (len > BLAKE3_CHUNK_BYTES) {
        size_t size = next_subtree(b, len);
        if (size == BLAKE3_CHUNK_BYTES) {
            fill_chunk(b, p, size);
            end_chunk(b);
        } else {
            /* Two halves and not their join, which may turn out to be the root. */
            uint8_t pair[2][BLAKE3_OUT_BYTES];
            blake3_subtree(b->key, b->flags, b->chunk_number, p, size, pair);
            uint64_t half = size / 2 / BLAKE3_CHUNK_BYTES;
            blake3_push(b, pair[0], half);
            blake3_push(b, pair[1], half);
        }
        p += size;
        len -= size;
    }
    if (len > 0) {
        join_stack(b);
        fill_chunk(b, p, len);
    }
}

/* --- final ------------------------------------------------------------------------------------ */

/* A node whose compression is not done yet: it may be the root. */
struct node {
    uint32_t cv[8];
    uint8_t block[BLAKE3_BLOCK_BYTES];
    uint8_t block_len;
    uint64_t counter;
    uint8_t flags;
};

static struct node parent_node(const struct blake3 *b, const uint8_t *left, const uint8_t *right) {
    struct node n = { .block_len = BLAKE3_BLOCK_BYTES, .flags = b->flags | FLAG_PARENT };
    memcpy(n.cv, b->key, sizeof n.cv);
    memcpy(n.block, left, BLAKE3_OUT_BYTES);
    memcpy(n.block + BLAKE3_OUT_BYTES, right, BLAKE3_OUT_BYTES);
    return n;
}

static struct node root_node(const struct blake3 *b) {
    struct node n;
    size_t left = b->stack_len;
    if (blake3_chunk_is_empty(b) && left > 0) {
        left -= 2; /* an update that ends with a subtree leaves its halves: never one alone */
        n = parent_node(b, b->stack[left], b->stack[left + 1]);
    } else {
        n = (struct node){ .block_len = b->block_len,
                           .counter = b->chunk_number,
                           .flags = chunk_flags(b, true) };
        memcpy(n.cv, b->cv, sizeof n.cv);
        zero_block_rest(b, n.block);
    }
    while (left > 0) {
        uint8_t cv[BLAKE3_OUT_BYTES];
        blake3_compress_cv(n.cv, n.block, n.block_len, n.counter, n.flags);
        memcpy(cv, n.cv, sizeof cv);
        n = parent_node(b, b->stack[--left], cv);
    }
    n.flags |= FLAG_ROOT;
    return n;
}

void blake3_final_xof(const struct blake3 *b, uint64_t offset, void *ret, size_t len) {
    struct node n = root_node(b);
    uint8_t *p = ret;
    uint64_t counter = offset / BLAKE3_BLOCK_BYTES;
    size_t skip = (size_t)(offset % BLAKE3_BLOCK_BYTES);
    while (len > 0) {
        uint32_t words[16];
        blake3_compress(n.cv, n.block, n.block_len, counter++, n.flags, words);
        size_t take = min_size(len, BLAKE3_BLOCK_BYTES - skip);
        memcpy(p, (const uint8_t *)words + skip, take);
        p += take;
        len -= take;
        skip = 0;
    }
}

void blake3_final(const struct blake3 *b, uint8_t ret[BLAKE3_OUT_BYTES]) {
    blake3_final_xof(b, 0, ret, BLAKE3_OUT_BYTES);
}

void blake3_bytes(str data, uint8_t ret[BLAKE3_OUT_BYTES]) {
    struct blake3 b;
    blake3_init(&b);
    blake3_update(&b, data.ptr, data.len);
    blake3_final(&b, ret);
}

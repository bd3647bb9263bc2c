// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"

enum {
    BLOCK_MIN = 16 * 1024,
    BLOCK_MAX = 1024 * 1024,
    ALIGN = alignof(max_align_t),
};

struct block {
    struct block *next;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

struct arena {
    struct block *head;
    size_t used;
};

static _Noreturn void out_of_memory(void) {
    fputs("capsem-builder: out of memory\n", stderr);
    exit(1);
}

static struct block *block_new(size_t size) {
    size_t total;
    if (!add_size(size, sizeof(struct block), &total)) {
        out_of_memory();
    }
    struct block *b = malloc(total);
    if (b == NULL) {
        out_of_memory();
    }
    b->next = NULL;
    b->size = size;
    b->used = 0;
    return b;
}

struct arena *arena_new(void) {
    struct arena *a = malloc(sizeof *a);
    if (a == NULL) {
        out_of_memory();
    }
    a->head = NULL;
    a->used = 0;
    return a;
}

static void free_blocks(struct block *b) {
    while (b != NULL) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_free(struct arena *a) {
    if (a != NULL) {
        free_blocks(a->head);
        free(a);
    }
}

void arena_reset(struct arena *a) {
    if (a->head != NULL) {
        free_blocks(a->head->next);
        a->head->next = NULL;
        a->head->used = 0;
    }
    a->used = 0;
}

/* A large request gets a block of its own, linked after the head so that the head keeps filling.
 */
static void *alloc_large(struct arena *a, size_t size) {
    struct block *b = block_new(size);
    b->used = size;
    if (a->head == NULL) {
        a->head = b;
    } else {
        b->next = a->head->next;
        a->head->next = b;
    }
    return b->data;
}

void *arena_alloc_raw(struct arena *a, size_t size) {
    size_t rounded;
    if (!add_size(size, ALIGN - 1, &rounded)) {
        out_of_memory();
    }
    rounded &= ~(size_t)(ALIGN - 1);
    a->used += rounded;

    struct block *b = a->head;
    if (b == NULL || b->size - b->used < rounded) {
        if (rounded > BLOCK_MAX / 4) {
            return alloc_large(a, rounded);
        }
        size_t size_next = b == NULL ? BLOCK_MIN : min_size(b->size * 2, BLOCK_MAX);
        b = block_new(max_size(size_next, rounded));
        b->next = a->head;
        a->head = b;
    }
    void *p = b->data + b->used;
    b->used += rounded;
    return p;
}

void *arena_alloc(struct arena *a, size_t size) {
    return memset(arena_alloc_raw(a, size), 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size) {
    size_t total;
    if (!mul_size(count, size, &total)) {
        out_of_memory();
    }
    return arena_alloc(a, total);
}

void *arena_grow(struct arena *a, void *items, size_t len, size_t *cap, size_t size) {
    if (len < *cap) {
        return items;
    }
    size_t cap_new = *cap == 0 ? 8 : *cap * 2;
    size_t total;
    if (cap_new < *cap || !mul_size(cap_new, size, &total)) {
        out_of_memory();
    }
    unsigned char *moved = arena_alloc_raw(a, total);
    if (len > 0) {
        memcpy(moved, items, len * size);
    }
    memset(moved + len * size, 0, total - len * size);
    *cap = cap_new;
    return moved;
}

size_t arena_used(const struct arena *a) {
    return a->used;
}

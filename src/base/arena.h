// SPDX-License-Identifier: Apache-2.0
/*
 * Arena: memory of one phase (a config, one render, one plan). Nothing in it is freed alone;
 * arena_free() frees all. Running out of memory ends the process in arena.c: inputs have limits
 * of their own, so no input reaches that.
 */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */

/* Zeroed memory, aligned for any type; `size` 0 gives a valid pointer. Never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));

/* The same, but not zeroed: for what is written at once. */
void *arena_alloc_raw(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));

/* `count` elements of `size` bytes, zeroed; the product is checked. */
void *arena_array(struct arena *a, size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));

/*
 * Room for one more element in a growing array: returns the array (perhaps moved) with space for
 * at least `len + 1` elements and updates *cap. `items` may be NULL when *cap is 0.
 */
void *arena_grow(struct arena *a, void *items, size_t len, size_t *cap, size_t size)
    __attribute__((returns_nonnull));

/* Bytes handed out so far: for tests and limits. */
size_t arena_used(const struct arena *a);

/* Forgets everything allocated, keeps one block for reuse. */
void arena_reset(struct arena *a);

#define ARENA_NEW(a, type)          ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_array((a), (count), sizeof(type)))
/* Appends `value` to the array `items` with `len` and `cap`: all three are lvalues. */
#define ARENA_PUSH(a, items, len, cap, value)                                                      \
    do {                                                                                           \
        if ((len) == (cap)) {                                                                      \
            (items) = arena_grow((a), (items), (len), &(cap), sizeof *(items));                    \
        }                                                                                          \
        (items)[(len)++] = (value);                                                                \
    } while (0)

static inline void arena_free_auto(struct arena **a) {
    arena_free(*a);
}
#define AUTO_ARENA __attribute__((cleanup(arena_free_auto))) struct arena *

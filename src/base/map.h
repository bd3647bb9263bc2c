// SPDX-License-Identifier: Apache-2.0
/*
 * map: str -> pointer, in an arena, iterated in the order of first insertion. Keys are borrowed:
 * they must live as long as the map. There is no removal; replacing keeps the first position.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

struct map_entry {
    str key;
    void *value;
    uint64_t hash;
};

struct map {
    struct arena *arena;
    struct map_entry *entries; /* `len` of them, in order */
    size_t len;
    size_t cap;
    uint32_t *slots; /* index + 1, 0 is free; NULL while the map is small */
    size_t slot_count;
};

void map_init(struct map *m, struct arena *a);

/* NULL when the key is not there (or its value is NULL: use map_has). */
void *map_find(const struct map *m, str key);
bool map_has(const struct map *m, str key);

/* Inserts or replaces; true when the key is new. */
bool map_put(struct map *m, str key, void *value);

/* A well-mixed hash that does not depend on the process (results may not either). */
uint64_t str_hash(str s);

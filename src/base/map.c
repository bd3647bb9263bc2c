// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include "base/arena.h"
#include "base/arith.h"

enum { SMALL = 8 }; /* up to here a linear scan is faster than hashing into slots */

uint64_t str_hash(str s) {
    uint64_t h = 0x9E3779B97F4A7C15U ^ s.len;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        h = (h ^ load_le64(s.ptr + i)) * 0xFF51AFD7ED558CCDU;
        h ^= h >> 32;
    }
    for (; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001B3U;
    }
    h ^= h >> 33;
    h *= 0xC4CEB9FE1A85EC53U;
    return h ^ h >> 29;
}

void map_init(struct map *m, struct arena *a) {
    *m = (struct map){ .arena = a };
}

static struct map_entry *find_entry(const struct map *m, str key, uint64_t hash) {
    if (m->slots == NULL) {
        for (size_t i = 0; i < m->len; i++) {
            if (m->entries[i].hash == hash && str_eq(m->entries[i].key, key)) {
                return &m->entries[i];
            }
        }
        return NULL;
    }
    size_t mask = m->slot_count - 1;
    for (size_t at = hash & mask; m->slots[at] != 0; at = (at + 1) & mask) {
        struct map_entry *e = &m->entries[m->slots[at] - 1];
        if (e->hash == hash && str_eq(e->key, key)) {
            return e;
        }
    }
    return NULL;
}

static void add_slot(struct map *m, size_t index) {
    size_t mask = m->slot_count - 1;
    size_t at = m->entries[index].hash & mask;
    while (m->slots[at] != 0) {
        at = (at + 1) & mask;
    }
    m->slots[at] = (uint32_t)(index + 1);
}

static void rebuild_slots(struct map *m) {
    m->slot_count = m->slot_count == 0 ? 4 * SMALL : m->slot_count * 2;
    m->slots = ARENA_ARRAY(m->arena, uint32_t, m->slot_count);
    for (size_t i = 0; i < m->len; i++) {
        add_slot(m, i);
    }
}

void *map_find(const struct map *m, str key) {
    const struct map_entry *e = find_entry(m, key, str_hash(key));
    return e == NULL ? NULL : e->value;
}

bool map_has(const struct map *m, str key) {
    return find_entry(m, key, str_hash(key)) != NULL;
}

bool map_put(struct map *m, str key, void *value) {
    uint64_t hash = str_hash(key);
    struct map_entry *e = find_entry(m, key, hash);
    if (e != NULL) {
        e->value = value;
        return false;
    }
    struct map_entry fresh = { .key = key, .value = value, .hash = hash };
    ARENA_PUSH(m->arena, m->entries, m->len, m->cap, fresh);
    if (m->slots == NULL ? m->len > SMALL : m->len * 2 > m->slot_count) {
        rebuild_slots(m);
    } else if (m->slots != NULL) {
        add_slot(m, m->len - 1);
    }
    return true;
}

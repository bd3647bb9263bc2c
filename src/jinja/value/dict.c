// SPDX-License-Identifier: Apache-2.0
/* Dicts: ordered by first insertion, keys of any hashable value. */
#include <math.h>

#include "jinja/value/value.h"

enum { SMALL = 8 }; /* up to here a scan is faster than slots */

/* A view of values can be a key, as the object that it is; those of keys and items are sets. */
static bool hashable(struct jinja_value v, size_t depth, size_t *budget) {
    if ((v.kind == JINJA_LIST && v.view != JINJA_VIEW_VALUES) || v.kind == JINJA_DICT ||
        depth > VALUE_DEPTH_MAX || *budget == 0) {
        return false;
    }
    --*budget;
    for (size_t i = 0; v.kind == JINJA_TUPLE && i < v.list->len; i++) {
        if (!hashable(v.list->items[i], depth + 1, budget)) {
            return false;
        }
    }
    return true;
}

bool value_hashable(struct jinja_value v) {
    size_t budget = VALUE_ITEMS_MAX;
    return hashable(v, 0, &budget);
}

static uint64_t hash_bytes(const void *p, size_t len) {
    return str_hash((str){ p, len });
}

static uint64_t hash_number(struct jinja_value v) {
    int64_t i = 0;
    if (!value_is_integer(v, &i)) {
        if (v.real != trunc(v.real) || v.real < -0x1p63 || v.real >= 0x1p63) {
            return hash_bytes(&v.real, sizeof v.real);
        }
        i = (int64_t)v.real; /* equal numbers have equal hashes */
    }
    return hash_bytes(&i, sizeof i);
}

/* Looks at no more than `budget` items: a hash need not cover all of a tuple. */
static uint64_t hash(struct jinja_value v, size_t *budget) {
    uint64_t h = v.kind;
    switch ((enum jinja_kind)v.kind) {
    case JINJA_STRING:
        return str_hash(v.string);
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_FLOAT:
        return hash_number(v);
    case JINJA_TUPLE:
        for (size_t i = 0; i<v.list->len && * budget> 0; i++) {
            --*budget;
            h = h * 31 + hash(v.list->items[i], budget);
        }
        return h;
    case JINJA_UNDEFINED:
    case JINJA_NONE:
    case JINJA_LIST:
    case JINJA_DICT:
    case JINJA_RANGE:
    case JINJA_ITERATOR:
    case JINJA_FUNCTION:
    case JINJA_OBJECT:
        break; /* rare keys share a slot */
    }
    return h;
}

uint64_t value_hash(struct jinja_value v) {
    size_t budget = 32;
    return hash(v, &budget);
}

static bool entry_is(const struct dict_entry *e, struct jinja_value key, uint64_t hash) {
    if (e->removed || e->hash != hash) {
        return false;
    }
    if (e->key.kind == JINJA_STRING && key.kind == JINJA_STRING) {
        return str_eq(e->key.string, key.string);
    }
    return value_equal(e->key, key);
}

static struct dict_entry *find(const struct jinja_dict *d, struct jinja_value key, uint64_t hash) {
    if (d->slots == NULL) {
        for (size_t i = 0; i < d->used; i++) {
            if (entry_is(&d->entries[i], key, hash)) {
                return &d->entries[i];
            }
        }
        return NULL;
    }
    size_t mask = d->slot_count - 1;
    for (size_t at = hash & mask; d->slots[at] != 0; at = (at + 1) & mask) {
        struct dict_entry *e = &d->entries[d->slots[at] - 1];
        if (entry_is(e, key, hash)) {
            return e;
        }
    }
    return NULL;
}

static void add_slot(struct jinja_dict *d, size_t index) {
    size_t mask = d->slot_count - 1;
    size_t at = d->entries[index].hash & mask;
    while (d->slots[at] != 0) {
        at = (at + 1) & mask;
    }
    d->slots[at] = (uint32_t)(index + 1);
}

static void rebuild_slots(struct jinja_dict *d) {
    d->slot_count = d->slot_count == 0 ? 4 * SMALL : d->slot_count * 2;
    d->slots = ARENA_ARRAY(d->arena, uint32_t, d->slot_count);
    for (size_t i = 0; i < d->used; i++) {
        add_slot(d, i);
    }
}

struct dict_entry *dict_find(const struct jinja_dict *d, struct jinja_value key) {
    return find(d, key, value_hash(key));
}

static bool entry_is_text(const struct dict_entry *e, str key, uint64_t hash) {
    return e->hash == hash && !e->removed && e->key.kind == JINJA_STRING &&
           str_eq(e->key.string, key);
}

struct dict_entry *dict_find_text(const struct jinja_dict *d, str key, uint64_t hash,
                                  uint32_t *hint) {
    if (*hint < d->used && entry_is_text(&d->entries[*hint], key, hash)) {
        return &d->entries[*hint];
    }
    struct dict_entry *e = find(d, jinja_string(key), hash);
    if (e != NULL) {
        *hint = (uint32_t)(e - d->entries);
    }
    return e;
}

void dict_reserve(struct jinja_dict *d, size_t count) {
    ASSERT(d->cap == 0);
    d->entries = ARENA_ARRAY(d->arena, struct dict_entry, count);
    d->cap = count;
}

static uint64_t hash_key(const struct jinja_value *key) {
    return key->kind == JINJA_STRING ? str_hash(key->string) : value_hash(*key);
}

static void add_entry(struct jinja_dict *d, struct jinja_value key, struct jinja_value value,
                      uint64_t hash) {
    struct dict_entry fresh = { .key = key, .value = value, .hash = hash };
    ARENA_PUSH(d->arena, d->entries, d->used, d->cap, fresh);
    d->len++;
    if (d->slots == NULL ? d->used > SMALL : d->used * 2 > d->slot_count) {
        rebuild_slots(d);
    } else if (d->slots != NULL) {
        add_slot(d, d->used - 1);
    }
}

void dict_put(struct jinja_dict *d, struct jinja_value key, struct jinja_value value) {
    uint64_t hash = hash_key(&key);
    struct dict_entry *e = find(d, key, hash);
    if (e != NULL) {
        e->value = value;
        return;
    }
    add_entry(d, key, value, hash);
}

bool dict_add(struct jinja_dict *d, struct jinja_value key, struct jinja_value value) {
    uint64_t hash = hash_key(&key);
    if (find(d, key, hash) != NULL) {
        return false;
    }
    add_entry(d, key, value, hash);
    return true;
}

bool dict_remove(struct jinja_dict *d, struct jinja_value key) {
    struct dict_entry *e = dict_find(d, key);
    if (e == NULL) {
        return false;
    }
    e->removed = true; /* stays in its slot, so that later keys are still found */
    d->len--;
    return true;
}

struct jinja_dict *dict_copy(struct arena *a, const struct jinja_dict *d) {
    struct jinja_dict *copy = jinja_dict_new(a).dict;
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].removed) {
            dict_put(copy, d->entries[i].key, d->entries[i].value);
        }
    }
    return copy;
}

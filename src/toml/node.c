// SPDX-License-Identifier: Apache-2.0
/*
 * Nodes come in chunks that never move and are named by their index, so a sibling costs four
 * bytes. A table is a list of its nodes; past INDEX_FROM of them it gets a hash of its own.
 */
#include "toml/internal.h"

enum { INDEX_FROM = 8, SLOTS_FIRST = 32 };

/* The hash stands beside the index so that a probe touches no node but the right one. */
struct slot {
    uint32_t hash;
    uint32_t node; /* 0: free */
};

struct toml_index {
    uint32_t first;
    uint32_t last;
    uint32_t count;
    uint32_t slot_count; /* a power of two, at least twice the count */
    struct slot *slots;
};

uint32_t node_new(struct toml *doc) {
    if (doc->node_count % NODE_CHUNK == 0) {
        struct toml_node *chunk = ARENA_ARRAY(doc->arena, struct toml_node, NODE_CHUNK);
        ARENA_PUSH(doc->arena, doc->chunks, doc->chunk_count, doc->chunk_cap, chunk);
    }
    return doc->node_count++;
}

void node_append(struct toml *doc, struct toml_node *array, uint32_t child) {
    if (array->list.first == 0) {
        array->list.first = child;
    } else {
        node_at(doc, array->list.last)->next = child;
    }
    array->list.last = child;
}

static str decoded_key(const struct toml *doc, uint32_t start) {
    size_t low = 0;
    size_t high = doc->decoded_len;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (doc->decoded_keys[middle].start <= start) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return doc->decoded_keys[low].text;
}

str toml_key(const struct toml *doc, const struct toml_node *node) {
    if ((node->flags & TOML_KEY_DECODED) != 0) {
        return decoded_key(doc, node->key_start);
    }
    return (str){ doc->text.ptr + node->key_start, node->key_len };
}

void node_set_key(struct toml *doc, struct toml_node *node, const struct key *key) {
    node->key_start = key->start;
    node->key_len = key->len;
    node->flags &= (uint8_t) ~(TOML_KEY_QUOTED | TOML_KEY_DECODED);
    node->flags |= key->flags;
    if ((key->flags & TOML_KEY_DECODED) != 0 &&
        (doc->decoded_len == 0 || doc->decoded_keys[doc->decoded_len - 1].start < key->start)) {
        struct toml_decoded_key entry = { .start = key->start, .text = key->text };
        ARENA_PUSH(doc->arena, doc->decoded_keys, doc->decoded_len, doc->decoded_cap, entry);
    }
}

static bool key_is(const struct toml *doc, const struct toml_node *node, str key) {
    if ((node->flags & TOML_KEY_DECODED) != 0) {
        return str_eq(decoded_key(doc, node->key_start), key);
    }
    return str_eq((str){ doc->text.ptr + node->key_start, node->key_len }, key);
}

static uint32_t key_hash(str key) {
    return (uint32_t)str_hash(key);
}

static void slot_add(struct toml_index *x, struct slot fresh) {
    uint32_t mask = x->slot_count - 1;
    uint32_t at = fresh.hash & mask;
    while (x->slots[at].node != 0) {
        at = (at + 1) & mask;
    }
    x->slots[at] = fresh;
}

static void index_add(const struct toml *doc, struct toml_index *x, uint32_t child) {
    uint32_t hash = key_hash(toml_key(doc, node_at(doc, child)));
    slot_add(x, (struct slot){ .hash = hash, .node = child });
}

static void index_make(struct toml *doc, struct toml_node *table) {
    struct toml_index *x = ARENA_NEW(doc->arena, struct toml_index);
    x->first = table->list.first;
    x->last = table->list.last;
    x->count = table->count;
    x->slot_count = SLOTS_FIRST;
    x->slots = ARENA_ARRAY(doc->arena, struct slot, SLOTS_FIRST);
    for (uint32_t i = x->first; i != 0; i = node_at(doc, i)->next) {
        index_add(doc, x, i);
    }
    table->index = x;
    table->flags |= TOML_INDEXED;
}

static void index_double(struct toml *doc, struct toml_index *x) {
    const struct slot *old = x->slots;
    uint32_t old_count = x->slot_count;
    x->slot_count = old_count * 2;
    x->slots = ARENA_ARRAY(doc->arena, struct slot, x->slot_count);
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i].node != 0) {
            slot_add(x, old[i]);
        }
    }
}

static void index_insert(struct toml *doc, struct toml_index *x, uint32_t child) {
    node_at(doc, x->last)->next = child;
    x->last = child;
    x->count++;
    if (x->count > x->slot_count / 2) {
        index_double(doc, x);
    }
    index_add(doc, x, child);
}

void node_insert(struct toml *doc, struct toml_node *table, uint32_t child) {
    if ((table->flags & TOML_INDEXED) != 0) {
        index_insert(doc, table->index, child);
        return;
    }
    node_append(doc, table, child);
    table->count++;
    if (table->count > INDEX_FROM) {
        index_make(doc, table);
    }
}

struct toml_node *node_find(const struct toml *doc, const struct toml_node *table, str key) {
    if ((table->flags & TOML_INDEXED) == 0) {
        for (uint32_t i = table->list.first; i != 0;) {
            struct toml_node *node = node_at(doc, i);
            if (key_is(doc, node, key)) {
                return node;
            }
            i = node->next;
        }
        return NULL;
    }
    const struct toml_index *x = table->index;
    uint32_t mask = x->slot_count - 1;
    uint32_t hash = key_hash(key);
    for (uint32_t at = hash & mask; x->slots[at].node != 0; at = (at + 1) & mask) {
        if (x->slots[at].hash == hash) {
            struct toml_node *node = node_at(doc, x->slots[at].node);
            if (key_is(doc, node, key)) {
                return node;
            }
        }
    }
    return NULL;
}

const struct toml_node *toml_root(const struct toml *doc) {
    return node_at(doc, NODE_ROOT);
}

const struct toml_node *toml_first(const struct toml *doc, const struct toml_node *parent) {
    if (parent->kind != TOML_TABLE && parent->kind != TOML_ARRAY) {
        return NULL;
    }
    uint32_t first =
        (parent->flags & TOML_INDEXED) != 0 ? parent->index->first : parent->list.first;
    return first == 0 ? NULL : node_at(doc, first);
}

const struct toml_node *toml_next(const struct toml *doc, const struct toml_node *node) {
    return node->next == 0 ? NULL : node_at(doc, node->next);
}

size_t toml_count(const struct toml *doc, const struct toml_node *parent) {
    size_t count = 0;
    for (const struct toml_node *n = toml_first(doc, parent); n != NULL; n = toml_next(doc, n)) {
        count++;
    }
    return count;
}

const struct toml_node *toml_find(const struct toml *doc, const struct toml_node *table, str key) {
    return table->kind == TOML_TABLE ? node_find(doc, table, key) : NULL;
}

str toml_string(const struct toml *doc, const struct toml_node *node) {
    if ((node->flags & TOML_DECODED) != 0) {
        return (str){ node->in->bytes, node->in->len };
    }
    return (str){ doc->text.ptr + node->text.start, node->text.len };
}

str toml_datetime(const struct toml *doc, const struct toml_node *node) {
    return toml_string(doc, node);
}

struct span toml_span(const struct toml *doc, const struct toml_node *node) {
    return (struct span){ doc->source, node->start, node->end };
}

struct span toml_key_span(const struct toml *doc, const struct toml_node *node) {
    uint32_t quote = (node->flags & TOML_KEY_QUOTED) != 0 ? 1 : 0;
    return (struct span){ doc->source, node->key_start - quote,
                          node->key_start + node->key_len + quote };
}

const char *toml_kind_name(enum toml_kind kind) {
    switch (kind) {
    case TOML_STRING:
        return "a string";
    case TOML_INTEGER:
        return "an integer";
    case TOML_FLOAT:
        return "a float";
    case TOML_BOOL:
        return "a boolean";
    case TOML_DATETIME:
    case TOML_LOCAL_DATETIME:
        return "a date and time";
    case TOML_LOCAL_DATE:
        return "a date";
    case TOML_LOCAL_TIME:
        return "a time";
    case TOML_ARRAY:
        return "an array";
    case TOML_TABLE:
        return "a table";
    case TOML_INVALID:
        return "a broken value";
    }
    return "a value";
}

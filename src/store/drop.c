// SPDX-License-Identifier: Apache-2.0
/*
 * A damaged layer goes, with every layer that was made from it and every record that names one of
 * them: a step that ran on a damaged file has done what it should not, and an asset may have been
 * packed from it.
 */
#include <jansson.h>
#include <string.h>

#include "store/internal.h"

enum { RECORD_BYTES_MAX = 64 * 1024 * 1024 };

struct dropping {
    const struct store *store;
    struct arena *arena;
    struct map keys;      /* of the layers that go */
    struct map stood_for; /* by one of them: these stay, but not what was made from them */
};

/* "on" and "instead_of" of a description: what the layer was made from, and the highest of the
 * layers that it stands for. */
struct basis {
    json_t *root;
    const json_t *on;
    const char *instead_of; /* NULL: nothing */
};

static struct basis load_basis(struct dropping *d, const char *hex) {
    struct basis b = { 0 };
    struct store_key key = { 0 };
    str meta;
    if (strlen(hex) != STORE_KEY_HEX) {
        return b;
    }
    memcpy(key.hex, hex, STORE_KEY_HEX);
    if (store_layer_meta(d->store, d->arena, &key, &meta)) {
        b.root = json_loadb(meta.ptr, meta.len, 0, NULL);
        b.on = json_object_get(b.root, "on");
        b.instead_of = json_string_value(json_object_get(b.root, "instead_of"));
    }
    return b;
}

static bool add(struct dropping *d, struct map *to, const char *hex) {
    return map_put(to, str_dup(d->arena, str_from_c(hex)), d);
}

static bool stands_on_one(const struct dropping *d, const struct basis *b) {
    for (size_t i = 0; i < json_array_size(b->on); i++) {
        const char *hex = json_string_value(json_array_get(b->on, i));
        if (hex != NULL &&
            (map_has(&d->keys, str_from_c(hex)) || map_has(&d->stood_for, str_from_c(hex)))) {
            return true;
        }
    }
    return false;
}

/* One round; true when one more was found. */
static bool find_more(struct dropping *d, const char **names, const struct basis *bases,
                      size_t count) {
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (map_has(&d->keys, str_from_c(names[i]))) {
            found |= bases[i].instead_of != NULL && add(d, &d->stood_for, bases[i].instead_of);
        } else if (stands_on_one(d, &bases[i])) {
            found |= add(d, &d->keys, names[i]);
        }
    }
    return found;
}

static void find_all(struct dropping *d) {
    const char **names;
    size_t count;
    if (!fs_list(d->arena, d->store->fd, "layers", &names, &count, NULL)) {
        return;
    }
    struct basis *bases = ARENA_ARRAY(d->arena, struct basis, count);
    for (size_t i = 0; i < count; i++) {
        bases[i] = load_basis(d, names[i]);
    }
    while (find_more(d, names, bases, count)) {
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(bases[i].root);
    }
}

str store_layers_basis(const struct store *s, struct arena *a, const struct store_key *keys,
                       size_t count) {
    struct dropping d = { .store = s, .arena = a };
    map_init(&d.keys, a);
    for (size_t i = 0; i < count; i++) {
        add(&d, &d.keys, keys[i].hex);
        struct basis b = load_basis(&d, keys[i].hex);
        for (size_t k = 0; k < json_array_size(b.on); k++) {
            const char *hex = json_string_value(json_array_get(b.on, k));
            if (hex != NULL && strlen(hex) == STORE_KEY_HEX) {
                add(&d, &d.keys, hex);
            }
        }
        json_decref(b.root);
    }
    AUTO_BUF text = BUF_INIT((d.keys.len + 1) * (STORE_KEY_HEX + 1));
    for (size_t i = 0; i < d.keys.len; i++) {
        buf_addf(&text, "%s%.*s", i == 0 ? "" : " ", STR_FMT(d.keys.entries[i].key));
    }
    return str_dup(a, buf_str(&text));
}

static bool names_one(const struct dropping *d, str text) {
    for (size_t i = 0; i < d->keys.len; i++) {
        if (str_find(text, d->keys.entries[i].key, 0) != STR_NONE) {
            return true;
        }
    }
    return false;
}

static void drop_records(struct dropping *d, const char *kind) {
    const char **names;
    size_t count;
    if (!fs_list(d->arena, d->store->fd, kind, &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        AUTO_ARENA a = arena_new();
        str text;
        const char *path = path_join(a, kind, names[i]);
        if (fs_load(a, d->store->fd, path, RECORD_BYTES_MAX, &text, NULL) && names_one(d, text)) {
            unlinkat(d->store->fd, path, 0);
        }
    }
}

/* For people: the instruction that made it. */
static str describe(struct dropping *d, const char *hex) {
    struct basis b = load_basis(d, hex);
    const char *text = json_string_value(json_object_get(b.root, "text"));
    str copy = str_dup(d->arena, str_from_c(text == NULL ? "" : text));
    json_decref(b.root);
    return copy;
}

static bool is_another(const struct store *s, struct arena *a, const char *hex, int dirfd) {
    struct stat st;
    struct stat now;
    if (dirfd < 0) {
        return stamp_look(s, str_fmt(a, "layers/%s/stamp", hex).ptr) != STAMP_NONE;
    }
    return fstat(dirfd, &st) < 0 || fstatat(s->fd, str_fmt(a, "layers/%s", hex).ptr, &now, 0) < 0 ||
           st.st_ino != now.st_ino;
}

void layer_drop(struct store *s, const char *hex, int dirfd, const char *what) {
    AUTO_ARENA a = arena_new();
    AUTO_FD lock = layers_lock(s);
    (void)lock; /* held until the end, also where it could not be had */
    ASSERT(strlen(hex) == STORE_KEY_HEX);
    if (is_another(s, a, hex, dirfd)) {
        return;
    }
    struct dropping d = { .store = s, .arena = a };
    struct err ignored = ERR_INIT;
    map_init(&d.keys, a);
    map_init(&d.stood_for, a);
    struct store_damage damage = { .text = str_dup(s->arena, describe(&d, hex)),
                                   .what = str_dup(s->arena, str_from_c(what)) };
    memcpy(damage.key.hex, hex, STORE_KEY_HEX);
    add(&d, &d.keys, hex);
    find_all(&d);
    damage.more = d.keys.len - 1;
    drop_records(&d, "images");
    drop_records(&d, "results");
    /* The damaged one goes last: as long as it is there, what stands on it is found again. */
    for (size_t i = d.keys.len; i-- > 0;) {
        (void)!store_trash(s, path_join(a, "layers", d.keys.entries[i].key.ptr), &ignored);
    }
    ARENA_PUSH(s->arena, s->damages, s->damage_count, s->damage_cap, damage);
}

bool store_damage_next(struct store *s, struct store_damage *ret) {
    if (s->damage_shown == s->damage_count) {
        return false;
    }
    *ret = s->damages[s->damage_shown++];
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Is a layer what it was when it was made? Its listing (listing.h) says what that was. Looking is
 * done whenever layers are used; reading when a look finds something, and for layers that another
 * session has left (session.c).
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "store/internal.h"
#include "store/listing.h"

enum { META_BYTES_MAX = 1024 * 1024 };
#define LISTING_BYTES_MAX ((size_t)4 << 30)

void layer_found_whole(struct store *s, const char *hex) {
    map_put(&s->checked, str_dup(s->arena, str_from_c(hex)), s);
}

/* ---- listings ---- */

static bool write_listing(int dirfd, const struct listing *l, struct err *err) {
    AUTO_BUF out = BUF_INIT(LISTING_BYTES_MAX);
    listing_encode(l, &out);
    return !out.full && fs_store(dirfd, "listing", buf_str(&out), 0644, err);
}

bool layer_list_little(int dirfd, str meta) {
    static const struct listing_limit little = { .entries = 64, .bytes = 1024 * 1024 };
    AUTO_ARENA a = arena_new();
    struct listing l;
    struct err ignored = ERR_INIT; /* it is made later */
    blake3_bytes(meta, l.meta);
    return listing_make(a, dirfd, "fs", &little, &l, &ignored) == LISTING_MADE &&
           write_listing(dirfd, &l, &ignored);
}

static int open_layer(const struct store *s, const char *hex) {
    char path[128];
    snprintf(path, sizeof path, "layers/%s", hex);
    return openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool list_now(struct arena *a, int dirfd, struct listing *ret, struct err *err) {
    str meta;
    if (!fs_load(a, dirfd, "meta.json", META_BYTES_MAX, &meta, err) ||
        listing_make(a, dirfd, "fs", NULL, ret, err) != LISTING_MADE) {
        return false;
    }
    blake3_bytes(meta, ret->meta);
    return true;
}

bool layer_list(struct store *s, const char *hex) {
    AUTO_ARENA a = arena_new();
    AUTO_FD dirfd = open_layer(s, hex);
    struct listing l;
    struct err ignored = ERR_INIT;
    return dirfd >= 0 && list_now(a, dirfd, &l, &ignored) && write_listing(dirfd, &l, &ignored);
}

/* At its use a layer that cannot be read is damaged; one whose listing cannot be written, as the
 * disk is full, is listed another time. */
static bool list_or_drop(struct store *s, struct arena *a, int dirfd, const char *hex) {
    struct listing l;
    struct err err = ERR_INIT;
    struct err ignored = ERR_INIT;
    if (!list_now(a, dirfd, &l, &err)) {
        layer_drop(s, hex, dirfd, err.frames[0]);
        return false;
    }
    (void)!write_listing(dirfd, &l, &ignored);
    return true;
}

/* ---- checks ---- */

/* What is there against what was. */
static bool read_all(struct arena *a, int dirfd, const struct listing *was, struct listing *ret_now,
                     str *ret_what) {
    struct err err = ERR_INIT;
    if (!list_now(a, dirfd, ret_now, &err)) {
        AUTO_BUF text = BUF_INIT(4096);
        err_text(&err, &text);
        *ret_what = str_dup(a, buf_str(&text));
        return false;
    }
    if (memcmp(was->meta, ret_now->meta, sizeof was->meta) != 0) {
        *ret_what = S("its description is damaged");
        return false;
    }
    return listing_compare(was, ret_now, a, ret_what) == LISTING_FITS;
}

static bool load_listing(struct arena *a, int dirfd, struct listing *ret) {
    str bytes;
    return fs_load(a, dirfd, "listing", LISTING_BYTES_MAX, &bytes, NULL) &&
           listing_decode(a, bytes, ret);
}

/* Content that is right, but in other inodes than the listing says, as a copy of the store has. */
static void renew(struct store *s, int dirfd, const struct listing *was, const struct listing *now,
                  const char *hex) {
    char path[128];
    struct err ignored = ERR_INIT;
    snprintf(path, sizeof path, "layers/%s/stamp", hex);
    for (size_t i = 0; i < now->count; i++) {
        if (was->entries[i].inode != now->entries[i].inode ||
            was->entries[i].ctime_ns != now->entries[i].ctime_ns) {
            (void)!write_listing(dirfd, now, &ignored);
            break;
        }
    }
    (void)!stamp_put(s, s->fd, path, os_boot_time_ns());
    keeper_begin(s); /* or it would be read again after each start */
}

/* A layer of this session without a listing was made by a process that was killed before it had
 * one. */
static bool is_unlisted(const struct store *s, int dirfd, const char *hex) {
    char path[128];
    snprintf(path, sizeof path, "layers/%s/stamp", hex);
    return !fs_exists(dirfd, "listing") && stamp_look(s, path) == STAMP_OURS;
}

bool layer_read_again(struct store *s, const char *hex) {
    AUTO_ARENA a = arena_new();
    AUTO_FD dirfd = open_layer(s, hex);
    struct listing was;
    struct listing now;
    str what = S_INIT("it was not complete");
    if (dirfd < 0) {
        return false;
    }
    if (is_unlisted(s, dirfd, hex)) {
        return list_or_drop(s, a, dirfd, hex);
    }
    if (!load_listing(a, dirfd, &was) || !read_all(a, dirfd, &was, &now, &what)) {
        layer_drop(s, hex, dirfd, what.ptr);
        return false;
    }
    renew(s, dirfd, &was, &now, hex);
    layer_found_whole(s, hex);
    return true;
}

static bool look(struct store *s, const char *hex) {
    AUTO_ARENA a = arena_new();
    AUTO_FD dirfd = open_layer(s, hex);
    struct listing was;
    struct listing now;
    str what;
    if (dirfd < 0) {
        return false;
    }
    if (is_unlisted(s, dirfd, hex)) {
        return list_or_drop(s, a, dirfd, hex);
    }
    if (load_listing(a, dirfd, &was) && listing_look(&was, a, dirfd, "fs", &what) == LISTING_FITS &&
        listing_sample(&was, a, dirfd, "fs", &what) == LISTING_FITS) {
        return true;
    }
    if (!load_listing(a, dirfd, &was)) {
        layer_drop(s, hex, dirfd, "its listing is damaged");
        return false;
    }
    if (read_all(a, dirfd, &was, &now, &what)) {
        renew(s, dirfd, &was, &now, hex);
        return true;
    }
    layer_drop(s, hex, dirfd, what.ptr);
    return false;
}

/* ---- layers and what they were made from ---- */

struct checking {
    struct store *store;
    struct arena *arena;
    struct store_key *todo; /* grows: what was made from other layers brings those */
    size_t count;
    size_t cap;
    struct map seen;
};

static void want(struct checking *c, str hex) {
    if (hex.len != STORE_KEY_HEX || map_has(&c->seen, hex)) {
        return;
    }
    struct store_key key = { 0 };
    memcpy(key.hex, hex.ptr, hex.len);
    map_put(&c->seen, str_dup(c->arena, hex), c);
    ARENA_PUSH(c->arena, c->todo, c->count, c->cap, key);
}

static void want_basis(struct checking *c, const struct store_key *key) {
    str meta;
    if (!store_layer_meta(c->store, c->arena, key, &meta)) {
        return;
    }
    json_t *root = json_loadb(meta.ptr, meta.len, 0, NULL);
    const json_t *on = json_object_get(root, "on");
    for (size_t i = 0; i < json_array_size(on); i++) {
        const char *hex = json_string_value(json_array_get(on, i));
        want(c, str_from_c(hex == NULL ? "" : hex));
    }
    json_decref(root);
}

/* The layers that were asked for must be there; one that they were made from may be pruned. */
static bool check_one(struct checking *c, const struct store_key *key, bool is_needed) {
    struct store *s = c->store;
    AUTO_FD dirfd = open_layer(s, key->hex);
    if (dirfd < 0) {
        return !is_needed;
    }
    if (map_has(&s->checked, str_from_c(key->hex))) {
        return layer_is_the_same(s, key->hex);
    }
    if (!store_layer_has(s, key) || !look(s, key->hex)) {
        return false;
    }
    layer_found_whole(s, key->hex);
    return true;
}

bool store_layers_check(struct store *s, const struct store_key *keys, size_t count) {
    AUTO_ARENA a = arena_new();
    struct checking c = { .store = s, .arena = a };
    bool whole = !s->basis_lost;
    s->basis_lost = false;
    map_init(&c.seen, a);
    for (size_t i = 0; i < count; i++) {
        want(&c, str_from_c(keys[i].hex));
    }
    size_t needed = c.count;
    for (size_t i = 0; i < c.count; i++) {
        struct store_key key = c.todo[i];
        want_basis(&c, &key);
        whole &= check_one(&c, &key, i < needed);
    }
    return whole;
}

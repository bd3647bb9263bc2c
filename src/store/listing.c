// SPDX-License-Identifier: Apache-2.0
#include "store/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/walk.h"
#include "store/listing_read.h"

enum {
    HEAD_BYTES = 16 + BLAKE3_OUT_BYTES + 8,
    ENTRY_BYTES = 4 * 4 + 5 * 8 + BLAKE3_OUT_BYTES + 4, /* without its path */
};

static const char magic[16] = "capsem listing1";

/* ---- making ---- */

struct making {
    struct arena *arena;
    struct listing *listing;
    struct map
        firsts; /* of files with several names: "DEV INODE" -> uint32_t, where it was met first */
    uint64_t bytes;
};

static int64_t to_ns(struct timespec t) {
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct listing_entry from_stat(const struct stat *st) {
    bool is_device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
    return (struct listing_entry){
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .rdev = is_device ? st->st_rdev : 0,
        /* That of a folder is the file system's business. */
        .size_bytes = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size,
        .inode = st->st_ino,
        .mtime_ns = to_ns(st->st_mtim),
        .ctime_ns = to_ns(st->st_ctim),
    };
}

/* NULL: this is the first. */
static const uint32_t *first_of(struct making *m, const struct stat *st) {
    str key = str_fmt(m->arena, "%llx %llx", (unsigned long long)st->st_dev,
                      (unsigned long long)st->st_ino);
    const uint32_t *known = map_find(&m->firsts, key);
    if (known == NULL) {
        uint32_t *first = ARENA_NEW(m->arena, uint32_t);
        *first = (uint32_t)m->listing->count;
        map_put(&m->firsts, key, first);
    }
    return known;
}

static bool add(struct making *m, const struct walk_entry *e, struct err *err) {
    struct listing *l = m->listing;
    struct listing_entry entry = from_stat(&e->st);
    entry.path = str_dup(m->arena, e->path);
    const uint32_t *first =
        !S_ISDIR(e->st.st_mode) && e->st.st_nlink > 1 ? first_of(m, &e->st) : NULL;
    if (first != NULL) {
        entry.link = *first + 1;
        memcpy(entry.digest, l->entries[*first].digest, sizeof entry.digest);
    } else if (!listing_read(e->dirfd, e->name, &e->st, entry.digest, err)) {
        return err_wrap(err, "read '%.*s'", STR_FMT(e->path));
    }
    if (S_ISREG(e->st.st_mode)) {
        m->bytes += (uint64_t)e->st.st_blocks * 512;
    }
    ARENA_PUSH(m->arena, l->entries, l->count, l->cap, entry);
    return true;
}

static bool is_over(const struct making *m, const struct listing_limit *limit) {
    return limit != NULL && ((limit->entries > 0 && m->listing->count > limit->entries) ||
                             (limit->bytes > 0 && m->bytes > limit->bytes));
}

enum listing_result listing_make(struct arena *a, int dirfd, const char *path,
                                 const struct listing_limit *limit, struct listing *ret,
                                 struct err *err) {
    AUTO_WALK w = NULL;
    struct walk_entry e;
    enum walk_result result = WALK_END;
    struct making m = { .arena = a, .listing = ret };
    map_init(&m.firsts, a);
    ret->entries = NULL;
    ret->count = ret->cap = 0;
    if (!fs_is_dir(dirfd, path)) {
        return LISTING_MADE;
    }
    if (!walk_open(dirfd, path, &w, err)) {
        return LISTING_FAILED;
    }
    while ((result = walk_next(w, &e, err)) == WALK_ENTRY) {
        if (!add(&m, &e, err)) {
            return LISTING_FAILED;
        }
        if (is_over(&m, limit)) {
            return LISTING_OVER;
        }
    }
    return result == WALK_END ? LISTING_MADE : LISTING_FAILED;
}

/* ---- on disk ---- */

static void put_u32(struct buf *out, uint32_t n) {
    unsigned char bytes[4];
    store_le32(bytes, n);
    buf_add_bytes(out, bytes, sizeof bytes);
}

static void put_u64(struct buf *out, uint64_t n) {
    unsigned char bytes[8];
    store_le64(bytes, n);
    buf_add_bytes(out, bytes, sizeof bytes);
}

void listing_encode(const struct listing *l, struct buf *out) {
    uint8_t sum[BLAKE3_OUT_BYTES];
    buf_add_bytes(out, magic, sizeof magic);
    buf_add_bytes(out, l->meta, sizeof l->meta);
    put_u64(out, l->count);
    for (size_t i = 0; i < l->count; i++) {
        const struct listing_entry *e = &l->entries[i];
        put_u32(out, e->mode);
        put_u32(out, e->uid);
        put_u32(out, e->gid);
        put_u32(out, e->link);
        put_u64(out, e->rdev);
        put_u64(out, e->size_bytes);
        put_u64(out, (uint64_t)e->mtime_ns);
        put_u64(out, (uint64_t)e->ctime_ns);
        put_u64(out, e->inode);
        buf_add_bytes(out, e->digest, sizeof e->digest);
        put_u32(out, (uint32_t)e->path.len);
        buf_add(out, e->path);
    }
    blake3_bytes(buf_str(out), sum);
    buf_add_bytes(out, sum, sizeof sum);
}

static uint32_t take_u32(str *rest) {
    uint32_t n = load_le32((const unsigned char *)rest->ptr);
    *rest = str_slice(*rest, 4, rest->len);
    return n;
}

static uint64_t take_u64(str *rest) {
    uint64_t n = load_le64((const unsigned char *)rest->ptr);
    *rest = str_slice(*rest, 8, rest->len);
    return n;
}

static void take_bytes(str *rest, uint8_t *ret, size_t len) {
    memcpy(ret, rest->ptr, len);
    *rest = str_slice(*rest, len, rest->len);
}

static bool decode_entry(str *rest, struct listing_entry *e) {
    if (rest->len < ENTRY_BYTES) {
        return false;
    }
    e->mode = take_u32(rest);
    e->uid = take_u32(rest);
    e->gid = take_u32(rest);
    e->link = take_u32(rest);
    e->rdev = take_u64(rest);
    e->size_bytes = take_u64(rest);
    e->mtime_ns = (int64_t)take_u64(rest);
    e->ctime_ns = (int64_t)take_u64(rest);
    e->inode = take_u64(rest);
    take_bytes(rest, e->digest, sizeof e->digest);
    size_t path_len = take_u32(rest);
    if (path_len > rest->len) {
        return false;
    }
    e->path = str_slice(*rest, 0, path_len);
    *rest = str_slice(*rest, path_len, rest->len);
    return true;
}

/* The sum is checked first: what follows reads what listing_encode() wrote, or bytes that somebody
 * made on purpose. */
bool listing_decode(struct arena *a, str bytes, struct listing *ret) {
    uint8_t sum[BLAKE3_OUT_BYTES];
    if (bytes.len < HEAD_BYTES + sizeof sum || memcmp(bytes.ptr, magic, sizeof magic) != 0) {
        return false;
    }
    str rest = str_slice(bytes, 0, bytes.len - sizeof sum);
    blake3_bytes(rest, sum);
    if (memcmp(sum, bytes.ptr + rest.len, sizeof sum) != 0) {
        return false;
    }
    rest = str_slice(rest, sizeof magic, rest.len);
    take_bytes(&rest, ret->meta, sizeof ret->meta);
    uint64_t count = take_u64(&rest);
    if (count > rest.len / ENTRY_BYTES) {
        return false;
    }
    ret->count = ret->cap = (size_t)count;
    ret->entries = ARENA_ARRAY(a, struct listing_entry, ret->count);
    for (size_t i = 0; i < ret->count; i++) {
        if (!decode_entry(&rest, &ret->entries[i])) {
            return false;
        }
    }
    return rest.len == 0;
}

/* ---- comparing ---- */

static enum listing_fit differs(struct arena *a, str path, const char *how, str *ret_what) {
    *ret_what = str_fmt(a, "'%.*s' %s", STR_FMT(path), how);
    return LISTING_DIFFERS;
}

/* What of an entry shows; NULL: nothing else than it was. */
static const char *attributes_differ(const struct listing_entry *x, const struct listing_entry *y) {
    return x->mode != y->mode                     ? "has a different mode"
           : x->uid != y->uid || x->gid != y->gid ? "has a different owner"
           : x->rdev != y->rdev                   ? "is a different device"
           : x->size_bytes != y->size_bytes       ? "has a different size"
           : x->mtime_ns != y->mtime_ns           ? "has a different time"
                                                  : NULL;
}

/* A look stops at the first difference: which of the two it is, listing_compare() says. */
static enum listing_fit other_name(struct arena *a, str was, str is, str *ret_what) {
    return was.ptr != NULL ? differs(a, was, "has moved", ret_what)
                           : differs(a, is, "was added", ret_what);
}

enum listing_fit listing_look(const struct listing *l, struct arena *a, int dirfd, const char *path,
                              str *ret_what) {
    AUTO_WALK w = NULL;
    struct walk_entry e;
    enum walk_result result = WALK_END;
    size_t at = 0;
    if (!fs_is_dir(dirfd, path)) {
        return l->count == 0 ? LISTING_FITS : other_name(a, S("."), (str){ 0 }, ret_what);
    }
    if (!walk_open(dirfd, path, &w, NULL)) {
        return differs(a, S("."), "cannot be read", ret_what);
    }
    while ((result = walk_next(w, &e, NULL)) == WALK_ENTRY) {
        struct listing_entry now = from_stat(&e.st);
        const struct listing_entry *was = at < l->count ? &l->entries[at++] : NULL;
        if (was == NULL || !str_eq(was->path, e.path)) {
            return other_name(a, was == NULL ? (str){ 0 } : was->path, str_dup(a, e.path),
                              ret_what);
        }
        const char *how = attributes_differ(was, &now);
        if (how == NULL && (was->inode != now.inode || was->ctime_ns != now.ctime_ns)) {
            how = "was rewritten";
        }
        if (how != NULL) {
            return differs(a, was->path, how, ret_what);
        }
    }
    if (result == WALK_FAILED) {
        return differs(a, S("."), "cannot be read", ret_what);
    }
    return at == l->count ? LISTING_FITS : other_name(a, l->entries[at].path, (str){ 0 }, ret_what);
}

static bool has_path(const struct listing *l, str path) {
    for (size_t i = 0; i < l->count; i++) {
        if (str_eq(l->entries[i].path, path)) {
            return true;
        }
    }
    return false;
}

/* NULL: the entry is as it was. */
static const char *entry_differs(const struct listing_entry *x, const struct listing_entry *y) {
    const char *how = attributes_differ(x, y);
    if (how == NULL && x->link != y->link) {
        how = "is no longer the same file as its hard links";
    }
    if (how == NULL && memcmp(x->digest, y->digest, sizeof x->digest) != 0) {
        how = "has different content";
    }
    return how;
}

/* A folder has another time when something came or went in it, which says more. */
enum listing_fit listing_compare(const struct listing *l, const struct listing *now,
                                 struct arena *a, str *ret_what) {
    enum listing_fit fit = LISTING_FITS;
    for (size_t i = 0; i < l->count || i < now->count; i++) {
        const struct listing_entry *x = i < l->count ? &l->entries[i] : NULL;
        const struct listing_entry *y = i < now->count ? &now->entries[i] : NULL;
        if (x == NULL || (y != NULL && !str_eq(x->path, y->path) && has_path(now, x->path))) {
            return differs(a, y->path, "was added", ret_what);
        }
        if (y == NULL || !str_eq(x->path, y->path)) {
            return differs(a, x->path, "is missing", ret_what);
        }
        const char *how = entry_differs(x, y);
        if (how != NULL && !S_ISDIR(x->mode)) {
            return differs(a, x->path, how, ret_what);
        }
        if (how != NULL && fit == LISTING_FITS) {
            fit = differs(a, x->path, how, ret_what);
        }
    }
    return fit;
}

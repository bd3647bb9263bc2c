// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "hash/hash.h"
#include "store/internal.h"

enum {
    DIGESTS_MAX = 1000000, /* more are forgotten: the file stays below 80 MB */
    RACY_NS = 2000000000,  /* a file younger than this may still change unseen */
};

/* On disk and in memory alike. The file is a magic line, the session that wrote it, and a row of
 * these. What another session has found may have been torn since: then the same size and times say
 * nothing. */
struct digest_row {
    uint64_t dev;
    uint64_t ino;
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
    uint8_t digest[STORE_DIGEST_BYTES];
};

struct digest_cache {
    struct arena *arena;
    struct digest_row *rows;
    size_t len;
    size_t cap;
    uint32_t *slots; /* index + 1 by hash of (dev, ino); 0 is free */
    size_t slot_count;
    bool changed;
};

static const char magic[16] = "capsem digests2";

struct digest_head {
    char magic[sizeof magic];
    char session[SESSION_BYTES];
};

static struct digest_head make_head(const struct store *s) {
    struct digest_head head = { 0 };
    memcpy(head.magic, magic, sizeof magic);
    memcpy(head.session, s->session, sizeof head.session);
    return head;
}

static size_t slot_of(const struct digest_cache *c, uint64_t dev, uint64_t ino) {
    uint64_t h = (dev * 0x9E3779B97F4A7C15U) ^ ino;
    h *= 0xFF51AFD7ED558CCDU;
    return (size_t)(h >> 32) & (c->slot_count - 1);
}

static void rebuild_slots(struct digest_cache *c) {
    c->slot_count = 1024;
    while (c->slot_count < c->len * 2 + 2) {
        c->slot_count *= 2;
    }
    c->slots = ARENA_ARRAY(c->arena, uint32_t, c->slot_count);
    for (size_t i = 0; i < c->len; i++) {
        size_t at = slot_of(c, c->rows[i].dev, c->rows[i].ino);
        while (c->slots[at] != 0) {
            at = (at + 1) & (c->slot_count - 1);
        }
        c->slots[at] = (uint32_t)(i + 1);
    }
}

static struct digest_row *find_row(const struct digest_cache *c, uint64_t dev, uint64_t ino) {
    size_t at = slot_of(c, dev, ino);
    for (; c->slots[at] != 0; at = (at + 1) & (c->slot_count - 1)) {
        struct digest_row *row = &c->rows[c->slots[at] - 1];
        if (row->dev == dev && row->ino == ino) {
            return row;
        }
    }
    return NULL;
}

static void add_row(struct digest_cache *c, const struct digest_row *row) {
    struct digest_row *old = find_row(c, row->dev, row->ino);
    c->changed = true;
    if (old != NULL) {
        *old = *row;
        return;
    }
    if (c->len == DIGESTS_MAX) {
        c->len = 0;
        rebuild_slots(c);
    }
    ARENA_PUSH(c->arena, c->rows, c->len, c->cap, *row);
    if (c->len * 2 > c->slot_count) {
        rebuild_slots(c);
        return;
    }
    size_t at = slot_of(c, row->dev, row->ino);
    while (c->slots[at] != 0) {
        at = (at + 1) & (c->slot_count - 1);
    }
    c->slots[at] = (uint32_t)c->len;
}

/* A file that is damaged is as good as none: digests are made again. */
static struct digest_cache *load(struct store *s) {
    struct arena *a = arena_new();
    struct digest_cache *c = ARENA_NEW(a, struct digest_cache);
    c->arena = a;
    str text = { 0 };
    const struct digest_head head = make_head(s);
    size_t max = sizeof head + DIGESTS_MAX * sizeof(struct digest_row);
    if (fs_load(a, s->fd, "digests", max, &text, NULL) && text.len >= sizeof head &&
        memcmp(text.ptr, &head, sizeof head) == 0) {
        c->len = c->cap = (text.len - sizeof head) / sizeof(struct digest_row);
        c->rows = ARENA_ARRAY(a, struct digest_row, c->len);
        memcpy(c->rows, text.ptr + sizeof head, c->len * sizeof(struct digest_row));
    }
    rebuild_slots(c);
    return c;
}

void digest_cache_close(struct store *s) {
    struct digest_cache *c = s->digests;
    if (c == NULL) {
        return;
    }
    if (c->changed) {
        AUTO_FS_REPLACE r = FS_REPLACE_INIT;
        struct digest_head head = make_head(s);
        struct err ignored = ERR_INIT; /* only a cache */
        (void)!(fs_replace_open(&r, s->fd, "digests", 0644, &ignored) &&
                fs_write_all(r.fd, &head, sizeof head, &ignored) &&
                fs_write_all(r.fd, c->rows, c->len * sizeof *c->rows, &ignored) &&
                fs_replace_commit(&r, false, &ignored));
    }
    arena_free(c->arena);
    s->digests = NULL;
}

static int64_t to_ns(struct timespec t) {
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool store_file_digest(struct store *s, int fd, uint8_t ret[STORE_DIGEST_BYTES], struct err *err) {
    if (s->digests == NULL) {
        s->digests = load(s);
    }
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return err_sys(err, errno, "read a file");
    }
    struct digest_row row = {
        .dev = st.st_dev,
        .ino = st.st_ino,
        .size = (uint64_t)st.st_size,
        .mtime_ns = to_ns(st.st_mtim),
        .ctime_ns = to_ns(st.st_ctim),
    };
    const struct digest_row *known = find_row(s->digests, row.dev, row.ino);
    if (known != NULL && memcmp(known, &row, offsetof(struct digest_row, digest)) == 0) {
        memcpy(ret, known->digest, STORE_DIGEST_BYTES);
        return true;
    }
    if (!blake3_fd_threads(fd, 1, row.digest, err)) {
        return false;
    }
    memcpy(ret, row.digest, STORE_DIGEST_BYTES);
    if (time_now_epoch_s() * 1000000000 - row.ctime_ns > RACY_NS) {
        add_row(s->digests, &row);
    }
    return true;
}

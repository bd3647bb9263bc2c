// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as the files of a store that it reads back: a layer's listing, a segment of the block
 * cache, the digests of files, a record. Sums that random bytes never have are made to fit, so that
 * the parsers after them are reached.
 */
#include <stdlib.h>
#include <string.h>

#include "hash/hash.h"
#include "store/internal.h"
#include "store/listing.h"
#include "store/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct arena *arena;
    str bytes;
    char dir[32];
    int fd; /* of dir, which is empty */
};

static void put_file(struct run *r, const char *name, str bytes) {
    struct err err = ERR_INIT;
    ASSERT(fs_store(r->fd, name, bytes, 0644, &err));
}

/* ---- a listing ---- */

static void check_listing(struct run *r, str bytes) {
    struct listing l = { 0 };
    str what;
    if (!listing_decode(r->arena, bytes, &l)) {
        return;
    }
    AUTO_BUF again = BUF_INIT(bytes.len);
    listing_encode(&l, &again);
    ASSERT(!again.full && str_eq(buf_str(&again), bytes));
    ASSERT(listing_compare(&l, &l, r->arena, &what) == LISTING_FITS);
    ASSERT(listing_look(&l, r->arena, r->fd, "gone", &what) ==
           (l.count == 0 ? LISTING_FITS : LISTING_DIFFERS));
    (void)listing_look(&l, r->arena, r->fd, ".", &what);
    (void)listing_sample(&l, r->arena, r->fd, ".", &what);
}

static void try_listing(struct run *r) {
    check_listing(r, r->bytes);
    if (r->bytes.len >= BLAKE3_OUT_BYTES) {
        str all = str_dup(r->arena, r->bytes);
        str body = str_slice(all, 0, all.len - BLAKE3_OUT_BYTES);
        blake3_bytes(body, (uint8_t *)all.ptr + body.len);
        check_listing(r, all);
    }
}

/* ---- a segment ---- */

static bool lies_in(const struct segment *s, const struct segment_record *record) {
    uint64_t blocks = (uint64_t)(s->index - s->map);
    return record->offset <= blocks && record->len <= blocks - record->offset;
}

/* Every block gets the checksum that its record wants. The file is mapped: it shows at once. */
static void fit_checksums(struct run *r, const struct segment *s) {
    AUTO_FD fd = openat(r->fd, "seg-1", O_WRONLY | O_CLOEXEC);
    for (size_t i = 0; i < s->count; i++) {
        struct segment_record record = segment_record_at(s, i);
        const uint8_t *at = s->index + i * SEGMENT_RECORD_BYTES + BLOCKS_KEY_BYTES + 8;
        uint8_t sum[8];
        if (lies_in(s, &record)) {
            store_le64(sum, segment_checksum(record.key, s->map + record.offset, record.len));
            ASSERT(segment_write_at(fd, (uint64_t)(at - s->map), sum, sizeof sum, NULL));
        }
    }
}

static bool is_sorted(const struct segment *s) {
    for (size_t i = 1; i < s->count; i++) {
        struct segment_record x = segment_record_at(s, i - 1), y = segment_record_at(s, i);
        if (memcmp(x.key, y.key, sizeof x.key) >= 0) {
            return false;
        }
    }
    return true;
}

static void check_segment(const struct segment *s, bool fits) {
    bool sorted = is_sorted(s);
    for (size_t i = 0; i < s->count; i++) {
        struct segment_record record = segment_record_at(s, i);
        struct block block, found;
        bool whole = segment_read(s, &record, &block);
        ASSERT(!whole || lies_in(s, &record));
        ASSERT(!fits || whole == lies_in(s, &record));
        bool known = segment_find(s, record.key, &found);
        ASSERT(!sorted || known == whole);
        ASSERT(!sorted || !known || (found.data == block.data && found.len == block.len));
    }
}

static void try_segment(struct run *r) {
    struct segment s = { 0 };
    struct block block;
    static const uint8_t none[BLOCKS_KEY_BYTES];
    put_file(r, "seg-1", r->bytes);
    if (segment_open(r->fd, "seg-1", &s, NULL) == SEGMENT_OPENED) {
        ASSERT(s.count <= s.size / SEGMENT_RECORD_BYTES);
        (void)segment_find(&s, none, &block);
        check_segment(&s, false);
        fit_checksums(r, &s);
        check_segment(&s, true);
        segment_close(&s);
    }
    ASSERT(unlinkat(r->fd, "seg-1", 0) == 0);
}

/* ---- digests and records ---- */

enum { DIGESTS_MAGIC_BYTES = 16 };

/* The bytes are the file of this session. */
static void try_digests(struct run *r) {
    struct store s = { .arena = r->arena, .path = r->dir, .fd = r->fd };
    uint8_t digest[STORE_DIGEST_BYTES], again[STORE_DIGEST_BYTES];
    if (r->bytes.len < DIGESTS_MAGIC_BYTES + SESSION_BYTES) {
        return;
    }
    memcpy(s.session, r->bytes.ptr + DIGESTS_MAGIC_BYTES, SESSION_BYTES);
    put_file(r, "digests", r->bytes);
    AUTO_FD fd = openat(r->fd, "digests", O_RDONLY | O_CLOEXEC);
    ASSERT(store_file_digest(&s, fd, digest, NULL));
    blake3_bytes(r->bytes, again);
    ASSERT(memcmp(digest, again, sizeof digest) == 0);
    digest_cache_close(&s);
    ASSERT(unlinkat(r->fd, "digests", 0) == 0);
}

static void try_record(struct run *r) {
    struct store s = { .arena = r->arena, .path = r->dir, .fd = r->fd };
    str json;
    put_file(r, "record", r->bytes);
    ASSERT(record_read(&s, r->arena, "record", &json, NULL));
    ASSERT(json.len < r->bytes.len || r->bytes.len == 0);
    ASSERT(unlinkat(r->fd, "record", 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA a = arena_new();
    struct run r = {
        .arena = a,
        .bytes = { (const char *)data, size },
        .dir = "/tmp/fuzz-store-XXXXXX",
    };
    ASSERT(mkdtemp(r.dir) != NULL);
    r.fd = open(r.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT(r.fd >= 0);
    try_listing(&r);
    try_segment(&r);
    try_digests(&r);
    try_record(&r);
    close(r.fd);
    ASSERT(rmdir(r.dir) == 0);
    return 0;
}

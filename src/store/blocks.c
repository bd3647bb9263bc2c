// SPDX-License-Identifier: Apache-2.0
#include "store/blocks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store/segment.h"

enum {
    SEGMENTS_MAX = 4096, /* opened; more than that are joined at the next commit */
    RESIDENT_BYTES = 8 * 1024 * 1024,
};

/* Address space only: what of it lies after the file's end is never touched. Blocks beyond it are
 * kept, but not found before the next open. */
#define SESSION_MAP_BYTES ((size_t)16 << 30)

/* What was added since the last commit: a segment in the making. */
struct session {
    int fd; /* -1: nothing was added */
    char temp[SEGMENT_NAME_BYTES];
    uint64_t size;
    struct segment_record *records; /* malloc */
    size_t len, cap;
    uint32_t *slots; /* malloc; index + 1 by key, 0 is free; slot_count is a power of two */
    size_t slot_count;
    const uint8_t *map; /* of the file; NULL when it cannot be had */
    struct err failure; /* set when a write failed: nothing more is added */
};

struct blocks {
    int dirfd;
    struct segment *segments; /* malloc */
    size_t segment_count;
    uint64_t disk_bytes;
    pthread_mutex_t lock; /* of the session */
    struct session session;
    const uint8_t **old_maps; /* malloc; of committed sessions, for blocks handed out */
    size_t old_map_count;
    _Atomic uint64_t hits, misses, added_bytes;
    _Atomic uint64_t read_bytes;
};

/* --- open and close ------------------------------------------------------------------------- */

/* One more segment, taken from *s. Without memory it is left out. */
static void push_segment(struct blocks *b, struct segment *s) {
    struct segment *grown = realloc(b->segments, (b->segment_count + 1) * sizeof *grown);
    if (grown == NULL) {
        segment_close(s);
        return;
    }
    b->segments = grown;
    b->segments[b->segment_count++] = *s;
    b->disk_bytes += s->size;
}

static bool open_segments(struct blocks *b, struct err *err) {
    AUTO_ARENA a = arena_new();
    const char **names;
    size_t count;
    if (!fs_list(a, b->dirfd, ".", &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count && b->segment_count < SEGMENTS_MAX; i++) {
        if (!segment_is_name(names[i])) {
            continue;
        }
        struct segment s;
        switch (segment_open(b->dirfd, names[i], &s, err)) {
        case SEGMENT_OPENED:
            push_segment(b, &s);
            break;
        case SEGMENT_DAMAGED:
            unlinkat(b->dirfd, names[i], 0);
            break;
        case SEGMENT_GONE:
            break;
        case SEGMENT_FAILED:
            return false;
        }
    }
    return true;
}

bool blocks_open(int dirfd, const char *path, struct blocks **ret, struct err *err) {
    if (!fs_mkdir_p(dirfd, path, 0755, err)) {
        return false;
    }
    AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open block cache '%s'", path);
    }
    AUTO_BLOCKS b = calloc(1, sizeof *b);
    if (b == NULL) {
        return err_sys(err, ENOMEM, "open block cache '%s'", path);
    }
    b->dirfd = take_fd(&fd);
    b->session.fd = -1;
    pthread_mutex_init(&b->lock, NULL);
    if (!open_segments(b, err)) {
        return err_wrap(err, "open block cache '%s'", path);
    }
    *ret = b;
    b = NULL;
    return true;
}

/* The file that is being written goes, its map stays. */
static void session_drop(struct blocks *b) {
    struct session *s = &b->session;
    if (s->fd >= 0) {
        unlinkat(b->dirfd, s->temp, 0); /* fails after a commit: it has another name then */
        close(s->fd);
    }
    if (s->map != NULL) {
        const uint8_t **grown = realloc(b->old_maps, (b->old_map_count + 1) * sizeof *grown);
        if (grown != NULL) { /* else: address space lost, blocks handed out stay readable */
            b->old_maps = grown;
            b->old_maps[b->old_map_count++] = s->map;
        }
    }
    free(s->records);
    free(s->slots);
    b->session = (struct session){ .fd = -1 };
}

void blocks_close(struct blocks *b) {
    if (b == NULL) {
        return;
    }
    session_drop(b);
    for (size_t i = 0; i < b->old_map_count; i++) {
        munmap((void *)b->old_maps[i], SESSION_MAP_BYTES);
    }
    for (size_t i = 0; i < b->segment_count; i++) {
        segment_close(&b->segments[i]);
    }
    free(b->old_maps);
    free(b->segments);
    pthread_mutex_destroy(&b->lock);
    close(b->dirfd);
    free(b);
}

/* --- the session's table -------------------------------------------------------------------- */

/* The slot that holds the key, or the free one where it would go. */
static uint32_t *session_slot(const struct session *s, const uint8_t *key) {
    size_t mask = s->slot_count - 1;
    for (size_t i = (size_t)load_le64(key) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &s->slots[i];
        if (*slot == 0 || memcmp(s->records[*slot - 1].key, key, BLOCKS_KEY_BYTES) == 0) {
            return slot;
        }
    }
}

static const struct segment_record *session_record(const struct session *s, const uint8_t *key) {
    if (s->slot_count == 0) {
        return NULL;
    }
    uint32_t at = *session_slot(s, key);
    return at == 0 ? NULL : &s->records[at - 1];
}

/* Room for one more record, with half of the slots free. */
static bool session_grow(struct session *s) {
    if (s->len < s->cap) {
        return true;
    }
    size_t cap = s->cap == 0 ? 1024 : s->cap * 2;
    struct segment_record *records = realloc(s->records, cap * sizeof *records);
    if (records == NULL) {
        return false;
    }
    s->records = records;
    uint32_t *slots = calloc(cap * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(s->slots);
    s->slots = slots;
    s->slot_count = cap * 2;
    s->cap = cap;
    for (size_t i = 0; i < s->len; i++) {
        *session_slot(s, s->records[i].key) = (uint32_t)(i + 1);
    }
    return true;
}

static bool session_begin(struct blocks *b) {
    struct session *s = &b->session;
    if (s->fd >= 0) {
        return true;
    }
    if (!segment_create(b->dirfd, s->temp, &s->fd, &s->failure)) {
        s->fd = -1;
        return false;
    }
    void *map = mmap(NULL, SESSION_MAP_BYTES, PROT_READ, MAP_SHARED | MAP_NORESERVE, s->fd, 0);
    s->map = map == MAP_FAILED ? NULL : map;
    return true;
}

/* --- find and add --------------------------------------------------------------------------- */

static bool find_in_session(struct blocks *b, const uint8_t *key, struct block *ret) {
    bool found = false;
    pthread_mutex_lock(&b->lock);
    const struct segment_record *r = session_record(&b->session, key);
    if (r != NULL && b->session.map != NULL && r->offset + r->len <= SESSION_MAP_BYTES) {
        *ret = (struct block){ b->session.map + r->offset, r->len };
        found = true;
    }
    pthread_mutex_unlock(&b->lock);
    return found;
}

/* Pages of the maps count as memory of the process as long as they are mapped, and each is looked
 * at about once: from time to time all are let go. What is looked at again comes back from the page
 * cache. */
static void let_pages_go(struct blocks *b, size_t len) {
    uint64_t before = atomic_fetch_add(&b->read_bytes, len);
    if (before / RESIDENT_BYTES == (before + len) / RESIDENT_BYTES) {
        return;
    }
    for (size_t i = 0; i < b->segment_count; i++) {
        madvise((void *)b->segments[i].map, b->segments[i].size, MADV_DONTNEED);
    }
}

bool blocks_find(struct blocks *b, const uint8_t key[BLOCKS_KEY_BYTES], struct block *ret) {
    for (size_t i = 0; i < b->segment_count; i++) {
        if (segment_find(&b->segments[i], key, ret)) {
            b->segments[i].hits++;
            b->hits++;
            let_pages_go(b, ret->len);
            return true;
        }
    }
    if (find_in_session(b, key, ret)) {
        b->hits++;
        return true;
    }
    b->misses++;
    return false;
}

/* Only what this session added counts as known: what is in a segment was found, unless it is
 * damaged there, and then it must be added again. */
static void add_locked(struct blocks *b, const uint8_t *key, const void *data, size_t len) {
    struct session *s = &b->session;
    if (err_is_set(&s->failure) || len > UINT32_MAX || s->len == UINT32_MAX ||
        session_record(s, key) != NULL || !session_begin(b) || !session_grow(s) ||
        !segment_write_at(s->fd, s->size, data, len, &s->failure)) {
        return;
    }
    struct segment_record *r = &s->records[s->len];
    *r = (struct segment_record){
        .offset = s->size,
        .len = (uint32_t)len,
        .checksum = segment_checksum(key, data, len),
    };
    memcpy(r->key, key, BLOCKS_KEY_BYTES);
    *session_slot(s, key) = (uint32_t)++s->len;
    s->size += len;
    b->added_bytes += len;
}

void blocks_add(struct blocks *b, const uint8_t key[BLOCKS_KEY_BYTES], const void *data,
                size_t len) {
    pthread_mutex_lock(&b->lock);
    add_locked(b, key, data, len);
    pthread_mutex_unlock(&b->lock);
}

/* --- commit --------------------------------------------------------------------------------- */

/* The time of a segment is that of its last use: pruning goes by it. */
static void touch_used(struct blocks *b) {
    for (size_t i = 0; i < b->segment_count; i++) {
        if (b->segments[i].hits > 0) {
            utimensat(b->dirfd, b->segments[i].name, NULL, AT_SYMLINK_NOFOLLOW);
        }
    }
}

static bool commit_session(struct blocks *b, struct err *err) {
    struct session *s = &b->session;
    char name[SEGMENT_NAME_BYTES];
    if (err_is_set(&s->failure)) {
        if (err != NULL) {
            *err = s->failure;
        }
        return false;
    }
    if (s->fd < 0) {
        return true;
    }
    if (!segment_finish(s->fd, s->size, s->records, s->len, err) ||
        !segment_publish(b->dirfd, s->temp, name, err)) {
        return false;
    }
    struct segment committed;
    switch (segment_open(b->dirfd, name, &committed, err)) {
    case SEGMENT_OPENED:
        push_segment(b, &committed);
        return true;
    case SEGMENT_FAILED:
        return false;
    case SEGMENT_GONE:
    case SEGMENT_DAMAGED:
        return true; /* pruned by another process already */
    }
    return true;
}

bool blocks_commit(struct blocks *b, struct err *err) {
    pthread_mutex_lock(&b->lock);
    bool added = b->session.fd >= 0;
    bool ok = commit_session(b, err);
    session_drop(b);
    pthread_mutex_unlock(&b->lock);
    touch_used(b);
    return ok && (!added || segments_tidy(b->dirfd, err));
}

struct blocks_stats blocks_stats(struct blocks *b) {
    return (struct blocks_stats){
        .hits = b->hits,
        .misses = b->misses,
        .added_bytes = b->added_bytes,
        .disk_bytes = b->disk_bytes,
        .segments = b->segment_count,
    };
}

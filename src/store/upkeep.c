// SPDX-License-Identifier: Apache-2.0
/* The block cache as a whole: joining, pruning, verifying. All under the folder's lock, which no
 * reader needs: a mapped segment stays readable when its name is gone. */
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>

#include "store/segment.h"

enum {
    TEMP_STALE_S = 60, /* between a temporary's creation and its lock nobody takes a minute */
    SMALL_SEGMENTS_MAX = 8,
    /* Joined ones are pruned together; above this it is worth telling used from unused. */
    SMALL_BYTES = 64 * 1024 * 1024,
};

struct listed {
    const char *name;
    uint64_t bytes;
    struct timespec used;
};

/* The folder's lock, held until the fd is closed. */
static bool lock_folder(int dirfd, int *ret_fd, struct err *err) {
    AUTO_FD fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return err_sys(err, errno, "lock the block cache");
    }
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR) {
            return err_sys(err, errno, "lock the block cache");
        }
    }
    *ret_fd = take_fd(&fd);
    return true;
}

/* What a process left that died: nobody holds its lock. */
static void sweep(int dirfd, const char *name) {
    AUTO_FD fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_mtime + TEMP_STALE_S < time_now_epoch_s() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0) {
        unlinkat(dirfd, name, 0);
    }
}

static bool list_segments(struct arena *a, int dirfd, struct listed **ret, size_t *ret_count,
                          struct err *err) {
    const char **names;
    size_t count, len = 0;
    if (!fs_list(a, dirfd, ".", &names, &count, err)) {
        return false;
    }
    struct listed *items = ARENA_ARRAY(a, struct listed, count);
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        if (str_starts(str_from_c(names[i]), S("tmp-"))) {
            sweep(dirfd, names[i]);
        } else if (segment_is_name(names[i]) &&
                   fstatat(dirfd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0) {
            items[len++] = (struct listed){ names[i], (uint64_t)st.st_size, st.st_mtim };
        }
    }
    *ret = items;
    *ret_count = len;
    return true;
}

/* --- joining -------------------------------------------------------------------------------- */

struct joined {
    int fd;
    uint64_t size;
    struct segment_record *records;
    size_t len, cap;
};

/* Appends the good blocks of a segment. */
static bool join_one(struct joined *j, struct arena *a, const struct segment *s, struct err *err) {
    for (size_t i = 0; i < s->count; i++) {
        struct segment_record r = segment_record_at(s, i);
        struct block block;
        if (!segment_read(s, &r, &block)) {
            continue;
        }
        if (!segment_write_at(j->fd, j->size, block.data, block.len, err)) {
            return false;
        }
        r.offset = j->size;
        j->size += block.len;
        ARENA_PUSH(a, j->records, j->len, j->cap, r);
    }
    return true;
}

static bool join_into(struct joined *j, int dirfd, const struct listed *items, size_t count,
                      struct err *err) {
    AUTO_ARENA a = arena_new();
    struct timespec used = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct segment s;
        enum segment_open_result opened = segment_open(dirfd, items[i].name, &s, err);
        if (opened == SEGMENT_FAILED) {
            return false;
        }
        if (opened == SEGMENT_OPENED) {
            bool ok = join_one(j, a, &s, err);
            segment_close(&s);
            if (!ok) {
                return false;
            }
        }
        if (items[i].used.tv_sec > used.tv_sec) {
            used = items[i].used;
        }
    }
    if (!segment_finish(j->fd, j->size, j->records, j->len, err)) {
        return false;
    }
    const struct timespec times[2] = { used, used };
    futimens(j->fd, times);
    return true;
}

static bool join(int dirfd, const struct listed *items, size_t count, struct err *err) {
    char temp[SEGMENT_NAME_BYTES], name[SEGMENT_NAME_BYTES];
    AUTO_FD fd = -1;
    if (!segment_create(dirfd, temp, &fd, err)) {
        return false;
    }
    struct joined j = { .fd = fd };
    if (!join_into(&j, dirfd, items, count, err) || !segment_publish(dirfd, temp, name, err)) {
        unlinkat(dirfd, temp, 0);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        unlinkat(dirfd, items[i].name, 0);
    }
    return true;
}

static int compare_bytes(const void *a, const void *b) {
    const struct listed *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? -1 : 1) : strcmp(x->name, y->name);
}

/* When there are many small ones: the smallest, and as long as what is taken already is at least
 * half of the next, the next. So each block is copied a few times in its life. */
static bool join_small(int dirfd, struct listed *items, size_t count, struct err *err) {
    qsort(items, count, sizeof *items, compare_bytes);
    size_t small = 0, taken = 0;
    while (small < count && items[small].bytes <= SMALL_BYTES) {
        small++;
    }
    if (small <= SMALL_SEGMENTS_MAX) {
        return true;
    }
    uint64_t total = 0;
    while (taken < small && (taken < 2 || items[taken].bytes / 2 <= total)) {
        total += items[taken++].bytes;
    }
    return join(dirfd, items, taken, err);
}

/* --- pruning -------------------------------------------------------------------------------- */

static int compare_used(const void *a, const void *b) {
    const struct listed *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec) {
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    }
    if (x->used.tv_nsec != y->used.tv_nsec) {
        return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static bool prune(int dirfd, struct listed *items, size_t count, uint64_t keep_bytes,
                  int64_t keep_s, uint64_t *ret_removed_bytes, struct err *err) {
    uint64_t total = 0, removed = 0;
    for (size_t i = 0; i < count; i++) {
        total += items[i].bytes;
    }
    qsort(items, count, sizeof *items, compare_used);
    int64_t oldest = keep_s > 0 ? time_now_epoch_s() - keep_s : INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        if (total - removed <= keep_bytes && items[i].used.tv_sec >= oldest) {
            break;
        }
        if (unlinkat(dirfd, items[i].name, 0) < 0 && errno != ENOENT) {
            return err_sys(err, errno, "remove block cache '%s'", items[i].name);
        }
        removed += items[i].bytes;
    }
    *ret_removed_bytes = removed;
    return true;
}

bool segments_tidy(int dirfd, struct err *err) {
    AUTO_ARENA a = arena_new();
    AUTO_FD lock = -1;
    struct listed *items;
    size_t count;
    uint64_t removed;
    return lock_folder(dirfd, &lock, err) && list_segments(a, dirfd, &items, &count, err) &&
           prune(dirfd, items, count, BLOCKS_KEEP_BYTES, 0, &removed, err) &&
           list_segments(a, dirfd, &items, &count, err) && join_small(dirfd, items, count, err);
}

/* -1 and true when there is no such folder. */
static bool open_folder(int dirfd, const char *path, int *ret_fd, struct err *err) {
    *ret_fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd >= 0 || errno == ENOENT || err_sys(err, errno, "open block cache '%s'", path);
}

bool blocks_prune(int dirfd, const char *path, uint64_t keep_bytes, int64_t keep_s,
                  uint64_t *ret_removed_bytes, struct err *err) {
    AUTO_ARENA a = arena_new();
    AUTO_FD folder = -1;
    AUTO_FD lock = -1;
    struct listed *items;
    size_t count;
    if (!open_folder(dirfd, path, &folder, err)) {
        return false;
    }
    if (folder < 0) {
        *ret_removed_bytes = 0;
        return true;
    }
    return lock_folder(folder, &lock, err) && list_segments(a, folder, &items, &count, err) &&
           prune(folder, items, count, keep_bytes, keep_s, ret_removed_bytes, err);
}

/* --- verifying ------------------------------------------------------------------------------ */

/* Every block is good and every key is found where a search looks for it. */
static bool is_sound(const struct segment *s) {
    for (size_t i = 0; i < s->count; i++) {
        struct segment_record r = segment_record_at(s, i);
        struct block block;
        if (!segment_read(s, &r, &block)) {
            return false;
        }
        if (i > 0) {
            struct segment_record before = segment_record_at(s, i - 1);
            if (memcmp(before.key, r.key, BLOCKS_KEY_BYTES) > 0) {
                return false;
            }
        }
    }
    return true;
}

static bool verify_one(int folder, const char *name, size_t *blocks, size_t *damaged,
                       struct err *err) {
    struct segment s;
    bool sound = false;
    switch (segment_open(folder, name, &s, err)) {
    case SEGMENT_FAILED:
        return false;
    case SEGMENT_GONE:
        return true;
    case SEGMENT_DAMAGED:
        break;
    case SEGMENT_OPENED:
        sound = is_sound(&s);
        *blocks += s.count;
        segment_close(&s);
        break;
    }
    if (!sound) {
        ++*damaged;
        if (unlinkat(folder, name, 0) < 0 && errno != ENOENT) {
            return err_sys(err, errno, "remove block cache '%s'", name);
        }
    }
    return true;
}

bool blocks_verify(int dirfd, const char *path, size_t *ret_blocks, size_t *ret_damaged,
                   struct err *err) {
    AUTO_ARENA a = arena_new();
    AUTO_FD folder = -1;
    AUTO_FD lock = -1;
    struct listed *items = NULL;
    size_t count = 0, blocks = 0, damaged = 0;
    if (!open_folder(dirfd, path, &folder, err) ||
        (folder >= 0 &&
         (!lock_folder(folder, &lock, err) || !list_segments(a, folder, &items, &count, err)))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!verify_one(folder, items[i].name, &blocks, &damaged, err)) {
            return err_wrap(err, "verify block cache '%s'", path);
        }
    }
    *ret_blocks = blocks;
    *ret_damaged = damaged;
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Large inputs by several threads. The input is cut into pieces of a fixed power of two; threads
 * take the next piece and leave its chaining value in a table, which the caller's thread then
 * pushes in order. Files are read and not mapped: a mapped file that is cut short meanwhile ends
 * the program with SIGBUS.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "hash/internal.h"

enum {
    PIECE_BYTES = 1 << 18,
    PIECE_CHUNKS = PIECE_BYTES / BLAKE3_CHUNK_BYTES,
    BATCH_PIECES = 1 << 14, /* of one round of threads: 4 GiB */
    THREADS_MAX = 64,
    READ_BYTES = 1 << 17, /* of what is hashed by one thread */
};

/* Pieces of one round; what the threads share. */
struct round {
    uint32_t key[8];
    uint8_t flags;
    uint64_t chunk_number; /* of the first piece */
    const uint8_t *data;   /* NULL: read from fd */
    int fd;
    uint64_t offset; /* of the first piece in the file */
    size_t pieces;
    atomic_size_t next;
    atomic_int failed;                /* errno; -1: the file became shorter */
    uint8_t (*cvs)[BLAKE3_OUT_BYTES]; /* one a piece */
};

static int read_piece(int fd, uint64_t offset, uint8_t *buffer, size_t len) {
    while (len > 0) {
        ssize_t n = pread(fd, buffer, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : -1;
        }
        buffer += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static void hash_piece(const struct round *r, size_t i, const uint8_t *data) {
    uint8_t pair[2][BLAKE3_OUT_BYTES];
    uint64_t number = r->chunk_number + (uint64_t)i * PIECE_CHUNKS;
    blake3_subtree(r->key, r->flags, number, data, PIECE_BYTES, pair);
    blake3_parent(r->key, r->flags, pair, r->cvs[i]);
}

static void *work(void *self) {
    struct round *r = self;
    uint8_t *buffer = NULL;
    if (r->data == NULL) {
        buffer = malloc(PIECE_BYTES);
        if (buffer == NULL) {
            atomic_store(&r->failed, ENOMEM);
            return NULL;
        }
    }
    while (atomic_load(&r->failed) == 0) {
        size_t i = atomic_fetch_add(&r->next, 1);
        if (i >= r->pieces) {
            break;
        }
        if (buffer == NULL) {
            hash_piece(r, i, r->data + i * PIECE_BYTES);
            continue;
        }
        int failed = read_piece(r->fd, r->offset + (uint64_t)i * PIECE_BYTES, buffer, PIECE_BYTES);
        if (failed != 0) {
            atomic_store(&r->failed, failed);
            break;
        }
        hash_piece(r, i, buffer);
    }
    free(buffer);
    return NULL;
}

/* This thread works too; threads that cannot be made are done without. */
static void run_threads(struct round *r, unsigned threads) {
    pthread_t ids[THREADS_MAX];
    size_t started = 0;
    size_t wanted = min_size(min_size(threads, THREADS_MAX), r->pieces) - 1;
    while (started < wanted && pthread_create(&ids[started], NULL, work, r) == 0) {
        started++;
    }
    work(r);
    for (size_t i = 0; i < started; i++) {
        pthread_join(ids[i], NULL);
    }
}

/*
 * As many whole pieces as fit into `len`, but never all bytes: the end of the input is left to the
 * incremental code. The state's chunk must be empty and its number a multiple of a piece.
 */
static size_t update_pieces(struct blake3 *b, const uint8_t *data, int fd, uint64_t offset,
                            uint64_t len, unsigned threads, int *ret_failed) {
    struct round r = {
        .flags = b->flags,
        .chunk_number = b->chunk_number,
        .data = data,
        .fd = fd,
        .offset = offset,
        .pieces = (size_t)(((len > 0 ? len : 1) - 1) / PIECE_BYTES),
    };
    r.pieces = min_size(r.pieces, BATCH_PIECES);
    *ret_failed = 0;
    if (r.pieces == 0) {
        return 0;
    }
    memcpy(r.key, b->key, sizeof r.key);
    r.cvs = malloc(r.pieces * sizeof *r.cvs);
    if (r.cvs == NULL) {
        *ret_failed = ENOMEM;
        return 0;
    }
    run_threads(&r, threads == 0 ? os_processors() : threads);
    *ret_failed = atomic_load(&r.failed);
    for (size_t i = 0; i < r.pieces && *ret_failed == 0; i++) {
        blake3_push(b, r.cvs[i], PIECE_CHUNKS);
    }
    free(r.cvs);
    return *ret_failed == 0 ? r.pieces * PIECE_BYTES : 0;
}

void blake3_update_threads(struct blake3 *b, const void *data, size_t len, unsigned threads) {
    const uint8_t *p = data;
    bool aligned = blake3_chunk_is_empty(b) && b->chunk_number % PIECE_CHUNKS == 0;
    while (aligned && threads != 1 && len > 2 * PIECE_BYTES) {
        int failed;
        size_t done = update_pieces(b, p, -1, 0, len, threads, &failed);
        if (done == 0) {
            break; /* no memory for the table: the plain way needs none */
        }
        p += done;
        len -= done;
    }
    blake3_update(b, p, len);
}

/* From `offset` of a regular file, or from here of anything else (offset -1), to the end. */
static bool update_to_end(struct blake3 *b, int fd, off_t offset, struct err *err) {
    uint8_t *buffer = malloc(READ_BYTES);
    if (buffer == NULL) {
        return err_sys(err, ENOMEM, "read");
    }
    ssize_t n;
    for (;;) {
        n = offset < 0 ? read(fd, buffer, READ_BYTES) : pread(fd, buffer, READ_BYTES, offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        blake3_update(b, buffer, (size_t)n);
        offset += offset < 0 ? 0 : n;
    }
    int errnum = errno;
    free(buffer);
    return n == 0 || err_sys(err, errnum, "read");
}

bool blake3_fd_threads(int fd, unsigned threads, uint8_t ret[BLAKE3_OUT_BYTES], struct err *err) {
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return err_sys(err, errno, "read");
    }
    struct blake3 b;
    blake3_init(&b);
    uint64_t done = 0;
    uint64_t size = (uint64_t)st.st_size;
    while (S_ISREG(st.st_mode) && size - done > 2 * PIECE_BYTES) {
        int failed;
        size_t n = update_pieces(&b, NULL, fd, done, size - done, threads, &failed);
        if (failed != 0) {
            return failed < 0 ? err_set(err, "read: the file became shorter meanwhile")
                              : err_sys(err, failed, "read");
        }
        done += n;
    }
    if (!update_to_end(&b, fd, S_ISREG(st.st_mode) ? (off_t)done : -1, err)) {
        return false;
    }
    blake3_final(&b, ret);
    return true;
}

bool blake3_fd(int fd, uint8_t ret[BLAKE3_OUT_BYTES], struct err *err) {
    return blake3_fd_threads(fd, 0, ret, err);
}

bool blake3_file(int dirfd, const char *path, uint8_t ret[BLAKE3_OUT_BYTES], struct err *err) {
    AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "open '%s'", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, "'%s' is not a regular file", path);
    }
    return blake3_fd(fd, ret, err) || err_wrap(err, "hash '%s'", path);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * hash/: BLAKE3 (our own, the BLAKE3 paper of 2021-11-05) and SHA-256 (libcrypto).
 *
 * BLAKE3 picks the widest SIMD code that the CPU has at run time. Large inputs in memory and
 * files are hashed by several threads, which have ended when the function returns; the incremental
 * functions use the caller's thread alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

/* --- BLAKE3 ----------------------------------------------------------------------------------- */

enum {
    BLAKE3_OUT_BYTES = 32,
    BLAKE3_KEY_BYTES = 32,
    BLAKE3_BLOCK_BYTES = 64,
    BLAKE3_CHUNK_BYTES = 1024,
    BLAKE3_DEPTH_MAX = 54, /* of the tree of a 2^64 byte input */
};

/* Incremental state: init, update any number of times, final any number of times (the state is
 * not changed by it). May be copied. Holds no resources. Fields are the room's own. */
struct blake3 {
    uint32_t key[8];
    uint32_t cv[8];        /* chaining value of the chunk being filled */
    uint64_t chunk_number; /* of that chunk */
    uint8_t block[BLAKE3_BLOCK_BYTES];
    uint8_t block_len;
    uint8_t blocks_done; /* compressed blocks of the chunk */
    uint8_t flags;
    uint8_t stack_len;
    uint8_t stack[BLAKE3_DEPTH_MAX][BLAKE3_OUT_BYTES]; /* subtrees that wait for a right side */
};

void blake3_init(struct blake3 *b);
void blake3_init_keyed(struct blake3 *b, const uint8_t key[BLAKE3_KEY_BYTES]);
void blake3_init_derive_key(struct blake3 *b, str context);
void blake3_update(struct blake3 *b, const void *data, size_t len);
/* The same with up to `threads` threads, for data of a megabyte and more; 0: one a CPU. */
void blake3_update_threads(struct blake3 *b, const void *data, size_t len, unsigned threads);
void blake3_final(const struct blake3 *b, uint8_t ret[BLAKE3_OUT_BYTES]);
/* Extended output: `len` bytes from byte `offset` of the endless output. */
void blake3_final_xof(const struct blake3 *b, uint64_t offset, void *ret, size_t len);

/* One shot, on this thread. */
void blake3_bytes(str data, uint8_t ret[BLAKE3_OUT_BYTES]);

/* The whole content of a file (from its start) or of a pipe (from here). Large regular files are
 * mapped and hashed by up to `threads` threads; 0: one a CPU. A file that shrinks meanwhile is an
 * error. blake3_fd() uses one a CPU. */
MUST_CHECK bool blake3_fd(int fd, uint8_t ret[BLAKE3_OUT_BYTES], struct err *err);
MUST_CHECK bool blake3_fd_threads(int fd, unsigned threads, uint8_t ret[BLAKE3_OUT_BYTES],
                                  struct err *err);
/* Follows links; only regular files. */
MUST_CHECK bool blake3_file(int dirfd, const char *path, uint8_t ret[BLAKE3_OUT_BYTES],
                            struct err *err);

/* Name of the code in use: "portable", "sse41", "avx2", "avx512", "neon". */
const char *blake3_code_name(void);

/* --- SHA-256 ---------------------------------------------------------------------------------- */

enum { SHA256_BYTES = 32 };

struct sha256 {
    void *context; /* EVP_MD_CTX; owned until done */
};

/* Without memory the process ends, as with arenas: no input reaches that. */
void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t ret[SHA256_BYTES]); /* once */
void sha256_done(struct sha256 *s);
#define AUTO_SHA256 __attribute__((cleanup(sha256_done))) struct sha256

void sha256_bytes(str data, uint8_t ret[SHA256_BYTES]);
/* The whole content of a file (from its start) or of a pipe (from here). */
MUST_CHECK bool sha256_fd(int fd, uint8_t ret[SHA256_BYTES], struct err *err);

/* --- hex -------------------------------------------------------------------------------------- */

/* 2 * len lower case digits and a NUL. */
void hash_hex(const uint8_t *bytes, size_t len, char *ret);
/* Exactly 2 * len digits of either case; false and *ret untouched when not so. */
MUST_CHECK bool hash_unhex(str hex, uint8_t *ret, size_t len);

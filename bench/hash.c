// SPDX-License-Identifier: Apache-2.0
/*
 * BLAKE3 of a file: hash-bench FILE [THREADS] prints the digest as b3sum does. Driven by
 * bench/hash, which compares the two.
 */
#include <stdio.h>

#include "base/base.h"
#include "hash/hash.h"

int main(int argc, char **argv) {
    uint64_t threads = 0;
    if (argc < 2 || argc > 3 || (argc == 3 && !str_to_u64(str_from_c(argv[2]), &threads))) {
        fprintf(stderr, "usage: hash-bench FILE [THREADS]\n");
        return 2;
    }
    struct err err = ERR_INIT;
    uint8_t digest[BLAKE3_OUT_BYTES];
    AUTO_FD fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !blake3_fd_threads(fd, (unsigned)threads, digest, &err)) {
        fprintf(stderr, "hash-bench: %s: cannot be read\n", argv[1]);
        return 1;
    }
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    hash_hex(digest, sizeof digest, hex);
    printf("%s  %s\n", hex, argv[1]);
    return 0;
}

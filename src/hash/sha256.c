// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <openssl/evp.h>

#include "hash/internal.h"

void sha256_init(struct sha256 *s) {
    s->context = EVP_MD_CTX_new();
    ASSERT(s->context != NULL && EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) == 1);
}

void sha256_update(struct sha256 *s, const void *data, size_t len) {
    ASSERT(EVP_DigestUpdate(s->context, data, len) == 1);
}

void sha256_final(struct sha256 *s, uint8_t ret[SHA256_BYTES]) {
    ASSERT(EVP_DigestFinal_ex(s->context, ret, NULL) == 1);
}

void sha256_done(struct sha256 *s) {
    EVP_MD_CTX_free(s->context);
    s->context = NULL;
}

void sha256_bytes(str data, uint8_t ret[SHA256_BYTES]) {
    AUTO_SHA256 s;
    sha256_init(&s);
    sha256_update(&s, data.ptr, data.len);
    sha256_final(&s, ret);
}

bool sha256_fd(int fd, uint8_t ret[SHA256_BYTES], struct err *err) {
    AUTO_SHA256 s;
    sha256_init(&s);
    uint8_t block[64 * 1024];
    off_t offset = 0;
    bool seekable = lseek(fd, 0, SEEK_CUR) >= 0;
    for (;;) {
        ssize_t n =
            seekable ? pread(fd, block, sizeof block, offset) : read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "read");
        }
        if (n == 0) {
            sha256_final(&s, ret);
            return true;
        }
        sha256_update(&s, block, (size_t)n);
        offset += n;
    }
}

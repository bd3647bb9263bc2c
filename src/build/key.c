// SPDX-License-Identifier: Apache-2.0
#include "build/internal.h"

void key_begin(struct key_hash *k, const char *what) {
    blake3_init(&k->state);
    key_add(k, S("capsem-builder key 1"));
    key_add(k, str_from_c(what));
}

void key_add_u64(struct key_hash *k, uint64_t number) {
    unsigned char bytes[8];
    store_le64(bytes, number);
    blake3_update(&k->state, bytes, sizeof bytes);
}

void key_add(struct key_hash *k, str part) {
    key_add_u64(k, part.len);
    blake3_update(&k->state, part.ptr, part.len);
}

struct store_key key_end(struct key_hash *k) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    blake3_final(&k->state, digest);
    hash_hex(digest, sizeof digest, hex);
    struct store_key key;
    memcpy(key.hex, hex, STORE_KEY_HEX);
    key.hex[STORE_KEY_HEX] = '\0';
    return key;
}

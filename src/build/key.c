// SPDX-License-Identifier: Apache-2.0
#include "build/internal.h"

void key_begin(struct key_hash *k, const char *what) {
    blake3_init(&k->state);
    blake3_init(&k->own);
    key_add(k, S("capsem-builder key 1"));
    key_add(k, str_from_c(what));
}

static void add_number(struct blake3 *state, uint64_t number) {
    unsigned char bytes[8];
    store_le64(bytes, number);
    blake3_update(state, bytes, sizeof bytes);
}

static void add_part(struct blake3 *state, str part) {
    add_number(state, part.len);
    blake3_update(state, part.ptr, part.len);
}

void key_add_u64(struct key_hash *k, uint64_t number) {
    add_number(&k->state, number);
    add_number(&k->own, number);
}

void key_add(struct key_hash *k, str part) {
    add_part(&k->state, part);
    add_part(&k->own, part);
}

void key_add_below(struct key_hash *k, const struct store_key *below) {
    add_part(&k->state, str_from_c(below->hex));
}

static struct store_key end(struct blake3 *state) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    blake3_final(state, digest);
    hash_hex(digest, sizeof digest, hex);
    struct store_key key;
    memcpy(key.hex, hex, STORE_KEY_HEX);
    key.hex[STORE_KEY_HEX] = '\0';
    return key;
}

struct store_key key_end(struct key_hash *k) {
    return end(&k->state);
}

struct store_key key_end_own(struct key_hash *k) {
    return end(&k->own);
}

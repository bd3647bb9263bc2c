// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

void store_key_begin(struct store_key_hash *k, const char *what) {
    blake3_init(&k->state);
    blake3_init(&k->own);
    store_key_add(k, S("capsem-builder key 2"));
    store_key_add(k, str_from_c(what));
}

/* What a part is comes first: no part is taken for one of another kind. */
enum { TAG_TEXT = 't', TAG_NUMBER = 'n', TAG_BELOW = 'b', TAG_LIST = '[', TAG_LIST_END = ']' };

static void add_tag(struct blake3 *state, unsigned char tag) {
    blake3_update(state, &tag, 1);
}

static void add_bytes8(struct blake3 *state, uint64_t number) {
    unsigned char bytes[8];
    store_le64(bytes, number);
    blake3_update(state, bytes, sizeof bytes);
}

static void add_text(struct blake3 *state, unsigned char tag, str part) {
    add_tag(state, tag);
    add_bytes8(state, part.len);
    blake3_update(state, part.ptr, part.len);
}

void store_key_add_u64(struct store_key_hash *k, uint64_t number) {
    add_tag(&k->state, TAG_NUMBER);
    add_bytes8(&k->state, number);
    add_tag(&k->own, TAG_NUMBER);
    add_bytes8(&k->own, number);
}

void store_key_add(struct store_key_hash *k, str part) {
    add_text(&k->state, TAG_TEXT, part);
    add_text(&k->own, TAG_TEXT, part);
}

void store_key_list(struct store_key_hash *k) {
    add_tag(&k->state, TAG_LIST);
    add_tag(&k->own, TAG_LIST);
}

void store_key_list_end(struct store_key_hash *k) {
    add_tag(&k->state, TAG_LIST_END);
    add_tag(&k->own, TAG_LIST_END);
}

void store_key_add_below(struct store_key_hash *k, const struct store_key *below) {
    add_text(&k->state, TAG_BELOW, str_from_c(below->hex));
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

struct store_key store_key_end(struct store_key_hash *k) {
    return end(&k->state);
}

struct store_key store_key_end_own(struct store_key_hash *k) {
    return end(&k->own);
}

bool store_key_parse(str hex, struct store_key *ret) {
    if (hex.len != STORE_KEY_HEX) {
        return false;
    }
    for (size_t i = 0; i < hex.len; i++) {
        if (char_hex(hex.ptr[i]) < 0) {
            return false;
        }
    }
    memcpy(ret->hex, hex.ptr, hex.len);
    ret->hex[hex.len] = '\0';
    return true;
}

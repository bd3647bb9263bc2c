// SPDX-License-Identifier: Apache-2.0
#include "hash/internal.h"

void hash_hex(const uint8_t *bytes, size_t len, char *ret) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret[2 * len] = '\0';
}

bool hash_unhex(str hex, uint8_t *ret, size_t len) {
    if (hex.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < hex.len; i++) {
        if (char_hex(hex.ptr[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        ret[i] = (uint8_t)(char_hex(hex.ptr[2 * i]) * 16 + char_hex(hex.ptr[2 * i + 1]));
    }
    return true;
}

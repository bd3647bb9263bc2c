// SPDX-License-Identifier: Apache-2.0
/* Modes as chmod(1) takes them: octal, or clauses such as u=rwX,go-w. */
#include "embedded/internal.h"

static bool octal(str text, uint32_t *ret) {
    uint32_t mode = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7' || mode > 0777) {
            return false;
        }
        mode = mode * 8 + (uint32_t)(text.ptr[i] - '0');
    }
    *ret = mode;
    return text.len > 0 && mode <= 07777;
}

/* Bits of "who" in each triple: u 0700, g 0070, o 0007. */
static uint32_t who_mask(str *rest) {
    uint32_t mask = 0;
    for (; rest->len > 0; *rest = str_slice(*rest, 1, rest->len)) {
        switch (rest->ptr[0]) {
        case 'u':
            mask |= 04700;
            break;
        case 'g':
            mask |= 02070;
            break;
        case 'o':
            mask |= 01007;
            break;
        case 'a':
            mask |= 07777;
            break;
        default:
            return mask == 0 ? 07777 : mask;
        }
    }
    return mask == 0 ? 07777 : mask;
}

/* "g=u": the bits that another class has now, for all three classes. */
static uint32_t copied_bits(char from, uint32_t mode) {
    uint32_t bits = from == 'u' ? mode >> 6 : from == 'g' ? mode >> 3 : mode;
    return (bits & 7) * 0111;
}

static bool permission_bits(str *rest, uint32_t mode, bool is_dir, uint32_t *ret) {
    uint32_t bits = 0;
    for (; rest->len > 0; *rest = str_slice(*rest, 1, rest->len)) {
        switch (rest->ptr[0]) {
        case 'r':
            bits |= 0444;
            break;
        case 'w':
            bits |= 0222;
            break;
        case 'x':
            bits |= 0111;
            break;
        case 'X':
            bits |= is_dir || (mode & 0111) != 0 ? 0111 : 0;
            break;
        case 's':
            bits |= 06000;
            break;
        case 't':
            bits |= 01000;
            break;
        case 'u':
        case 'g':
        case 'o':
            bits |= copied_bits(rest->ptr[0], mode);
            break;
        case '+':
        case '-':
        case '=':
            *ret = bits;
            return true;
        default:
            return false;
        }
    }
    *ret = bits;
    return true;
}

static bool clause(str text, uint32_t *mode, bool is_dir) {
    uint32_t mask = who_mask(&text);
    if (text.len == 0) {
        return false;
    }
    while (text.len > 0) {
        char op = text.ptr[0];
        uint32_t bits;
        if (op != '+' && op != '-' && op != '=') {
            return false;
        }
        text = str_slice(text, 1, text.len);
        if (!permission_bits(&text, *mode, is_dir, &bits)) {
            return false;
        }
        bits &= mask;
        *mode = op == '+' ? *mode | bits : op == '-' ? *mode & ~bits : (*mode & ~mask) | bits;
    }
    return true;
}

bool chmod_apply(str text, uint32_t mode, bool is_dir, uint32_t *ret) {
    if (octal(text, ret)) {
        return true;
    }
    if (text.len == 0) {
        return false;
    }
    do {
        if (!clause(str_cut(&text, ','), &mode, is_dir)) {
            return false;
        }
    } while (text.ptr != NULL);
    *ret = mode;
    return true;
}

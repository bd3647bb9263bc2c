// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gate/internal.h"

struct range4 {
    uint32_t address;
    unsigned bits;
};

/* What the registry of special-purpose addresses (RFC 6890) has as not globally reachable, groups,
 * and the upper end. */
static const struct range4 closed4[] = {
    { 0x00000000, 8 },  { 0x0a000000, 8 },  { 0x64400000, 10 }, { 0x7f000000, 8 },
    { 0xa9fe0000, 16 }, { 0xac100000, 12 }, { 0xc0000000, 24 }, { 0xc0000200, 24 },
    { 0xc0586300, 24 }, { 0xc0a80000, 16 }, { 0xc6120000, 15 }, { 0xc6336400, 24 },
    { 0xcb007100, 24 }, { 0xe0000000, 3 },
};

static bool is_public4(uint32_t address) {
    for (size_t i = 0; i < ARRAY_LEN(closed4); i++) {
        if ((address ^ closed4[i].address) >> (32 - closed4[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

static uint32_t load4(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool address_find4(const uint8_t a[16], uint32_t *ret) {
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (memcmp(a, nat64, sizeof nat64) == 0 || memcmp(a, mapped, sizeof mapped) == 0) {
        *ret = load4(a + 12);
        return true;
    }
    bool is_6to4 = a[0] == 0x20 && a[1] == 0x02;
    *ret = is_6to4 ? load4(a + 2) : 0;
    return is_6to4;
}

/* Of IPv6 only 2000::/3 is given out. */
static bool is_public6(const uint8_t a[16]) {
    uint32_t four;
    if (address_find4(a, &four)) {
        return is_public4(four);
    }
    bool teredo = load4(a) == 0x20010000;
    bool documentation = load4(a) == 0x20010db8;
    return (a[0] & 0xe0) == 0x20 && !teredo && !documentation;
}

bool gate_address_is_public(const struct gate_address *address) {
    if (address->any.sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->storage, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address->any.sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &address->storage, sizeof in6);
        return is_public6(in6.sin6_addr.s6_addr);
    }
    return false;
}

void gate_address_text(const struct gate_address *address, char ret[64]) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (address->any.sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &address->storage, sizeof in6);
        inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
        snprintf(ret, 64, "[%s]:%u", text, ntohs(in6.sin6_port));
        return;
    }
    struct sockaddr_in in;
    memcpy(&in, &address->storage, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    snprintf(ret, 64, "%s:%u", text, ntohs(in.sin_port));
}

/* "1.2.3.4", "1.2.3.4:80", "::1", "[::1]:80" */
static bool parse_address(str text, struct gate_override *ret) {
    uint64_t port = 0;
    str digits = { 0 };
    char host[INET6_ADDRSTRLEN];
    size_t colon = str_find_last_char(text, ':');
    bool bracket = str_starts(text, S("["));
    if (bracket) {
        size_t close = str_find_char(text, ']', 0);
        if (close == STR_NONE) {
            return false;
        }
        str behind = str_slice(text, close + 1, text.len);
        text = str_slice(text, 1, close);
        ret->has_port = behind.len > 0;
        if (ret->has_port && behind.ptr[0] != ':') {
            return false;
        }
        digits = str_slice(behind, 1, behind.len);
    } else if (colon != STR_NONE && str_find_char(text, ':', 0) == colon) {
        digits = str_slice(text, colon + 1, text.len);
        text = str_slice(text, 0, colon);
        ret->has_port = true;
    }
    if (ret->has_port && (!str_to_u64(digits, &port) || port == 0 || port > UINT16_MAX)) {
        return false;
    }
    if (text.len == 0 || text.len >= sizeof host || memchr(text.ptr, 0, text.len) != NULL) {
        return false;
    }
    memcpy(host, text.ptr, text.len);
    host[text.len] = '\0';
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    if (!bracket && inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(&ret->address.storage, &in, sizeof in);
        ret->address.len = sizeof in;
        return true;
    }
    memcpy(&ret->address.storage, &in6, sizeof in6);
    ret->address.len = sizeof in6;
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1) {
        return false;
    }
    memcpy(&ret->address.storage, &in6, sizeof in6);
    return true;
}

bool gate_override_parse(str text, struct gate_override *ret, struct err *err) {
    str rest = text;
    str name = str_cut(&rest, '=');
    *ret = (struct gate_override){ 0 };
    if (rest.ptr == NULL || !gate_name_clean(name, ret->name) || !parse_address(rest, ret)) {
        err_set(err, "'%.*s' is not NAME=ADDRESS or NAME=ADDRESS:PORT", STR_FMT(text));
        return err_help(err, "as in example.org=192.0.2.1:8443, or example.org=[2001:db8::1]:8443");
    }
    return true;
}

// SPDX-License-Identifier: Apache-2.0
/* Whether an address is one of this machine. What listens on it for this machine's neighbours, or
 * on all addresses, was not meant for its guests. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include "gate/internal.h"

static struct gate_address address_of4(uint32_t number) {
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(number) };
    struct gate_address address = { .len = sizeof in };
    memcpy(&address.storage, &in, sizeof in);
    return address;
}

static struct gate_address documentation6(void) {
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                .sin6_addr.s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
    struct gate_address address = { .len = sizeof in6 };
    memcpy(&address.storage, &in6, sizeof in6);
    return address;
}

/* Asks the kernel, which knows more than interfaces: routes can make a whole network ours. Unless
 * it says that the address is elsewhere, it may be here. */
static bool can_bind(struct gate_address address) {
    /* The port is at the same place in both kinds of addresses. */
    struct sockaddr_in in;
    memcpy(&in, &address.storage, sizeof in);
    in.sin_port = 0;
    memcpy(&address.storage, &in, sizeof in);
    AUTO_FD fd = os_socket(address.any.sa_family, SOCK_DGRAM);
    if (fd < 0) {
        return errno != EAFNOSUPPORT;
    }
    return bind(fd, &address.any, address.len) == 0 || errno != EADDRNOTAVAIL;
}

static bool is_same_host(const struct sockaddr *a, const struct sockaddr *b) {
    if (a->sa_family != b->sa_family) {
        return false;
    }
    if (a->sa_family == AF_INET) {
        struct sockaddr_in one, other;
        memcpy(&one, a, sizeof one);
        memcpy(&other, b, sizeof other);
        return one.sin_addr.s_addr == other.sin_addr.s_addr;
    }
    struct sockaddr_in6 one, other;
    if (a->sa_family != AF_INET6) {
        return false;
    }
    memcpy(&one, a, sizeof one);
    memcpy(&other, b, sizeof other);
    return memcmp(&one.sin6_addr, &other.sin6_addr, sizeof one.sin6_addr) == 0;
}

static bool is_of_an_interface(const struct gate_address *address) {
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list) != 0) {
        return true; /* not known */
    }
    for (const struct ifaddrs *one = list; one != NULL && !found; one = one->ifa_next) {
        found = one->ifa_addr != NULL && is_same_host(one->ifa_addr, &address->any);
    }
    freeifaddrs(list);
    return found;
}

static bool is_here(const struct gate_address *address) {
    /* RFC 5737, RFC 3849: certainly not here. They can be bound to where everything can
     * (ip_nonlocal_bind), and then binding says nothing. */
    struct gate_address elsewhere =
        address->any.sa_family == AF_INET6 ? documentation6() : address_of4(0xc0000201);
    return can_bind(elsewhere) ? is_of_an_interface(address) : can_bind(*address);
}

bool gate_address_is_own(const struct gate_address *address) {
    struct sockaddr_in6 in6;
    uint32_t four;
    memcpy(&in6, &address->storage, sizeof in6);
    if (address->any.sa_family == AF_INET6 && address_find4(in6.sin6_addr.s6_addr, &four)) {
        struct gate_address inner = address_of4(four);
        return is_here(&inner) || is_here(address);
    }
    return is_here(address);
}

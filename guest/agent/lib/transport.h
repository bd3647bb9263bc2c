// SPDX-License-Identifier: Apache-2.0
// One stream to the host: AF_VSOCK where the machine has it, else the virtio-serial port of that
// name. Lost streams are taken up again with a back-off from 100 ms to 2 s. Descriptors never
// block.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum transport_state {
    TRANSPORT_DOWN,
    TRANSPORT_CONNECTING, // a vsock connection under way; poll for POLLOUT, then
                          // transport_connected
    TRANSPORT_UP,
};

struct transport {
    const char *port_name; // virtio-serial, as `capsem.control`; NULL: vsock only
    uint32_t vsock_port;
    bool only_port;   // no vsock
    const char *dial; // a Unix socket in place of both: for tests; NULL: none
    enum transport_state state;
    int fd;              // -1 when down
    bool lent;           // a descriptor from the command line: once lost, it does not come back
    uint64_t retry_at;   // ms of the monotonic clock
    uint32_t backoff_ms; // before the next try
};

uint64_t clock_ms(void); // monotonic

// Whether a vsock device leads to a host.
bool transport_has_vsock(void);
void transport_init(struct transport *transport, const char *port_name, uint32_t vsock_port);
// Uses `fd` in place of finding one; owns it from then on.
void transport_lend(struct transport *transport, int fd);
// Tries to open when down and the back-off is over. True when the state changed.
bool transport_open(struct transport *transport);
// After POLLOUT while connecting: up, or down again.
void transport_connected(struct transport *transport);
// Closes; the next transport_open waits for the back-off.
void transport_drop(struct transport *transport);
// Call when the peer has proven to be there: the back-off starts from 100 ms again.
void transport_proven(struct transport *transport);
// Milliseconds until transport_open may try, -1 when it is not waiting.
int transport_wait_ms(const struct transport *transport);
// A lent descriptor was lost: nothing will ever come again.
bool transport_is_over(const struct transport *transport);

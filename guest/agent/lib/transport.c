// SPDX-License-Identifier: Apache-2.0
#include "transport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 2000,
};

// linux/vm_sockets.h; musl's header folder has no kernel headers.
#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif
#define VSOCK_HOST_CID      2u
#define VSOCK_GET_LOCAL_CID _IO(7, 0xb9)
struct vsock_address {
    sa_family_t family;
    unsigned short reserved;
    uint32_t port;
    uint32_t cid;
    uint8_t zero[sizeof(struct sockaddr) - sizeof(sa_family_t) - sizeof(unsigned short) -
                 2 * sizeof(uint32_t)];
};

uint64_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void transport_init(struct transport *transport, const char *port_name, uint32_t vsock_port) {
    *transport = (struct transport){
        .port_name = port_name,
        .vsock_port = vsock_port,
        .fd = -1,
        .backoff_ms = BACKOFF_FIRST_MS,
    };
}

void transport_lend(struct transport *transport, int fd) {
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    transport->fd = fd;
    transport->lent = true;
    transport->state = TRANSPORT_UP;
}

// Without a device the driver gives "any", and 1 when it only loops back.
bool transport_has_vsock(void) {
    int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
    unsigned cid = 0;
    if (fd < 0) {
        return false;
    }
    bool good = ioctl(fd, VSOCK_GET_LOCAL_CID, &cid) == 0;
    close(fd);
    return good && cid > VSOCK_HOST_CID && cid != UINT32_MAX;
}

static bool open_socket(struct transport *transport, const void *address, socklen_t len) {
    int family = ((const struct sockaddr *)address)->sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    bool up = connect(fd, address, len) == 0;
    if (!up && errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    transport->fd = fd;
    transport->state = up ? TRANSPORT_UP : TRANSPORT_CONNECTING;
    return true;
}

static bool open_vsock(struct transport *transport) {
    struct vsock_address host = { .family = AF_VSOCK,
                                  .port = transport->vsock_port,
                                  .cid = VSOCK_HOST_CID };
    return open_socket(transport, &host, sizeof host);
}

static bool open_dialled(struct transport *transport) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(transport->dial);
    if (len >= sizeof address.sun_path) {
        return false;
    }
    memcpy(address.sun_path, transport->dial, len);
    return open_socket(transport, &address, sizeof address);
}

// Whether /sys/class/virtio-ports/DEVICE/name is `name`.
static bool port_is_named(const char *device, const char *name) {
    char path[320], text[64];
    int len = snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", device);
    if (len < 0 || (size_t)len >= sizeof path) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    size_t want = strlen(name);
    return n > 0 && (size_t)n >= want && memcmp(text, name, want) == 0 &&
           ((size_t)n == want || text[want] == '\n');
}

// There is no udev in the guest, so no /dev/virtio-ports/NAME: the kernel's own list tells which
// /dev/vportNpM it is.
static bool open_port(struct transport *transport) {
    DIR *ports = transport->port_name ? opendir("/sys/class/virtio-ports") : NULL;
    if (!ports) {
        return false;
    }
    const struct dirent *entry;
    int fd = -1;
    while (fd < 0 && (entry = readdir(ports))) {
        char path[320];
        if (entry->d_name[0] == '.' || !port_is_named(entry->d_name, transport->port_name)) {
            continue;
        }
        int len = snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        if (len > 0 && (size_t)len < sizeof path) {
            fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        }
    }
    closedir(ports);
    if (fd < 0) {
        return false;
    }
    transport->fd = fd;
    transport->state = TRANSPORT_UP;
    return true;
}

static void schedule_retry(struct transport *transport) {
    transport->retry_at = clock_ms() + transport->backoff_ms;
    transport->backoff_ms *= 2;
    if (transport->backoff_ms > BACKOFF_MAX_MS) {
        transport->backoff_ms = BACKOFF_MAX_MS;
    }
}

bool transport_open(struct transport *transport) {
    if (transport->state != TRANSPORT_DOWN || transport->lent || clock_ms() < transport->retry_at) {
        return false;
    }
    bool open = transport->dial
                    ? open_dialled(transport)
                    : (!transport->only_port && open_vsock(transport)) || open_port(transport);
    if (open) {
        return true;
    }
    schedule_retry(transport);
    return false;
}

void transport_connected(struct transport *transport) {
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0) {
        transport->state = TRANSPORT_UP;
        return;
    }
    // A vsock driver without a host behind it: the serial port may be the way.
    transport_drop(transport);
    open_port(transport);
}

void transport_drop(struct transport *transport) {
    if (transport->fd >= 0) {
        close(transport->fd);
    }
    transport->fd = -1;
    transport->state = TRANSPORT_DOWN;
    schedule_retry(transport);
}

void transport_proven(struct transport *transport) {
    transport->backoff_ms = BACKOFF_FIRST_MS;
}

int transport_wait_ms(const struct transport *transport) {
    if (transport->state != TRANSPORT_DOWN || transport->lent) {
        return -1;
    }
    uint64_t now = clock_ms();
    return now >= transport->retry_at ? 0 : (int)(transport->retry_at - now);
}

bool transport_is_over(const struct transport *transport) {
    return transport->lent && transport->state == TRANSPORT_DOWN;
}

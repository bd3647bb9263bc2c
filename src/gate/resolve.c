// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "gate/internal.h"

static void look_up(const char *name, uint16_t port, struct resolve_answer *ret) {
    char service[8];
    struct addrinfo *list = NULL;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    snprintf(service, sizeof service, "%u", port);
    ret->code = getaddrinfo(name, service, &hints, &list);
    for (const struct addrinfo *one = list; one != NULL; one = one->ai_next) {
        struct gate_address *address = &ret->addresses[ret->count];
        if (ret->count < RESOLVE_ADDRESSES_MAX && one->ai_addrlen <= sizeof address->storage) {
            memcpy(&address->storage, one->ai_addr, one->ai_addrlen);
            address->len = one->ai_addrlen;
            ret->count++;
        }
    }
    /* The process ends: nothing is freed. */
}

bool resolve_start(struct resolve *r, const char *name, uint16_t port) {
    int fds[2];
    if (os_pipe(fds) != 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct resolve_answer answer = { 0 };
        os_die_with_parent();
        look_up(name, port, &answer);
        /* In one piece: it is smaller than PIPE_BUF. */
        ssize_t n = write(fds[1], &answer, sizeof answer);
        _exit(n == sizeof answer ? 0 : 1);
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return false;
    }
    *r = (struct resolve){ pid, fds[0] };
    return true;
}

bool resolve_take(struct resolve *r, struct resolve_answer *ret) {
    bool good = read(r->fd, ret, sizeof *ret) == sizeof *ret;
    resolve_stop(r);
    return good;
}

void resolve_stop(struct resolve *r) {
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (r->fd >= 0) {
        close(r->fd);
    }
    *r = (struct resolve){ .fd = -1 };
}

_Static_assert(sizeof(struct resolve_answer) <= 4096, "an answer must fit into PIPE_BUF");

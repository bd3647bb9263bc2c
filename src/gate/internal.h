// SPDX-License-Identifier: Apache-2.0
/* The room's own declarations. */
#pragma once

#include <poll.h>

#include "agent/lib/mux.h"
#include "gate/gate.h"

/* tls.c, http.c: the two heads, from their first byte on. */
enum gate_step tls_head_parse(str data, struct gate_head *ret, const char **ret_why);
enum gate_step http_head_parse(str data, struct gate_head *ret, const char **ret_why);

/* address.c: an IPv6 address that holds an IPv4 one. */
bool address_find4(const uint8_t a[16], uint32_t *ret);

/* resolve.c: a name looked up in a process of its own, because the system's resolver blocks. */
enum { RESOLVE_ADDRESSES_MAX = 8 };

struct resolve {
    pid_t pid; /* 0: none runs */
    int fd;    /* readable when there is an answer; -1: none runs */
};
struct resolve_answer {
    struct gate_address addresses[RESOLVE_ADDRESSES_MAX];
    size_t count;
    int code; /* of getaddrinfo(3); 0: good */
};
bool resolve_start(struct resolve *r, const char *name, uint16_t port);
/* After fd has become readable; ends it. False: it died. */
bool resolve_take(struct resolve *r, struct resolve_answer *ret);
void resolve_stop(struct resolve *r);

/* log.c: one line of JSON an event. */
struct gate_log {
    int fd;
    uint64_t bytes; /* written */
};
enum gate_event {
    GATE_ALLOWED,
    GATE_REFUSED,
    GATE_FAILED, /* allowed, and not reached */
    GATE_CLOSED, /* after it was allowed */
};
struct gate_note {
    enum gate_event event;
    uint64_t id;
    const char *process;
    const struct gate_head *head;
    const char *why;
    const struct gate_address *address; /* NULL: none */
    uint64_t sent, received;            /* GATE_CLOSED: by the guest */
};
void gate_log_add(struct gate_log *log, const struct gate_note *note);

/* conn.c: what the gate knows about one connection. */
enum conn_phase {
    CONN_FREE,
    CONN_HEAD,    /* its head comes */
    CONN_RESOLVE, /* its name is looked up */
    CONN_CONNECT, /* an address is tried */
    CONN_OPEN,    /* bytes go both ways */
    CONN_REFUSED, /* the last words are on their way */
};

struct gate;
struct conn {
    enum conn_phase phase;
    struct mux_conn *mux;
    uint64_t id; /* for the log */
    uint64_t deadline_ms;
    bool named; /* the process is known */
    char process[GATE_PROCESS_MAX + 1];
    struct gate_head head;
    struct gate_body body; /* HTTP, once the head was allowed */
    const char *rule;      /* that allowed it */
    struct resolve resolve;
    struct resolve_answer found;
    size_t next;  /* address to try */
    bool trusted; /* the addresses are the user's word */
    int fd;       /* that is being connected */
};

struct gate {
    const struct gate_spec *spec;
    struct gate_log log;
    struct mux *mux;
    struct conn *conns; /* one for each of mux->conns */
    uint64_t last_id;
};

void conn_opened(struct gate *gate, struct conn *conn, struct mux_conn *mux_conn);
void conn_closed(struct gate *gate, struct conn *conn);
/* How many of the guest's bytes may go on, from the first one on (mux.h). */
size_t conn_admit(struct conn *conn, const uint8_t *data, size_t len);
/* What it waits for besides its own bytes; fd -1: nothing. */
struct pollfd conn_poll(const struct conn *conn);
/* Goes as far as that is possible without waiting. `ready`: what conn_poll gave has something. */
void conn_step(struct gate *gate, struct conn *conn, bool ready);

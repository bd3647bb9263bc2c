// SPDX-License-Identifier: Apache-2.0
/* One connection, from the guest's first byte to the server's answer. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "gate/internal.h"

enum {
    HEAD_MS = 10000,
    RESOLVE_MS = 15000,
    CONNECT_MS = 10000, /* each address */
    REFUSED_MS = 2000,  /* for the last words to arrive */
    REPLY_MAX = 512,
};

static void note(struct gate *gate, const struct conn *conn, enum gate_event event, const char *why,
                 const struct gate_address *address) {
    gate_log_add(&gate->log, &(struct gate_note){
                                 .event = event,
                                 .id = conn->id,
                                 .process = conn->process,
                                 .head = &conn->head,
                                 .why = why,
                                 .address = address,
                                 .sent = conn->mux->received,
                                 .received = conn->mux->sent,
                             });
}

static void enter(struct conn *conn, enum conn_phase phase, uint64_t limit_ms) {
    conn->phase = phase;
    conn->deadline_ms = time_now_ms() + limit_ms;
}

/* -- no -- */

/* Said in the client's own protocol, so that it can tell its user. */
static size_t make_reply(const struct gate_head *head, enum gate_event event, const char *why,
                         char reply[REPLY_MAX]) {
    /* RFC 8446, 6: a fatal alert, access_denied or internal_error */
    const unsigned char alert[] = { 21, 3, 3, 0, 2, 2, event == GATE_REFUSED ? 49 : 80 };
    char text[REPLY_MAX / 2];
    int body;
    int len;
    switch (head->protocol) {
    case GATE_TLS:
        memcpy(reply, alert, sizeof alert);
        return sizeof alert;
    case GATE_HTTP:
        body = snprintf(text, sizeof text, "capsem: %s: %s\n",
                        event == GATE_REFUSED ? "refused by the policy of this machine"
                                              : "the host cannot reach it",
                        why);
        body = (int)min_size((size_t)body, sizeof text - 1);
        len =
            snprintf(reply, REPLY_MAX,
                     "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                     "Connection: close\r\n\r\n%.*s",
                     event == GATE_REFUSED ? "403 Forbidden" : "502 Bad Gateway", body, body, text);
        return min_size((size_t)len, REPLY_MAX - 1);
    case GATE_UNKNOWN:
        break;
    }
    return 0;
}

static void drop_attempts(struct conn *conn) {
    resolve_stop(&conn->resolve);
    fd_close_auto(&conn->fd);
    conn->fd = -1;
}

static void turn_away(struct gate *gate, struct conn *conn, enum gate_event event,
                      const char *why) {
    char reply[REPLY_MAX];
    size_t len = make_reply(&conn->head, event, why, reply);
    note(gate, conn, event, why, NULL);
    drop_attempts(conn);
    mux_refuse(gate->mux, conn->mux, reply, len);
    enter(conn, CONN_REFUSED, REFUSED_MS);
}

static void refuse(struct gate *gate, struct conn *conn, const char *why) {
    turn_away(gate, conn, GATE_REFUSED, why);
}

static void fail(struct gate *gate, struct conn *conn, const char *why) {
    turn_away(gate, conn, GATE_FAILED, why);
}

/* -- connecting -- */

static void open_up(struct gate *gate, struct conn *conn) {
    int on = 1;
    const struct gate_address *address = &conn->found.addresses[conn->next - 1];
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    note(gate, conn, GATE_ALLOWED, conn->rule, address);
    conn->mux->fd = take_fd(&conn->fd);
    conn->mux->hold = false;
    conn->phase = CONN_OPEN;
}

/* NULL: a guest may reach it. A server that listens on all addresses of this machine, or on its
 * public one, was not meant for its guests. */
static const char *why_barred(const struct gate_address *address) {
    if (!gate_address_is_public(address)) {
        return "its address is private; --resolve would allow it";
    }
    if (gate_address_is_own(address)) {
        return "its address is this machine's; --resolve would allow it";
    }
    return NULL;
}

/* The next address that may be tried; when there is none, that was it. */
static void try_next(struct gate *gate, struct conn *conn, const char *why) {
    bool closed = false;
    drop_attempts(conn);
    while (conn->next < conn->found.count) {
        const struct gate_address *address = &conn->found.addresses[conn->next++];
        const char *barred = conn->trusted ? NULL : why_barred(address);
        if (barred != NULL) {
            closed = why == NULL;
            why = why == NULL ? barred : why;
            continue;
        }
        conn->fd = os_socket(address->any.sa_family, SOCK_STREAM);
        if (conn->fd < 0 || fcntl(conn->fd, F_SETFL, O_NONBLOCK) != 0) {
            why = strerror(errno);
            drop_attempts(conn);
            continue;
        }
        if (connect(conn->fd, &address->any, address->len) == 0 || errno == EINPROGRESS) {
            enter(conn, CONN_CONNECT, CONNECT_MS);
            return;
        }
        why = strerror(errno);
        drop_attempts(conn);
    }
    turn_away(gate, conn, closed ? GATE_REFUSED : GATE_FAILED,
              why != NULL ? why : "its name has no address");
}

static void finish_connect(struct gate *gate, struct conn *conn) {
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        try_next(gate, conn, strerror(error));
        return;
    }
    open_up(gate, conn);
}

static void finish_resolve(struct gate *gate, struct conn *conn) {
    if (!resolve_take(&conn->resolve, &conn->found) || conn->found.code != 0 ||
        conn->found.count > RESOLVE_ADDRESSES_MAX) {
        fail(gate, conn, "its name does not resolve");
        return;
    }
    conn->next = 0;
    try_next(gate, conn, NULL);
}

static const struct gate_override *find_override(const struct gate_spec *spec, const char *name) {
    for (size_t i = 0; i < spec->override_count; i++) {
        if (strcmp(spec->overrides[i].name, name) == 0) {
            return &spec->overrides[i];
        }
    }
    return NULL;
}

static void find_address(struct gate *gate, struct conn *conn) {
    const struct gate_override *override = find_override(gate->spec, conn->head.name);
    if (override == NULL) {
        enter(conn, CONN_RESOLVE, RESOLVE_MS);
        if (!resolve_start(&conn->resolve, conn->head.name, conn->head.port)) {
            fail(gate, conn, "the host cannot start a process");
        }
        return;
    }
    conn->found = (struct resolve_answer){ .addresses = { override->address }, .count = 1 };
    conn->trusted = true;
    conn->next = 0;
    if (!override->has_port) {
        /* At the same place in both kinds of addresses. */
        struct sockaddr_in in;
        memcpy(&in, &override->address.storage, sizeof in);
        in.sin_port = htons(conn->head.port);
        memcpy(&conn->found.addresses[0].storage, &in, sizeof in);
    }
    try_next(gate, conn, NULL);
}

/* -- the head -- */

static str bytes_of(const struct conn *conn) {
    const struct queue *queue = &conn->mux->to_fd;
    return (str){ (const char *)queue_data(queue), queue->len };
}

static bool rewrite(struct conn *conn) {
    char head[GATE_HEAD_MAX + 64];
    size_t len;
    str had = str_slice(bytes_of(conn), 0, conn->head.len);
    if (!gate_http_rewrite(had, head, sizeof head, &len)) {
        return false;
    }
    mux_skip(conn->mux, had.len);
    /* The request with its body is all of what this connection may say. */
    gate_body_init(&conn->body, &conn->head);
    str rest = bytes_of(conn);
    size_t body = gate_body_take(&conn->body, (const uint8_t *)rest.ptr, rest.len);
    if (body < rest.len) {
        mux_cut(conn->mux, body);
    }
    return mux_put_front(conn->mux, head, len);
}

static void decide(struct gate *gate, struct conn *conn) {
    const char *why;
    str name = str_from_c(conn->head.name);
    if (!gate_policy_allows(&gate->spec->policy, name, conn->head.want, &why)) {
        refuse(gate, conn, why);
        return;
    }
    conn->rule = why;
    if (conn->head.protocol == GATE_HTTP && !rewrite(conn)) {
        refuse(gate, conn, "its head is too long");
        return;
    }
    find_address(gate, conn);
}

static void read_head(struct gate *gate, struct conn *conn) {
    const char *why = "";
    size_t len = 0;
    enum gate_step step = GATE_WHOLE;
    if (!conn->named) {
        step = gate_meta_parse(bytes_of(conn), conn->process, &len);
        conn->named = step == GATE_WHOLE;
        why = "it does not start with the guest proxy's header";
        mux_skip(conn->mux, step == GATE_WHOLE ? len : 0);
    }
    if (step == GATE_WHOLE) {
        step = gate_head_parse(bytes_of(conn), &conn->head, &why);
    }
    if (step == GATE_WHOLE) {
        decide(gate, conn);
    } else if (step == GATE_BAD) {
        refuse(gate, conn, why);
    } else if (conn->mux->peer_ended) {
        refuse(gate, conn, "it ended before it sent a request");
    }
}

/* -- the whole -- */

void conn_opened(struct gate *gate, struct conn *conn, struct mux_conn *mux_conn) {
    *conn = (struct conn){
        .mux = mux_conn,
        .id = ++gate->last_id,
        .resolve = { .fd = -1 },
        .fd = -1,
    };
    mux_conn->hold = true;
    enter(conn, CONN_HEAD, HEAD_MS);
}

/* Its head was allowed, and what comes is its body. */
static bool is_allowed(const struct conn *conn) {
    return conn->phase == CONN_RESOLVE || conn->phase == CONN_CONNECT || conn->phase == CONN_OPEN;
}

size_t conn_admit(struct conn *conn, const uint8_t *data, size_t len) {
    if (!is_allowed(conn) || conn->head.protocol != GATE_HTTP) {
        return len;
    }
    return gate_body_take(&conn->body, data, len);
}

void conn_closed(struct gate *gate, struct conn *conn) {
    if (conn->phase == CONN_OPEN) {
        note(gate, conn, GATE_CLOSED, NULL, NULL);
    }
    drop_attempts(conn);
    conn->phase = CONN_FREE;
}

struct pollfd conn_poll(const struct conn *conn) {
    if (conn->phase == CONN_RESOLVE) {
        return (struct pollfd){ .fd = conn->resolve.fd, .events = POLLIN };
    }
    if (conn->phase == CONN_CONNECT) {
        return (struct pollfd){ .fd = conn->fd, .events = POLLOUT };
    }
    return (struct pollfd){ .fd = -1 };
}

static void time_is_over(struct gate *gate, struct conn *conn) {
    switch (conn->phase) {
    case CONN_HEAD:
        refuse(gate, conn, "it did not send a request within 10 s");
        break;
    case CONN_RESOLVE:
        fail(gate, conn, "its name did not resolve within 15 s");
        break;
    case CONN_CONNECT:
        try_next(gate, conn, "it did not answer within 10 s");
        break;
    case CONN_REFUSED:
        conn->phase = CONN_FREE;
        mux_reset(gate->mux, conn->mux);
        break;
    case CONN_OPEN:
    case CONN_FREE:
        break;
    }
}

/* An answer may be under way already: then the end has to say it. */
static void stop_body(struct gate *gate, struct conn *conn) {
    const char *why = "the chunks of the HTTP request's body are damaged";
    if (conn->phase != CONN_OPEN) {
        refuse(gate, conn, why);
        return;
    }
    note(gate, conn, GATE_REFUSED, why, NULL);
    conn_closed(gate, conn);
    mux_reset(gate->mux, conn->mux);
}

void conn_step(struct gate *gate, struct conn *conn, bool ready) {
    if (conn->phase == CONN_HEAD) {
        read_head(gate, conn);
    } else if (conn->phase == CONN_RESOLVE && ready) {
        finish_resolve(gate, conn);
    } else if (conn->phase == CONN_CONNECT && ready) {
        finish_connect(gate, conn);
    }
    if (is_allowed(conn) && gate_body_is_bad(&conn->body)) {
        stop_body(gate, conn);
    } else if (time_now_ms() >= conn->deadline_ms) {
        time_is_over(gate, conn);
    }
}

// SPDX-License-Identifier: Apache-2.0
/*
 * gate/: the host's end of the guest's network. Takes the stream that the guest's capsem-net-proxy
 * shares among its connections (guest/agent/lib/mux.h), looks at the name that each one asks for
 * (TLS's server name, HTTP's Host), and connects it when the policy allows that name. Follows RFC
 * 8446 (ClientHello), RFC 6066 (server_name), RFC 9112 (HTTP/1.1).
 *
 * Everything that comes from the guest is hostile: heads have a greatest size and a deadline, names
 * are those of hosts only, addresses that are not public are refused unless the user named them,
 * and nothing that one connection does stops another. The gate is a process of its own.
 *
 * Besides, the host's end of the guest's capsem-mcp-server: lines to a command of the user's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/base.h"
#include "config/config.h"

/* ---- the policy ---- */

struct gate_rule {
    str domain;         /* lower case; without the "*." of a wildcard */
    bool below;         /* a wildcard: the domain, and every name below it */
    bool get, post;     /* what it allows; neither: known, and refused */
    const char *source; /* "web.registry 'npm'", for the log */
};

struct gate_policy {
    const struct gate_rule *rules;
    size_t count;
    size_t blocks;              /* so many of them, at the front, overrule the others */
    bool other_get, other_post; /* names that no rule mentions */
    const char *closed;         /* why every name is refused; NULL: the rules count */
};

/* security/web.toml, the networks of providers that are enabled, and those of package sets. */
void gate_policy_make(struct arena *a, const struct guest_config *config, struct gate_policy *ret);

enum gate_want {
    GATE_GET,
    GATE_POST,
    GATE_BOTH, /* one that names another method in a field */
    GATE_ANY,  /* what cannot be seen: inside TLS */
};
/* Whether a name (lower case) may be reached; *ret_why is the rule that decided. */
bool gate_policy_allows(const struct gate_policy *policy, str name, enum gate_want want,
                        const char **ret_why);

/* ---- the head of a connection ---- */

enum {
    GATE_NAME_MAX = 253,
    GATE_HEAD_MAX = 17000, /* bytes: a TLS record of the greatest size and a little */
    GATE_METHOD_MAX = 16,
    GATE_PROCESS_MAX = 64,
};

enum gate_protocol {
    GATE_UNKNOWN,
    GATE_TLS,
    GATE_HTTP,
};

struct gate_head {
    enum gate_protocol protocol;
    char name[GATE_NAME_MAX + 1]; /* lower case, without a dot at the end */
    uint16_t port;
    char method[GATE_METHOD_MAX]; /* HTTP */
    enum gate_want want;
    bool old;            /* HTTP/1.0 */
    bool chunked;        /* HTTP: the body's length is in its chunks */
    uint64_t body_bytes; /* HTTP: else, its length */
    size_t len;          /* HTTP: bytes up to the end of the empty line */
};

enum gate_step {
    GATE_MORE, /* more bytes are needed */
    GATE_WHOLE,
    GATE_BAD, /* *ret_why says why */
};
/* Reads the head of what a client says. `protocol` is set as soon as it is known. */
enum gate_step gate_head_parse(str data, struct gate_head *ret, const char **ret_why);
/* An HTTP head for the server: its connection is closed after the answer, so that no further
 * request passes unseen. False: no room in `out`, which takes `cap` bytes. */
bool gate_http_rewrite(str head, char *out, size_t cap, size_t *ret_len);
/* The body of a request, as it passes. */
struct gate_body {
    bool chunked;
    unsigned part;   /* enum chunk_part, body.c */
    uint64_t left;   /* bytes of the body, or of a chunk */
    size_t line;     /* bytes of a line of chunks so far */
    size_t trailers; /* bytes */
};
void gate_body_init(struct gate_body *body, const struct gate_head *head);
/* How many of these bytes belong to the body; once it is fewer than `len`, the body has ended. */
size_t gate_body_take(struct gate_body *body, const uint8_t *data, size_t len);
/* Its chunks are damaged: what was taken must not be believed to be whole. */
bool gate_body_is_bad(const struct gate_body *body);
/* A host name as it is compared: checked, lower case, no dot at its end. */
bool gate_name_clean(str text, char ret[GATE_NAME_MAX + 1]);
/* "A:process", as the guest's proxies begin; the name in `ret`. GATE_WHOLE: *ret_len bytes. */
enum gate_step gate_meta_parse(str data, char ret[GATE_PROCESS_MAX + 1], size_t *ret_len);

/* ---- addresses ---- */

struct gate_address {
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
    };
    socklen_t len;
};

/* Reachable from anywhere: not a private network's, not a group's. */
bool gate_address_is_public(const struct gate_address *address);
/* One of this machine's own, whatever kind it is, also within a form of IPv6 that holds an IPv4
 * one. */
bool gate_address_is_own(const struct gate_address *address);
void gate_address_text(const struct gate_address *address, char ret[64]);

/* `--resolve NAME=ADDRESS[:PORT]`: this name is there, and that is allowed. */
struct gate_override {
    char name[GATE_NAME_MAX + 1];
    struct gate_address address;
    bool has_port; /* in place of the client's */
};
MUST_CHECK bool gate_override_parse(str text, struct gate_override *ret, struct err *err);

/* ---- serving ---- */

struct gate_spec {
    struct gate_policy policy;
    const struct gate_override *overrides;
    size_t override_count;
    int link_fd; /* the stream */
    int log_fd;  /* gets a line of JSON for each event; -1: none */
    bool stays;  /* outlives the process that starts it */
};

/* Starts the process, which ends with the stream. The descriptors stay the caller's. */
MUST_CHECK bool gate_start(const struct gate_spec *spec, pid_t *ret_pid, struct err *err);
/* Waits for its end, which is near once the stream has ended. */
void gate_stop(pid_t pid);

/* ---- the guest's MCP server ---- */

struct gate_mcp_spec {
    const char *command; /* for /bin/sh: an MCP server over stdin and stdout, one for each program
                            of the guest's that asks for one */
    int link_fd;         /* the stream of the guest's capsem-mcp-server */
    int errors_fd;       /* gets what the servers say on stderr; -1: nobody */
    bool stays;          /* outlives the process that starts it */
};

/* As gate_start; gate_stop waits for this one too. */
MUST_CHECK bool gate_mcp_start(const struct gate_mcp_spec *spec, pid_t *ret_pid, struct err *err);

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"
#include "fetch/fetch.h"
#include "oci/registry.h"

enum { SETTINGS_BYTES_MAX = 1024 * 1024 };

/* --- credentials.c, endpoint.c ---------------------------------------------------------------- */

/* Of a registry, from the user's Docker config and its helpers; empty: none. */
struct oci_credentials credentials_of(struct arena *a, str domain);
bool host_is_loopback(str domain);

/* --- http.c: requests to one endpoint, in a worker -----------------------------------------------
 */

struct session {
    struct arena *arena;
    struct fetch_curl api;
    CURL *curl;
    str base; /* "http://HOST" once plain http is what is spoken */
    bool may_be_plain;
    bool plain;
    struct oci_credentials credentials;
    str repository;
    const char *actions; /* "pull", "pull,push" */
    str authorization;   /* "Bearer ..." or "Basic ..."; empty: none */
    uint64_t connect_ms;
    uint64_t idle_ms; /* a transfer that stands still for so long is broken off */
    bool answered;    /* something was had from this server already */
    char why[CURL_ERROR_SIZE];
};
MUST_CHECK bool session_open(struct arena *a, const struct oci_registry *r, size_t endpoint,
                             const char *actions, struct session *ret, struct err *err);
void session_close(struct session *s);
#define AUTO_SESSION __attribute__((cleanup(session_close))) struct session

struct request {
    const char *method; /* "GET", "HEAD", "POST", "PUT" */
    str path;           /* below the base, or a whole URL */
    str accept;
    str content_type;
    str body;            /* sent when there is no file */
    int bodyfd;          /* PUT sends this file, 0: the body */
    uint64_t body_bytes; /* of that file */
    uint64_t range_from; /* > 0: only from there */
    size_t max_bytes;    /* of the answer in `body` */
    bool is_for_token;   /* goes to a token service: with `authorization`, not the session's */
    str authorization;
    /* Gets the answer's bytes when not NULL; false stops the transfer. */
    bool (*on_bytes)(void *self, const void *data, size_t len);
    void *self;
};
struct response {
    long status;
    str body;
    str content_type;
    str digest; /* Docker-Content-Digest */
    str location;
    str challenge;       /* WWW-Authenticate */
    uint64_t range_from; /* of a partial answer */
    uint64_t retry_after_s;
    bool cut;  /* the connection broke: trying again may help */
    bool slow; /* it was we who broke it */
};
/*
 * One request with what belongs to it: authentication when it is asked for, waiting when the
 * registry is busy. True with any other status. False: nothing could be had; err->code is
 * OCI_UNREACHABLE when no answer came at all.
 */
MUST_CHECK bool session_request(struct session *s, const struct request *request,
                                struct response *ret, struct err *err);
/* One exchange, no more; auth.c uses it too. */
MUST_CHECK bool session_exchange(struct session *s, const struct request *request,
                                 struct response *ret, struct err *err);
/* The registry's own words for a status that is no success. */
bool response_failed(struct session *s, const struct response *r, struct err *err);
/* Access is refused: `err` gets after it what is wrong with the user's own settings, if that may
 * be why, and the help. */
bool login_failed(const struct session *s, const char *what, struct err *err);

/* --- auth.c ----------------------------------------------------------------------------------- */

/* Fills s->authorization as the challenge wants it. */
MUST_CHECK bool session_authorize(struct session *s, str challenge, struct err *err);

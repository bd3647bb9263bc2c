// SPDX-License-Identifier: Apache-2.0
/* Requests to one server, tried again where that makes sense. */
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>

#include "oci/internal.h"

enum {
    TRIES_MAX = 5,
    FIRST_WAIT_MS = 500,
    WAIT_MAX_S = 60, /* a registry that wants more patience gets an error */
    ERROR_SHOWN_BYTES = 240,
};

static uint64_t configured_seconds(const char *name, uint64_t otherwise) {
    uint64_t seconds;
    const char *text = getenv(name);
    return text != NULL && str_to_u64(str_from_c(text), &seconds) && seconds > 0 && seconds <= 3600
               ? seconds
               : otherwise;
}

bool session_open(struct arena *a, const struct oci_registry *r, size_t endpoint,
                  const char *actions, struct session *ret, struct err *err) {
    const struct oci_endpoint *e = &r->endpoints[endpoint];
    struct session s = {
        .arena = a,
        .base = e->base,
        .may_be_plain = e->may_be_plain,
        .plain = str_starts(e->base, S("http://")),
        .credentials = e->credentials,
        .repository = r->ref.repository,
        .actions = actions,
        .authorization = e->token,
        .connect_ms = r->connect_ms,
        .idle_ms = 1000 * configured_seconds("CAPSEM_REGISTRY_TIMEOUT", 20),
    };
    if (!fetch_load(&s.api, err)) {
        return false;
    }
    s.curl = s.api.easy_init();
    if (s.curl == NULL) {
        return err_set(err, "start libcurl: out of memory");
    }
    *ret = s;
    return true;
}

void session_close(struct session *s) {
    if (s->curl != NULL) {
        s->api.easy_cleanup(s->curl);
        s->curl = NULL;
    }
}

/* Registries on loopback and those that are named insecure may not speak TLS. */
static bool fall_to_plain(struct session *s, const struct response *r) {
    if (!s->may_be_plain || s->plain || s->answered || r->status != 0) {
        return false;
    }
    s->plain = true;
    s->base = str_concat(s->arena, S("http"), str_slice(s->base, S("https").len, s->base.len));
    return true;
}

static bool is_busy(long status) {
    return status == 429 || (status >= 500 && status <= 504 && status != 501);
}

/* False when it would take too long. */
static bool wait_before(const struct response *r, unsigned tries) {
    uint64_t ms = r->retry_after_s > 0 ? r->retry_after_s * 1000 : (uint64_t)FIRST_WAIT_MS << tries;
    if (tries + 1 >= TRIES_MAX || r->retry_after_s > WAIT_MAX_S) {
        return false;
    }
    poll(NULL, 0, (int)ms);
    return true;
}

static bool give_up(const struct session *s, const struct response *r, struct err *err) {
    if (err != NULL && !s->answered && r->status == 0) {
        err->code = OCI_UNREACHABLE;
    }
    return false;
}

bool session_request(struct session *s, const struct request *request, struct response *ret,
                     struct err *err) {
    unsigned tries = 0;
    bool authorized = false;
    for (;;) {
        if (!session_exchange(s, request, ret, err)) {
            if (fall_to_plain(s, ret)) {
                continue;
            }
            bool again = ret->cut && s->answered && request->on_bytes == NULL;
            if (!again || !wait_before(ret, tries)) {
                return give_up(s, ret, err);
            }
            tries++;
            continue;
        }
        s->answered = true;
        if (ret->status == 401 && !authorized && !request->is_for_token) {
            authorized = true;
            if (!session_authorize(s, ret->challenge, err)) {
                return false;
            }
            continue;
        }
        if (!is_busy(ret->status) || !wait_before(ret, tries)) {
            return true;
        }
        tries++;
    }
}

/* ---- what a registry says about an error (OCI distribution specification, "Error Codes") ---- */

static void add_words(struct buf *out, str body) {
    json_t *root = json_loadb(body.ptr == NULL ? "" : body.ptr, body.len, 0, NULL);
    const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
    const json_t *message = json_object_get(first, "message");
    if (!json_is_string(message)) {
        message = json_object_get(root, "details");
    }
    str text = str_clip(str_from_c(json_string_value(message)), ERROR_SHOWN_BYTES);
    if (text.len > 0) {
        buf_add_c(out, ": ");
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        buf_add_char(out, c < 0x20 || c == 0x7F ? ' ' : (char)c);
    }
    json_decref(root);
}

bool login_failed(const struct session *s, const char *what, struct err *err) {
    str why = s->credentials.why;
    if (s->credentials.secret.len > 0) {
        err_set(err, "%s", what);
        return err_help(err, "check the login in Docker's config.json");
    }
    err_set(err, "%s%s%.*s", what, why.len > 0 ? ", and " : "", STR_FMT(why));
    return err_help(err, why.len > 0 ? "correct it or log in again: 'docker login' writes the file"
                                     : "log in with 'docker login', which writes config.json");
}

bool response_failed(struct session *s, const struct response *r, struct err *err) {
    AUTO_BUF words = BUF_INIT(1024);
    add_words(&words, r->body);
    str text = buf_str(&words);
    if (r->status == 401 || r->status == 403) {
        str what = str_fmt(s->arena, "the registry refuses access (HTTP %ld)%.*s", r->status,
                           STR_FMT(text));
        return login_failed(s, what.ptr, err);
    }
    err_set(err, "the registry answers HTTP %ld%.*s", r->status, STR_FMT(text));
    if (r->status == 429 && s->credentials.secret.len == 0) {
        err_help(err, "a login may raise the limit: run 'docker login', which writes config.json");
    }
    if (r->status == 404 && err != NULL) {
        err->code = OCI_NOT_FOUND;
    }
    return false;
}

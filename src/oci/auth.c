// SPDX-License-Identifier: Apache-2.0
/* Docker's token authentication, and basic authentication. */
#include <jansson.h>

#include "oci/internal.h"

enum { TOKEN_BYTES_MAX = 256 * 1024 };

static void add_base64(struct buf *out, str s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        size_t have = min_size(3, s.len - i);
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (k < have ? (unsigned char)s.ptr[i + k] : 0);
        }
        for (size_t k = 0; k < 4; k++) {
            buf_add_char(out, k <= have ? digits[bits >> (18 - 6 * k) & 63] : '=');
        }
    }
}

static str basic(struct session *s) {
    AUTO_BUF plain = BUF_INIT(TOKEN_BYTES_MAX);
    AUTO_BUF text = BUF_INIT(2 * TOKEN_BYTES_MAX);
    buf_add(&plain, s->credentials.user);
    buf_add_char(&plain, ':');
    buf_add(&plain, s->credentials.secret);
    buf_add_c(&text, "Basic ");
    add_base64(&text, buf_str(&plain));
    return str_dup(s->arena, buf_str(&text));
}

/* RFC 3986, 2.1 */
static void add_escaped(struct buf *out, str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (char_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            buf_add_char(out, c);
        } else {
            buf_addf(out, "%%%02X", (unsigned char)c);
        }
    }
}

static void add_field(struct buf *out, const char *name, str value) {
    if (value.len > 0) {
        buf_addf(out, "%s=", name);
        add_escaped(out, value);
        buf_add_char(out, '&');
    }
}

/* Secrets go over TLS, or to the loopback registry's own machine, or where the registry itself is
 * spoken to without it. */
static bool realm_ok(const struct session *s, str realm) {
    if (str_starts(realm, S("https://"))) {
        return true;
    }
    if (!str_starts(realm, S("http://"))) {
        return false;
    }
    str host = str_slice(realm, S("http://").len, realm.len);
    return s->plain || host_is_loopback(str_cut(&host, '/'));
}

/* {"token": ...} or {"access_token": ...}; it goes into a header. */
static bool take_token(struct session *s, str body, struct err *err) {
    json_t *root = json_loadb(body.ptr == NULL ? "" : body.ptr, body.len, 0, NULL);
    const json_t *value = json_object_get(root, "token");
    if (!json_is_string(value)) {
        value = json_object_get(root, "access_token");
    }
    str token = str_from_c(json_string_value(value));
    bool ok = token.len > 0;
    for (size_t i = 0; i < token.len; i++) {
        ok = ok && token.ptr[i] > 0x20 && token.ptr[i] < 0x7F;
    }
    if (ok) {
        s->authorization = str_concat(s->arena, S("Bearer "), token);
    }
    json_decref(root);
    return ok || err_set(err, "the token service's answer has no token");
}

static bool ask_for_token(struct session *s, const struct oci_challenge *c, struct err *err) {
    AUTO_BUF fields = BUF_INIT(TOKEN_BYTES_MAX);
    struct response r;
    bool refresh = s->credentials.is_token;
    str scope = c->scope.len > 0
                    ? c->scope
                    : str_fmt(s->arena, "repository:%.*s:%s", STR_FMT(s->repository), s->actions);
    add_field(&fields, "service", c->service);
    add_field(&fields, "scope", scope);
    if (refresh) {
        add_field(&fields, "grant_type", S("refresh_token"));
        add_field(&fields, "client_id", S("capsem-builder"));
        add_field(&fields, "refresh_token", s->credentials.secret);
    }
    const char *mark = str_find_char(c->realm, '?', 0) == STR_NONE ? "?" : "&";
    struct request q = {
        .method = refresh ? "POST" : "GET",
        .path = refresh ? c->realm
                        : str_fmt(s->arena, "%.*s%s%.*s", STR_FMT(c->realm), mark,
                                  STR_FMT(buf_str(&fields))),
        .body = refresh ? buf_str(&fields) : S(""),
        .content_type = refresh ? S("application/x-www-form-urlencoded") : S(""),
        .max_bytes = TOKEN_BYTES_MAX,
        .is_for_token = true,
        .authorization = !refresh && s->credentials.secret.len > 0 ? basic(s) : S(""),
    };
    if (!session_request(s, &q, &r, err)) {
        return err_wrap(err, "ask for a token");
    }
    if (r.status != 200) {
        return response_failed(s, &r, err) || err_wrap(err, "ask for a token");
    }
    return take_token(s, r.body, err);
}

bool session_authorize(struct session *s, str challenge, struct err *err) {
    struct oci_challenge c = oci_challenge_parse(s->arena, challenge);
    switch (c.scheme) {
    case OCI_AUTH_NONE:
        break;
    case OCI_AUTH_BASIC:
        if (s->credentials.secret.len == 0) {
            return login_failed(s, "the registry requires a login", err);
        }
        s->authorization = basic(s);
        return true;
    case OCI_AUTH_BEARER:
        if (!realm_ok(s, c.realm)) {
            return err_set(err, "the registry's token service does not use TLS: '%.*s'",
                           STR_FMT(str_clip(c.realm, 200)));
        }
        return ask_for_token(s, &c, err);
    }
    return login_failed(s, "the registry refuses access and does not offer a login method", err);
}

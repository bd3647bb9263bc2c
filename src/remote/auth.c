// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials of ADD's sources: secrets with the names that BuildKit gives them. They are for one
 * server, go into no key and no layer, and no step sees them.
 */
#include "remote/internal.h"

/* In the order in which they are looked for; %s is the server. */
static const struct {
    enum remote_kind kind;
    const char *id;
    bool is_token; /* else the whole value of the header */
} names[] = {
    { REMOTE_URL, "HTTP_AUTH_HEADER_%s", false }, { REMOTE_URL, "HTTP_AUTH_TOKEN_%s", true },
    { REMOTE_GIT, "GIT_AUTH_HEADER.%s", false },  { REMOTE_GIT, "GIT_AUTH_TOKEN.%s", true },
    { REMOTE_GIT, "GIT_AUTH_HEADER", false },     { REMOTE_GIT, "GIT_AUTH_TOKEN", true },
};

/* RFC 4648, section 4. */
static str base64(struct arena *a, str bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = arena_alloc(a, (bytes.len + 2) / 3 * 4 + 1);
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t three = 0;
        size_t count = min_size(3, bytes.len - i);
        for (size_t n = 0; n < 3; n++) {
            three = three << 8 | (n < count ? (unsigned char)bytes.ptr[i + n] : 0);
        }
        for (size_t n = 0; n < 4; n++) {
            out[len++] = n <= count ? digits[three >> (18 - 6 * n) & 63] : '=';
        }
    }
    return (str){ out, len };
}

/* Of an http URL: "host:port". Empty: it is another one. */
static str server_of(struct arena *a, const char *url) {
    str whole = str_from_c(url);
    if (!str_eq_nocase(str_slice(whole, 0, 4), S("http"))) {
        return S("");
    }
    size_t start = str_find(whole, S("://"), 0);
    if (start == STR_NONE) {
        return S("");
    }
    str rest = str_slice(whole, start + 3, whole.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?' && rest.ptr[end] != '#') {
        end++;
    }
    rest = str_slice(rest, 0, end);
    size_t user = str_find_last_char(rest, '@');
    return str_lower(a, user == STR_NONE ? rest : str_slice(rest, user + 1, rest.len));
}

static const struct build_secret *find_secret(const struct remote_env *env, str id) {
    for (size_t i = 0; i < env->secret_count; i++) {
        if (str_eq(env->secrets[i].id, id)) {
            return &env->secrets[i];
        }
    }
    return NULL;
}

static bool header_of(const struct remote_env *env, const struct build_secret *secret,
                      enum remote_kind kind, bool is_token, const char **ret, struct err *err) {
    str value = str_trim(secret->content);
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.ptr[i] < ' ') {
            return err_set(err, "the secret '%.*s' is not one line", STR_FMT(secret->id));
        }
    }
    if (is_token && kind == REMOTE_GIT) {
        value = str_concat(env->arena, S("Basic "),
                           base64(env->arena, str_concat(env->arena, S("x-access-token:"), value)));
    } else if (is_token) {
        value = str_concat(env->arena, S("Bearer "), value);
    }
    *ret = str_fmt(env->arena, "Authorization: %.*s", STR_FMT(value)).ptr;
    return true;
}

bool remote_authorization(const struct remote_env *env, const struct remote *r, const char **ret,
                          struct err *err) {
    str server = server_of(env->arena, r->url);
    str host = str_slice(server, 0, str_find_char(server, ':', 0));
    const str forms[] = { server, host };
    *ret = NULL;
    for (size_t i = 0; server.len > 0 && i < ARRAY_LEN(names); i++) {
        for (size_t f = 0; names[i].kind == r->kind && f < ARRAY_LEN(forms); f++) {
            str prefix = str_from_c(names[i].id);
            bool of_server = str_ends(prefix, S("%s"));
            prefix.len -= of_server ? 2 : 0;
            str id = of_server ? str_concat(env->arena, prefix, forms[f]) : prefix;
            const struct build_secret *secret = find_secret(env, id);
            if (secret != NULL) {
                return header_of(env, secret, r->kind, names[i].is_token, ret, err);
            }
        }
    }
    return true;
}

const char *remote_origin(struct arena *a, const char *url) {
    str server = server_of(a, url);
    str scheme = str_slice(str_from_c(url), 0, str_find(str_from_c(url), S("://"), 0));
    return str_fmt(a, "%.*s://%.*s/", STR_FMT(scheme), STR_FMT(server)).ptr;
}

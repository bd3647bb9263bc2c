// SPDX-License-Identifier: Apache-2.0
/* WWW-Authenticate: challenges after each other, each a scheme and its parameters (RFC
 * 9110, 11.6.1). */
#include "oci/registry.h"

struct reader {
    struct arena *arena;
    str rest;
};

static bool is_token_char(char c) {
    return char_is_alnum(c) || (c != '\0' && str_find_char(S("!#$%&'*+-.^_`|~"), c, 0) != STR_NONE);
}

static void skip_blanks(struct reader *r, bool commas) {
    while (r->rest.len > 0 && (char_is_space(*r->rest.ptr) || (commas && *r->rest.ptr == ','))) {
        r->rest = str_slice(r->rest, 1, r->rest.len);
    }
}

static str read_token(struct reader *r) {
    size_t len = 0;
    while (len < r->rest.len && is_token_char(r->rest.ptr[len])) {
        len++;
    }
    str token = str_slice(r->rest, 0, len);
    r->rest = str_slice(r->rest, len, r->rest.len);
    return token;
}

/* "..." with backslashes before what they protect. False when it does not end. */
static bool read_quoted(struct reader *r, str *ret) {
    AUTO_BUF text = BUF_INIT(16 * 1024);
    for (size_t i = 1; i < r->rest.len; i++) {
        char c = r->rest.ptr[i];
        if (c == '"') {
            *ret = str_dup(r->arena, buf_str(&text));
            r->rest = str_slice(r->rest, i + 1, r->rest.len);
            return !text.full;
        }
        if (c == '\\' && i + 1 < r->rest.len) {
            c = r->rest.ptr[++i];
        }
        buf_add_char(&text, c);
    }
    return false;
}

/* auth-param: token BWS "=" BWS ( token / quoted-string ). False, and nothing is taken, when what
 * follows is none. */
static bool read_param(struct reader *r, str *ret_key, str *ret_value) {
    struct reader at = *r;
    *ret_key = read_token(&at);
    skip_blanks(&at, false);
    if (ret_key->len == 0 || at.rest.len == 0 || *at.rest.ptr != '=') {
        return false;
    }
    at.rest = str_slice(at.rest, 1, at.rest.len);
    skip_blanks(&at, false);
    bool quoted = at.rest.len > 0 && *at.rest.ptr == '"';
    if (quoted && !read_quoted(&at, ret_value)) {
        return false;
    }
    if (!quoted) {
        *ret_value = read_token(&at);
    }
    *r = at;
    return true;
}

static void set_param(struct oci_challenge *c, str key, str value) {
    if (str_eq_nocase(key, S("realm"))) {
        c->realm = value;
    } else if (str_eq_nocase(key, S("service"))) {
        c->service = value;
    } else if (str_eq_nocase(key, S("scope"))) {
        c->scope = value;
    }
}

struct oci_challenge oci_challenge_parse(struct arena *a, str header) {
    struct reader r = { a, header };
    struct oci_challenge best = { .scheme = OCI_AUTH_NONE };
    for (;;) {
        struct oci_challenge c = { .scheme = OCI_AUTH_NONE };
        skip_blanks(&r, true);
        str scheme = read_token(&r);
        if (scheme.len == 0) {
            return best;
        }
        if (str_eq_nocase(scheme, S("Basic"))) {
            c.scheme = OCI_AUTH_BASIC;
        } else if (str_eq_nocase(scheme, S("Bearer"))) {
            c.scheme = OCI_AUTH_BEARER;
        }
        str key, value;
        skip_blanks(&r, false);
        while (read_param(&r, &key, &value)) {
            set_param(&c, key, value);
            skip_blanks(&r, true);
        }
        bool usable = c.scheme != OCI_AUTH_BEARER || c.realm.len > 0;
        if (usable && c.scheme > best.scheme) {
            best = c;
        }
    }
}

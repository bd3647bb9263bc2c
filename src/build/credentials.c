// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials among this machine's settings: a step is not trusted, so it gets the settings without
 * them unless whoever builds says otherwise.
 */
#include <stdlib.h>
#include <string.h>

#include "build/internal.h"

enum { EXPANDED_BYTES_MAX = 64 * 1024 };

/* Each kind: its name, and how programs say that they lack it. */
static const struct {
    const char *name;
    const char *signs[6];
} kinds[BUILD_CREDENTIALS_COUNT] = {
    [BUILD_CREDENTIALS_NPM] = { "npm", { "E401", "E403", "ENEEDAUTH", "401", "403", "404" } },
    [BUILD_CREDENTIALS_PIP] = { "pip",
                                { "401", "403", "404", "No matching distribution",
                                  "not found in the package registry", "User for " } },
    [BUILD_CREDENTIALS_APT] = { "apt", { "401", "403", "407" } },
    [BUILD_CREDENTIALS_PROXY] = { "proxy", { "407", "Proxy Authentication Required" } },
    [BUILD_CREDENTIALS_GO] = { "go", { "401", "403", "404" } },
};

bool build_credentials_find(str name, unsigned *ret) {
    for (unsigned i = 0; i < BUILD_CREDENTIALS_COUNT; i++) {
        if (str_eq(name, str_from_c(kinds[i].name))) {
            *ret = 1U << i;
            return true;
        }
    }
    return false;
}

str build_credentials_names(struct arena *a, unsigned credentials) {
    str names = S("");
    for (unsigned i = 0; i < BUILD_CREDENTIALS_COUNT; i++) {
        if ((credentials & 1U << i) != 0) {
            names = names.len == 0 ? str_from_c(kinds[i].name)
                                   : str_fmt(a, "%.*s,%s", STR_FMT(names), kinds[i].name);
        }
    }
    return names;
}

/* ---- what a failure says ---- */

/* A number inside of a longer one, or of a word, is not meant. */
static bool stands_alone(str text, size_t at, size_t len) {
    return (at == 0 || !char_is_alnum(text.ptr[at - 1])) &&
           (at + len >= text.len || !char_is_alnum(text.ptr[at + len]));
}

static bool has_sign(str output, const char *sign) {
    str word = str_from_c(sign);
    bool whole = char_is_alnum(sign[word.len - 1]);
    for (size_t at = 0; (at = str_find(output, word, at)) != STR_NONE; at++) {
        if (!whole || stands_alone(output, at, word.len)) {
            return true;
        }
    }
    return false;
}

static bool is_missed(unsigned kind, str output) {
    for (size_t i = 0; i < ARRAY_LEN(kinds[kind].signs) && kinds[kind].signs[i] != NULL; i++) {
        if (has_sign(output, kinds[kind].signs[i])) {
            return true;
        }
    }
    return false;
}

str build_credentials_hint(struct arena *a, unsigned withheld, str output) {
    AUTO_BUF list = BUF_INIT(1024);
    unsigned missed = 0;
    for (unsigned i = 0; i < BUILD_CREDENTIALS_COUNT; i++) {
        if ((withheld & 1U << i) != 0 && is_missed(i, output)) {
            buf_addf(&list, "%s\"%s\"", missed != 0 ? ", " : "", kinds[i].name);
            missed |= 1U << i;
        }
    }
    return missed == 0 ? S("")
                       : str_fmt(a,
                                 "steps do not see this machine's credentials: --credentials %.*s "
                                 "or host_credentials = [%s] in [build] gives them to every step",
                                 STR_FMT(build_credentials_names(a, missed)), list.ptr);
}

/* ---- texts without secrets ---- */

/* Where the authority of a URL ends: RFC 3986, section 3.2. */
static size_t authority_end(str text, size_t at) {
    while (at < text.len && (unsigned char)text.ptr[at] > ' ' &&
           str_find_char(S("/?#\"'<>\\"), text.ptr[at], 0) == STR_NONE) {
        at++;
    }
    return at;
}

str build_without_userinfo(struct arena *a, str text, bool *ret_found) {
    AUTO_BUF out = BUF_INIT(text.len + 1);
    size_t done = 0;
    for (size_t at = 0; (at = str_find(text, S("://"), at)) != STR_NONE;) {
        at += strlen("://");
        str authority = str_slice(text, at, authority_end(text, at));
        size_t sign = str_find_last_char(authority, '@');
        buf_add(&out, str_slice(text, done, at));
        done = at;
        if (sign != STR_NONE) {
            done = at + sign + 1;
            *ret_found = true;
        }
    }
    buf_add(&out, str_slice(text, done, text.len));
    return str_dup(a, buf_str(&out));
}

str build_without_proxy_user(struct arena *a, str value, bool *ret_found) {
    if (str_find(value, S("://"), 0) != STR_NONE) {
        return build_without_userinfo(a, value, ret_found);
    }
    size_t sign = str_find_last_char(str_slice(value, 0, authority_end(value, 0)), '@');
    if (sign == STR_NONE) {
        return value;
    }
    *ret_found = true;
    return str_slice(value, sign + 1, value.len);
}

/* A name of a variable as npm and a shell have it; what is not set stays as it is. */
str build_expand_variables(struct arena *a, str line) {
    AUTO_BUF out = BUF_INIT(EXPANDED_BYTES_MAX);
    size_t done = 0;
    for (size_t at = 0; (at = str_find(line, S("${"), at)) != STR_NONE; at++) {
        size_t end = str_find_char(line, '}', at);
        if (end == STR_NONE) {
            break;
        }
        const char *value = getenv(str_to_c(a, str_slice(line, at + 2, end)));
        if (value != NULL) {
            buf_add(&out, str_slice(line, done, at));
            buf_add_c(&out, value);
            done = end + 1;
        }
    }
    buf_add(&out, str_slice(line, done, line.len));
    return str_dup(a, buf_str(&out));
}

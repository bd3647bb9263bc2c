// SPDX-License-Identifier: Apache-2.0
/* file: URIs (RFC 8089). */
#include "lsp/internal.h"

/* "file:///path", "file://localhost/path" or "file:/path": what is after the host. */
static bool cut_scheme(str uri, str *ret) {
    static const str starts[] = { S_INIT("file://localhost/"), S_INIT("file:///"),
                                  S_INIT("file:/") };
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        if (str_eq_nocase(str_slice(uri, 0, starts[i].len), starts[i])) {
            *ret = str_slice(uri, starts[i].len - 1, uri.len);
            return !str_starts(*ret, S("//"));
        }
    }
    return false;
}

bool uri_to_path(struct arena *a, str uri, const char **ret) {
    str raw;
    if (!cut_scheme(uri, &raw)) {
        return false;
    }
    char *path = arena_alloc(a, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? char_hex(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? char_hex(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '?' || c == '#' || (unsigned char)c <= ' ') {
            return false; /* none is part of a path */
        }
        path[len++] = c;
    }
    return str_to_path(a, path_clean(a, (str){ path, len }), ret, NULL);
}

static bool is_plain(char c) {
    return char_is_alnum(c) || str_find_char(S("/-._~"), c, 0) != STR_NONE;
}

str uri_from_path(struct arena *a, str path) {
    static const char digits[] = "0123456789ABCDEF";
    static const size_t scheme_len = sizeof "file://" - 1;
    char *uri = arena_alloc(a, scheme_len + 3 * path.len + 1);
    size_t len = 0;
    for (; len < scheme_len; len++) {
        uri[len] = "file://"[len];
    }
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (is_plain((char)c)) {
            uri[len++] = (char)c;
        } else {
            uri[len++] = '%';
            uri[len++] = digits[c >> 4];
            uri[len++] = digits[c & 15];
        }
    }
    return (str){ uri, len };
}

// SPDX-License-Identifier: Apache-2.0
/* Which kind an address is of, and what its text says. */
#include "hash/hash.h"
#include "remote/internal.h"

/* ---- kinds ---- */

static bool starts_nocase(str s, str prefix) {
    return str_eq_nocase(str_slice(s, 0, prefix.len), prefix);
}

static bool is_http(str s) {
    return starts_nocase(s, S("http://")) || starts_nocase(s, S("https://"));
}

/* "user@host:path", as scp and git have it. */
static bool is_scp(str s) {
    size_t at = str_find_char(s, '@', 0);
    size_t colon = str_find_char(s, ':', 0);
    if (at == STR_NONE || colon == STR_NONE || at == 0 || colon <= at + 1) {
        return false;
    }
    for (size_t i = 0; i < colon; i++) {
        char c = s.ptr[i];
        if (!char_is_alnum(c) && c != '-' && c != '_' && c != '.' && i != at) {
            return false;
        }
    }
    return s.ptr[0] != '-';
}

/* An http URL is a repository's when its path ends in ".git". */
enum remote_kind remote_kind_of(str source) {
    if (starts_nocase(source, S("git://")) || starts_nocase(source, S("ssh://")) ||
        is_scp(source)) {
        return REMOTE_GIT;
    }
    if (!is_http(source)) {
        return REMOTE_NONE;
    }
    size_t end = min_size(str_find_char(source, '?', 0), str_find_char(source, '#', 0));
    return str_ends(str_slice(source, 0, end), S(".git")) ? REMOTE_GIT : REMOTE_URL;
}

const char *remote_shown(struct arena *a, const char *url) {
    str whole = str_from_c(url);
    size_t start = str_find(whole, S("://"), 0);
    if (start == STR_NONE) {
        return url;
    }
    size_t end = min_size(str_find_char(whole, '/', start + 3), whole.len);
    size_t at = str_find_last_char(str_slice(whole, 0, end), '@');
    if (at == STR_NONE || str_find_char(str_slice(whole, 0, at), ':', start + 3) == STR_NONE) {
        return url;
    }
    size_t colon = str_find_char(whole, ':', start + 3);
    return str_fmt(a, "%.*s:xxxxx%.*s", STR_FMT(str_slice(whole, 0, colon)),
                   STR_FMT(str_slice(whole, at, whole.len)))
        .ptr;
}

/* ---- URLs ---- */

str percent_decode(struct arena *a, str s) {
    char *out = arena_alloc(a, s.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool coded = s.ptr[i] == '%' && i + 2 < s.len && char_hex(s.ptr[i + 1]) >= 0 &&
                     char_hex(s.ptr[i + 2]) >= 0;
        out[len++] =
            coded ? (char)(char_hex(s.ptr[i + 1]) * 16 + char_hex(s.ptr[i + 2])) : s.ptr[i];
        i += coded ? 2 : 0;
    }
    return (str){ out, len };
}

str remote_file_name(struct arena *a, str url) {
    size_t start = str_find(url, S("://"), 0) + 3;
    size_t end = min_size(str_find_char(url, '?', 0), str_find_char(url, '#', 0));
    url = str_slice(url, 0, end);
    size_t slash = str_find_char(url, '/', start);
    if (slash == STR_NONE) {
        return S("");
    }
    str path = percent_decode(a, str_slice(url, slash, url.len));
    while (str_ends(path, S("/"))) {
        path.len--;
    }
    str name = path_base(path);
    bool ok = name.len > 0 && name.len <= 255 && !str_eq(name, S(".")) && !str_eq(name, S("..")) &&
              str_find_char(name, '\0', 0) == STR_NONE;
    return ok ? name : S("");
}

bool remote_parse_checksum(const struct remote_env *env, struct span span, str text, str *ret) {
    uint8_t digest[SHA256_BYTES];
    str hex = str_starts(text, S("sha256:")) ? str_slice(text, 7, text.len) : S("");
    if (!hash_unhex(hex, digest, sizeof digest)) {
        diag_report(env->sink, "E405", span,
                    "'%.*s' is not a checksum: use 'sha256:' and 64 hexadecimal digits",
                    STR_FMT(text));
        return false;
    }
    *ret = str_lower(env->arena, hex);
    return true;
}

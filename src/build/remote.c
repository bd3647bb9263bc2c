// SPDX-License-Identifier: Apache-2.0
/* Sources of ADD that are somewhere else: which kind they are, what counts for the key. */
#include <errno.h>
#include <string.h>

#include "build/remote.h"

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

/* The last part of the path. Empty where that is no name for a file. */
static str url_name(struct arena *a, str url) {
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

static bool parse_sha256(struct builder *b, struct dockerfile_word word, str text, str *ret) {
    uint8_t digest[SHA256_BYTES];
    str hex = str_starts(text, S("sha256:")) ? str_slice(text, 7, text.len) : S("");
    if (!hash_unhex(hex, digest, sizeof digest)) {
        diag_report(b->sink, "E405", word.span,
                    "'%.*s' is not a checksum: use 'sha256:' and 64 hexadecimal digits",
                    STR_FMT(text));
        return false;
    }
    *ret = str_lower(b->arena, hex);
    return true;
}

static bool fail_remote(struct builder *b, const struct remote *r, const struct err *err) {
    return is_cancelled(b) ? err_sys(b->err, EINTR, "stopped") : fail_at(b, r->span, "E402", err);
}

static bool url_source(struct step *step, struct copy_plan *plan, struct remote *r, str text) {
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    str name = url_name(b->arena, text);
    if (name.len == 0 && plan->job.destination_is_dir) {
        diag_report(b->sink, "E405", r->span,
                    "the URL '%s' does not name a file: include a file name in the destination",
                    remote_shown(b->arena, r->url));
        return false;
    }
    store_key_add(plan->key, S("url"));
    store_key_add(plan->key, name);
    if (r->checksum.len == 0 && !url_fetch(b, r, &err)) {
        return fail_remote(b, r, &err);
    }
    store_key_add(plan->key, r->checksum);
    struct copy_source source = {
        .path = "content",
        .name = str_to_c(b->arena, name.len == 0 ? S("unnamed") : name),
        .remote = r,
        .unpack = step->instruction->copy.unpack_set && step->instruction->copy.unpack,
    };
    ARENA_PUSH(b->arena, plan->sources, plan->count, plan->cap, source);
    return true;
}

/* ---- git ---- */

static bool git_source(struct step *step, struct copy_plan *plan, struct remote *r) {
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    if (!git_resolve(b, r, &err)) {
        return fail_remote(b, r, &err);
    }
    str commit = str_from_c(r->ids.commit);
    str tag = str_from_c(r->ids.tag);
    if (!str_starts(commit, r->checksum) && !(tag.len > 0 && str_starts(tag, r->checksum))) {
        diag_report(b->sink, "E402", r->check, "the checksum does not match the commit '%s'",
                    r->ids.commit);
        return false;
    }
    store_key_add(plan->key, S("git"));
    store_key_add(plan->key, str_from_c(r->layer.hex));
    struct copy_source source = { .path = ".", .remote = r };
    ARENA_PUSH(b->arena, plan->sources, plan->count, plan->cap, source);
    return true;
}

/* ---- both ---- */

static bool plan_checksum(struct step *step, struct remote *r) {
    struct builder *b = step->builder;
    const struct dockerfile_copy *copy = &step->instruction->copy;
    if (!dockerfile_word_is_set(copy->checksum)) {
        return true;
    }
    r->check = copy->checksum.span;
    if (copy->source_count > 1) {
        diag_report(b->sink, "E405", r->check, "--checksum is for one source, not for %zu",
                    copy->source_count);
        return false;
    }
    struct dockerfile_expander e = vars_expander(b, step->stage);
    str text;
    if (!dockerfile_expand(&e, copy->checksum, &text)) {
        return false;
    }
    if (r->kind == REMOTE_GIT) {
        r->checksum = text;
        return true; /* git_source_parse looks at it */
    }
    return parse_sha256(b, copy->checksum, text, &r->checksum);
}

bool remote_source(struct step *step, struct copy_plan *plan, struct dockerfile_word word,
                   str text) {
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    struct remote *r = ARENA_NEW(b->arena, struct remote);
    *r = (struct remote){ .kind = remote_kind_of(text), .span = word.span };
    if (str_find_char(text, '\0', 0) != STR_NONE) {
        err_set(&err, "the URL holds a NUL byte");
        return fail_at(b, word.span, "E405", &err);
    }
    r->url = str_to_c(b->arena, str_slice(text, 0, str_find_char(text, '#', 0)));
    if (!plan_checksum(step, r)) {
        return false;
    }
    if (r->kind == REMOTE_URL) {
        return url_source(step, plan, r, text);
    }
    r->keep_git_dir = step->instruction->copy.keep_git_dir;
    return git_source_parse(b, r, text) && git_source(step, plan, r);
}

bool remote_open(struct step *step, struct remote *r, int *ret_fd) {
    struct builder *b = step->builder;
    struct store *store = b->request->store;
    struct err err = ERR_INIT;
    if (!store_layer_has(store, &r->layer) &&
        !(r->kind == REMOTE_GIT ? git_fetch(b, r, &err) : url_fetch(b, r, &err))) {
        return fail_remote(b, r, &err);
    }
    step_uses_layer(step, &r->layer);
    const char *path = store_layer_path(store, b->arena, &r->layer);
    *ret_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0) {
        err_sys(&err, errno, "open layer '%s'", path);
        return fail_remote(b, r, &err);
    }
    return true;
}

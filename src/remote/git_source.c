// SPDX-License-Identifier: Apache-2.0
/* What a git source of ADD says: URL#ref:subdir, or URL?ref=...&subdir=... */
#include <string.h>

#include "remote/internal.h"

enum { COMMIT_DIGITS_MIN = 7, COMMIT_DIGITS_MAX = 64 };

static bool refuse(const struct remote_env *env, const struct remote *r, const char *what,
                   str value) {
    diag_report(env->sink, "E405", r->span, "%s: '%.*s'", what, STR_FMT(value));
    return false;
}

static bool is_commit_start(str s) {
    bool ok = s.len >= COMMIT_DIGITS_MIN && s.len <= COMMIT_DIGITS_MAX;
    for (size_t i = 0; i < s.len && ok; i++) {
        ok = char_hex(s.ptr[i]) >= 0;
    }
    return ok;
}

static bool set_ref(const struct remote_env *env, struct remote *r, const char *prefix, str value) {
    if (r->ref.len > 0) {
        return refuse(env, r, "a second ref of the repository", value);
    }
    /* git would take it for an option */
    if (value.len == 0 || value.ptr[0] == '-' || str_find_char(value, '\0', 0) != STR_NONE) {
        return refuse(env, r, "not a branch, a tag or a commit", value);
    }
    r->ref = str_concat(env->arena, str_from_c(prefix), value);
    return true;
}

static bool set_subdir(const struct remote_env *env, struct remote *r, str value) {
    if (r->subdir.len > 0) {
        return refuse(env, r, "a second folder of the repository", value);
    }
    str clean = path_clean(env->arena, str_concat(env->arena, S("/"), value));
    r->subdir = str_slice(clean, 1, clean.len);
    return true;
}

static bool set_bool(const struct remote_env *env, struct remote *r, str value, bool *ret) {
    bool yes = value.len == 0 || str_eq(value, S("1")) || str_eq(value, S("true"));
    if (!yes && !str_eq(value, S("0")) && !str_eq(value, S("false"))) {
        return refuse(env, r, "neither true nor false", value);
    }
    *ret = yes;
    return true;
}

static bool set_commit(const struct remote_env *env, struct remote *r, str value) {
    if (r->checksum.len > 0) {
        return refuse(env, r, "a second checksum", value);
    }
    r->checksum = value;
    r->check = r->span;
    return true;
}

static bool set_parameter(const struct remote_env *env, struct remote *r, str name, str value) {
    bool submodules = true;
    if (str_eq(name, S("ref"))) {
        return set_ref(env, r, "", value);
    }
    if (str_eq(name, S("branch"))) {
        return set_ref(env, r, "refs/heads/", value);
    }
    if (str_eq(name, S("tag"))) {
        return set_ref(env, r, "refs/tags/", value);
    }
    if (str_eq(name, S("subdir"))) {
        return set_subdir(env, r, value);
    }
    if (str_eq(name, S("checksum")) || str_eq(name, S("commit"))) {
        return set_commit(env, r, value);
    }
    if (str_eq(name, S("keep-git-dir"))) {
        return set_bool(env, r, value, &r->keep_git_dir);
    }
    if (str_eq(name, S("mtime"))) {
        /* Files have the commit's time in any case: the time of a checkout is never the same. */
        return str_eq(value, S("commit")) || str_eq(value, S("checkout")) ||
               refuse(env, r, "neither commit nor checkout", value);
    }
    if (str_eq(name, S("submodules"))) {
        bool ok = set_bool(env, r, value, &submodules);
        r->no_submodules = !submodules;
        return ok;
    }
    struct diag *d = diag_report(env->sink, "E405", r->span, "a git source has no parameter '%.*s'",
                                 STR_FMT(name));
    diag_help(env->sink, d,
              "the parameters are ref, branch, tag, commit, checksum, subdir, keep-git-dir, mtime "
              "and submodules");
    return false;
}

static bool parse_query(const struct remote_env *env, struct remote *r, str query) {
    while (query.len > 0) {
        str value = str_cut(&query, '&');
        str name = str_cut(&value, '=');
        if (!set_parameter(env, r, percent_decode(env->arena, name),
                           percent_decode(env->arena, value))) {
            return false;
        }
    }
    return true;
}

static bool parse_fragment(const struct remote_env *env, struct remote *r, str fragment) {
    str subdir = fragment;
    str ref = str_cut(&subdir, ':');
    return (ref.len == 0 || set_ref(env, r, "", ref)) &&
           (subdir.len == 0 || set_subdir(env, r, subdir));
}

bool remote_parse_git(const struct remote_env *env, struct remote *r, str text) {
    str fragment = text;
    str query = str_cut(&fragment, '#');
    str url = str_cut(&query, '?');
    r->url = str_to_c(env->arena, url);
    if (!parse_query(env, r, query) || !parse_fragment(env, r, fragment)) {
        return false;
    }
    if (r->checksum.len == 0) {
        return true;
    }
    if (!is_commit_start(r->checksum)) {
        diag_report(env->sink, "E405", r->check,
                    "'%.*s' is not a commit: use at least %d hexadecimal digits",
                    STR_FMT(r->checksum), COMMIT_DIGITS_MIN);
        return false;
    }
    r->checksum = str_lower(env->arena, r->checksum);
    if (r->ref.len == 0 && (r->checksum.len == 40 || r->checksum.len == 64)) {
        r->ref = r->checksum; /* wherever it is, not only at the HEAD */
    }
    return true;
}

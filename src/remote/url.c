// SPDX-License-Identifier: Apache-2.0
/*
 * ADD of a URL. Two layers of the store: one under the URL says what the server told of it, one
 * under its content holds that as fs/content. The first has no folder.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "remote/internal.h"

/* What the store knows of a URL. */
struct known {
    const char *etag;
    int64_t modified_s;
    str sha256;
};

static struct store_key answer_key(const struct remote *r) {
    struct store_key_hash k;
    store_key_begin(&k, "URL answer");
    store_key_add(&k, str_from_c(r->url));
    return store_key_end(&k);
}

static struct store_key content_key(str sha256, int64_t modified_s) {
    struct store_key_hash k;
    store_key_begin(&k, "URL content");
    store_key_add(&k, sha256);
    store_key_add_u64(&k, (uint64_t)modified_s);
    return store_key_end(&k);
}

/* A URL whose content is not there any more is not known. */
static bool load_known(const struct remote_env *env, struct remote *r, struct known *ret) {
    struct store_key key = answer_key(r);
    str text;
    if (!store_layer_meta(env->store, env->arena, &key, &text)) {
        return false;
    }
    json_t *root = json_loadb(text.ptr, text.len, 0, NULL);
    const char *etag = json_string_value(json_object_get(root, "etag"));
    const char *sha256 = json_string_value(json_object_get(root, "sha256"));
    const json_t *modified = json_object_get(root, "modified");
    if (sha256 != NULL) {
        ret->etag = str_to_c(env->arena, str_from_c(etag == NULL ? "" : etag));
        ret->sha256 = str_dup(env->arena, str_from_c(sha256));
        ret->modified_s = json_is_integer(modified) ? json_integer_value(modified) : -1;
        r->layer = content_key(ret->sha256, ret->modified_s);
    }
    json_decref(root);
    return sha256 != NULL && store_layer_has(env->store, &r->layer);
}

/* ---- fetching ---- */

static bool make_folders(struct store_work *w, struct err *err) {
    static const char *const folders[] = { "content", "content/fs", "answer", "staging" };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(w->fd, folders[i], 0755) < 0) {
            return err_sys(err, errno, "create a work folder");
        }
    }
    return true;
}

static bool download(const struct remote_env *env, struct store_work *w, const struct remote *r,
                     const struct known *known, struct download_answer *answer, struct err *err) {
    AUTO_FD fd = openat(w->fd, "content/fs/content", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_sys(err, errno, "create a file in the store");
    }
    const char *shown = remote_shown(env->arena, r->url);
    const char *authorization;
    if (!remote_authorization(env, r, &authorization, err)) {
        return false;
    }
    struct download job = {
        .url = r->url,
        .authorization = authorization,
        .shown = shown,
        .etag = known == NULL ? NULL : known->etag,
        .modified_s = known == NULL ? -1 : known->modified_s,
        .fd = fd,
        .answer = answer,
    };
    struct sandbox_spec spec = {
        .root = { (const char *const[]){ store_work_path(w, env->arena, ".") }, 1 },
        .staging = store_work_path(w, env->arena, "staging"),
        .cancelled = env->cancelled,
        .network = SANDBOX_NETWORK_HOST,
    };
    if (known == NULL) {
        env->notice(env->self, str_fmt(env->arena, "downloading '%s'", shown));
    }
    if (!sandbox_call(&spec, download_in_child, &job, err)) {
        return false;
    }
    int64_t time_s = answer->modified_s >= 0 ? answer->modified_s : env->epoch_s;
    const struct timespec times[2] = { { .tv_sec = time_s }, { .tv_sec = time_s } };
    return futimens(fd, times) == 0 || err_sys(err, errno, "set the time of a file in the store");
}

static str describe(const struct remote_env *env, const struct remote *r, const char *what,
                    const struct download_answer *answer) {
    const char *shown = remote_shown(env->arena, r->url);
    json_t *meta = json_object();
    json_object_set_new(meta, "text", json_string(str_fmt(env->arena, "%s %s", what, shown).ptr));
    json_object_set_new(meta, "etag", json_string(answer->etag));
    json_object_set_new(meta, "modified", json_integer(answer->modified_s));
    json_object_set_new(meta, "sha256", json_string(answer->sha256));
    char *text = json_dumps(meta, JSON_COMPACT);
    json_decref(meta);
    str copy = str_dup(env->arena, str_from_c(text == NULL ? "{}" : text));
    free(text);
    return copy;
}

static bool check_sum(const struct remote *r, str sha256, struct err *err) {
    if (r->checksum.len == 0 || str_eq(r->checksum, sha256)) {
        return true;
    }
    err_set(err, "the content does not match --checksum: its digest is sha256:%.*s",
            STR_FMT(sha256));
    return err_help(err, "correct the checksum if you trust the current content");
}

static bool fetch_into(const struct remote_env *env, struct store_work *w, struct remote *r,
                       const struct known *known, struct download_answer *answer, struct err *err) {
    if (!store_work_begin(env->store, w, err) || !make_folders(w, err) ||
        !download(env, w, r, known, answer, err)) {
        return false;
    }
    str sha256 = str_dup(env->arena, str_from_c(answer->sha256));
    if (answer->not_modified) {
        r->checksum = r->checksum.len == 0 ? known->sha256 : r->checksum;
        return check_sum(r, known->sha256, err);
    }
    if (!check_sum(r, sha256, err)) {
        return false;
    }
    struct store_key key = answer_key(r);
    r->checksum = sha256;
    r->layer = content_key(sha256, answer->modified_s);
    return store_layer_commit(w, "content", &r->layer, false,
                              describe(env, r, "content of", answer), err) &&
           store_layer_commit(w, "answer", &key, true, describe(env, r, "answer for", answer), err);
}

static bool fetch_locked(const struct remote_env *env, struct remote *r, struct err *err) {
    struct known known;
    bool is_known = load_known(env, r, &known);
    if (is_known && r->checksum.len > 0 && str_eq(r->checksum, known.sha256)) {
        return true;
    }
    struct download_answer *answer =
        mmap(NULL, sizeof *answer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (answer == MAP_FAILED) {
        return err_sys(err, errno, "share memory with a child");
    }
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    bool ask = is_known && r->checksum.len == 0 && !env->no_cache;
    bool ok = fetch_into(env, &work, r, ask ? &known : NULL, answer, err);
    munmap(answer, sizeof *answer);
    return ok;
}

bool remote_url_modified(const struct remote_env *env, const char *url, int64_t *ret,
                         struct err *err) {
    struct remote r = { .kind = REMOTE_URL, .span = SPAN_NONE, .url = url };
    struct known known;
    if (!load_known(env, &r, &known) &&
        (!remote_fetch_url(env, &r, err) || !load_known(env, &r, &known))) {
        return err_is_set(err) ? false : err_set(err, "the fetched content has been removed");
    }
    *ret = known.modified_s;
    return true;
}

bool remote_fetch_url(const struct remote_env *env, struct remote *r, struct err *err) {
    struct store_key key = answer_key(r);
    AUTO_FD lockfd = -1;
    if (!store_key_lock(env->store, &key, true, &lockfd, err) || !fetch_locked(env, r, err)) {
        return false;
    }
    store_layer_touch(env->store, &key);
    store_layer_touch(env->store, &r->layer);
    return true;
}

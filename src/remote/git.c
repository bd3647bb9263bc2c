// SPDX-License-Identifier: Apache-2.0
/* ADD of a git repository: a commit's files are a layer of the store. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "remote/internal.h"

static bool call_git(const struct remote_env *env, struct store_work *w, const struct remote *r,
                     sandbox_function *function, struct remote_git_ids *ids, struct err *err) {
    if (proc_find(env->arena, "git") == NULL) {
        err_set(err, "fetch '%s': git is not installed", remote_shown(env->arena, r->url));
        return err_help(err, "apt-get install --no-install-recommends git");
    }
    static const char *const folders[] = { "staging", "content" };
    if (!store_work_begin(env->store, w, err)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(w->fd, folders[i], 0755) < 0) {
            return err_sys(err, errno, "create a work folder");
        }
    }
    const char *authorization;
    if (!remote_authorization(env, r, &authorization, err)) {
        return false;
    }
    struct git_job job = {
        .arena = env->arena,
        .authorization = authorization,
        .remote = r,
        .folder = store_work_path(w, env->arena, "."),
        .folderfd = w->fd,
        .agent = env->agent,
        .ids = ids,
    };
    struct sandbox_spec spec = {
        .root = { (const char *const[]){ job.folder }, 1 },
        .staging = store_work_path(w, env->arena, "staging"),
        .cancelled = env->cancelled,
        .network = SANDBOX_NETWORK_HOST,
    };
    return sandbox_call(&spec, function, &job, err) ||
           err_wrap(err, "fetch '%s'", remote_shown(env->arena, r->url));
}

/* ---- the commit ---- */

static bool is_commit(str s) {
    uint8_t bytes[32];
    return (s.len == 40 || s.len == 64) && hash_unhex(s, bytes, s.len / 2);
}

static struct store_key layer_key(const struct remote *r) {
    struct store_key_hash k;
    bool keep = r->keep_git_dir && r->subdir.len == 0;
    store_key_begin(&k, "git");
    store_key_add(&k, str_from_c(r->ids.commit));
    store_key_add(&k, r->subdir);
    store_key_add(&k, keep ? str_from_c(r->url) : S(""));
    store_key_add_u64(&k, keep);
    store_key_add_u64(&k, r->no_submodules);
    return store_key_end(&k);
}

static bool ask_server(const struct remote_env *env, struct remote *r, struct err *err) {
    struct remote_git_ids *ids =
        mmap(NULL, sizeof *ids, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ids == MAP_FAILED) {
        return err_sys(err, errno, "share memory with a child");
    }
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    bool ok = call_git(env, &work, r, git_resolve_in_child, ids, err);
    r->ids = *ids;
    munmap(ids, sizeof *ids);
    return ok;
}

bool remote_resolve_git(const struct remote_env *env, struct remote *r, struct err *err) {
    if (is_commit(r->ref)) {
        str lower = str_lower(env->arena, r->ref);
        memcpy(r->ids.commit, lower.ptr, lower.len);
    } else if (!ask_server(env, r, err)) {
        return false;
    }
    r->layer = layer_key(r);
    return true;
}

/* ---- its files ---- */

static str describe(const struct remote_env *env, const struct remote *r) {
    const char *shown = remote_shown(env->arena, r->url);
    json_t *meta = json_object();
    json_object_set_new(
        meta, "text",
        json_string(str_fmt(env->arena, "commit %.12s of %s", r->ids.commit, shown).ptr));
    char *text = json_dumps(meta, JSON_COMPACT);
    json_decref(meta);
    str copy = str_dup(env->arena, str_from_c(text == NULL ? "{}" : text));
    free(text);
    return copy;
}

bool remote_fetch_git(const struct remote_env *env, struct remote *r, struct err *err) {
    struct store *store = env->store;
    AUTO_FD lockfd = -1;
    if (!store_key_lock(store, &r->layer, true, &lockfd, err)) {
        return false;
    }
    if (store_layer_has(store, &r->layer)) {
        return true;
    }
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    env->notice(env->self, str_fmt(env->arena, "fetching '%s'", remote_shown(env->arena, r->url)));
    return call_git(env, &work, r, git_fetch_in_child, NULL, err) &&
           store_layer_commit(&work, "content", &r->layer, false, describe(env, r), err);
}

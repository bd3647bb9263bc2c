// SPDX-License-Identifier: Apache-2.0
/* Sources of ADD that are somewhere else: what of them counts for the key. */
#include <errno.h>

#include "embedded/internal.h"

struct remote_env remote_env_of(const struct builder *b) {
    const struct build_request *r = b->request;
    struct remote_env env = {
        .arena = b->arena,
        .store = r->store,
        .sink = b->sink,
        .secrets = r->secrets,
        .secret_count = r->secret_count,
        .epoch_s = b->epoch_s,
        .no_cache = r->policy.no_cache,
        .cancelled = r->cancelled,
        .notice = r->events->notice,
        .self = r->self,
    };
    for (size_t i = 0; i < r->agent_count && env.agent == NULL; i++) {
        env.agent = str_eq(r->agents[i].id, S("default")) ? r->agents[i].socket : NULL;
    }
    return env;
}

static bool fail_remote(struct builder *b, const struct remote *r, const struct err *err) {
    return is_cancelled(b) ? err_sys(b->err, EINTR, "stopped") : fail_at(b, r->span, "E402", err);
}

static bool url_source(struct step *step, struct copy_plan *plan, struct remote *r, str text) {
    struct builder *b = step->builder;
    const struct remote_env env = remote_env_of(b);
    struct err err = ERR_INIT;
    str name = remote_file_name(b->arena, text);
    if (name.len == 0 && plan->job.destination_is_dir) {
        diag_report(b->sink, "E405", r->span,
                    "the URL '%s' does not name a file: include a file name in the destination",
                    remote_shown(b->arena, r->url));
        return false;
    }
    store_key_add(plan->key, S("url"));
    store_key_add(plan->key, name);
    if (r->checksum.len == 0 && !remote_fetch_url(&env, r, &err)) {
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
    const struct remote_env env = remote_env_of(b);
    struct err err = ERR_INIT;
    if (!remote_resolve_git(&env, r, &err)) {
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
    const struct remote_env env = remote_env_of(b);
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
        return true; /* remote_parse_git() looks at it */
    }
    return remote_parse_checksum(&env, copy->checksum.span, text, &r->checksum);
}

bool remote_source(struct step *step, struct copy_plan *plan, struct dockerfile_word word,
                   str text) {
    struct builder *b = step->builder;
    const struct remote_env env = remote_env_of(b);
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
    return remote_parse_git(&env, r, text) && git_source(step, plan, r);
}

bool remote_open(struct step *step, struct remote *r, int *ret_fd) {
    struct builder *b = step->builder;
    const struct remote_env env = remote_env_of(b);
    struct store *store = b->request->store;
    struct err err = ERR_INIT;
    if (!store_layer_has(store, &r->layer) &&
        !(r->kind == REMOTE_GIT ? remote_fetch_git(&env, r, &err)
                                : remote_fetch_url(&env, r, &err))) {
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

// SPDX-License-Identifier: Apache-2.0
/* RUN --mount=type=secret and type=ssh: what the user hands to steps and no layer keeps. */
#include <string.h>

#include "embedded/internal.h"

static const struct build_secret *find_secret(const struct build_request *r, str id) {
    for (size_t i = 0; i < r->secret_count; i++) {
        if (str_eq(r->secrets[i].id, id)) {
            return &r->secrets[i];
        }
    }
    return NULL;
}

static const char *find_agent(const struct build_request *r, str id) {
    for (size_t i = 0; i < r->agent_count; i++) {
        if (str_eq(r->agents[i].id, id)) {
            return r->agents[i].socket;
        }
    }
    return NULL;
}

/* One that nobody has given: an error when it is required. */
static bool may_be_missing(struct step *step, const struct run_mount *m) {
    struct diag_sink *sink = step->builder->sink;
    bool is_secret = m->ast.type == DOCKERFILE_MOUNT_SECRET;
    if (!m->ast.required) {
        return true;
    }
    struct diag *d = diag_report(sink, "E405", m->ast.span, "the %s '%.*s' was not provided",
                                 is_secret ? "secret" : "ssh agent", STR_FMT(m->ast.id));
    if (is_secret) {
        diag_help(sink, d, "provide it with --secret id=%.*s,src=FILE", STR_FMT(m->ast.id));
    } else {
        diag_help(sink, d, "provide it with --ssh %.*s", STR_FMT(m->ast.id));
    }
    return false;
}

bool run_secret_plan(struct step *step, struct run_mounts *mounts, struct run_mount *m,
                     bool *ret_wanted) {
    struct builder *b = step->builder;
    const struct build_secret *secret = find_secret(b->request, m->ast.id);
    *ret_wanted = false;
    if (secret == NULL) {
        return may_be_missing(step, m);
    }
    if (m->ast.env.len > 0) {
        if (memchr(secret->content.ptr, 0, secret->content.len) != NULL) {
            diag_report(
                b->sink, "E405", m->ast.span,
                "the secret '%.*s' contains a NUL byte, so an environment variable cannot hold it",
                STR_FMT(m->ast.id));
            return false;
        }
        oci_pairs_set(b->arena, &mounts->env, m->ast.env, secret->content);
        if (m->ast.target.len == 0) {
            return true;
        }
    }
    if (m->ast.target.len == 0) {
        m->ast.target = str_concat(b->arena, S("/run/secrets/"), m->ast.id);
    }
    m->content = secret->content;
    *ret_wanted = true;
    return true;
}

bool run_agent_plan(struct step *step, struct run_mounts *mounts, struct run_mount *m,
                    bool *ret_wanted) {
    struct builder *b = step->builder;
    m->socket = find_agent(b->request, m->ast.id);
    *ret_wanted = m->socket != NULL;
    if (m->socket == NULL) {
        return may_be_missing(step, m);
    }
    if (m->ast.target.len == 0) {
        m->ast.target = str_fmt(b->arena, "/run/buildkit/ssh_agent.%zu", mounts->len);
    }
    if (oci_pairs_find(&mounts->env, S("SSH_AUTH_SOCK")) == NULL) {
        oci_pairs_set(b->arena, &mounts->env, S("SSH_AUTH_SOCK"), m->ast.target);
    }
    return true;
}

void run_secret_open(const struct run_mount *m, struct sandbox_mount *to) {
    if (m->socket != NULL) {
        to->kind = SANDBOX_BIND;
        to->source = m->socket;
        return;
    }
    to->kind = SANDBOX_FILE;
    to->content = m->content;
    to->mode = m->ast.has_mode ? m->ast.mode : 0400;
    to->uid = m->ast.uid;
    to->gid = m->ast.gid;
}

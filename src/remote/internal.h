// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "remote/remote.h"

/* "%2e" and the like become what they stand for. */
str percent_decode(struct arena *a, str s);

/* auth.c: "Authorization: ..." out of a secret for the source's server; NULL: there is none. */
MUST_CHECK bool remote_authorization(const struct remote_env *env, const struct remote *r,
                                     const char **ret, struct err *err);
/* "https://host:port/" of an http URL. */
const char *remote_origin(struct arena *a, const char *url);

/* ---- git_child.c: in a child, with the environment of its own ---- */

struct git_job {
    struct arena *arena;
    const struct remote *remote;
    const char *folder;         /* in the store: "content" is in it, and the rest is for git */
    int folderfd;               /* the same */
    const char *authorization;  /* a header for the repository's server, or NULL */
    const char *agent;          /* socket of an ssh-agent, or NULL */
    struct remote_git_ids *ids; /* shared with the child: what git_resolve_in_child finds */
};
bool git_resolve_in_child(void *job, int rootfd, const int *roots, struct err *err);
/* Makes "content/fs". */
bool git_fetch_in_child(void *job, int rootfd, const int *roots, struct err *err);

/* ---- download.c: in a child, as libcurl has threads ---- */

/* Shared with the child. */
struct download_answer {
    bool not_modified;
    char etag[512];     /* empty: none */
    int64_t modified_s; /* Last-Modified; -1: none */
    char sha256[65];
};
struct download {
    const char *url;
    const char *authorization; /* a header, or NULL */
    const char *shown;         /* the same for messages */
    const char *etag;          /* ask only for what is not this; NULL or empty: all */
    int64_t modified_s;        /* the same by time; -1: not */
    int fd;                    /* gets the body */
    struct download_answer *answer;
};
/* A sandbox_function. */
bool download_in_child(void *job, int rootfd, const int *roots, struct err *err);

// SPDX-License-Identifier: Apache-2.0
/*
 * Sources of ADD that are not files of the context: URLs, git repositories. What is fetched is a
 * layer of its own in the store, which a copy then reads: an unchanged URL is not downloaded twice,
 * and a commit is fetched once. Dockerfile reference, "ADD".
 */
#pragma once

#include "build/internal.h"

enum remote_kind {
    REMOTE_NONE, /* a path of the context */
    REMOTE_URL,
    REMOTE_GIT,
};

/* In hexadecimal, with a NUL. */
struct git_ids {
    char commit[65];
    char tag[65]; /* of a tag with a text, which is an object of its own; else empty */
};

struct remote {
    enum remote_kind kind;
    struct span span;
    const char *url; /* without fragment; GIT: what git is given */
    str checksum;    /* URL: lower case hex of SHA-256; GIT: how the commit begins; may be empty */
    struct span check;      /* where the checksum is written */
    str ref;                /* GIT: branch, tag, commit; empty: HEAD */
    str subdir;             /* GIT: clean, below the repository; empty: all of it */
    bool keep_git_dir;      /* GIT */
    bool no_submodules;     /* GIT */
    struct git_ids ids;     /* GIT, once it is resolved */
    struct store_key layer; /* that holds what was fetched: fs/ */
};

/* remote.c */
enum remote_kind remote_kind_of(str source);
/* Adds the source to plan and key; fetches what has to be known for the key. */
MUST_CHECK bool remote_source(struct step *step, struct copy_plan *plan,
                              struct dockerfile_word word, str text);
/* The folder with its content; fetches what is not there yet. */
MUST_CHECK bool remote_open(struct step *step, struct remote *r, int *ret_fd);
/* For messages: without the password. */
const char *remote_shown(struct arena *a, const char *url);

/* remote_auth.c: "Authorization: ..." out of a secret for the source's server; NULL: there is none.
 */
MUST_CHECK bool remote_authorization(struct builder *b, const struct remote *r, const char **ret,
                                     struct err *err);
/* "https://host:port/" of an http URL. */
const char *remote_origin(struct arena *a, const char *url);

/* add_url.c: the file is named "content". Without a checksum it becomes the download's. */
MUST_CHECK bool url_fetch(struct builder *b, struct remote *r, struct err *err);

/* When the server says that the URL was changed, seconds; -1: it does not say. */
MUST_CHECK bool url_modified(struct builder *b, const char *url, int64_t *ret, struct err *err);

/* git_source.c: what the text of a source says. False: reported. */
MUST_CHECK bool git_source_parse(struct builder *b, struct remote *r, str text);

/* add_git.c: finds the commit; fetches it. */
MUST_CHECK bool git_resolve(struct builder *b, struct remote *r, struct err *err);
MUST_CHECK bool git_fetch(struct builder *b, struct remote *r, struct err *err);
/* "%2e" and the like become what they stand for. */
str percent_decode(struct arena *a, str s);

/* ---- git.c: in a child, with the environment of its own ---- */

struct git_job {
    struct arena *arena;
    const struct remote *remote;
    const char *folder;        /* in the store: "content" is in it, and the rest is for git */
    int folderfd;              /* the same */
    const char *authorization; /* a header for the repository's server, or NULL */
    const char *agent;         /* socket of an ssh-agent, or NULL */
    struct git_ids *ids;       /* shared with the child: what git_resolve_in_child finds */
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

// SPDX-License-Identifier: Apache-2.0
/*
 * remote/: what is fetched for a build from an address that its author wrote: URLs and git
 * repositories. What comes is a layer of its own in the store, which a copy then reads: an
 * unchanged URL is not downloaded twice, and a commit is fetched once. Dockerfile reference, "ADD".
 */
#pragma once

#include <signal.h>

#include "build/build.h"
#include "diag/diag.h"
#include "store/store.h"

/* What fetching needs of a build. */
struct remote_env {
    struct arena *arena;
    struct store *store;
    struct diag_sink *sink;
    const struct build_secret *secrets; /* those with the names that BuildKit gives them are for
                                           one server, and go into no key and no layer */
    size_t secret_count;
    const char *agent; /* the socket of an ssh-agent, or NULL */
    int64_t epoch_s;   /* for what has no time of its own */
    bool no_cache;     /* ask the server even for what has not changed */
    const volatile sig_atomic_t *cancelled;
    void (*notice)(void *self, str text);
    void *self;
};

enum remote_kind {
    REMOTE_NONE, /* a path of the context */
    REMOTE_URL,
    REMOTE_GIT,
};

/* In hexadecimal, with a NUL. */
struct remote_git_ids {
    char commit[65];
    char tag[65]; /* of a tag with a text, which is an object of its own; else empty */
};

struct remote {
    enum remote_kind kind;
    struct span span;
    const char *url; /* without fragment; GIT: what git is given */
    str checksum;    /* URL: lower case hex of SHA-256; GIT: how the commit begins; may be empty */
    struct span check;         /* where the checksum is written */
    str ref;                   /* GIT: branch, tag, commit; empty: HEAD */
    str subdir;                /* GIT: clean, below the repository; empty: all of it */
    bool keep_git_dir;         /* GIT */
    bool no_submodules;        /* GIT */
    struct remote_git_ids ids; /* GIT, once it is resolved */
    struct store_key layer;    /* that holds what was fetched: fs/ */
};

enum remote_kind remote_kind_of(str source);
/* For messages: without the password. */
const char *remote_shown(struct arena *a, const char *url);
/* The last part of a URL's path, decoded. Empty where that is no name for a file. */
str remote_file_name(struct arena *a, str url);
/* "sha256:..." as hex. False: reported at `span`. */
MUST_CHECK bool remote_parse_checksum(const struct remote_env *env, struct span span, str text,
                                      str *ret);
/* What the text of a git source says, URL#ref:subdir or URL?ref=...&subdir=..., into `r`, whose
 * kind, span and checksum are set. False: reported. */
MUST_CHECK bool remote_parse_git(const struct remote_env *env, struct remote *r, str text);

/* URL: its content is in the store after it, as "content" of r->layer. Without a checksum it
 * becomes the download's. */
MUST_CHECK bool remote_fetch_url(const struct remote_env *env, struct remote *r, struct err *err);
/* When the server says that the URL was changed, seconds; -1: it does not say. */
MUST_CHECK bool remote_url_modified(const struct remote_env *env, const char *url, int64_t *ret,
                                    struct err *err);
/* GIT: finds the commit, and with it the layer; fetches that. */
MUST_CHECK bool remote_resolve_git(const struct remote_env *env, struct remote *r, struct err *err);
MUST_CHECK bool remote_fetch_git(const struct remote_env *env, struct remote *r, struct err *err);

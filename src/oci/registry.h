// SPDX-License-Identifier: Apache-2.0
/*
 * The registry client: the OCI distribution specification and Docker's Registry HTTP API V2, with
 * token and basic authentication. Mirrors and insecure registries are those of Docker's
 * daemon.json, credentials those of Docker's config.json and its credential helpers.
 *
 * oci_registry_open() reads the settings. Everything else is for a worker (base/worker.h): libcurl
 * has threads. Transfers are tried again, with waits that grow or that the registry asks for.
 */
#pragma once

#include <signal.h>

#include "oci/oci.h"

/* --- what a registry asks for (RFC 9110, "WWW-Authenticate"; Docker, "Token authentication") ----
 */

enum oci_auth_scheme {
    OCI_AUTH_NONE,
    OCI_AUTH_BASIC,
    OCI_AUTH_BEARER,
};
struct oci_challenge {
    enum oci_auth_scheme scheme; /* the best of those offered that we know */
    str realm;
    str service;
    str scope;
};
/* Of a header's value; a malformed header gives OCI_AUTH_NONE. */
struct oci_challenge oci_challenge_parse(struct arena *a, str header);

struct oci_credentials {
    str user;
    str secret;
    bool is_token; /* the secret is an identity token, for the token service only */
    str why;       /* there is no secret: what is wrong with the settings; empty: nothing */
};
/* Of a registry by its name in a reference, from the text of a Docker config file; false when the
 * file has none (or names a helper: *ret_helper, else NULL), with the reason in ret->why when the
 * file itself is wrong: "is not JSON ...". */
bool oci_credentials_find(struct arena *a, str config_json, str domain, struct oci_credentials *ret,
                          const char **ret_helper);

/* --- a registry ------------------------------------------------------------------------------- */

/* One server that has the images: a mirror or the registry itself. */
struct oci_endpoint {
    str base; /* "https://HOST" */
    struct oci_credentials credentials;
    bool may_be_plain; /* insecure: any certificate, and http where https is not spoken */
    str token;         /* authorization that the last request had; empty: none yet */
};
struct oci_registry {
    struct oci_reference ref;
    struct oci_endpoint *endpoints; /* in the order in which they are asked */
    size_t endpoint_count;
    uint64_t connect_ms; /* how long a connection may take */
};
/* `for_push`: mirrors are left out. */
MUST_CHECK bool oci_registry_open(struct arena *a, const struct oci_reference *ref, bool for_push,
                                  struct oci_registry *ret, struct err *err);

/* What pulling needs to know about an image. */
struct oci_resolved {
    size_t endpoint; /* that had it */
    str token;
    bool plain;
    str digest;   /* of what the reference names: an index or a manifest */
    str manifest; /* JSON, of the platform */
    str media_type;
    str config; /* JSON */
    struct oci_config image;
    struct oci_descriptor *layers; /* lowest first */
    str *diff_ids;                 /* as many */
    size_t layer_count;
};
/*
 * Asks the endpoints for the manifest and the config. False with err->code OCI_UNREACHABLE when no
 * server answered at all, OCI_NOT_FOUND when the registry has no such image. Starts its worker.
 */
enum { OCI_UNREACHABLE = 113 /* EHOSTUNREACH */, OCI_NOT_FOUND = 2 /* ENOENT */ };
MUST_CHECK bool oci_registry_resolve(struct arena *a, const struct oci_registry *r,
                                     const struct oci_platform *platform,
                                     const volatile sig_atomic_t *cancelled,
                                     struct oci_resolved *ret, struct err *err);
/* From texts whose digests were checked: fills config, image, layers and diff_ids. */
MUST_CHECK bool oci_image_check(struct arena *a, str manifest, str config,
                                const struct oci_platform *platform, struct oci_resolved *ret,
                                struct err *err);
/* In a worker: a blob's bytes to a pipe; resumed where the connection breaks. `arrived`, in memory
 * that is shared or NULL, grows by them. */
MUST_CHECK bool oci_registry_fetch_blob(const struct oci_registry *r,
                                        const struct oci_resolved *image,
                                        const struct oci_descriptor *blob, int fd,
                                        _Atomic uint64_t *arrived, struct err *err);

/* A file to send. */
struct oci_upload {
    struct oci_descriptor blob;
    const char *path;
};
/* Sends the blobs that the registry does not have, then the manifest. Starts its worker; *ret_sent
 * is the number of bytes that were sent. */
MUST_CHECK bool oci_registry_push(const struct oci_registry *r, const struct oci_upload *blobs,
                                  size_t blob_count, str manifest, str media_type,
                                  const volatile sig_atomic_t *cancelled, uint64_t *ret_sent,
                                  struct err *err);

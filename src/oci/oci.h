// SPDX-License-Identifier: Apache-2.0
/*
 * oci/: image references, manifests and image configs, as the OCI image specification and Docker's
 * reference grammar have them. The registry client has a door of its own: oci/registry.h.
 */
#pragma once

#include "base/base.h"

/*
 * "[DOMAIN/]PATH[:TAG][@DIGEST]", completed as Docker does: no domain is docker.io, one path
 * component there is below "library/", no tag and no digest is "latest".
 */
struct oci_reference {
    str domain;     /* "docker.io", "localhost:5000" */
    str repository; /* "library/debian" */
    str tag;        /* empty when only a digest was given */
    str digest;     /* "sha256:..." or empty */
};

/* False when `text` is no reference; err says what is wrong with it. */
MUST_CHECK bool oci_reference_parse(struct arena *a, str text, struct oci_reference *ret,
                                    struct err *err);
/* As a user would write it: "debian:bookworm-slim", "localhost:5000/x:1". */
str oci_reference_familiar(struct arena *a, const struct oci_reference *ref);
/* In full: "docker.io/library/debian:bookworm-slim"; names the image in the store. */
str oci_reference_full(struct arena *a, const struct oci_reference *ref);

/* "linux/amd64", "linux/arm64/v8"; os defaults to linux, x86_64 and aarch64 are understood. */
struct oci_platform {
    str os;
    str architecture; /* Go's names: amd64, arm64, arm, 386, ... */
    str variant;      /* "v7", or empty */
};
MUST_CHECK bool oci_platform_parse(struct arena *a, str text, struct oci_platform *ret,
                                   struct err *err);
str oci_platform_text(struct arena *a, const struct oci_platform *p);
struct oci_platform oci_platform_host(void);
bool oci_platform_eq(const struct oci_platform *a, const struct oci_platform *b);

/* A list of strings that tells "not set" (items NULL) from "empty". */
struct oci_strings {
    const str *items;
    size_t len;
};

struct oci_pair {
    str key;
    str value;
};
struct oci_pairs {
    struct oci_pair *items;
    size_t len;
    size_t cap;
    struct map *index; /* of long lists only: key -> the pair's number + 1 */
};

struct oci_healthcheck {
    struct oci_strings test; /* {"NONE"}, {"CMD", ...}, {"CMD-SHELL", text}; NULL: none set */
    uint64_t interval_ns;    /* 0: default */
    uint64_t timeout_ns;
    uint64_t start_period_ns;
    uint64_t start_interval_ns;
    uint64_t retries;
};

/* What an image says about running it (OCI image configuration, "config"). */
struct oci_config {
    struct oci_platform platform;
    str user;
    str working_dir;
    str stop_signal;
    str author;
    struct oci_pairs env; /* in order; a later set replaces in place */
    struct oci_pairs labels;
    struct oci_pairs exposed; /* key "80/tcp" */
    struct oci_pairs volumes; /* key "/data" */
    struct oci_strings entrypoint;
    struct oci_strings cmd;
    struct oci_strings shell;
    struct oci_strings onbuild;
    struct oci_healthcheck healthcheck;
};

/* Sets or replaces; keys and values are borrowed. */
void oci_pairs_set(struct arena *a, struct oci_pairs *pairs, str key, str value);
const str *oci_pairs_find(const struct oci_pairs *pairs, str key);
/* A copy that can be changed on its own; strings are shared. */
struct oci_config oci_config_copy(struct arena *a, const struct oci_config *from);

/* The image configuration as JSON, keys as the specification names them. */
str oci_config_encode(struct arena *a, const struct oci_config *config);
MUST_CHECK bool oci_config_decode(struct arena *a, str json, struct oci_config *ret,
                                  struct err *err);

/* --- manifests -------------------------------------------------------------------------------- */

enum {
    OCI_MANIFEST_BYTES_MAX = 4 * 1024 * 1024, /* what registries must take, OCI distribution */
    OCI_CONFIG_BYTES_MAX = 8 * 1024 * 1024,
    OCI_LAYERS_MAX = 4000, /* ten times what anybody has: Docker takes 127 */
    OCI_INDEX_MAX = 2048,  /* manifests in an index */
    OCI_NESTING_MAX = 4,   /* indexes in indexes */
    OCI_DIGEST_BYTES = 71, /* "sha256:" and 64 hex digits */
};

/* What names a piece of content: the OCI image specification's descriptor. */
struct oci_descriptor {
    str media_type;
    str digest; /* "sha256:..."; no other is checked, so no other is taken */
    uint64_t size_bytes;
    struct oci_platform platform; /* of an index's entry; architecture empty: not known */
    bool any_platform; /* an entry that says nothing about its platform: its config does */
};

enum oci_manifest_kind {
    OCI_MANIFEST,
    OCI_INDEX, /* Docker's manifest list too */
};
struct oci_manifest {
    enum oci_manifest_kind kind;
    str media_type;               /* as its sender or itself calls it; never empty */
    struct oci_descriptor config; /* MANIFEST */
    struct oci_descriptor *items; /* MANIFEST: layers, lowest first; INDEX: manifests */
    size_t len;
};

/* `media_type` is what the sender called it; may be empty. */
MUST_CHECK bool oci_manifest_parse(struct arena *a, str json, str media_type,
                                   struct oci_manifest *ret, struct err *err);
/* The entry that fits a platform best. An entry that names no platform is taken when none fits and
 * it is the only one of its kind: its config says what it is for. NULL: err says for what the index
 * has images. Of registries and of layouts alike. */
const struct oci_descriptor *oci_index_choose(struct arena *a, const struct oci_manifest *index,
                                              const struct oci_platform *platform, struct err *err);
/* How many entries are for the platform of the chosen one; repetitions of its digest do not count.
 * A registry's index may have the same image in two compressions; in a layout such entries are
 * different images. */
size_t oci_index_alike(const struct oci_manifest *index, const struct oci_descriptor *chosen);
/* "sha256:" and 64 lower case hex digits. */
bool oci_digest_ok(str digest);
/* "sha256:..." of bytes. */
str oci_digest_of(struct arena *a, str bytes);
/* Of an image config: the digests of its layers' tar streams, lowest first. */
MUST_CHECK bool oci_config_diff_ids(struct arena *a, str json, struct oci_strings *ret,
                                    struct err *err);
/* An image from elsewhere, byte for byte: what is built on it is written on top. */
struct oci_base {
    str manifest;                  /* empty: a Docker archive has none */
    str media_type;                /* of the manifest */
    str config;                    /* JSON; empty: there is no image below */
    struct oci_descriptor *layers; /* blobs, lowest first */
    str *diff_ids;
    size_t layer_count;
};
/* The record of one as JSON text, and back; false: the text is something else. */
str oci_base_encode(struct arena *a, const struct oci_base *base);
MUST_CHECK bool oci_base_decode(struct arena *a, str json, struct oci_base *ret);
/* Layers that stand on a base, or on nothing. */
struct oci_layers {
    const str *diff_ids;
    const str *made_by; /* what made each, for the history; NULL: not known */
    size_t len;
};
/* The config as an image of a registry has it. Of the base's (NULL: none) stay the history, the
 * layers and the keys that are not ours. */
str oci_config_complete(struct arena *a, const struct oci_config *config,
                        const struct oci_base *base, const struct oci_layers *layers);
/* OCI's media type of a layer, by the first four bytes of its blob. */
str oci_layer_type(const uint8_t start[4]);
/* An image manifest of OCI media types. */
str oci_manifest_encode(struct arena *a, const struct oci_descriptor *config,
                        const struct oci_descriptor *layers, size_t layer_count);
/* A layout's index.json that holds one manifest under a name. */
str oci_index_encode(struct arena *a, const struct oci_descriptor *manifest, str name);

// SPDX-License-Identifier: Apache-2.0
/*
 * images/: base images. Records of them in the store, and the ways by which they get there: from a
 * registry, out of a file, from the packages of a distribution. Layers keep the bytes that they
 * came with, so that an image leaves as it came.
 *
 * OCI image and distribution specifications; what registries say is oci/'s.
 */
#pragma once

#include <signal.h>

#include "base/base.h"
#include "diag/diag.h"
#include "oci/oci.h"
#include "sandbox/sandbox.h"
#include "store/store.h"

/* What of an image came from elsewhere: it is exported and pushed as it came. */
struct images_origin {
    struct oci_base base; /* no config: nothing */
    size_t count;         /* of the image's lowest layers: they are the base's */
    str *made_by;         /* the instruction of each layer above */
};

struct stored_image {
    struct oci_reference ref;
    struct oci_config config;
    struct store_key key; /* of the content */
    struct store_key *layers;
    size_t layer_count;
    struct images_origin from;
    str origin; /* "bootstrapped with mmdebstrap", "imported from FILE" */
    str digest; /* of what its registry has under the name; empty: not from one */
    int64_t created_s;
};

/* --- records ------------------------------------------------------------------------------------
 */

enum images_lookup {
    IMAGES_FOUND,
    IMAGES_NOT_FOUND,
    IMAGES_FAILED, /* err is set */
};
enum images_lookup images_find(struct store *s, struct arena *a, const struct oci_reference *ref,
                               const struct oci_platform *platform, struct stored_image *ret,
                               struct err *err);
MUST_CHECK bool images_list(struct store *s, struct arena *a, struct stored_image **ret,
                            size_t *ret_count, struct err *err);
MUST_CHECK bool images_remove(struct store *s, const struct oci_reference *ref,
                              const struct oci_platform *platform, bool *ret_removed,
                              struct err *err);
/* Before its layers are read. False: some were damaged; those and the image are removed. */
MUST_CHECK bool images_check(struct store *s, struct arena *a, const struct stored_image *image,
                             struct err *err);
/* Adds or replaces a name. */
MUST_CHECK bool images_save(struct store *s, const struct stored_image *image, struct err *err);
/* Absolute folders of its layers, lowest first. */
const char **images_paths(struct store *s, struct arena *a, const struct stored_image *image,
                          size_t *ret_count);

/* An image as it leaves the store. */
struct images_outgoing {
    const char **layers; /* folders of what is written anew, lowest first */
    size_t layer_count;
    const struct oci_base *base; /* what they stand on, or NULL: on nothing */
    const char **blobs;          /* files of the base's layers */
    const str *made_by;          /* the instruction of each layer; NULL: not known */
    bool rewritten; /* blobs of the base are gone: its layers are among those written anew */
};
void images_outgoing_find(struct store *s, struct arena *a, const struct store_key *layers,
                          size_t count, const struct images_origin *from,
                          struct images_outgoing *ret);

/* --- where they come from ------------------------------------------------------------------------
 */

struct images_pull_request {
    struct store *store;
    const struct oci_reference *ref;
    const struct oci_platform *platform;
    bool whole;                           /* also blobs of layers that are there: for a push */
    uint64_t connect_ms;                  /* how long a connection may take; 0: the usual */
    void (*notice)(void *self, str text); /* what is about to be fetched; may be NULL */
    /* Several times a second; may be NULL. */
    void (*progress)(void *self, uint64_t done_bytes, uint64_t total_bytes);
    void *self;
    const volatile sig_atomic_t *cancelled;
};
/*
 * The image comes from its registry into the store; layers that are there are not fetched. All of
 * them are checked before the image has its name. err->code as oci_registry_resolve() has it.
 */
MUST_CHECK bool images_pull(struct arena *a, const struct images_pull_request *pull,
                            struct stored_image *ret, struct err *err);
/* A root filesystem's tar (plain or compressed) becomes an image of one layer; a Docker archive or
 * an OCI layout (its folder or a tar of it) the image that it is. */
MUST_CHECK bool images_import(struct store *s, struct arena *a, const char *path,
                              const struct oci_reference *ref, const struct oci_platform *platform,
                              struct err *err);

/* --- for a build ---------------------------------------------------------------------------------
 */

/* Programs of this machine for a base of another architecture that is made from packages
 * (sandbox/sandbox.h). The folder `layer` is to be at `folder` of its root. */
struct images_tools {
    const char *layer;
    const char *folder;
    const struct sandbox_standins *table;
};

/* Finds the base images of one run: each is looked for once, and a server that did not answer is
 * not asked again. */
struct images_finder {
    struct arena *arena;
    struct store *store;
    struct diag_sink *sink;
    bool pull;    /* the registry is asked even when the store has the image */
    bool offline; /* nothing but the store is asked */
    const volatile sig_atomic_t *cancelled;
    void (*notice)(void *self, str text);
    void (*output)(void *self, str piece); /* of what makes an image from packages */
    /* NULL: there are none; false: there are none for this image. */
    bool (*tools)(void *self, const struct oci_reference *ref, const struct oci_platform *platform,
                  struct images_tools *ret);
    void *self;
    /* images/ alone writes these: */
    struct map found;
    struct map unreachable;
    bool has_no_native; /* one for this machine could not be had */
    str failed_output;  /* the end of what making an image printed, when that failed */
};
/* After the members above are set. */
void images_finder_init(struct images_finder *f);
/* The image that `name` at `span` names: from the store, its registry, or a distribution's
 * packages. False: it was reported to the sink. */
MUST_CHECK bool images_get(struct images_finder *f, str name, struct span span,
                           const struct oci_platform *platform, struct stored_image *ret);
/* The same image for this machine, for its tools. `fetch`: when the store does not have it. False
 * says nothing: they are of help, and no more. */
bool images_get_native(struct images_finder *f, const struct oci_reference *ref, bool fetch,
                       struct stored_image *ret);
/* Debian's name of an architecture. */
const char *images_debian_architecture(struct arena *a, const struct oci_platform *p);

/* The layers of a filesystem, lowest first, and the key of its content. */
struct images_stack {
    struct store_key *layers;
    size_t len;
    size_t cap;
    size_t base_len; /* so many of an image: those were not made from each other */
    struct store_key key;
};
void images_stack_push(struct arena *a, struct images_stack *stack, const struct store_key *layer);
/* Absolute paths of a stack's layers that hold something. */
const char **images_stack_paths(struct store *s, struct arena *a, const struct images_stack *stack,
                                size_t *ret_count);
/* The layers of a stack that say what it was made from: the highest that a step made, else all. */
const struct store_key *images_stack_basis(const struct images_stack *stack, size_t *ret_count);

/* overlayfs takes 500 layers; the rest is for mounts of a step. */
enum { IMAGES_LAYERS_MAX = 480 };
/* Of layers that are more than can be mounted the lowest become one, in place. *ret_key names it.
 */
MUST_CHECK bool images_join(struct store *s, const volatile sig_atomic_t *cancelled,
                            struct arena *a, struct sandbox_root *root, struct store_key *ret_key,
                            struct err *err);

/* A work folder for one layer: "step/fs" and "staging". */
MUST_CHECK bool images_work_begin(struct store *s, struct store_work *w, struct err *err);

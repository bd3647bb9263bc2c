// SPDX-License-Identifier: Apache-2.0
/*
 * native/: steps for another architecture. Finds what runs their programs, an emulator that the
 * kernel knows, and programs of this machine that stand in for the slow ones among them
 * (sandbox/sandbox.h). Those come from the same base image for this machine's platform, and only
 * where the package is there in the same version.
 */
#pragma once

#include "base/base.h"
#include "images/images.h"
#include "oci/oci.h"
#include "sandbox/sandbox.h"
#include "store/store.h"

/* This machine runs programs of the architecture (OCI's name of it) itself. */
bool native_is(str architecture);
/* What runs those of the platform. *ret_interpreter: a program that must be in the root under its
 * own path; NULL: none. False: the machine cannot run them. */
MUST_CHECK bool native_find_emulator(struct arena *a, const struct oci_platform *platform,
                                     const volatile sig_atomic_t *cancelled,
                                     const char **ret_interpreter);

/* Where a root has the programs. */
#define NATIVE_FOLDER "/run/capsem-native"

/* Programs of this machine, ready for a root of another architecture. */
struct native_set {
    const char *layer; /* to be mounted at NATIVE_FOLDER */
    struct store_key layer_key;
    const struct sandbox_standins *table;
};
struct native_request {
    struct images_finder *finder;
    const struct oci_reference *ref; /* the base image of the root */
    const struct oci_platform *platform;
    bool fetch; /* this machine's image, when the store does not have it */
    str status; /* dpkg's list of packages in the root; empty: everything stands in */
    /* What makes bytecode, which is not in a base image: puts it on top of `stack`, when it can be
     * had. NULL: it is not wanted. */
    void (*python)(void *self, const struct stored_image *native, struct images_stack *stack);
    void *self;
};
/* False where there are none: what keeps us from having them is no error, for the emulator does the
 * same. */
bool native_find(const struct native_request *request, struct native_set *ret);
/* The same for a base that is made from packages. *ret_layer: what was read of the store. */
bool native_find_for_base(struct images_finder *f, const struct oci_reference *ref,
                          const struct oci_platform *platform, struct images_tools *ret,
                          struct store_key *ret_layer);
/* dpkg's list of packages in a stack; empty: there is none. */
str native_packages(struct store *s, struct arena *a, const struct images_stack *stack);

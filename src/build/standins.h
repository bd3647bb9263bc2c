// SPDX-License-Identifier: Apache-2.0
/*
 * Programs of this machine that stand in for those of a root of another architecture
 * (sandbox/sandbox.h). They come from the same base image for this machine's platform, and only
 * where the package is there in the same version.
 */
#pragma once

#include "build/internal.h"

/* What stands in, as a table; what is not in a root is not used. */
struct standin_program {
    const char *package;        /* that it belongs to: its version must be the same; NULL: it is of
                                   the same release, and may not be in the root yet */
    const char *folder;         /* without links, with a slash at its end */
    const char *names;          /* separated by blanks; "*": all in the folder */
    const char *const *scripts; /* it stands in for these only; none: for everything. "%" is the
                                   program's name; see struct sandbox_standin */
    size_t script_count;
    const char *arguments; /* put before its own, separated by blanks, with "@" for the root's
                              architecture; or NULL */
    bool has_constant;     /* the architecture is a constant in it, which is replaced */
};
extern const struct standin_program standin_programs[];
extern const size_t standin_program_count;

/* Debian's name of an architecture. */
const char *debian_architecture(struct arena *a, const struct oci_platform *p);

/* Where the step has them. */
#define STANDIN_FOLDER "/run/capsem-native"

/* standin_python.c: a base image of a distribution with its smallest python on top. Without, when
 * that cannot be had. */
void standin_python(struct builder *b, const struct build_image *native, struct stack *ret);

/* Tools of this machine, ready for a root of another architecture. */
struct standin_set {
    const char *layer; /* to be mounted at STANDIN_FOLDER */
    struct store_key layer_key;
    const struct sandbox_standins *table;
};

/* standin_layer.c: the folder of the programs and its key, made once for a stack of this machine
 * and an architecture, and kept in the store as a layer of its own. */
MUST_CHECK bool standin_layer(struct builder *b, const struct stack *native,
                              const char *architecture, struct standin_set *ret, struct err *err);

/*
 * standins.c: of the image `ref` for this machine, which is fetched when the store does not have it
 * and `fetch` says so. Only what a root with the package list `status` has in the same version;
 * when that is empty, everything. False where there are none: what keeps us from having them is no
 * error, for the emulator does the same.
 */
bool standins_find(struct builder *b, const struct oci_reference *ref,
                   const struct oci_platform *platform, bool fetch, str status,
                   struct standin_set *ret);

/* The same for a RUN. The mount is to be among the step's. */
bool standins_plan(struct step *step, str command, struct sandbox_mount *mount,
                   const struct sandbox_standins **ret);

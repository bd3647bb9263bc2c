// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "native/native.h"

/* What stands in, as a table; what is not in a root is not used. */
struct native_program {
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
extern const struct native_program native_programs[];
extern const size_t native_program_count;

/* layer.c: the folder of the programs and its key, made once for a stack of this machine
 * and an architecture, and kept in the store as a layer of its own. */
MUST_CHECK bool native_layer(struct images_finder *f, const struct images_stack *native,
                             const char *architecture, struct native_set *ret, struct err *err);

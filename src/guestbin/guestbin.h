// SPDX-License-Identifier: Apache-2.0
/*
 * guestbin/: the guest binaries, from their sources to static programs.
 *
 * Of C, a binary NAME is DIR/NAME.c and every source in DIR/lib that is no test
 * (guest/agent/README.md). It is compiled with musl for the architecture of the image; nothing is
 * compiled when the sources, the compiler and the flags are those of the last time.
 *
 * Where DIR has a Cargo.toml, it is a Cargo workspace, whose binaries of these names are built by
 * the cargo of this machine for the target.
 */
#pragma once

#include "base/base.h"

struct guestbin_request {
    const char *source_dir; /* GUEST/agent, or what build.guest_source says */
    const char *output_dir; /* gets ARCH/NAME */
    str arch;               /* the architecture's name in the config: a folder name */
    str target;             /* its target triple, as "x86_64-unknown-linux-musl" */
    const str *names;       /* the guest binaries */
    size_t name_count;
};

struct guestbin_binary {
    str name;
    const char *path;
    uint64_t bytes;
    bool fresh; /* compiled now */
};

/* Is the folder a Cargo workspace, or a package? */
bool guestbin_is_cargo(struct arena *a, const char *source_dir);
/* This machine has cargo, and Rust's standard library for the target. False: err's help says how
 * to get what is missing. */
MUST_CHECK bool guestbin_find_cargo(struct arena *a, const char *source_dir, str target,
                                    struct err *err);

/*
 * Compiles what is not up to date. `ret` has name_count entries. False: no compiler for the target
 * (err's help says what to install), sources that are missing, that do not compile, or that make no
 * static program for the target. `compiler_output` (may be NULL) has what the compiler printed.
 */
MUST_CHECK bool guestbin_compile(struct arena *a, const struct guestbin_request *request,
                                 struct guestbin_binary *ret, struct buf *compiler_output,
                                 struct err *err);

/* What every guest binary is compiled with, NULL-terminated; the version of this program beside. */
extern const char *const guestbin_flags[];
#define GUESTBIN_VERSION_FLAG "-DCAPSEM_VERSION=\"" CAPSEM_VERSION "\""

/* The compiler for a target, as an argv of one or more words, or NULL. `ret_help` then says which
 * package has it. */
const char *const *guestbin_find_compiler(struct arena *a, str target, const char **ret_help);

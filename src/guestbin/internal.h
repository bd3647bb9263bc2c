// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guestbin/guestbin.h"

/* ---- elf.c ---- */

/* A program for the target's machine, and static: no loader of the image is asked for. */
MUST_CHECK bool elf_check(const char *path, str target, struct err *err);

/* ---- cargo.c: as guestbin_compile(), of a Cargo workspace ---- */

MUST_CHECK bool cargo_compile(struct arena *a, const struct guestbin_request *request,
                              struct guestbin_binary *ret, struct buf *compiler_output,
                              struct err *err);

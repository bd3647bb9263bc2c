// SPDX-License-Identifier: Apache-2.0
/*
 * machine/: everything that depends on an architecture that images are made for, one row each. A
 * new architecture is a row here, and what CONTRIBUTING.md ("Add an architecture") lists besides.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct machine {
    const char *name;         /* of uname(2), target triples and GNU's tools: "x86_64" */
    const char *assets;       /* of its folder below assets/, and in configs of `init`: "arm64" */
    const char *oci;          /* in platforms of images (OCI image index, "platform"): "amd64" */
    const char *debian;       /* of dpkg: "amd64" */
    const char *node;         /* in names of Node's packages: "x64" */
    const char *kernel;       /* ARCH of Linux's makefiles: "x86_64" */
    const char *kernel_image; /* below Linux's build folder */
    const char *other_name;   /* one more that people write: "x86-64"; NULL: none */
    uint16_t elf_number;      /* e_machine, System V ABI */
    struct {
        const char *program; /* "qemu-system-x86_64" */
        const char *package; /* Debian's, that has it */
        const char *machine; /* -machine */
        const char *cpu_tcg; /* -cpu, when it is emulated */
        const char *console; /* the kernel's name of the serial port */
    } qemu;
};

extern const struct machine machines[];
extern const size_t machine_count;

/* By any of its names, in any case. NULL: it has no row. */
const struct machine *machine_find(str name);
/* By the first part of a target triple ("x86_64-unknown-linux-musl"), which is its name. */
const struct machine *machine_of_triple(str triple);
/* That this program runs on; NULL: it has no row. */
const struct machine *machine_host(void);

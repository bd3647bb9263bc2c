// SPDX-License-Identifier: Apache-2.0
/*
 * A changed guest file is in the next boot without a build: it rides in the initial ramdisk.
 *
 * What a build left is kept as it is; a second archive behind it holds the init and the files
 * below /deploy that differ from those the assets were built from (build.json says), and the init
 * lays them over the root filesystem. When nothing differs any more the archive is taken away, and
 * the ramdisk is the build's again, to the byte.
 */
#pragma once

#include "cli/cli.h"

/* How long it took, in ms. */
struct repack_times {
    uint64_t compile_ms; /* guest binaries whose sources changed */
    uint64_t repack_ms;  /* all else: reading the config, comparing, writing */
};

/* ASSETS/ARCH/initrd.img from a guest folder; B3SUMS and manifest.json follow. Nothing is written
 * when nothing changed. False: printed. */
bool repack_initrd(struct cli *cli, const char *assets, const char *arch, const char *guest,
                   struct repack_times *ret);

// SPDX-License-Identifier: Apache-2.0
/* What several commands do with a guest folder. */
#pragma once

#include "cli/cli.h"
#include "config/config.h"
#include "guestbin/guestbin.h"

/* Loads and validates; diagnostics go to stderr. False when there was an error. */
bool guest_load(struct cli *cli, const char *dir, struct guest_config *ret);

/* By name, NULL: this machine's. False after printing the names there are. */
bool guest_find_arch(struct cli *cli, const struct guest_config *config, const char *name,
                     const struct config_architecture **ret);

/* cmd_agent.c: compiles what is not up to date; `ret` has one entry a guest binary. */
bool guest_compile_binaries(struct cli *cli, const struct guest_config *config,
                            const struct config_architecture *arch, const char *output_dir,
                            struct guestbin_binary **ret);

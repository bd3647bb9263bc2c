// SPDX-License-Identifier: Apache-2.0
/* What several commands do with a guest folder. */
#pragma once

#include "cli/cli.h"
#include "config/config.h"

/* Loads and validates; diagnostics go to stderr. False when there was an error. */
bool guest_load(struct cli *cli, const char *dir, struct guest_config *ret);

/* By its name in the config or a name of its machine ("amd64"), NULL: this machine's. False after
 * printing the names there are. */
bool guest_find_arch(struct cli *cli, const struct guest_config *config, const char *name,
                     const struct config_architecture **ret);
/* Those that --arch names, each once, in the order given: names of the config or of machines
 * ("amd64"), "all" for every one. Without any: this machine's, or the only one that there is. */
bool guest_choose_archs(struct cli *cli, const struct guest_config *config,
                        const struct option_list *names, const struct config_architecture ***ret,
                        size_t *ret_count);

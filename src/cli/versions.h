// SPDX-License-Identifier: Apache-2.0
/* tool-versions.txt: what the programs of an image say about themselves (spec/outputs.md). */
#pragma once

#include "cli/cli.h"
#include "cli/engine.h"
#include "config/config.h"

/*
 * The text of tool-versions.txt for a built root filesystem. Remembered in the store under `key`,
 * the content's. False: err is set; so it is when an enabled AI CLI says nothing.
 */
MUST_CHECK bool versions_collect(struct cli *cli, struct store *store,
                                 const struct guest_config *config, const struct built *built,
                                 str *ret, struct err *err);

// SPDX-License-Identifier: Apache-2.0
/* --secret and --ssh: what steps may read and no layer keeps. */
#pragma once

#include "build/build.h"
#include "cli/cli.h"

/* "id=ID", with "src=FILE" or "env=NAME"; without, the variable ID when there is one, else the file
 * ID. Read at once. False: printed. */
MUST_CHECK bool secrets_load(struct cli *cli, const struct option_list *list,
                             struct build_request *request);
/* "ID=SOCKET", or "ID" for the agent of SSH_AUTH_SOCK. False: printed. */
MUST_CHECK bool agents_find(struct cli *cli, const struct option_list *list,
                            struct build_request *request);

// SPDX-License-Identifier: Apache-2.0
/* SOURCE_DATE_EPOCH of the environment. */
#pragma once

#include "cli/cli.h"

/* Seconds since 1970. Unset and empty give *ret_given false. False: it is not a time, printed. */
MUST_CHECK bool epoch_of_environment(struct cli *cli, bool *ret_given, int64_t *ret);

// SPDX-License-Identifier: Apache-2.0
/* Several things done at once, each in a process of its own. */
#pragma once

#include "cli/cli.h"

/* In the lane's process; false: it has said why, on stderr. */
typedef bool lane_function(void *self, size_t index);

/*
 * Calls the function once for each name, all at the same time, and prints what they write line by
 * line: stdout as it is, stderr with the name in front (but not of lines of JSON). When one fails
 * the others are told to stop, and so are all on Ctrl-C. True when all gave true.
 */
bool lanes_run(struct cli *cli, lane_function *function, void *self, const str *names,
               size_t count);

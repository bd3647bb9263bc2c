// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/cli.h"
#include "make/make.h"

/* Prints each step of what a build would do, and why, on stderr. */
struct make_look why_look(struct cli *cli);

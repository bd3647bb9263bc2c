// SPDX-License-Identifier: Apache-2.0
/* --output of `image build`. */
#pragma once

#include "cli/cli.h"
#include "pack/pack.h"

/* Parses every "type=T,dest=PATH"; false: a usage error was printed. */
bool output_parse(struct cli *cli, const struct option_list *list, struct pack_target **ret);

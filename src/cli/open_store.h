// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/cli.h"
#include "store/store.h"

/* The store, as somebody who may make, read and remove files of every owner in it: an ordinary
 * user becomes root of a user namespace. For what only looks, store_open does. */
MUST_CHECK bool open_store(const struct cli *cli, struct store **ret, struct err *err);

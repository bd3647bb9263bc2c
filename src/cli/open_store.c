// SPDX-License-Identifier: Apache-2.0
#include "cli/open_store.h"

#include "sandbox/sandbox.h"

bool open_store(const struct cli *cli, struct store **ret, struct err *err) {
    return (!sandbox_exists(NULL) || sandbox_become_root(err)) &&
           store_open(cli->cache_dir, ret, err);
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/guest.h"

bool guest_load(struct cli *cli, const char *dir, struct guest_config *ret) {
    struct sources *sources = ARENA_NEW(cli->arena, struct sources);
    struct diag_sink sink;
    sources_init(sources, cli->arena);
    diag_sink_init(&sink, cli->arena, sources);
    bool ok = config_load(cli->arena, sources, &sink, dir, NULL, ret);
    if (!ok) {
        print_diags(cli, &sink, stderr);
    }
    return ok;
}

bool guest_find_arch(struct cli *cli, const struct guest_config *config, const char *name,
                     const struct config_architecture **ret) {
    struct err err = ERR_INIT;
    if (!config_choose_architecture(config, name, ret, &err)) {
        print_err(cli, &err);
        return false;
    }
    return true;
}

bool guest_choose_archs(struct cli *cli, const struct guest_config *config,
                        const struct option_list *names, const struct config_architecture ***ret,
                        size_t *ret_count) {
    struct err err = ERR_INIT;
    const struct config_names list = { names->items, names->len };
    if (!config_choose_architectures(cli->arena, config, list, ret, ret_count, &err)) {
        print_err(cli, &err);
        return false;
    }
    return true;
}

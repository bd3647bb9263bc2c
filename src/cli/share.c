// SPDX-License-Identifier: Apache-2.0
#include "cli/share.h"

#include <stdlib.h>
#include <string.h>

static bool add_credentials(struct cli *cli, const char *command, str name, unsigned *to) {
    unsigned bit;
    if (build_credentials_find(name, &bit)) {
        *to |= bit;
        return true;
    }
    str all = build_credentials_names(cli->arena, ~0U);
    print_error(cli, "%s: --credentials takes %.*s or none, not '%.*s'", command, STR_FMT(all),
                STR_FMT(name));
    return false;
}

static bool parse_credentials(struct cli *cli, const char *command, const char *list,
                              struct build_share *ret) {
    ret->credentials = 0;
    if (strcmp(list, "none") == 0) {
        return true;
    }
    str rest = str_from_c(list);
    do {
        if (!add_credentials(cli, command, str_cut(&rest, ','), &ret->credentials)) {
            return false;
        }
    } while (rest.ptr != NULL);
    return true;
}

static bool parse_memory(struct cli *cli, const char *command, const char *size, uint64_t *ret) {
    if (str_to_bytes(str_from_c(size), ret) && *ret >= CONFIG_STEP_MEMORY_MIN) {
        return true;
    }
    print_error(cli, "%s: --memory takes a size of at least 64M, such as 8G, not '%s'", command,
                size);
    return false;
}

bool share_parse(struct cli *cli, const char *command, const struct share_options *options,
                 const struct guest_config *config, struct build_share *ret) {
    *ret = config == NULL ? (struct build_share){ 0 } : make_share(cli->arena, config);
    ret->pids = (uint64_t)options->pids;
    if (options->cache_namespace != NULL) {
        ret->cache_namespace = str_fmt(cli->arena, "name %s", options->cache_namespace);
    }
    return (options->credentials == NULL ||
            parse_credentials(cli, command, options->credentials, ret)) &&
           (options->memory == NULL ||
            parse_memory(cli, command, options->memory, &ret->memory_bytes));
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/guest.h"

#include <sys/utsname.h>

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

/* The config may name this machine's architecture either way. */
static const struct config_architecture *find_host(const struct guest_config *config) {
    static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" } };
    struct utsname host;
    if (uname(&host) != 0) {
        return NULL;
    }
    str machine = str_from_c(host.machine);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(machine, str_from_c(names[i][0])) || str_eq(machine, str_from_c(names[i][1]))) {
            const struct config_architecture *found =
                config_find_architecture(config, str_from_c(names[i][0]));
            return found != NULL ? found
                                 : config_find_architecture(config, str_from_c(names[i][1]));
        }
    }
    return config_find_architecture(config, machine);
}

bool guest_find_arch(struct cli *cli, const struct guest_config *config, const char *name,
                     const struct config_architecture **ret) {
    *ret = name == NULL ? find_host(config) : config_find_architecture(config, str_from_c(name));
    if (*ret != NULL) {
        return true;
    }
    AUTO_BUF names = BUF_INIT(64 * 1024);
    for (size_t i = 0; i < config->build.architectures.len; i++) {
        buf_addf(&names, "%s%.*s", i > 0 ? ", " : "",
                 STR_FMT(config->build.architectures.items[i].head.key));
    }
    print_error(cli, "%s%s%s; the config has %s",
                name == NULL ? "this machine's architecture is not in the config"
                             : "unknown architecture '",
                name == NULL ? "" : name, name == NULL ? "" : "'", names.ptr);
    return false;
}

// SPDX-License-Identifier: Apache-2.0
/* Architectures by the names that people give: those of the config, or of machines. */
#include "config/config.h"
#include "machine/machine.h"

enum { NAMES_BYTES_MAX = 64 * 1024 };

/* By the machine that it is made for, whatever its own name is. */
static const struct config_architecture *find_machine(const struct guest_config *config,
                                                      const struct machine *m) {
    for (size_t i = 0; m != NULL && i < config->build.architectures.len; i++) {
        const struct config_architecture *arch = &config->build.architectures.items[i];
        if (machine_of_triple(arch->rust_target.text) == m) {
            return arch;
        }
    }
    return NULL;
}

static const struct config_architecture *find_named(const struct guest_config *config, str name) {
    const struct config_architecture *found = config_find_architecture(config, name);
    return found != NULL ? found : find_machine(config, machine_find(name));
}

static bool unknown(const struct guest_config *config, const char *name, struct err *err) {
    AUTO_BUF names = BUF_INIT(NAMES_BYTES_MAX);
    for (size_t i = 0; i < config->build.architectures.len; i++) {
        buf_addf(&names, "%s%.*s", i > 0 ? ", " : "",
                 STR_FMT(config->build.architectures.items[i].head.key));
    }
    return err_set(err, "%s%s%s; the config has %s",
                   name == NULL ? "this machine's architecture is not in the config"
                                : "unknown architecture '",
                   name == NULL ? "" : name, name == NULL ? "" : "'", names.ptr);
}

bool config_choose_architecture(const struct guest_config *config, const char *name,
                                const struct config_architecture **ret, struct err *err) {
    *ret =
        name == NULL ? find_machine(config, machine_host()) : find_named(config, str_from_c(name));
    return *ret != NULL || unknown(config, name, err);
}

static bool contains(const struct config_architecture **archs, size_t count,
                     const struct config_architecture *arch) {
    for (size_t i = 0; i < count; i++) {
        if (archs[i] == arch) {
            return true;
        }
    }
    return false;
}

/* A config for another machine only says which one is meant. */
static bool choose_default(const struct guest_config *config,
                           const struct config_architecture **ret, struct err *err) {
    if (config->build.architectures.len == 1) {
        *ret = &config->build.architectures.items[0];
        return true;
    }
    return config_choose_architecture(config, NULL, ret, err);
}

bool config_choose_architectures(struct arena *a, const struct guest_config *config,
                                 struct config_names names, const struct config_architecture ***ret,
                                 size_t *ret_count, struct err *err) {
    size_t all = config->build.architectures.len;
    const struct config_architecture **archs =
        ARENA_ARRAY(a, const struct config_architecture *, all > 0 ? all : 1);
    *ret = archs;
    *ret_count = 0;
    if (names.len == 0) {
        *ret_count = 1;
        return choose_default(config, &archs[0], err);
    }
    for (size_t n = 0; n < names.len; n++) {
        const struct config_architecture *named = NULL;
        bool every = strcmp(names.items[n], "all") == 0;
        if (!every && !config_choose_architecture(config, names.items[n], &named, err)) {
            return false;
        }
        for (size_t i = 0; i < all; i++) {
            const struct config_architecture *arch = &config->build.architectures.items[i];
            if ((every || arch == named) && !contains(archs, *ret_count, arch)) {
                archs[(*ret_count)++] = arch;
            }
        }
    }
    return true;
}

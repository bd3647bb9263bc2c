// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "make/make.h"

/* Of values that config/ has checked. */
static void take_config(const struct config_build *config, struct build_share *ret) {
    for (size_t i = 0; i < config->host_credentials.len; i++) {
        unsigned bit;
        bool known = build_credentials_find(config->host_credentials.items[i].text, &bit);
        ASSERT(known);
        ret->credentials |= bit;
    }
    if (config->step_memory.text.len > 0) {
        bool ok = str_to_bytes(config->step_memory.text, &ret->memory_bytes);
        ASSERT(ok);
    }
}

void make_share_of_folder(struct arena *a, const char *folder, struct build_share *share) {
    char *absolute = realpath(folder, NULL);
    if (share->cache_namespace.len == 0) {
        share->cache_namespace = str_fmt(a, "folder %s", absolute != NULL ? absolute : folder);
    }
    free(absolute);
}

struct build_share make_share(struct arena *a, const struct guest_config *config) {
    struct build_share share = { 0 };
    take_config(&config->build, &share);
    make_share_of_folder(a, config->guest_dir, &share);
    return share;
}

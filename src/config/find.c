// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

int64_t config_codec_level_max(enum config_compression codec) {
    switch (codec) {
    case CONFIG_COMPRESSION_ZSTD:
        return 22;
    case CONFIG_COMPRESSION_LZ4:
        return 12;
    case CONFIG_COMPRESSION_GZIP:
    case CONFIG_COMPRESSION_LZO:
    case CONFIG_COMPRESSION_XZ:
        return 9;
    }
    return 22;
}

int64_t config_codec_level(const struct config_build *build) {
    int64_t max = config_codec_level_max((enum config_compression)build->compression.value);
    return build->compression_level.value > max ? max : build->compression_level.value;
}

const struct config_architecture *config_find_architecture(const struct guest_config *config,
                                                           str name) {
    for (size_t i = 0; i < config->build.architectures.len; i++) {
        if (str_eq(config->build.architectures.items[i].head.key, name)) {
            return &config->build.architectures.items[i];
        }
    }
    return NULL;
}

const struct config_package_set *config_find_package_set(const struct guest_config *config,
                                                         str key) {
    for (size_t i = 0; i < config->package_sets.len; i++) {
        if (str_eq(config->package_sets.items[i].head.key, key)) {
            return &config->package_sets.items[i];
        }
    }
    return NULL;
}

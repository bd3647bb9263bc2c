// SPDX-License-Identifier: Apache-2.0
/* What steps get of this machine: options of `build` and `image build`, and [build] of a guest. */
#pragma once

#include "cli/cli.h"
#include "config/config.h"
#include "make/make.h"

struct share_options {
    const char *credentials;
    const char *memory;
    int64_t pids;
    const char *cache_namespace;
};

/* Rows for a command whose option struct has a `struct share_options share`. */
#define SHARE_ROW(type, member)                                                                    \
    offsetof(struct type, share) + offsetof(struct share_options, member)
#define SHARE_OPTIONS(type)                                                                        \
    { "credentials",                                                                               \
      0,                                                                                           \
      OPTION_STRING,                                                                               \
      SHARE_ROW(type, credentials),                                                                \
      "LIST",                                                                                      \
      "host credentials that steps may see: npm, pip, apt, proxy, go, separated by commas "        \
      "(default: none)" },                                                                         \
        { "memory",                                                                                \
          0,                                                                                       \
          OPTION_STRING,                                                                           \
          SHARE_ROW(type, memory),                                                                 \
          "SIZE",                                                                                  \
          "memory limit of a step, such as 8G (default: nine tenths of the machine's)" },          \
        { "cache-namespace",                                                                       \
          0,                                                                                       \
          OPTION_STRING,                                                                           \
          SHARE_ROW(type, cache_namespace),                                                        \
          "NAME",                                                                                  \
          "share cache mounts with builds of the same name (default: those of the folder)" },      \
    {                                                                                              \
        "pids", 0, OPTION_INT, SHARE_ROW(type, pids), "N",                                         \
            "limit of processes and threads in a step (default: a quarter of the machine's)",      \
            .min = SHARE_PIDS_MIN, .max = SHARE_PIDS_MAX                                           \
    }
enum { SHARE_PIDS_MIN = 16, SHARE_PIDS_MAX = 4 * 1024 * 1024 };

/* The options go before what the config says. `config` may be NULL: then there is no guest, and
 * cache mounts are those of no folder yet. False: printed, a usage error. */
bool share_parse(struct cli *cli, const char *command, const struct share_options *options,
                 const struct guest_config *config, struct build_share *ret);

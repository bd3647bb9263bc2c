// SPDX-License-Identifier: Apache-2.0
/* What stands behind the ports of a machine that `run` starts: its network's policy and its MCP
 * server, each with the process that keeps it. */
#pragma once

#include "cli/cli.h"
#include "config/config.h"
#include "gate/gate.h"

struct run_net_options {
    bool closed;                       /* --net none */
    const struct option_list *resolve; /* NAME=ADDRESS[:PORT] */
    const char *log;                   /* a file, gets lines behind what it has; NULL: none */
    bool stays;                        /* outlives us */
};

struct run_net {
    int fd; /* for the machine; -1: none */
    pid_t pid;
};
#define RUN_NET_INIT ((struct run_net){ .fd = -1 })

/* `config` NULL: there is none, and every name is refused. False: printed. */
bool run_net_start(struct cli *cli, const struct run_net_options *options,
                   const struct guest_config *config, struct run_net *ret);
/* The MCP server for programs in the guest: a command here. `shows`: what it says on stderr is
 * shown on ours. False: printed. */
bool run_mcp_start(struct cli *cli, const char *command, bool shows, bool stays,
                   struct run_net *ret);
/* After the machine has ended, or has the descriptor: */
void run_net_done(struct run_net *net);
#define AUTO_RUN_NET __attribute__((cleanup(run_net_done))) struct run_net

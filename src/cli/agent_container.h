// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/cli.h"
#include "config/config.h"
#include "guestbin/guestbin.h"

struct agent_request {
    const struct guest_config *config;
    const struct config_architecture *arch;
    const char *output_dir;    /* gets ARCH/NAME */
    const char *templates_dir; /* NULL: the compiled-in ones */
    bool offline;
};

/* `ret` has an entry for each guest binary of the config. False: everything was printed. */
bool agent_compile_in_container(struct cli *cli, const struct agent_request *request,
                                struct guestbin_binary *ret);

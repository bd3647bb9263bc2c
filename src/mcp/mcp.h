// SPDX-License-Identifier: Apache-2.0
/*
 * mcp/: the tools of this program for an agent, over a pair of streams. Follows the Model Context
 * Protocol 2025-06-18, its stdio transport: JSON-RPC 2.0, a message a line.
 *
 * A call of a tool is a function of this room in a worker process (base/worker.h), which calls the
 * rooms as a command does: no command line is made, and no program started. So the server answers
 * others while a build runs, a call can be stopped, and whatever happens in one, the server goes
 * on. The worker sends its progress and its result as messages of their own.
 */
#pragma once

#include <signal.h>

#include "base/base.h"

enum {
    MCP_LINE_BYTES_MAX = 16 * 1024 * 1024,
    MCP_RESULT_BYTES_MAX = 32 * 1024 * 1024,
    MCP_CALLS_MAX = 8,       /* at the same time; more wait */
    MCP_WAITING_MAX = 1000,  /* more are refused */
    MCP_TIMEOUT_MS = 120000, /* of a tool that neither builds nor runs */
};

struct mcp_options {
    const char *cache_dir;  /* the store */
    const char *epoch_text; /* SOURCE_DATE_EPOCH of a build; NULL: not set */
    bool read_only;         /* only tools that change nothing: for a client that is not trusted */
    int in_fd, out_fd;
    const volatile sig_atomic_t *stop; /* not 0: end all calls, and the server */
};

/*
 * Serves until the input ends and all calls have been answered, or `stop` is set. False: the input
 * cannot be read, or nobody reads the output; err says what. No call is left running.
 */
MUST_CHECK bool mcp_serve(const struct mcp_options *options, struct err *err);

// SPDX-License-Identifier: Apache-2.0
/*
 * The tools that `mcp` offers. A tool is a command of this program, run as a child: it prints what
 * the command prints, and whatever happens in it, the server goes on.
 */
#pragma once

#include <jansson.h>

#include "base/base.h"

/* The list of tools with the schemas of their arguments, as tools/list answers it. */
json_t *mcp_tools_list(void);

bool mcp_tool_known(const char *name);

/* Runs a tool; the result of tools/call as JSON text. A failure is a result with isError. */
void mcp_tool_call(struct arena *a, const char *name, const json_t *arguments, struct buf *out);

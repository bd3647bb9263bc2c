// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that an MCP server has taken and not answered, so that somebody can when it has ended:
 * who asks would wait for ever. JSON-RPC 2.0, one message a line. Memory is bounded: of more
 * requests at once than fit the latest are not known, nor is a line or an id that is too long.
 */
#pragma once

#include "base/base.h"

enum {
    MCP_LINE_MAX = 1024 * 1024,
    MCP_PENDING_MAX = 256,
    MCP_ID_MAX = 1024,        /* of a longer one nothing is known */
    MCP_ANSWER_MAX = 2048,    /* with a `why` of a line */
    MCP_SERVER_GONE = -32001, /* of JSON-RPC's numbers for a server's own errors */
};

struct mcp_line {
    struct buf text; /* since the last line's end */
    bool is_long;    /* and what did not fit */
};
struct mcp_pending {
    struct mcp_line question, answer;
    char *ids[MCP_PENDING_MAX]; /* as JSON, in the order in which they came */
    size_t len;
};

/* All zero to begin with. Bytes on their way to the server; and from it. */
void mcp_pending_ask(struct mcp_pending *p, str data);
void mcp_pending_answer(struct mcp_pending *p, str data);
/* Adds the answer to the oldest request, an error, to `out`; false: there is none. */
bool mcp_pending_next(struct mcp_pending *p, const char *why, struct buf *out);
void mcp_pending_clear(struct mcp_pending *p); /* as at the beginning */
void mcp_pending_done(struct mcp_pending *p);

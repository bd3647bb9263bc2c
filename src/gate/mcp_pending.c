// SPDX-License-Identifier: Apache-2.0
/* Which requests of JSON-RPC a server has and has not answered, seen from the lines between. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gate/mcp_pending.h"

static void forget(struct mcp_pending *p) {
    for (size_t i = 0; i < p->len; i++) {
        free(p->ids[i]);
    }
    p->len = 0;
}

void mcp_pending_clear(struct mcp_pending *p) {
    forget(p);
    buf_reset(&p->question.text);
    buf_reset(&p->answer.text);
    p->question.is_long = p->answer.is_long = false;
}

void mcp_pending_done(struct mcp_pending *p) {
    forget(p);
    buf_done(&p->question.text);
    buf_done(&p->answer.text);
}

static void add(struct mcp_pending *p, const json_t *id) {
    char *text = json_dumps(id, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text != NULL && strlen(text) <= MCP_ID_MAX && p->len < ARRAY_LEN(p->ids)) {
        p->ids[p->len++] = text;
    } else {
        free(text);
    }
}

static void drop(struct mcp_pending *p, size_t index) {
    free(p->ids[index]);
    memmove(&p->ids[index], &p->ids[index + 1], (p->len - index - 1) * sizeof *p->ids);
    p->len--;
}

static void take_away(struct mcp_pending *p, const json_t *id) {
    char *text = json_dumps(id, JSON_COMPACT | JSON_ENCODE_ANY);
    for (size_t i = 0; text != NULL && i < p->len; i++) {
        if (strcmp(p->ids[i], text) == 0) {
            drop(p, i);
            break;
        }
    }
    free(text);
}

/* Requests and answers have an id, and only requests a method. */
static void take_line(struct mcp_pending *p, str line, bool is_question) {
    json_t *message = json_loadb(line.ptr, line.len, JSON_ALLOW_NUL, NULL);
    const json_t *id = json_object_get(message, "id");
    bool has_method = json_object_get(message, "method") != NULL;
    if (id != NULL && is_question && has_method) {
        add(p, id);
    } else if (id != NULL && !is_question && !has_method) {
        take_away(p, id);
    }
    json_decref(message);
}

/* Whose answer a line is that is too long to be kept, nobody knows: rather none than two. */
static void end_line(struct mcp_pending *p, struct mcp_line *line, bool is_question) {
    if (!line->is_long) {
        take_line(p, buf_str(&line->text), is_question);
    } else if (!is_question) {
        forget(p);
    }
    buf_reset(&line->text);
    line->is_long = false;
}

static void feed(struct mcp_pending *p, struct mcp_line *line, str data, bool is_question) {
    line->text.max = MCP_LINE_MAX;
    while (data.len > 0) {
        size_t end = str_find_char(data, '\n', 0);
        str piece = str_slice(data, 0, end == STR_NONE ? data.len : end);
        line->is_long = line->is_long || piece.len > MCP_LINE_MAX - line->text.len;
        if (!line->is_long) {
            buf_add(&line->text, piece);
        }
        if (end == STR_NONE) {
            return;
        }
        end_line(p, line, is_question);
        data = str_slice(data, end + 1, data.len);
    }
}

void mcp_pending_ask(struct mcp_pending *p, str data) {
    feed(p, &p->question, data, true);
}

void mcp_pending_answer(struct mcp_pending *p, str data) {
    feed(p, &p->answer, data, false);
}

bool mcp_pending_next(struct mcp_pending *p, const char *why, struct buf *out) {
    if (p->len == 0) {
        return false;
    }
    json_t *id = json_loads(p->ids[0], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *answer = json_pack("{s:s, s:o, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id, "error",
                               "code", MCP_SERVER_GONE, "message", why);
    char *text = json_dumps(answer, JSON_COMPACT);
    if (text != NULL) {
        buf_addf(out, "%s\n", text);
    }
    free(text);
    json_decref(answer);
    drop(p, 0);
    return true;
}

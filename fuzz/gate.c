// SPDX-License-Identifier: Apache-2.0
/* Any bytes as what a guest's client says first: the name that comes out is one of a host, and HTTP
 * that is passed on is read again with the same name; any bytes as the body of a request. */
#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name) {
    char again[GATE_NAME_MAX + 1];
    ASSERT(gate_name_clean(str_from_c(name), again) && strcmp(name, again) == 0);
}

static void check_rewritten(str text, const struct gate_head *head) {
    static char out[GATE_HEAD_MAX + 64];
    size_t len;
    struct gate_head again;
    const char *why;
    if (!gate_http_rewrite(str_slice(text, 0, head->len), out, sizeof out, &len)) {
        ASSERT(head->len > GATE_HEAD_MAX);
        return;
    }
    ASSERT(len <= head->len + 100); /* the room that the stream has for it */
    if (len < GATE_HEAD_MAX) {
        ASSERT(gate_head_parse((str){ out, len }, &again, &why) == GATE_WHOLE);
        ASSERT(strcmp(again.name, head->name) == 0 && strcmp(again.method, head->method) == 0);
        ASSERT(again.port == head->port && again.len == len);
        ASSERT(again.chunked == head->chunked && again.body_bytes == head->body_bytes);
    }
}

/* A body ends at the same byte in whatever pieces it comes. */
static void check_body(const uint8_t *data, size_t size) {
    struct gate_head head = { .chunked = true };
    struct gate_body whole, pieces;
    gate_body_init(&whole, &head);
    gate_body_init(&pieces, &head);
    size_t end = gate_body_take(&whole, data, size), at = 0;
    while (at < size && gate_body_take(&pieces, data + at, 1) == 1) {
        at++;
    }
    ASSERT(at == end && gate_body_is_bad(&whole) == gate_body_is_bad(&pieces));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* A copy of exactly this size: reading past the end is seen. */
    char *copy = malloc(size > 0 ? size : 1);
    ASSERT(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    str text = { copy, size };
    struct gate_head head;
    const char *why = NULL;
    char process[GATE_PROCESS_MAX + 1], name[GATE_NAME_MAX + 1];
    size_t len = 0;
    switch (gate_head_parse(text, &head, &why)) {
    case GATE_WHOLE:
        check_name(head.name);
        if (head.protocol == GATE_HTTP) {
            check_rewritten(text, &head);
        }
        break;
    case GATE_MORE:
        ASSERT(size < GATE_HEAD_MAX);
        break;
    case GATE_BAD:
        ASSERT(why != NULL);
        break;
    }
    if (gate_meta_parse(text, process, &len) == GATE_WHOLE) {
        ASSERT(len <= size && strlen(process) <= GATE_PROCESS_MAX);
    }
    if (gate_name_clean(text, name)) {
        check_name(name);
    }
    check_body((const uint8_t *)copy, size);
    struct gate_override override;
    struct err err = ERR_INIT;
    if (gate_override_parse(text, &override, &err)) {
        check_name(override.name);
    }
    free(copy);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/* Any bytes as the control channel's frames: every value lies in the input, nesting ends, and what
 * is read one way is read the other. */
#include <stdlib.h>
#include <string.h>

#include "agent/lib/wire.h"
#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct range {
    const uint8_t *start, *end;
};

static void check_value(const struct wire_value *value, struct range within, int depth) {
    ASSERT(depth <= WIRE_DEPTH_MAX);
    ASSERT(value->bytes >= within.start && value->len <= (size_t)(within.end - value->bytes));
    if (value->kind == WIRE_STR || value->kind == WIRE_BIN || value->kind == WIRE_ARRAY) {
        uint8_t copy[64];
        char text[64];
        size_t len = 0;
        ASSERT(!wire_bytes_copy(value, copy, sizeof copy, &len) || len <= sizeof copy);
        ASSERT(!wire_text_copy(value, text, sizeof text) || strlen(text) == value->len);
    }
    if (value->kind != WIRE_ARRAY && value->kind != WIRE_MAP) {
        return;
    }
    struct wire_cursor cursor = wire_children(value);
    struct wire_value child;
    struct range inner = { value->bytes, value->bytes + value->len };
    uint64_t count = 0;
    while (wire_next(&cursor, &child)) {
        check_value(&child, inner, depth + 1);
        count++;
    }
    ASSERT(cursor.at == cursor.end);
    ASSERT(count == (value->kind == WIRE_MAP ? 2 : 1) * (uint64_t)value->count);
}

static void check_body(const uint8_t *body, size_t len) {
    struct range within = { body, body + len };
    struct wire_message message;
    if (!wire_message_decode(body, len, &message)) {
        return;
    }
    check_value(&message.type, within, 0);
    check_value(&message.fields, within, 0);
    static const char *const names[] = { "id", "data", "path", "argv", "cols" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct wire_value value;
        uint64_t number;
        int64_t whole;
        bool yes;
        if (wire_field(&message, names[i], &value)) {
            check_value(&value, within, 0);
        }
        ASSERT(!wire_field_uint(&message, names[i], 99, &number) || number <= 99);
        (void)!wire_field_int(&message, names[i], &whole);
        (void)!wire_field_bool(&message, names[i], &yes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* A copy of exactly this size: reading past the end is seen. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    ASSERT(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    size_t at = 0, len = 0;
    while (wire_frame_find(copy + at, size - at, &len) == WIRE_COMPLETE) {
        ASSERT(len <= WIRE_FRAME_MAX && len <= size - at - WIRE_HEADER);
        check_body(copy + at + WIRE_HEADER, len);
        at += WIRE_HEADER + len;
    }
    check_body(copy, size);
    free(copy);
    return 0;
}
